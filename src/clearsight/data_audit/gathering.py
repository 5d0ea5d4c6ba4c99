"""The rows of an audit from pictures as they were read, from a table of labels, or from a table with a target."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import nan

import numpy as np
import polars
from jaxtyping import Int

from clearsight.data_audit.conditions import conditions_of, quarters
from clearsight.data_audit.rows import VALUES_AT_MOST, AuditedRows, Coded, Labelled, coded, is_of_capture
from clearsight.sources import DataError, Record, Source
from clearsight.sources.annotations.picture_tables import picture_column
from clearsight.sources.checks.capture import captures
from clearsight.sources.checks.describe_labels import LabelsDescription, cluster_words, state_codes, words_of
from clearsight.sources.problems import shown
from clearsight.sources.tables.table import Table
from clearsight.suggestions import did_you_mean
from clearsight.types import UNKNOWN, Boxes, Label, Labels, State, Value

PRESENCE = ("absent", "present")
CLASSES_AT_MOST = 100
MEASURED_AT_MOST = 20_000


def of_pictures(source: Source, splits: Mapping[str, Sequence[Record]], by: Sequence[str]) -> AuditedRows:
    """All records of all splits of the source; no file is opened.

    Raises DataError for an attribute in ``by`` that the pictures do not have.
    """
    records = [record for mine in splits.values() for record in mine]
    split = np.repeat(list(splits), [len(mine) for mine in splits.values()])
    names = sorted({name for record in records for name in record.groups})
    columns = {name: coded([record.groups.get(name, UNKNOWN) for record in records]) for name in names}
    attributes, conditions = _parted(columns, by, source.name)
    notes: list[str] = []
    labels, states, kind = _labels(records, source, notes)
    judged = next((one for one in ("test", "val") if one in splits), "")
    return AuditedRows(
        name=source.name, unit="pictures", rows=len(records), attributes=attributes, conditions=conditions,
        labels=labels, kind=kind, states=states,
        cluster=_clusters(polars.Series([record.cluster for record in records], dtype=polars.String)),
        judged=split == judged if judged else np.ones(len(records), dtype=bool),
        judged_on=f"the {judged} pictures" if judged else "all pictures", notes=tuple(notes),
    )  # fmt: skip


def with_captures(
    rows: AuditedRows,
    splits: Mapping[str, Sequence[Record]],
    seed: int = 0,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> AuditedRows:
    """The rows with how their pictures were taken, for which each is opened; 20,000 of more, drawn by ``seed``."""
    records = [record for mine in splits.values() for record in mine]
    notes: list[str] = []
    measured = _measured(records, seed, notes, watch)
    return replace(rows, conditions={**rows.conditions, **measured}, notes=(*rows.notes, *notes))


def _parted(columns: Mapping[str, Coded], by: Sequence[str], name: str) -> tuple[dict[str, Coded], dict[str, Coded]]:
    """The columns to compare groups by, those asked for or all; and those that say how pictures were taken."""
    for asked in by:
        if asked not in columns:
            has = f"It has: {', '.join(shown(one, 40) for one in list(columns)[:20]) or 'none'}."
            hint = did_you_mean(asked, columns, has, cutoff=0.4, show=shown)
            raise DataError(
                f"{shown(name)} has no attribute {shown(asked)!r} to compare groups by. Expected a column of few "
                f"values or of numbers. {hint}"
            )
    conditions = {one: column for one, column in columns.items() if is_of_capture(one) and one not in by}
    wanted = by or [one for one, column in columns.items() if one not in conditions and _is_grouping(column)]
    return {one: columns[one] for one in wanted}, conditions


def _is_grouping(column: Coded) -> bool:
    return 2 <= len(column.values) <= VALUES_AT_MOST


def _measured(
    records: Sequence[Record], seed: int, notes: list[str], watch: Callable[[int, int], None]
) -> dict[str, Coded]:
    drawn = np.arange(len(records))
    if len(records) > MEASURED_AT_MOST:
        drawn = np.sort(np.random.default_rng(seed).choice(drawn, MEASURED_AT_MOST, replace=False))
        notes.append(
            f"how pictures were taken was measured on {MEASURED_AT_MOST:,} of {len(records):,}, drawn at random"
        )
    found = conditions_of(captures([records[place] for place in drawn.tolist()], watch))
    whole = {}
    for name, column in found.items():
        code = np.full(len(records), -1, dtype=np.int64)
        code[drawn] = column.code
        whole[name] = Coded(values=column.values, code=code)
    return whole


def _labels(
    records: Sequence[Record], source: Source, notes: list[str]
) -> tuple[dict[str, Coded], dict[str, dict[str, int]], Labelled]:
    """The labels of pictures, the states of several, and what they are."""
    if source.truth is Label:
        code = np.array([one.truth.index if isinstance(one.truth, Label) else -1 for one in records], dtype=np.int64)
        return {"class": Coded(values=source.class_names, code=code)}, {}, "one class"
    if source.truth is Value:
        values = [one.truth.value if isinstance(one.truth, Value) else float("nan") for one in records]
        return {"value": quarters(np.array(values))}, {}, "numbers"
    names = source.class_names[:CLASSES_AT_MOST]
    if len(names) < len(source.class_names):
        notes.append(f"only the first {CLASSES_AT_MOST} of {len(source.class_names)} classes were audited")
    if source.truth is Labels:
        unread = np.full(len(source.class_names), State.UNREAD, dtype=np.int8)
        states = [one.truth.states.numpy() if isinstance(one.truth, Labels) else unread for one in records]
        return *_of_states(names, np.stack(states)), "several labels"
    if issubclass(source.truth, Boxes):
        held = np.zeros((len(records), len(source.class_names)), dtype=np.int8)
        for row, record in enumerate(records):
            boxes = record.boxes()
            if boxes is not None:
                held[row, boxes.labels.numpy()] = State.PRESENT
        return _of_states(names, held)[0], {}, "objects"
    return {}, {}, "nothing"


def _of_states(
    names: Sequence[str], states: Int[np.ndarray, "rows classes"]
) -> tuple[dict[str, Coded], dict[str, dict[str, int]]]:
    """Each label as absent and present, unknown elsewhere; and how often it has each state."""
    codes = np.full(max(State) + 1, -1, dtype=np.int64)
    codes[State.ABSENT], codes[State.PRESENT] = 0, 1
    words = {State.PRESENT: "present", State.ABSENT: "absent", State.UNCERTAIN: "uncertain", State.UNREAD: "blank"}
    labels, counted = {}, {}
    for place, name in enumerate(names):
        labels[name] = Coded(values=PRESENCE, code=codes[states[:, place]])
        counts = np.bincount(states[:, place], minlength=len(State))
        counted[name] = {word: int(counts[state]) for state, word in words.items()}
    return labels, counted


def _clusters(words: polars.Series) -> Int[np.ndarray, "rows"] | None:
    """One integer per row, a new one where the word is ""; None where no two rows belong together."""
    code = words.rank("dense").to_numpy().astype(np.int64)
    alone = (words == "").to_numpy()
    code[alone] = code.max(initial=0) + 1 + np.arange(int(alone.sum()))
    return code if len(np.unique(code)) < len(code) else None


def of_labels(frame: polars.DataFrame, described: LabelsDescription, by: Sequence[str]) -> AuditedRows:
    """The rows of a table of labels whose pictures are not there, its columns as they were described."""
    labels: dict[str, Coded] = {}
    states: dict[str, dict[str, int]] = {}
    kind: Labelled = "one class" if described.classes else "numbers" if described.numbers else "several labels"
    if described.labels:
        codes = np.stack([state_codes(words_of(frame[name])).to_numpy() for name in described.labels], axis=1)
        labels, states = _of_states(list(described.labels), codes.astype(np.int8))
    for name in described.classes:
        labels = {name: coded(frame[name])}
    for name in described.numbers:
        labels = {name: quarters(words_of(frame[name]).cast(polars.Float64, strict=False).fill_null(nan).to_numpy())}
    used = {*described.labels, *described.classes, *described.numbers, described.clusters_by, picture_column(frame)}
    cluster = None
    if described.clusters_by:
        words = {described.clusters_by: words_of(frame[described.clusters_by])}
        column, _ = cluster_words(words, described.clusters_by)
        cluster = None if column is None else _clusters(column)
    return _of_frame(frame, described.name, used, by, (labels, states, kind), cluster, {})


def of_table(table: Table, by: Sequence[str]) -> AuditedRows:
    """The rows of a table with a target: its classes, or its numbers."""
    kind: Labelled = "one class" if table.class_names else "numbers"
    truth = (
        Coded(values=table.class_names, code=table.truth.astype(np.int64))
        if table.class_names
        else quarters(table.truth.astype(np.float64))
    )
    cluster = table.clusters if "cluster" in table.frame.columns else None
    used: set[str | None] = {table.target, "id", "cluster", "split"}
    return _of_frame(table.frame, table.name, used, by, ({table.target: truth}, {}, kind), cluster, table.groups)


def _of_frame(
    frame: polars.DataFrame,
    name: str,
    used: set[str | None],
    by: Sequence[str],
    labelled: tuple[dict[str, Coded], dict[str, dict[str, int]], Labelled],
    cluster: Int[np.ndarray, "rows"] | None,
    beside: Mapping[str, np.ndarray],
) -> AuditedRows:
    columns = {one: coded(frame[one]) for one in frame.columns if one not in used and _codable(frame[one], one in by)}
    columns |= {one: coded(polars.Series(words)) for one, words in beside.items() if one not in columns}
    attributes, conditions = _parted(columns, by, name)
    part, judged = "", np.ones(frame.height, dtype=bool)
    if "split" in frame.columns:
        words = frame["split"].cast(polars.String).fill_null("").str.strip_chars().str.to_lowercase()
        part = next((one for one in ("test", "val") if (words == one).any()), "")
        judged = (words == part).to_numpy() if part else judged
    labels, states, kind = labelled
    return AuditedRows(
        name=name, unit="rows", rows=frame.height, attributes=attributes, conditions=conditions, labels=labels,
        kind=kind, states=states, cluster=cluster, judged=judged,
        judged_on=f"the {part} rows" if part else "all rows",
    )  # fmt: skip


def _codable(column: polars.Series, asked: bool) -> bool:
    """Whether a column may be an attribute: plain cells, of few values unless it was asked for and holds numbers."""
    if column.dtype.is_nested() or column.dtype == polars.Binary:
        return False
    return asked or column.n_unique() <= VALUES_AT_MOST + 1
