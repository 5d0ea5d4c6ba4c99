"""What is in some data, before anyone trains on it: whom a model may fail, and which labels a trained run doubts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from clearsight import sources
from clearsight.console.progress import stage
from clearsight.data_audit import gathering
from clearsight.data_audit.audit import DataAudit, audit_of
from clearsight.data_audit.leaks import leaks
from clearsight.data_audit.page import write_page
from clearsight.data_audit.representation import declared_mix
from clearsight.data_audit.rows import AuditedRows
from clearsight.evaluation.judging import check_for_a_table
from clearsight.label_checks import page as doubts
from clearsight.label_checks.problems import likely_problems
from clearsight.loading import trained
from clearsight.run import Run
from clearsight.sources import Description, Source, records_of
from clearsight.sources.checks.describe_labels import LabelsDescription, describe_labels, labels_alone
from clearsight.sources.checks.describe_table import TableDescription, describe_table
from clearsight.sources.checks.near_duplicates import NearPair, near_duplicates
from clearsight.sources.samples.clustering import AUTO
from clearsight.sources.tables.table import looks_like_table, read_table
from clearsight.types import Finding

SIZE_PX = 416


def data(
    place: str | Path,
    *,
    by: Sequence[str] = (),
    reference: Path | str | None = None,
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
    likely missing, of a wrong class or badly placed.
    The field ``audit`` tells what always giving one answer scores. With ``by`` (attributes; ages and other numbers in
    bins), ``reference`` ("uniform", or a table of the mix to be expected) or ``out`` it also tells who is in the data,
    by attribute and by up to three together, which groups are too small to judge, and what goes together: groups and
    labels, and both with how pictures were taken. Without ``by`` all attributes of few values are taken.
    ``out`` is a new folder for the page ``data.html`` and, with ``run``, for pictures of doubtful labels.
    ``cluster`` is "auto" (infer which pictures belong together where nobody says so), "none" or the attribute that says
    it; with ``resplit`` the pictures are split again, by whole clusters.
    Of a table: its columns, what they miss, and how well each predicts the column ``target`` alone. Of a table of
    labels whose pictures are not there: how often each label is present, absent, uncertain or blank.

    Raises:
        ValueError: no such data, an unknown layout, an attribute that is not there, a reference or run that does not
            fit, an ``out`` that is not new, or (without ``skip_bad``) bad files, all listed in one message.
    """
    folder = _checked(out, size_px)
    asked = _Asked(by=tuple(by), reference=reference, folder=folder, seed=seed, quiet=quiet)
    frame = labels_alone(place, target) if run is None and attributes is None else None
    if frame is not None:
        labels = describe_labels(frame, place, target, asked.by)
        return replace(labels, audit=_audited(gathering.of_labels(frame, labels, asked.by), asked))
    if looks_like_table(place):
        check_for_a_table(cluster)
        table = read_table(place, target, attributes=attributes, skip_bad=skip_bad)
        return replace(describe_table(table), audit=_audited(gathering.of_table(table, asked.by), asked))
    beside = Path(attributes) if attributes is not None else None
    source = sources.read(
        str(place),
        attributes=beside,
        target=target,
        skip_bad=skip_bad,
        seed=seed,
        cluster=cluster,
        resplit=resplit,
        by=by,
    )
    if run is None:
        return _described(source, size_px or SIZE_PX, asked)
    run = trained.opened(run)
    found = _described(source, size_px or int(run.config.settings["training"]["size_px"]), asked)
    problems = likely_problems(run, source, quiet)
    written = ""
    if folder is not None:
        with stage("drawing likely problems", quiet):
            written = str(doubts.write_page(folder, source, problems, run.config.class_names))
    return replace(found, likely_problems=problems, problems_page=written)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What was asked of the audit, and where its page goes."""

    by: tuple[str, ...]
    reference: Path | str | None
    folder: Path | None
    seed: int
    quiet: bool

    @property
    def of_groups(self) -> bool:
        """Whether groups and capture conditions are asked about at all."""
        return bool(self.by) or self.reference is not None or self.folder is not None


def _described(source: Source, size_px: int, asked: _Asked) -> Description:
    records = {split: records_of(dataset) for split, dataset in source.splits.items()}
    rows = gathering.of_pictures(source, records, asked.by)
    declared_mix(rows, asked.reference)  # whose faults are told before anything that takes long
    pairs: tuple[NearPair, ...] = ()
    if len(records) > 1:
        with stage("looking for pictures that are nearly the same", asked.quiet) as watch:
            pairs = near_duplicates(records, watch=watch)
    found = replace(sources.describe(source, size_px), near_duplicates=pairs)
    if asked.of_groups:
        with stage("measuring how pictures were taken", asked.quiet) as watch:
            rows = gathering.with_captures(rows, records, asked.seed, watch)
    return replace(found, audit=_audited(rows, asked, leaks(found)))


def _audited(rows: AuditedRows, asked: _Asked, leaking: Sequence[Finding] = ()) -> DataAudit:
    """The audit of the rows, its page written where a folder was given."""
    if not asked.of_groups:
        return audit_of(replace(rows, attributes={}, conditions={}))
    found = audit_of(rows, asked.reference)
    return found if asked.folder is None else write_page(asked.folder, found, leaking)


def _checked(out: Path | str | None, size_px: int | None) -> Path | None:
    """The folder to write into; raises ValueError before any work where the choices do not fit together."""
    if size_px is not None and size_px < 1:
        raise ValueError(f"size_px is {size_px}. Expected the longer side of the pictures a network sees, such as 416.")
    if out is None:
        return None
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is there already and not empty. Choose a new folder with --out.")
    return folder
