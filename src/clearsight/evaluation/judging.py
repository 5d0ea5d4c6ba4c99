"""Judging a trained run: its data read as the run needs them, one split evaluated, the evidence kept in its folder."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from clearsight.audits.attributes import TRUE_CLASS, crossed
from clearsight.console.progress import stage
from clearsight.energy.grid import find_zone
from clearsight.evaluation import evaluator
from clearsight.evaluation.alike import pooled_features
from clearsight.evaluation.belonging import with_clusters
from clearsight.evaluation.capturing import with_conditions
from clearsight.loading import trained
from clearsight.loading.data import Gathered, fitting, gather
from clearsight.loading.division import as_divided
from clearsight.loading.posing import posed
from clearsight.run import Run
from clearsight.sources import Source, records_of
from clearsight.sources.annotations.picture_tables import GROUPS_AT_MOST
from clearsight.sources.samples.clustering import AUTO, NONE
from clearsight.types import Cost, Dataset, Evidence, Label, Picture, Training

FINGERPRINT_DIGITS = 8


def read_for(
    run: Run,
    data: str | Path,
    attributes: Path | str | None,
    skip_bad: bool,
    target: str | None = None,
    cluster: str | None = None,
) -> Source:
    """Data for a trained model: its own are split as they were then; of others nothing is set aside for training.

    Clusters are its own too unless ``cluster`` is said; runs that were made before there was a choice inferred none.
    """
    return gathered_for(run, data, attributes, skip_bad, target, cluster).source


def gathered_for(
    run: Run,
    data: str | Path,
    attributes: Path | str | None,
    skip_bad: bool,
    target: str | None = None,
    cluster: str | None = None,
    check: Callable[[Source], None] = lambda source: None,
) -> Gathered:
    """The same with the pictures at hand, as they were trained on; ``check`` as in ``gather``."""
    options = _options(run, data, attributes, skip_bad, target, cluster)
    found = gather(str(data), int(run.config.settings["training"]["size_px"]), **options, check=check)
    return replace(found, source=_for_run(run, found.source, data))


def _options(
    run: Run, data: str | Path, attributes: Path | str | None, skip_bad: bool, target: str | None, cluster: str | None
) -> dict[str, Any]:
    """How data are read for a run: its own with what it was trained with, others with nothing set aside."""
    config = run.config
    kind = trained.task_of(config).truth_type
    own = same_place(data, config.data)
    if own and attributes is None:
        attributes = config.settings["attributes"]
    return {
        "attributes": attributes,
        "skip_bad": skip_bad or (own and config.settings["skip_bad"]),
        "held_out": float(config.settings["training"].get("held_out", Training().held_out)) if own else 0.0,
        "class_names": None if kind is Picture else config.class_names or None,
        "wanted": (kind,),
        "target": target or config.settings.get("target"),
        "cluster": cluster or (config.settings.get("cluster", NONE) if own else AUTO),
        "resplit": own and config.settings.get("resplit", False),
    }


def _for_run(run: Run, source: Source, data: str | Path) -> Source:
    source = posed(source, run.config)
    return as_divided(source, run) if same_place(data, run.config.data) else source


def data_judged(
    run: Run, evidence: Evidence, data: str | Path | None = None, attributes: Path | str | None = None
) -> tuple[Source, Dataset]:
    """The data of an evaluation, and its pictures in its order.

    They are the run's own data, or lie at ``data`` now. None is decoded unless broken ones have to be found. Raises
    ValueError where the data are not there or are others.
    """
    place = run.config.data if data is None else data
    if evidence.unit == "rows":
        raise ValueError(f"{run.path} learns from a table, whose rows have no pictures.")
    name, split, fingerprint = (evidence.about.get(key, "") for key in ("data", "split", "fingerprint"))
    source = _for_run(run, fitting(str(place), **_options(run, place, attributes, True, None, None)), place)
    if split in source.splits and source.split(split).fingerprint != fingerprint:
        # Pictures that look whole and are not were left out of the evaluation: only decoding tells which.
        source = gathered_for(run, place, attributes, True).source
    if split not in source.splits or (data is None and source.name != name):
        raise ValueError(f"{place} does not hold the pictures of {name}, {split}")
    if source.split(split).fingerprint != fingerprint:
        raise ValueError(f"{place} no longer has the pictures the runs were judged on")
    return source, source.split(split)


def check_attributes(by: Sequence[str], source: Source, target: str | None = None) -> None:
    """Fail before hours of work, not after them, when an audit will ask for an attribute that is not there.

    Where a picture has one class, that can be asked for too: by the name of its column, ``target``, or as "class";
    by the latter alone where only the pictures are of use and the class is an attribute like any.
    """
    records = [one for dataset in source.splits.values() for one in records_of(dataset)]
    known = sorted({name for one in records for name in one.groups})
    if records and isinstance(records[0].truth, Label) and TRUE_CLASS not in known:
        known += [name for name in (target, TRUE_CLASS) if name and name not in known]
    for name in (part for word in by for part in crossed(word)):
        if name in source.ungrouped and name not in known:
            raise ValueError(
                f"the column {name} has {source.ungrouped[name]} different values, too many to compare as groups. "
                f"Expected at most {GROUPS_AT_MOST}. Put them into ranges, such as 20 to 39, in that column or in a "
                "table of --attributes."
            )
        if name not in known:
            have = f"It has: {', '.join(known)}." if known else "It has none: give a table with --attributes."
            raise ValueError(f"the data has no attribute {name!r}, which --by asks for. {have}")


def check_for_a_table(cluster: str | None) -> None:
    """Fail where clusters are chosen for a table, whose rows have them in a column of that name."""
    if cluster not in (None, AUTO):
        raise ValueError(
            f"--cluster {cluster} is for pictures, and these data are a table. Its column named cluster says which "
            "rows belong together. Rename the column, and leave --cluster out."
        )


def judged_split(source: Source) -> str:
    """The split to judge on: the first of "test", "val" and "train" that the data has, else the first it has."""
    return next((name for name in ("test", "val", "train") if name in source.splits), next(iter(source.splits)))


def cost_of(run: Run) -> Cost | None:
    """What a run has cost so far, as its card says; None where nobody knows."""
    return run.read_card().cost if (run.path / "card.json").is_file() else None


def zone_of(run: Run, zone: str | None) -> str | None:
    """The grid zone to state emissions in: the one named, else that of the run's card, else what its training named."""
    if zone is not None:
        return find_zone(zone).code
    former = cost_of(run)
    asked: str | None = run.config.settings.get("asked", {}).get("zone")
    return former.zone if former is not None and former.zone is not None else asked


