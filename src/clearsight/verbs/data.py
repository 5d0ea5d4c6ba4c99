"""What is in some data, before anyone trains on it, and which labels a trained run doubts."""

from dataclasses import replace
from pathlib import Path

from clearsight import sources
from clearsight.console.progress import stage
from clearsight.evaluation.judging import check_for_a_table
from clearsight.label_checks import page
from clearsight.label_checks.problems import likely_problems
from clearsight.loading import trained
from clearsight.run import Run
from clearsight.sources import Description, Source, records_of
from clearsight.sources.checks.describe_labels import LabelsDescription, describe_labels, labels_alone
from clearsight.sources.checks.describe_table import TableDescription, describe_table
from clearsight.sources.checks.near_duplicates import NearPair, near_duplicates
from clearsight.sources.samples.clustering import AUTO
from clearsight.sources.tables.table import looks_like_table, read_table

SIZE_PX = 416


def data(
    place: str | Path,
    *,
    attributes: Path | str | None = None,
    target: str | None = None,
    cluster: str = AUTO,
    resplit: bool = False,
    run: Run | str | Path | None = None,
    out: Path | str | None = None,
    size_px: int | None = None,
    skip_bad: bool = False,
    seed: int = 0,
    quiet: bool = True,
) -> Description | TableDescription | LabelsDescription:
    """Counts, sizes, classes, imbalance, groups and problems of the data in a folder or an embedded set.

    Pictures that are nearly the same in two splits are looked for, classes with too few examples, and objects too small
    at an input of ``size_px`` px (416, or that of ``run``). With a ``run`` that finds objects, also boxes that are
    likely missing, of a wrong class or badly placed; ``out`` is a new folder for their pictures, ``problems.html``.
    ``cluster`` is "auto" (infer which pictures belong together where nobody says so), "none" or the attribute that says
    it; with ``resplit`` the pictures are split again, by whole clusters.
    Of a table: its columns, what they miss, and how well each predicts the column ``target`` alone. Of a table of
    labels whose pictures are not there: how often each label is present, absent, uncertain or blank.

    Raises:
        ValueError: no such data, an unknown layout, a run that does not fit, an ``out`` that is not new or without a
            run, or (without ``skip_bad``) bad files, all listed in one message.
    """
    folder = _checked(out, run, size_px)
    frame = labels_alone(place, target) if run is None and attributes is None else None
    if frame is not None:
        return describe_labels(frame, place, target)
    if looks_like_table(place):
        check_for_a_table(cluster)
        return describe_table(read_table(place, target, attributes=attributes, skip_bad=skip_bad))
    table = Path(attributes) if attributes is not None else None
    source = sources.read(
        str(place), attributes=table, target=target, skip_bad=skip_bad, seed=seed, cluster=cluster, resplit=resplit
    )
    if run is None:
        return _described(source, size_px or SIZE_PX, quiet)
    run = trained.opened(run)
    found = _described(source, size_px or int(run.config.settings["training"]["size_px"]), quiet)
    problems = likely_problems(run, source, quiet)
    written = ""
    if folder is not None:
        with stage("drawing likely problems", quiet):
            written = str(page.write_page(folder, source, problems, run.config.class_names))
    return replace(found, likely_problems=problems, problems_page=written)


def _described(source: Source, size_px: int, quiet: bool) -> Description:
    records = {split: records_of(dataset) for split, dataset in source.splits.items()}
    pairs: tuple[NearPair, ...] = ()
    if len(records) > 1:
        with stage("looking for pictures that are nearly the same", quiet) as watch:
            pairs = near_duplicates(records, watch=watch)
    return replace(sources.describe(source, size_px), near_duplicates=pairs)


def _checked(out: Path | str | None, run: Run | str | Path | None, size_px: int | None) -> Path | None:
    """The folder to write into; raises ValueError before any work where the choices do not fit together."""
    if size_px is not None and size_px < 1:
        raise ValueError(f"size_px is {size_px}. Expected the longer side of the pictures a network sees, such as 416.")
    if out is None:
        return None
    if run is None:
        raise ValueError("--out is for the pictures of likely problems, which a run finds. Name it with --run RUN.")
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is there already and not empty. Choose a new folder with --out.")
    return folder
