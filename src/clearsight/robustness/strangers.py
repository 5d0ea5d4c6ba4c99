"""Pictures unlike those of the training: of which kinds the network can tell that they are, and by which score.

Three scores are fitted on training pictures (see ``inference.familiarity``) and judged on held-out pictures of the same
data beside pictures of other origin: the same pictures under corruptions of severity 5 (near), noise and random
textures (far), and pictures that the user has. What is found is kept in the run, and with it the distance to the
nearest training pictures with a threshold, by which ``predict`` marks pictures.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from clearsight import sources
from clearsight.corruptions.corruption import SEVERITIES, Corruption
from clearsight.corruptions.fields import clouds
from clearsight.evaluation.alike import pooled_features
from clearsight.inference.familiarity import Familiarity, Features, Mahalanobis, Nearest, energy
from clearsight.inference.predictor import Predictor
from clearsight.loading import familiarity, trained
from clearsight.metrics.out_of_distribution import OutOfDistributionStatistics
from clearsight.robustness.conditions import Store, described, made_with
from clearsight.robustness.damaged import drawn
from clearsight.run import Run
from clearsight.sources import PictureDataset, Record, Source
from clearsight.types import Evidence, Label, Picture

FOLDER = "unlike"
TRAINING_PICTURES = 1000
FIRST = "damaged-k-nearest"  # every test has it
NEAR, FAR, YOURS = "near", "far", "yours"
Bytes = UInt8[Tensor, "3 h w"]
Sets = dict[str, tuple[str, Sequence[Callable[[], Bytes]]]]


def judged_strangers(
    run: Run,
    source: Source,
    clean: Evidence,
    pictures: PictureDataset,
    corruptions: Sequence[Corruption],
    folder: str | Path | None,
    seed: int,
    watch: Callable[[int, int], None],
) -> tuple[dict[str, Evidence], Familiarity | None]:
    """The evidence of each score on each set of pictures, kept in the run, and what ``predict`` is to mark by.

    ``clean`` is the evidence of ``pictures``, whose clusters and groups are used. ``folder`` holds the user's pictures.
    Nothing where the network gives no features, and no threshold where the own pictures are too few for one.
    """
    predictor = trained.predictor(run)
    training = drawn(source.split("train"), TRAINING_PICTURES, seed, _seen_px(predictor))
    sets = _sets(pictures, corruptions, folder, predictor, seed)
    total = len(training) + len(pictures) + sum(len(one) for _, one in sets.values())
    counted = _Counted(watch, total)
    fitted_on = _observed(predictor, counted([record.decode for record in training.records]))
    own = _observed(predictor, counted([record.decode for record in pictures.records]))
    if fitted_on.features is None or own.features is None:
        return {}, None
    scores = _fitted(fitted_on.features, training)
    made, found = made_with(run, pictures, seed), {}
    store = Store(run, FOLDER, pictures.name, pictures.split, FIRST)
    for name, (kind, images) in sets.items():
        others = _observed(predictor, counted(images))
        for score, inside, outside in _scored(scores, own, others):
            condition = f"{name}-{score.replace(' ', '-')}"
            about = {"set": name, "kind": kind, "score": score, "fitted on": str(len(training))}
            about |= described(condition, made, len(pictures), seed)
            found[condition] = _evidence(clean, inside, outside, about, paired=kind == NEAR)
            store.write(condition, found[condition])
    settled = Familiarity.settled(Nearest.fitted(fitted_on.features), own.features, trained.network_hash(run))
    if settled is not None:
        familiarity.keep(run, settled)
    return found, settled


def _seen_px(predictor: Predictor) -> int | None:
    return None if predictor.own_pixels else predictor.size_px


def _fitted(features: Features, training: PictureDataset) -> dict[str, Callable[[Features], np.ndarray]]:
    truths = [record.truth.index for record in training.records if isinstance(record.truth, Label)]
    classes = np.array(truths) if len(truths) == len(training) else None
    return {"k nearest": Nearest.fitted(features), "Mahalanobis": Mahalanobis.fitted(features, classes)}


def _sets(
    pictures: PictureDataset,
    corruptions: Sequence[Corruption],
    folder: str | Path | None,
    predictor: Predictor,
    seed: int,
) -> Sets:
    """Pictures of other origin by the name of their set, each as a function that makes it, and the kind of the set."""
    random = np.random.default_rng(seed)
    records = pictures.records
    chosen = random.integers(0, len(corruptions), len(records))
    seeds = random.integers(0, 2**31, (2, len(records)))
    sets: Sets = {
        "damaged": (NEAR, [partial(_ruined, r, corruptions[c], seed) for r, c in zip(records, chosen, strict=True)]),
        "noise": (FAR, [partial(_noise, r, s) for r, s in zip(records, seeds[0].tolist(), strict=True)]),
        "textures": (FAR, [partial(_texture, r, s) for r, s in zip(records, seeds[1].tolist(), strict=True)]),
    }
    if folder is not None:
        given = sources.read(str(folder), wanted=(Picture,), held_out=0.0)
        theirs = [record for dataset in given.splits.values() for record in sources.records_of(dataset)]
        longest = _seen_px(predictor)
        sets["strangers"] = (YOURS, [partial(r.decode, longest) for r in theirs])
    return sets


def _ruined(record: Record, corruption: Corruption, seed: int) -> Bytes:
    """The picture under the worst of a corruption."""
    return corruption(record.decode(), SEVERITIES[-1], record.id, seed)


def _noise(like: Record, seed: int) -> Bytes:
    """Independent random values, as many as the picture has."""
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, like.decode().shape, dtype=np.uint8))


def _texture(like: Record, seed: int) -> Bytes:
    """Clouds of a random roughness in random colours, as large as the picture."""
    random = np.random.default_rng(seed)
    height, width = like.decode().shape[1:]
    channels = [clouds((height, width), random.uniform(0.5, 2), random) for _ in range(3)]
    return torch.from_numpy((np.stack(channels) * 255).round().astype(np.uint8))


@dataclass
class _Counted:
    """Makes pictures one by one, and calls ``watch`` with how many of all were made."""

    watch: Callable[[int, int], None]
    total: int
    done: int = 0

    def __call__(self, images: Iterable[Callable[[], Bytes]]) -> Iterator[Bytes]:
        for image in images:
            yield image()
            self.done += 1
            self.watch(self.done, self.total)


@dataclass(frozen=True, kw_only=True)
class _Observed:
    """What the network gives for pictures, a row for each; None where it gives no such rows."""

    features: Features | None
    logits: Features | None


def _observed(predictor: Predictor, images: Iterable[Bytes]) -> _Observed:
    count = 0
    with pooled_features(predictor.model) as features, class_logits(predictor.model) as logits:
        for _ in predictor(images):
            count += 1
    found = [torch.cat(rows).numpy() if rows else None for rows in (features, logits)]
    rows = [one if one is not None and len(one) == count else None for one in found]
    return _Observed(features=rows[0], logits=rows[1])


def _scored(
    scores: Mapping[str, Callable[[Features], np.ndarray]], own: _Observed, others: _Observed
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Each score that can be computed, of the own pictures and of the others."""
    if own.features is not None and others.features is not None:
        for name, of in scores.items():
            yield name, of(own.features), of(others.features)
    if own.logits is not None and others.logits is not None:
        yield "energy", energy(own.logits), energy(others.logits)


