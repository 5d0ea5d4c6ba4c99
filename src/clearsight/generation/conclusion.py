"""The end of a generator's training, or a new audit of it: pictures of it, its evidence, its card and its report."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from clearsight.console.progress import stage
from clearsight.evaluation.belonging import clusters_said
from clearsight.evaluation.conclusion import budget_said, precision_said, write_card
from clearsight.generation import showing
from clearsight.generation.evidence import Reference, calibrators, evidence_of, nearest_of, reference, seen_of
from clearsight.generation.extractors import extractors_for
from clearsight.generation.likelihood import likelihood_findings
from clearsight.generation.parzen_window import parzen_findings
from clearsight.generation.pictures import Pictures
from clearsight.generation.sampling import sampled
from clearsight.loading import trained
from clearsight.loading.data import Gathered, gather
from clearsight.ops.spread import evenly_spread
from clearsight.run import Config, Run
from clearsight.sources.samples.clustering import STATED
from clearsight.sources.samples.cropped import CroppedDataset
from clearsight.types import Card, Cost, Evidence, Finding, Label, Picture, Request

MOST_JUDGED = 5000  # held-out pictures, and as many generated: more make every search of neighbours slow
MOST_TRAINING = 50_000
ON_VALIDATION = (
    "These data have no test split: the pictures it is compared with are the validation pictures. Nothing was chosen "
    "by them."
)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A generator beside held-out pictures: the evidence, that of its calibrators, and what was made on the way."""

    evidence: Evidence
    more: dict[str, Evidence]
    found: tuple[Finding, ...]
    reference: Reference
    generated: Pictures
    pairs: list[tuple[int, int]]


def conclude(
    run: Run,
    cost: Callable[[], Cost | None],
    gathered: Gathered,
    *,
    by: Sequence[str] = (),
    zone: str | None = None,
    responsible: str | None = None,
    quiet: bool = False,
) -> Card:
    """Make pictures with a trained generator, compare them with held-out ones, audit, and write card and report."""
    network = trained.load(run)
    split = "test" if "test" in gathered.cached else "val"
    judged = judge(run, network, gathered, split, quiet)
    run.write_evidence(split, judged.evidence)
    for name, evidence in judged.more.items():
        run.write_evidence(f"{name}-{split}", evidence)
    with stage("drawing", quiet):
        examples = showing.examples_of(run, network, judged.generated, judged.reference.train, judged.pairs)
    config = run.config
    request = Request(evidence=judged.evidence, more=judged.more, by=tuple(by), zone=zone, seed=config.seed)
    notes = [*gathered.source.problems, *([ON_VALIDATION] if split == "val" else []), *_alarms(run)]
    facts = _facts(config, gathered, judged)
    return write_card(run, request, cost(), facts, examples, notes, responsible, found=judged.found)


def conclude_again(
    run: Run,
    *,
    by: Sequence[str] = (),
    zone: str | None = None,
    responsible: str | None = None,
    quiet: bool = False,
) -> Card:
    """The same for a run that was concluded before: on its own data, with the cost it had."""
    config = run.config
    settings = config.settings
    gathered = gather(
        config.data, int(settings["training"]["size_px"]), attributes=settings["attributes"],
        skip_bad=settings["skip_bad"], held_out=float(settings["training"]["held_out"]), wanted=(Picture,),
        target=settings["target"], cluster=settings["cluster"], resplit=settings["resplit"], quiet=quiet,
    )  # fmt: skip
    if gathered.source.fingerprint != config.fingerprint:
        raise ValueError(
            f"the data in {config.data} is not what {run.path} was trained on, and a generator is compared with "
            "pictures of its own data. Restore the data, or train a new run."
        )
    former = run.read_card() if (run.path / "card.json").is_file() else None
    asked = settings.get("asked", {})
    return conclude(
        run, lambda: former.cost if former else None, gathered, by=by, zone=zone or asked.get("zone"),
        responsible=responsible or (former.responsible if former else None), quiet=quiet,
    )  # fmt: skip


