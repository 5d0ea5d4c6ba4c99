"""What a table of labels says where its pictures are not at hand: how often each label is present, absent, unsure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars

from clearsight.sources.annotations.image_answers import STATES, target_of
from clearsight.sources.annotations.picture_tables import (
    CLUSTER,
    GROUPS_AT_MOST,
    LOOKED_AT,
    any_picture_lies,
    picture_column,
)
from clearsight.sources.problems import DataError, shown
from clearsight.sources.samples import fingerprint
from clearsight.sources.tables.columns import NO_NUMBER
from clearsight.sources.tables.compressed import kind_of
from clearsight.sources.tables.files import read_frame
from clearsight.types import UNKNOWN, State

CLASSES_AT_MOST = 200
COUNTED = {State.PRESENT: "present", State.ABSENT: "absent", State.UNCERTAIN: "uncertain", State.UNREAD: "blank"}
# A folder or file name with a number, such as patient00012: rows that share it belong together.
IN_PATHS = r"(?i)((?:patient|subject|person|video|scene|sequence|slide)[_-]?[0-9]+)"


@dataclass(frozen=True, kw_only=True)
class LabelsDescription:
    """A table of labels in numbers, its pictures not looked at.

    ``labels`` counts the rows in which each label is present, absent, uncertain or blank; of a column of classes or
    numbers instead, ``classes`` counts each class ("" where blank) and ``numbers`` has the least, median, mean, most.
    ``clusters`` is how many patients, videos or the like the rows are of, ``clusters_by`` where that was read from.
    ``pictures`` says in a sentence why no picture was looked at; ``audit`` is a ``data_audit.DataAudit``, if any.
    """

    name: str
    rows: int
    labels: Mapping[str, Mapping[str, int]]
    classes: Mapping[str, Mapping[str, int]]
    numbers: Mapping[str, Mapping[str, float]]
    groups: Mapping[str, Mapping[str, int]]
    clusters: int
    clusters_by: str
    pictures: str
    fingerprint: str
    problems: tuple[str, ...]
    audit: Any = None

    def as_dict(self) -> dict[str, Any]:
        """The same as nested dicts and lists, for JSON."""
        return asdict(self)


def labels_alone(place: str | Path, target: str | None) -> polars.DataFrame | None:
    """The table, where it is one of labels whose pictures are not there; None where it is anything else.

    That is a file that names pictures of which none is found (of a thousand looked for), or one that names none, where
    ``target`` is several columns, split by commas, or one that holds -1 for uncertain beside 1, 0 and blanks. Raises
    DataError where it cannot be read.
    """
    path = Path(place)
    if not kind_of(path) or not path.is_file():
        return None
    if kind_of(path) == ".parquet" and any(
        kind == polars.Binary or isinstance(kind, polars.Struct) for kind in polars.read_parquet_schema(path).values()
    ):
        return None
    frame, _ = read_frame(path)
    named = picture_column(frame)
    if named is None:
        return frame if target is not None and _are_labels(frame, target) else None
    every = max(1, frame.height // LOOKED_AT)
    return None if any_picture_lies(frame[named].gather_every(every), path.parent) else frame


def describe_labels(
    frame: polars.DataFrame, place: str | Path, target: str | None, by: Sequence[str] = ()
) -> LabelsDescription:
    """Describe a table of labels without its pictures.

    Without a ``target`` every column that holds nothing but 1, 0, -1 and blanks is a label, else the column that a
    picture's class is usually called; ``by`` are columns that are put into bins elsewhere where they have many values.
    Raises DataError where a label is neither, naming the rows.
    """
    path, named = Path(place), picture_column(frame)
    words = {name: words_of(frame[name]) for name in frame.columns}
    names = _targets(frame, words, target, named)
    labels, classes, numbers = {}, {}, {}
    for name in names:
        if _is_states(words[name]):
            labels[name] = _states(words[name])
        elif len(names) > 1:
            raise DataError(_no_state(path, name, words[name]))
        elif (found := _numbers(words[name])) is not None:
            numbers[name] = found
        else:
            classes[name] = _counts(words[name], path, name)
    clusters, by = _clusters(words, named)
    others = {name: column for name, column in words.items() if name not in (*names, named, by)}
    more = [name for name, column in others.items() if _is_states(column) and (column == "-1").any()]
    groups, notes = _groups({name: column for name, column in others.items() if name not in more}, by)
    if more:
        said = ", ".join(shown(name, 40) for name in more[:20])
        notes += (f"{len(more)} more columns of labels, for --target: {said}",)
    return LabelsDescription(
        name=path.name,
        rows=frame.height,
        labels=labels,
        classes=classes,
        numbers=numbers,
        groups=groups,
        clusters=clusters,
        clusters_by=by,
        pictures=_without_pictures(frame, named, path),
        fingerprint=fingerprint.of_bytes(frame.write_csv().encode()),
        problems=notes,
    )


def _are_labels(frame: polars.DataFrame, target: str) -> bool:
    if target not in frame.columns:
        return "," in target
    words = words_of(frame[target])
    return _is_states(words) and bool((words == "-1").any())


def words_of(series: polars.Series) -> polars.Series:
    """The cells as words without blanks around them; "" where there is nothing, whole numbers without a point."""
    words = series.cast(polars.String, strict=False).fill_null("").str.strip_chars()
    return words.str.replace(r"^(-?[0-9]+)\.0+$", "${1}").replace(["NaN", "nan"], "")


def _targets(
    frame: polars.DataFrame, words: Mapping[str, polars.Series], target: str | None, named: str | None
) -> tuple[str, ...]:
    if target is not None:
        return target_of(frame, target, named or "")
    others = [name for name in frame.columns if name != named and not CLUSTER.fullmatch(name.lower())]
    found = tuple(name for name in others if _is_states(words[name]) and words[name].is_in(["1", "0", "-1"]).any())
    return found or target_of(frame, None, named or "")


def _is_states(words: polars.Series) -> bool:
    return bool(words.str.to_lowercase().is_in(list(STATES)).all())


def _states(words: polars.Series) -> dict[str, int]:
    found = dict.fromkeys(COUNTED.values(), 0)
    for word, count in words.str.to_lowercase().value_counts().iter_rows():
        found[COUNTED[STATES[word]]] += count
    return found


def _no_state(path: Path, name: str, words: polars.Series) -> str:
    wrong = ~words.str.to_lowercase().is_in(list(STATES))
    rows = ", ".join(f"row {row + 1}: {shown(words[row], 40)!r}" for row in wrong.arg_true()[:10].to_list())
    return (
        f"the column {shown(name)} of {shown(path)} is no label in {wrong.sum()} rows ({rows}). "
        "Expected 1 (present), 0 (absent), -1 (uncertain) or nothing. Correct them, or name others with --target."
    )


def _numbers(words: polars.Series) -> dict[str, float] | None:
    """Least, median, mean and most of a column of numbers that are no classes; None where it is none."""
    known = words.filter(~words.str.to_lowercase().is_in(list(NO_NUMBER)))
    values = known.cast(polars.Float64, strict=False)
    if values.null_count() or known.n_unique() <= GROUPS_AT_MOST:
        return None
    parts = (values.min(), values.median(), values.mean(), values.max())
    return {
        name: float(part)  # type: ignore[arg-type]
        for name, part in zip(("least", "median", "mean", "most"), parts, strict=True)
    }


def _counts(words: polars.Series, path: Path, name: str) -> dict[str, int]:
    if words.n_unique() > CLASSES_AT_MOST:
        raise DataError(
            f"the column {shown(name)} of {shown(path)} has {words.n_unique()} different words, too many to be classes."
            f" Expected {CLASSES_AT_MOST} at most. Choose another column with --target."
        )
    return dict(words.value_counts(sort=True).iter_rows())


def cluster_words(words: Mapping[str, polars.Series], named: str | None) -> tuple[polars.Series | None, str]:
    """What tells which rows belong together ("" where a row is alone), and its column; None where nothing does."""
    for name, column in words.items():
        if CLUSTER.fullmatch(name.lower()):
            return column, name
    if named is not None:
        within = words[named].str.extract(IN_PATHS)
        if within.null_count() == 0 and len(within):
            return within, named
    return None, ""


def state_codes(words: polars.Series) -> polars.Series:
    """The ``State`` of each cell of a column of labels."""
    return words.str.to_lowercase().replace_strict({word: int(state) for word, state in STATES.items()})


def _clusters(words: Mapping[str, polars.Series], named: str | None) -> tuple[int, str]:
    """How many clusters the rows are of, and the column that tells; every row is alone where none does."""
    column, name = cluster_words(words, named)
    if column is None:
        return len(next(iter(words.values()))), ""
    return column.filter(column != "").n_unique() + int((column == "").sum()), name


def _groups(words: Mapping[str, polars.Series], by: Sequence[str]) -> tuple[dict[str, dict[str, int]], tuple[str, ...]]:
    """How many rows each group has, by attribute, and a note of the columns that have too many values."""
    groups: dict[str, dict[str, int]] = {}
    many = []
    for name, column in words.items():
        count = column.n_unique()
        if 2 <= count <= GROUPS_AT_MOST:
            groups[name] = {word or UNKNOWN: rows for word, rows in column.value_counts(sort=True).iter_rows()}
        elif count > GROUPS_AT_MOST and name not in by:
            many.append(f"{shown(name, 40)} ({count} values)")
    return groups, ((f"columns with too many values to be groups: {', '.join(many[:10])}",) if many else ())


def _without_pictures(frame: polars.DataFrame, named: str | None, path: Path) -> str:
    if named is None:
        return "No picture was looked at: the table names none."
    first: Sequence[str] = [cell for cell in frame[named].head(LOOKED_AT).to_list() if cell]
    return (
        f"No picture was looked at: none that the column {shown(named)} names is there "
        f"(such as {shown(first[0], 80) if first else 'none'}, looked for from {shown(path.parent)})."
    )