def same_place(one: str | Path, other: str | Path) -> bool:
    """Whether two words name one folder: with or without its format, from here or from the root."""
    if str(one) == str(other):
        return True
    folders = [Path(text if Path(text).exists() else text.partition(":")[2] or text) for text in (str(one), str(other))]
    return all(folder.is_dir() for folder in folders) and folders[0].resolve() == folders[1].resolve()


def about_run(run: Run) -> dict[str, str]:
    """What evidence says of the run it is of: its model, its name, and the column it answers where there is one."""
    target = run.config.settings.get("target")
    return {"model": run.config.model, "run": run.name, **({"target": target} if target else {})}


def judged(run: Run, source: Source, split: str, quiet: bool) -> Evidence:
    """The evidence of a run on one split, kept in the run folder."""
    config = run.config
    dataset = source.split(split)
    predictor = trained.predictor(run)
    with stage("evaluating", quiet) as watch, pooled_features(predictor.model) as features:
        found = evaluator.evaluate(
            predictor,
            trained.task_of(config),
            dataset,
            about=about_run(run),
            watch=watch,
            **trained.deployed(config),
        )
    found = with_clusters(found, source, features, trained_here=source.fingerprint == config.fingerprint)
    found = with_conditions(found, dataset, seed=config.seed, quiet=quiet)
    keep_evidence(run, found)
    return found


def keep_evidence(run: Run, evidence: Evidence) -> str:
    """Write evidence into the run folder as ``<data>-<split>`` and return the name.

    Where evidence of other data has that name, the first eight digits of the data's fingerprint follow, so that none
    takes the place of another; evidence of the same data is replaced.
    """
    about = evidence.about
    name = evidence_name(about["data"], about["split"])
    if name in run.evidence_names and not _is_of(run, name, evidence):
        name = f"{name}-{about['fingerprint'].rpartition(':')[2][:FINGERPRINT_DIGITS]}"
    run.write_evidence(name, evidence)
    return name


def _is_of(run: Run, name: str, evidence: Evidence) -> bool:
    """Whether the evidence kept under a name is of the same data; what cannot be read is taken to be of other data."""
    try:
        kept = run.read_evidence(name, type(evidence.statistics))
    except ValueError:
        return False
    return kept.about.get("fingerprint") == evidence.about["fingerprint"]


def evidence_name(data: str, split: str) -> str:
    """A file name for the evidence of some data, whatever the data is called; never one of a run's baselines."""
    words = ["".join(c if c.isalnum() and c.isascii() else "-" for c in text).strip("-") for text in (data, split)]
    name = f"{words[0][:60] or 'data'}-{words[1][:60] or 'split'}"
    return f"data-{name}" if name.startswith("baseline") else name
