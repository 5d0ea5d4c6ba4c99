"""The end of a generator's training, or a new audit of it: pictures of it, its evidence, its card and its report."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from clearsight.audits.cost import EVALUATION
from clearsight.console.progress import stage
from clearsight.energy.meter import Meter
from clearsight.evaluation.belonging import clusters_said
from clearsight.evaluation.conclusion import budget_said, precision_said, write_card
from clearsight.evaluation.ending import ending_said
from clearsight.evaluation.judging import check_attributes
from clearsight.generation import restorations, showing
from clearsight.generation.declared import declared
from clearsight.generation.evidence import Reference, calibrators, evidence_of, nearest_of, reference, seen_of
from clearsight.generation.extractors import extractors_for
from clearsight.generation.likelihood import likelihood_findings
from clearsight.generation.mixes import CLASS, TRUNCATIONS, mixes_of
from clearsight.generation.parzen_window import parzen_findings
from clearsight.generation.pictures import Pictures
from clearsight.generation.recognising import Segmenter, recognised
from clearsight.generation.sampling import made_like
from clearsight.loading import trained
from clearsight.loading.data import Gathered, gather
from clearsight.ops.spread import evenly_spread
from clearsight.run import Config, Run
from clearsight.sources import Record, records_of
from clearsight.sources.samples.clustering import STATED
from clearsight.sources.samples.cropped import CroppedDataset
from clearsight.types import UNKNOWN, Card, ClassMap, Evidence, Finding, Label, Request

MOST_JUDGED = 5000  # held-out pictures, and as many generated: more make every search of neighbours slow
MOST_TRAINING = 50_000
MOST_TRUNCATED = 2000  # generated pictures for each further truncation
SegmenterOf = Callable[[CroppedDataset, Callable[[int, int], None]], Segmenter]
ON_VALIDATION = (
    "These data have no test split: the pictures it is compared with are the validation pictures. Nothing was chosen "
    "by them."
)
ASKED = "Every class was asked for equally often, so the mix of classes is what was asked for."


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
    meter: Meter,
    gathered: Gathered,
    *,
    by: Sequence[str] = (),
    reference: Mapping[str, Mapping[str, float]] | None = None,
    zone: str | None = None,
    responsible: str | None = None,
    segmenter: SegmenterOf | None = None,
    quiet: bool = False,
) -> Card:
    """Make pictures with a trained generator, compare them with held-out ones, audit, and write card and report.

    ``by`` names the attributes whose groups are counted among its pictures, at several truncations; ``reference``
    declares the shares they should have. ``segmenter`` gives one trained on the real training pictures, for a generator
    of pictures from label maps.
    """
    network = trained.ready(run)
    split = split_of(gathered)
    judged = judge(run, network, gathered, split, quiet, tuple(by) or tuple(reference or {}), segmenter)
    meter.end_stage(EVALUATION)
    run.write_evidence(split, judged.evidence)
    for name, evidence in judged.more.items():
        run.write_evidence(f"{name}-{split}", evidence)
    with stage("drawing", quiet):
        examples = showing.examples_of(run, network, judged.generated, judged.reference, judged.pairs)
    examples += restorations.kept_examples(run)
    config = run.config
    request = Request(
        evidence=judged.evidence, more={**judged.more, **restorations.kept(run)}, by=tuple(by),
        reference=reference or {}, zone=zone, seed=config.seed,
    )  # fmt: skip
    notes = [*gathered.source.problems, *([ON_VALIDATION] if split == "val" else []), *_alarms(run)]
    facts = _facts(config, gathered, judged)
    return write_card(run, request, meter, facts, examples, notes, responsible, found=judged.found)


def conclude_again(
    run: Run,
    data: str | None = None,
    *,
    by: Sequence[str] = (),
    reference: str | Path | None = None,
    attributes: Path | str | None = None,
    zone: str | None = None,
    responsible: str | None = None,
    segmenter: SegmenterOf | None = None,
    quiet: bool = False,
) -> Card:
    """The same for a run that was concluded before: on its own data, wherever they lie now, with the cost it had.

    ``reference`` is "uniform" or a table (see ``declared``), ``attributes`` another table of groups by picture.
    """
    config = run.config
    gathered = own_data(run, data, quiet, attributes)
    asked = config.settings.get("asked", {})
    check_attributes(by, gathered.source)
    by = tuple(by) or tuple(asked.get("by", ()))
    shares = declared(reference, _groups_of(gathered, by))
    former = run.read_card() if (run.path / "card.json").is_file() else None
    with Meter(start=former.cost if former else None) as meter:
        return conclude(
            run, meter, gathered, by=by, reference=shares, zone=zone,
            responsible=responsible or (former.responsible if former else None), segmenter=segmenter, quiet=quiet,
        )  # fmt: skip


def own_data(run: Run, data: str | None, quiet: bool, attributes: Path | str | None = None) -> Gathered:
    """The data that a generator was trained on, wherever they lie now; raises ValueError for any other."""
    config = run.config
    gathered = gathered_as_trained(run, data or config.data, quiet)
    if gathered.source.fingerprint != config.fingerprint:
        raise ValueError(
            f"the data in {data or config.data} are not what {run.path} was trained on, and a generator is compared "
            "with held-out pictures of its own data. Name its own data, or train a new run."
        )
    if attributes is not None:  # groups are part of a fingerprint: read with others, the same pictures have another
        gathered = gathered_as_trained(run, data or config.data, quiet, attributes)
    return gathered


def gathered_as_trained(run: Run, data: str, quiet: bool, attributes: Path | str | None = None) -> Gathered:
    """Data read and split as those of a generator were; whether they are the same, the fingerprint tells."""
    settings = run.config.settings
    return gather(
        data, int(settings["training"]["size_px"]), attributes=attributes or settings["attributes"],
        skip_bad=settings["skip_bad"], held_out=float(settings["training"]["held_out"]),
        wanted=tuple(trained.tasks_of(run.config.model)),
        target=settings["target"], cluster=settings["cluster"], resplit=settings["resplit"], quiet=quiet,
    )  # fmt: skip


def split_of(gathered: Gathered) -> str:
    """The split that a generator's pictures are compared with."""
    return "test" if "test" in gathered.cached else "val"


