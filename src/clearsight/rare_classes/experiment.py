"""The experiment: pictures of the generator without copies, a classifier for each method and seed, each judged alike.

Seeds are gone through one by one, so that an interrupted experiment has finished whole seeds. All classifiers see
pictures cut to the size the generator makes, take equally many steps, and with one seed begin from equal weights.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from clearsight.console.progress import stage
from clearsight.console.signals import Stop
from clearsight.energy.meter import Meter
from clearsight.evaluation import evaluator
from clearsight.generation.conclusion import MOST_TRAINING, pictures_of
from clearsight.generation.extractors import extractors_for
from clearsight.generation.sifting import Sieve, Sifted, sifted
from clearsight.inference.device import best_device
from clearsight.inference.predictor import Predictor
from clearsight.loading import trained
from clearsight.loading.data import Gathered
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.copies import REAL_AT_LEAST
from clearsight.ops.spread import evenly_spread
from clearsight.prediction.writing import class_ids
from clearsight.rare_classes.arms import Arm, added, arms_of, material, rows_of
from clearsight.rare_classes.folder import Folder, Trained
from clearsight.run import Run
from clearsight.settings import choose
from clearsight.sources.samples.cropped import CroppedDataset
from clearsight.training import loop
from clearsight.training.batching import answering_as_trained, largest_batch
from clearsight.training.in_memory import Recipe, fit_in_memory
from clearsight.training.precision import precision_for
from clearsight.types import Label, Training

TASK = "classification"
FEWEST = 5  # pictures of the class in training, and as many held out
SEED_STEP = 100_003  # between the seeds of one experiment's generated pictures: other experiments have other ones
JUDGED_AT_ONCE = 250


@dataclass(frozen=True, kw_only=True)
class Material:
    """The real pictures of an experiment: those trained on, those judged on, and which class is rare."""

    train: CroppedDataset
    held_out: CroppedDataset
    others: tuple[CroppedDataset, ...]
    label: int

    @property
    def rare(self) -> int:
        """How many training pictures there are of the class."""
        return len(rows_of(self.train, self.label))

    @property
    def rare_held_out(self) -> int:
        """How many held-out pictures there are of the class."""
        return len(rows_of(self.held_out, self.label))

    @property
    def clusters(self) -> Int[np.ndarray, "images"]:
        """A number for each held-out picture, equal for those that belong together."""
        names = [record.cluster or f"alone {record.id}" for record in self.held_out.records]
        return np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)


def judged_on(splits: Mapping[str, Any]) -> str:
    """The split that classifiers are judged on: "test" where there is one, else "val"."""
    return "test" if "test" in splits else "val"


def material_of(gathered: Gathered, size: tuple[int, int], class_name: str) -> Material:
    """The pictures of an experiment cut to ``size``."""
    splits = {name: gathered.cropped(name, size) for name in gathered.cached}
    judged = judged_on(splits)
    return Material(
        train=splits["train"],
        held_out=splits[judged],
        others=tuple(one for name, one in splits.items() if name not in ("train", judged)),
        label=gathered.source.class_names.index(class_name),
    )


def check_data(gathered: Gathered, class_name: str) -> None:
    """Raise ValueError where pictures do not name one class each, or are too few, or the class is not there."""
    name, splits = gathered.source.name, gathered.cached
    for split in ("train", judged_on(splits)):
        gathered.source.split(split)
    if not all(isinstance(record.truth, Label) for one in splits.values() for record in one.records):
        raise ValueError(
            f"{name} does not name one class for every picture, and this is about classifiers. Expected one folder "
            "per class, or a table with --target."
        )
    (label,) = class_ids([class_name], gathered.source.class_names)
    for split, which in (("train", "training"), (judged_on(splits), "held-out")):
        records = splits[split].records
        if len(records) < REAL_AT_LEAST:
            raise ValueError(
                f"{name} has {len(records)} {which} pictures. Expected at least {REAL_AT_LEAST}: what counts as a "
                "copy is told by how near real pictures come to each other."
            )
        count = sum(isinstance(one.truth, Label) and one.truth.index == label for one in records)
        if count < FEWEST:
            raise ValueError(
                f"{name} has {count} {which} pictures of {class_name}. Expected at least {FEWEST} of each kind: "
                "fewer say nothing of how well the class is recognised."
            )


def chosen(classifier: str, settings: Mapping[str, Any]) -> tuple[Any, Training]:
    """The config and the training of the classifiers; raises ValueError for wrong names and settings."""
    kind = trained.kind_of(classifier)
    if trained.makes_pictures(classifier) or TASK not in kind.tasks:
        raise ValueError(
            f"{classifier} does not classify pictures. Expected a classifier, such as cnn: `clearsight models` lists "
            "them."
        )
    config, training = choose(settings, kind.config_type(), kind.training_defaults)
    return config, training


def recipe_for(classifier: str, settings: Mapping[str, Any], found: Material) -> Recipe:
    """How every classifier of the experiment is built and trained."""
    config, training = chosen(classifier, settings)
    training = replace(training, size_px=max(found.train.common_size))
    truths = (found.train.truth(row) for row in range(len(found.train)))
    config = trained.kind_of(classifier).fitted(config, truths, found.train.class_names)
    config = answering_as_trained(config, training, found.train.symmetries, settings)
    network = trained.build(classifier, config, found.train.class_names)
    precision = precision_for(network, training, lambda: largest_batch(found.train, training, classifier, seed=0))
    return Recipe(model=classifier, config=config, training=training, precision=precision)


def make_pictures(
    folder: Folder, run: Run, found: Material, seeds: Sequence[int], count: int, stop: Stop, quiet: bool
) -> None:
    """Keep ``count`` generated pictures without copies for each seed; those that were kept before stay.

    Raises Interrupted between two seeds when asked to stop, and ValueError where nearly all pictures are copies.
    """
    missing = [seed for seed in seeds if folder.generated(seed) is None]
    if not missing:
        return
    real = pictures_of(found.train, MOST_TRAINING)
    with stage("learning features to tell copies by", quiet) as watch:
        extractor, _ = extractors_for(real, found.train.fingerprint, found.train.class_names, watch=watch)
    with stage("looking at real pictures", quiet):
        sieve = Sieve(_pool(found), torch.cat([one.stack() for one in (found.held_out, *found.others)]), extractor)
    network = trained.ready(run)
    for seed in missing:
        if stop.asked():
            raise loop.Interrupted
        with stage(f"making pictures, seed {seed}", quiet) as watch:
            folder.keep_generated(seed, sifted(network, sieve, count, found.label, seed * SEED_STEP, watch))


def _pool(found: Material) -> UInt8[Tensor, "n 3 h w"]:
    """The training pictures that copies are looked for among: all of the class, and at most 50,000 others."""
    place = {*rows_of(found.train, found.label), *evenly_spread(len(found.train), MOST_TRAINING)}
    return found.train.stack()[sorted(place)]


def train_all(
    folder: Folder,
    found: Material,
    ratios: Sequence[float],
    seeds: Sequence[int],
    budget: loop.Budget,
    recipe: Recipe,
    meter: Meter,
    stop: Stop,
    quiet: bool,
) -> None:
    """Train and judge a classifier for every method and seed that has not been.

    The first training has the budget; where that is minutes, all others take as many steps. Raises Interrupted when
    asked to stop; finished trainings are kept.
    """
    arms, before = arms_of(ratios), None
    total = len(arms) * len(seeds)
    with stage("training classifiers", quiet) as watch:
        for done, (seed, arm) in enumerate((seed, arm) for seed in seeds for arm in arms):
            watch(100 * done, 100 * total)
            kept = folder.trained(arm, seed)
            if kept is not None:
                _check_same(kept, found, folder)
                before = before or kept
                continue
            made = recipe if before is None else replace(recipe, precision=before.precision)
            # An epoch of so many steps: see ``fit_in_memory``.
            own = budget if before is None else _steps(before.steps, found, made)
            pictures = folder.generated(seed)
            assert pictures is not None
            dataset, weighting = material(arm, found.train, found.label, seed, pictures.images)
            network, steps = fit_in_memory(
                made, dataset, own, seed, meter, begun_from=found.train, weighting=weighting, stop=stop.asked,
                watch=_share_of(watch, done, total),
            )  # fmt: skip
            result = _judged(network, made, found, steps)
            folder.keep(arm, seed, result, meter.cost())
            before = before or result
            if not quiet and not sys.stderr.isatty():
                print(f"{done + 1} of {total} trainings: {arm}, seed {seed}, {steps} steps", file=sys.stderr)


def _share_of(watch: Callable[[int, int], None], done: int, total: int) -> Callable[[loop.Moment], None]:
    """Tell the progress of one training as a share of all, in percent of a training."""
    return lambda moment: watch(round(100 * (done + moment.progress)), 100 * total)


def _steps(steps: int, found: Material, recipe: Recipe) -> loop.Budget:
    """So many steps as a budget of epochs."""
    return loop.Budget(epochs=steps / -(-len(found.train) // recipe.training.batch_size))


def _check_same(kept: Trained, found: Material, folder: Folder) -> None:
    if kept.fingerprint != found.held_out.fingerprint:
        raise ValueError(
            f"the data are not those that the experiment in {folder.path} was begun with: a picture, a class or a "
            "split has changed. Restore them, or begin anew in another folder."
        )


def _judged(network: Any, recipe: Recipe, found: Material, steps: int) -> Trained:
    """The probabilities that a network gives the held-out pictures."""
    dtype = torch.bfloat16 if recipe.precision == "bf16-mixed" else torch.float32
    predictor = Predictor(network, recipe.training.size_px, batch=JUDGED_AT_ONCE, dtype=dtype, device=best_device())
    statistics = evaluator.evaluate(predictor, trained.task_named(TASK), found.held_out).statistics
    return Trained(
        probabilities=statistics.probabilities, steps=steps, precision=recipe.precision,
        fingerprint=found.held_out.fingerprint,
    )  # fmt: skip


def evaluations(
    folder: Folder, found: Material, ratios: Sequence[float], seeds: Sequence[int]
) -> tuple[dict[Arm, list[ClassificationStatistics]], Trained]:
    """What all finished trainings say of the held-out pictures, and one of them for its steps."""
    truth = np.array([found.held_out.truth(row).index for row in range(len(found.held_out))])  # type: ignore[union-attr]
    names, kept = found.held_out.class_names, {}
    for arm in arms_of(ratios):
        each = [folder.trained(arm, seed) for seed in seeds]
        assert all(one is not None for one in each), "every training was finished"
        kept[arm] = [one for one in each if one is not None]
    statistics = {
        arm: [ClassificationStatistics(class_names=names, truth=truth, probabilities=one.probabilities) for one in each]
        for arm, each in kept.items()
    }
    return statistics, next(iter(kept.values()))[0]


def pictures_used(folder: Folder, seeds: Sequence[int]) -> list[Sifted]:
    """The generated pictures of all seeds."""
    return [one for one in map(folder.generated, seeds) if one is not None]


def most_added(found: Material, ratios: Sequence[float]) -> int:
    """How many pictures the largest ratio adds."""
    return added(max(ratios), found.rare)