def judge(run: Run, network: Any, gathered: Gathered, split: str, quiet: bool) -> Judged:
    """As many pictures as the split holds, 5,000 at most, made by the network and compared with those of the split."""
    config, size = run.config, network.config.size
    train = pictures_of(gathered.cropped("train", size), MOST_TRAINING)
    real = pictures_of(gathered.cropped(split, size), MOST_JUDGED)
    names = config.class_names if train.classes is not None else ()
    fingerprint = gathered.cached["train"].fingerprint
    with stage("learning features to compare by", quiet) as watch:
        extractors = extractors_for(train, fingerprint, names, watch=watch)
    with stage("extracting features of real pictures", quiet) as watch:
        found = reference(train, real, extractors, names, watch)
    with stage("generating pictures", quiet) as watch:
        generated = made(network, len(real), config.seed, len(config.class_names), watch)
    with stage("looking for copies", quiet) as watch:
        seen = seen_of(found, generated)
        nearest = nearest_of(found, generated, watch, seen)
    about = {
        "data": config.data_name, "split": split, "fingerprint": gathered.cached[split].fingerprint,
        "model": config.model, "run": run.name,
        "clusters": clusters_said(
            Counter(name for name in real.clusters if name), len(real), "pictures",
            gathered.source.clustering.origin or STATED,
        ),
    }  # fmt: skip
    evidence = _with_seen(evidence_of(found, generated, about, nearest, seen), train, real)
    with stage("comparing with stand-ins", quiet):
        more = calibrators(found, len(generated), config.seed, about)
    likelihood = (
        *likelihood_findings(network, real, config.seed),
        *parzen_findings(network, real, config.seed),
    )
    return Judged(
        evidence=evidence, more=more, found=likelihood, reference=found, generated=generated, pairs=nearest.closest(12)
    )


def _with_seen(evidence: Evidence, train: Pictures, real: Pictures) -> Evidence:
    """The evidence with what is known of held-out pictures whose clusters were trained on; generated ones have none."""
    trained_on = {name for name in train.clusters if name}
    seen = [name in trained_on for name in real.clusters] + [False] * (len(evidence.ids) - len(real))
    return replace(evidence, seen=np.array(seen, dtype=bool))


def made(network: Any, count: int, seed: int, classes: int, watch: Callable[[int, int], None]) -> Pictures:
    """Pictures of a generator; the classes of a conditional one in turn."""
    asked = [k % classes for k in range(count)] if network.config.conditional else None
    images = sampled(network, count, seed, classes=asked, watch=watch)
    labels = None if asked is None else torch.tensor(asked)
    return Pictures(images=images, ids=tuple(f"generated-{k}" for k in range(count)), classes=labels)


def pictures_of(whole: CroppedDataset, most: int) -> Pictures:
    """At most so many pictures of a split, evenly spread, with their classes where each has one."""
    place = evenly_spread(len(whole), most)
    records = [whole.records[k] for k in place]
    truths = [whole.truth(k) for k in place]
    labelled = all(isinstance(truth, Label) for truth in truths)
    classes = torch.tensor([truth.index for truth in truths if isinstance(truth, Label)]) if labelled else None
    return Pictures(
        images=whole.stack()[place],
        ids=tuple(record.id for record in records),
        classes=classes,
        clusters=tuple(record.cluster for record in records),
    )


def _alarms(run: Run) -> list[str]:
    """The last alarm of the training, if any was raised, and how often."""
    rows = [row for row in run.read_log() if "alarm" in row]
    if not rows:
        return []
    return [f"While it learnt, {len(rows)} of its looks raised an alarm, the last at step {rows[-1]['step']}: "
            f"{rows[-1]['alarm']}"]  # fmt: skip


def _facts(config: Config, gathered: Gathered, judged: Judged) -> dict[str, str]:
    training = config.settings["training"]
    height, width = judged.generated.images.shape[2:]
    channels = config.settings["model"].get("channels")
    about = judged.evidence.about
    return {
        "Model": config.model,
        "Data": f"{config.data_name} ({gathered.source.format})",
        "Makes": f"{'grey' if channels == 1 else 'colour'} pictures of {width} x {height} px",
        "Classes": ", ".join(config.class_names) if config.settings["model"].get("conditional") else "not asked for",
        "Trained on": f"{len(gathered.cached['train'])} pictures",
        "Compared with": f"{about['real']} pictures of the split {about['split']}, not trained on",
        "Pictures made": about["generated"],
        "Features": "; ".join(judged.evidence.statistics.extractors),
        "Resizer": about["resizer"],
        "Budget": budget_said(config),
        "Batch": str(training["batch_size"]),
        "Precision": precision_said(config),
        "Seed": str(config.seed),
    }