def _groups_of(gathered: Gathered, by: Sequence[str]) -> dict[str, list[str]]:
    """The groups of each attribute, or of the classes where none is named."""
    records = [record for one in gathered.source.splits.values() for record in records_of(one)]
    names = by or ((CLASS,) if any(isinstance(record.truth, Label) for record in records) else ())
    known = {name: {record.groups.get(name, UNKNOWN) for record in records} - {UNKNOWN} for name in names}
    return {name: sorted(groups) for name, groups in known.items()}


def judge(
    run: Run,
    network: Any,
    gathered: Gathered,
    split: str,
    quiet: bool,
    by: Sequence[str] = (),
    segmenter: SegmenterOf | None = None,
) -> Judged:
    """As many pictures as the split holds, 5,000 at most, made by the network and compared with those of the split.

    With ``by``, the groups of these attributes are counted among them, and at smaller truncations too.
    """
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
        generated = made_like(network, real, config.seed, len(config.class_names), watch)
    with stage("looking for copies", quiet) as watch:
        seen = seen_of(found, generated)
        nearest = nearest_of(found, generated, watch, seen)
    about = _about(run, gathered, split, real)
    evidence = _with_seen(evidence_of(found, generated, about, nearest, seen), train, real)
    more = _more(run, network, found, generated, by, fingerprint, about, quiet)
    if segmenter is not None and network.config.made_from is ClassMap:
        with stage("training a segmenter to judge by", quiet) as watch:
            judge_of_maps = segmenter(gathered.cropped("train", size), watch)
        with stage("segmenting generated and real pictures", quiet):
            more |= recognised(judge_of_maps, generated, real, config.class_names, about)
    likelihood = (
        *likelihood_findings(network, real, config.seed),
        *parzen_findings(network, real, config.seed),
    )
    return Judged(
        evidence=evidence, more=more, found=likelihood, reference=found, generated=generated, pairs=nearest.closest(12)
    )