@contextlib.contextmanager
def class_logits(network: object) -> Iterator[list[Tensor]]:
    """Collect, while the network predicts, its outputs ``b c`` where they are the logits of one class per picture."""
    found: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 2:
            found.append(output.float().cpu())

    one_class = getattr(getattr(network, "config", None), "answers", None) == "one"
    if not (one_class and isinstance(network, nn.Module)):
        yield found
        return
    hook = network.register_forward_hook(keep)
    try:
        yield found
    finally:
        hook.remove()


def _evidence(
    clean: Evidence, inside: np.ndarray, outside: np.ndarray, about: dict[str, str], *, paired: bool
) -> Evidence:
    """Own pictures and others with their scores; damaged ones are in the cluster of the picture they were made of."""
    clusters = np.unique(clean.clusters, return_inverse=True)[1].astype(np.int64)
    theirs = clusters if paired else len(clusters) + np.arange(len(outside))
    names = [f"{about['set']}-{number}" for number in range(len(outside))]
    statistics = OutOfDistributionStatistics(
        score=np.concatenate([inside, outside]).astype(np.float64),
        outside=np.concatenate([np.zeros(len(inside), dtype=bool), np.ones(len(outside), dtype=bool)]),
    )
    kept = {name: clean.about[name] for name in ("data", "split", "fingerprint", "run", "model") if name in clean.about}
    return Evidence(
        task="out-of-distribution", statistics=statistics, ids=(*clean.ids, *names),
        clusters=np.concatenate([clusters, theirs]), about={**kept, **about},
    )  # fmt: skip
