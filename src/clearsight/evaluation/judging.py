"""Judging a trained run: its data read as the run needs them, one split evaluated, the evidence kept in its folder."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from clearsight.audits.attributes import TRUE_CLASS, crossed
from clearsight.console.progress import stage
from clearsight.evaluation import evaluator
from clearsight.evaluation.alike import pooled_features
from clearsight.evaluation.belonging import with_clusters
from clearsight.loading import trained
from clearsight.loading.data import Gathered, gather
from clearsight.loading.division import as_divided
from clearsight.loading.posing import posed
from clearsight.run import Run
from clearsight.sources import Source, records_of
from clearsight.sources.annotations.picture_tables import GROUPS_AT_MOST
from clearsight.sources.samples.clustering import AUTO, NONE
from clearsight.types import Evidence, Label, Picture, Training

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
    config = run.config
    kind = trained.task_of(config).truth_type
    own = same_place(data, config.data)
    if own and attributes is None:
        attributes = config.settings["attributes"]
    found = gather(
        str(data),
        int(config.settings["training"]["size_px"]),
        attributes=attributes,
        skip_bad=skip_bad or (own and config.settings["skip_bad"]),
        held_out=float(config.settings["training"].get("held_out", Training().held_out)) if own else 0.0,
        class_names=None if kind is Picture else config.class_names or None,
        wanted=(kind,),
        target=target or config.settings.get("target"),
        cluster=cluster or (config.settings.get("cluster", NONE) if own else AUTO),
        resplit=own and config.settings.get("resplit", False),
        check=check,
    )
    source = posed(found.source, config)
    return replace(found, source=as_divided(source, run) if own else source)


def check_attributes(by: Sequence[str], source: Source, target: str | None = None) -> None:
    """Fail before hours of work, not after them, when an audit will ask for an attribute that is not there.

    Where a picture has one class, that can be asked for too: by the name of its column, ``target``, or as "class".
    """
    records = [one for dataset in source.splits.values() for one in records_of(dataset)]
    known = sorted({name for one in records for name in one.groups})
    if records and isinstance(records[0].truth, Label):
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