def _about(run: Run, gathered: Gathered, split: str, real: Pictures) -> dict[str, str]:
    """Where the evidence comes from."""
    config = run.config
    return {
        "data": config.data_name, "split": split, "fingerprint": gathered.cached[split].fingerprint,
        "model": config.model, "run": run.name,
        "clusters": clusters_said(
            Counter(name for name in real.clusters if name), len(real), "pictures",
            gathered.source.clustering.origin or STATED,
        ),
    }  # fmt: skip


def _more(
    run: Run, network: Any, found: Reference, generated: Pictures, by: Sequence[str], fingerprint: str,
    about: dict[str, str], quiet: bool,
) -> dict[str, Evidence]:  # fmt: skip
    """The evidence of stand-ins for a generator, and of the groups among its pictures at several truncations."""
    config, real = run.config, found.real
    with stage("comparing with stand-ins", quiet):
        more = calibrators(found, len(generated), config.seed, about)
    scaled = {1.0: generated}
    for scale in [one for one in TRUNCATIONS if by and one != 1.0]:
        with stage(f"making pictures at truncation {scale:g}", quiet) as watch:
            some = real.select(range(min(len(real), MOST_TRUNCATED)))
            scaled[scale] = made_like(network, some, config.seed, len(config.class_names), watch, scale)
    with stage("counting groups", quiet) as watch:
        asked = {} if generated.classes is None else {"classes asked for": ASKED}
        return more | mixes_of(found, scaled, by, fingerprint, {**about, **asked}, watch)


def _with_seen(evidence: Evidence, train: Pictures, real: Pictures) -> Evidence:
    """The evidence with what is known of held-out pictures whose clusters were trained on; generated ones have none."""
    trained_on = {name for name in train.clusters if name}
    seen = [name in trained_on for name in real.clusters] + [False] * (len(evidence.ids) - len(real))
    return replace(evidence, seen=np.array(seen, dtype=bool))


def pictures_of(whole: CroppedDataset, most: int) -> Pictures:
    """At most so many pictures of a split, evenly spread, with their classes where each has one."""
    place = evenly_spread(len(whole), most)
    records = [whole.records[k] for k in place]
    truths = [whole.truth(k) for k in place]
    labelled = all(isinstance(truth, Label) for truth in truths)
    classes = torch.tensor([truth.index for truth in truths if isinstance(truth, Label)]) if labelled else None
    return Pictures(
        images=whole.stack()[place],
        maps=None if whole.maps is None else whole.maps[place],
        ids=tuple(record.id for record in records),
        classes=classes,
        clusters=tuple(record.cluster for record in records),
        groups=_groups(records),
    )


def _groups(records: Sequence[Record]) -> dict[str, np.ndarray]:
    names = sorted({name for record in records for name in record.groups})
    return {name: np.array([record.groups.get(name, UNKNOWN) for record in records]) for name in names}


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
    from_maps = trained.tasks_of(config.model).keys() == {ClassMap}
    about = judged.evidence.about
    return {
        "Model": config.model,
        "Data": f"{config.data_name} ({gathered.source.format})",
        "Makes": f"{'grey' if channels == 1 else 'colour'} pictures of {width} x {height} px"
        + (" from label maps" if from_maps else ""),
        "Classes": ", ".join(config.class_names)
        if from_maps or config.settings["model"].get("conditional")
        else "not asked for",
        "Trained on": f"{len(gathered.cached['train'])} pictures",
        "Compared with": f"{about['real']} pictures of the split {about['split']}, not trained on",
        "Generated pictures": about["generated"],
        "Features": "; ".join(judged.evidence.statistics.extractors),
        "Resizer": about["resizer"],
        "Budget": budget_said(config),
        **ending_said(config),
        "Batch": str(training["batch_size"]),
        "Precision": precision_said(config),
        "Seed": str(config.seed),
    }
