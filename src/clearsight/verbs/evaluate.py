"""Judge a trained model on data: evidence in the run folder, and the metrics with their intervals."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from clearsight import evaluation
from clearsight.audits import scores
from clearsight.run import Run
from clearsight.sources import Source, records_of
from clearsight.types import Dataset, Evidence, Finding, Request, Training
from clearsight.verbs import trained
from clearsight.verbs.gather import gather
from clearsight.verbs.progress import stage


def evaluate(
    run: Run | str | Path,
    data: str | Path,
    *,
    split: str | None = None,
    attributes: Path | str | None = None,
    target: str | None = None,
    skip_bad: bool = False,
    quiet: bool = True,
) -> Evidence:
    """Evaluate a run on data and keep the evidence in its folder as ``<data>-<split>``.

    ``split`` is "test" where the data has it, else "val", else all pictures. The thresholds settled in training are
    used as they are, so on new data nothing is chosen with a look at the answers.

    Raises:
        ValueError: bad data, classes the model does not know, a run without weights.
    """
    run = trained.opened(run)
    if run.config.settings.get("table"):
        from clearsight.verbs.tabular import evaluate_table  # which needs this file

        return evaluate_table(run, data, attributes=attributes, skip_bad=skip_bad)
    source = read_for(run, data, attributes, skip_bad, target)
    return judged(run, source, split or judged_split(source), quiet)


def metrics(evidence: Evidence, seed: int = 0) -> tuple[Finding, ...]:
    """Every metric of the evidence with its interval."""
    return scores(Request(evidence=evidence, seed=seed))


def read_for(
    run: Run, data: str | Path, attributes: Path | str | None, skip_bad: bool, target: str | None = None
) -> Source:
    """Data for a trained model: its own are split as they were then; of others nothing is set aside for training."""
    config = run.config
    own = same_place(data, config.data)
    if own and attributes is None:
        attributes = config.settings["attributes"]
    return gather(
        str(data),
        int(config.settings["training"]["size_px"]),
        attributes=attributes,
        skip_bad=skip_bad or (own and config.settings["skip_bad"]),
        held_out=float(config.settings["training"].get("held_out", Training().held_out)) if own else 0.0,
        class_names=config.class_names or None,
        wanted=(trained.task_of(config).truth_type,),
        target=target or config.settings.get("target"),
    ).source


def check_attributes(by: Sequence[str], splits: Mapping[str, Dataset]) -> None:
    """Fail before hours of work, not after them, when an audit will ask for an attribute that is not there."""
    known = sorted({name for dataset in splits.values() for one in records_of(dataset) for name in one.groups})
    for name in by:
        if name not in known:
            have = f"It has: {', '.join(known)}." if known else "It has none: give a table with --attributes."
            raise ValueError(f"the data has no attribute {name!r}, which --by asks for. {have}")


def judged_split(source: Source) -> str:
    """The split to judge on: the first of "test", "val" and "train" that the data has, else the first it has."""
    return next((name for name in ("test", "val", "train") if name in source.splits), next(iter(source.splits)))


def same_place(one: str | Path, other: str | Path) -> bool:
    """Whether two words name one folder: with or without its format, from here or from the root."""
    if str(one) == str(other):
        return True
    folders = [Path(text if Path(text).exists() else text.partition(":")[2] or text) for text in (str(one), str(other))]
    return all(folder.is_dir() for folder in folders) and folders[0].resolve() == folders[1].resolve()


def judged(run: Run, source: Source, split: str, quiet: bool) -> Evidence:
    """The evidence of a run on one split, kept in the run folder."""
    config = run.config
    dataset = source.split(split)
    with stage("judging", quiet) as watch:
        found = evaluation.evaluate(
            trained.predictor(run),
            trained.task_of(config),
            dataset,
            about={"model": config.model, "run": run.name},
            watch=watch,
            **trained.deployed(config),
        )
    run.write_evidence(evidence_name(dataset.name, dataset.split), found)
    return found


def evidence_name(data: str, split: str) -> str:
    """A file name for the evidence of some data, whatever the data is called."""
    words = ["".join(c if c.isalnum() and c.isascii() else "-" for c in text).strip("-") for text in (data, split)]
    return f"{words[0][:60] or 'data'}-{words[1][:60] or 'split'}"
