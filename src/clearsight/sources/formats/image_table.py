"""Table with a picture per row, as bytes (Hugging Face image Parquet) or as a file name; CSV or Parquet.

One file, or a folder of files named after splits (``train-00000-of-00004.parquet``). The truth is the column named as
target, else one named label, class, category, target or y. Other columns of few words become groups, columns named
patient, subject, video, scene or cluster clusters, and a column split splits.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars

from clearsight.sources.annotations.assembling import assemble
from clearsight.sources.annotations.image_answers import Answers, answers_of, target_of
from clearsight.sources.annotations.layout import Draft, Layout, Request, split_of
from clearsight.sources.annotations.picture_tables import CLUSTER, GROUPS_AT_MOST, picture_column, picture_file
from clearsight.sources.problems import DataError, Problems, shown
from clearsight.sources.samples.pictures import EmbeddedPicture
from clearsight.sources.samples.records import SPLIT_WORDS, Source
from clearsight.sources.tables.compressed import kind_of, stem_of
from clearsight.sources.tables.files import looks_like_table, read_frame
from clearsight.types import UNKNOWN, Label, Labels, Picture, Value

# Tables about the pictures of another layout.
BESIDE = ("attributes", "instances", "classes")
# The column that holds each row's split; no column of a user's table is so called.
ORIGIN = "\0split"


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows of all tables of a data set below each other, and the drafts, without groups, of those of use.

    ``picture`` is the column of the pictures; each draft comes with its row, counted from 0.
    """

    tables: list[Path]
    frame: polars.DataFrame
    picture: str
    answers: Answers
    drafts: list[tuple[int, Draft]]


@dataclass(frozen=True)
class ImageTable:
    """The format as ``clearsight.sources.annotations.layout.Format``."""

    embedded: bool = False
    offers: tuple[type, ...] = (Label, Labels, Value)
    looked_for: str = "a CSV or Parquet table with a column of pictures or of their paths"

    def recognises(self, folder: Path) -> bool:
        """Whether the folder holds any such table."""
        return any(not looks_like_table(path) for path in tables_in(folder))

    def recognises_file(self, path: Path) -> bool:
        """Whether the file is such a table."""
        return self.recognises(path)

    def read(self, request: Request) -> Source:
        """The data; raises DataError with all that is wrong with them."""
        problems = Problems()
        assert request.folder is not None
        layout, kind = self.layout(request.folder, request, problems)
        return assemble(layout, problems, request, "image-table", truth=kind)

    def layout(self, path: Path, request: Request, problems: Problems) -> tuple[Layout, type]:
        """All rows with a picture and a truth, and the kind of their truths."""
        found = rows_of(path, request, problems)
        frame, answers = found.frame, found.answers
        used = {found.picture, ORIGIN, *answers.columns}
        groups, cluster, ungrouped = _about_rows(frame, used, request.by, problems)
        rows = list(zip(*groups.values(), strict=True)) if groups else [()] * frame.height
        complete = [
            Draft(**{**draft.__dict__, "groups": dict(zip(groups, rows[row], strict=True)), "cluster": cluster[row]})
            for row, draft in found.drafts
        ]
        name = path.name if path.is_dir() else path.parent.name if split_of(stem_of(path)) else stem_of(path)
        layout = Layout(drafts=complete, class_names=answers.class_names, name=name, ungrouped=ungrouped)
        return layout, answers.kind


IMAGE_TABLE = ImageTable()


def rows_of(path: Path, request: Request, problems: Problems) -> Rows:
    """The rows of a data set with their pictures and truths; raises DataError where no column holds pictures."""
    tables = [table for table in tables_in(path) if not looks_like_table(table)]
    if not tables:
        raise DataError(
            f"{shown(path)} has no column of pictures. Expected one that holds picture files or their paths, such "
            "as image or path. Add it, or name the folder of the pictures instead."
        )
    frame = _joined(tables)
    picture = _picture_column(frame, path)
    answers = _answers(frame, picture, request, problems, _names_of(tables[0]))
    drafts = list(_drafts(frame, picture, answers, path, _places(tables, frame), problems))
    return Rows(tables=tables, frame=frame, picture=picture, answers=answers, drafts=drafts)


def tables_in(path: Path) -> list[Path]:
    """The tables of a data set: the one that was named, or those of a folder."""
    if path.is_file():
        return [path] if kind_of(path) else []
    for folder in (path, path / "data"):
        found = [one for one in _inside(folder) if kind_of(one) and stem_of(one) not in BESIDE]
        if found:
            return found
    return []


def _inside(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.is_file()) if folder.is_dir() else []


def _joined(tables: Sequence[Path]) -> polars.DataFrame:
    """All rows of all tables, with the split of each."""
    frames = []
    for table in tables:
        frame, _ = read_frame(table)
        words = polars.Series(ORIGIN, [split_of(stem_of(table))] * frame.height, dtype=polars.String)
        if "split" in frame.columns and frame["split"].dtype == polars.String:
            own = frame["split"].str.strip_chars().str.to_lowercase()
            if own.is_in(list(SPLIT_WORDS)).all():
                words = own.replace_strict(SPLIT_WORDS).alias(ORIGIN)
                frame = frame.drop("split")
        frames.append(frame.with_columns(words))
    columns = frames[0].columns
    for table, frame in zip(tables, frames, strict=True):
        if frame.columns != columns or frame.schema != frames[0].schema:
            raise DataError(
                f"{shown(table.name)} has other columns than {shown(tables[0].name)}. Expected the same in all "
                "tables of a folder. Name the one table you mean, or remove the other."
            )
    return polars.concat(frames)


def _answers(
    frame: polars.DataFrame, picture: str, request: Request, problems: Problems, names: dict[str, list[str]]
) -> Answers:
    """The truths of all rows, which must be there and fit; or what there is of them where pictures are enough."""
    if Picture not in request.wanted:
        return answers_of(frame, target_of(frame, request.target, picture), request, problems, names)
    unused = Problems()  # a picture without a truth is a picture
    try:
        target = target_of(frame, request.target, picture)
        found = answers_of(frame, target, replace(request, wanted=()), unused, names)
    except DataError as error:
        if request.target is not None:
            raise
        problems.note(f"the table names no truths, and none are needed: {str(error).splitlines()[0]}")
        return Answers(columns=(), kind=Picture, class_names=(), truths=[None] * frame.height, needed=False)
    return replace(found, needed=False)


def _picture_column(frame: polars.DataFrame, path: Path) -> str:
    found = picture_column(frame)
    if found is None:
        raise DataError(
            f"{shown(path)} has no column of pictures. Expected one that holds picture files or their paths. It has: "
            f"{', '.join(shown(name) for name in frame.columns if name != ORIGIN)}."
        )
    return found


def _places(tables: Sequence[Path], frame: polars.DataFrame) -> list[str]:
    """What each row is called in messages: "train.csv row 12", counting from 1 below the header."""
    if len(tables) == 1:
        return [f"{tables[0].name} row {row}" for row in range(1, frame.height + 1)]
    return [f"row {row} of {len(tables)} tables" for row in range(1, frame.height + 1)]


def _drafts(
    frame: polars.DataFrame, picture: str, answers: Answers, path: Path, where: list[str], problems: Problems
) -> Iterator[tuple[int, Draft]]:
    """The rows that have a picture and a truth, as drafts without groups, each with its number from 0."""
    within = path.parent if path.is_file() else path
    digits, splits = len(str(frame.height)), frame[ORIGIN].to_list()
    for row, (found, name) in enumerate(_pictures(frame[picture])):
        truth = answers.truths[row]
        if truth is None and answers.needed:
            continue
        file: EmbeddedPicture | Path | None = None
        if found is not None:
            id = f"{row + 1:0{digits}d}"
            file = EmbeddedPicture(data=found, name=where[row])
        elif name:
            file, id = picture_file(name, within), str(Path(name.strip()).with_suffix("").as_posix())
        if file is None:
            problems.add("row without a picture", where[row], name or "empty")
            continue
        yield row, Draft(id=id, picture=file, within=_root(within), split=splits[row], truth=truth, where=where[row])


def _pictures(column: polars.Series) -> Iterator[tuple[bytes | None, str | None]]:
    """The bytes of each picture, else the path of its file."""
    if isinstance(column.dtype, polars.Struct):
        fields = {field.name for field in column.dtype.fields}
        nothing = [None] * len(column)
        data = column.struct.field("bytes").to_list() if "bytes" in fields else nothing
        names = column.struct.field("path").to_list() if "path" in fields else nothing
        return zip(data, names, strict=True)
    if column.dtype == polars.Binary:
        return ((cell, None) for cell in column.to_list())
    return ((None, cell) for cell in column.to_list())


def _root(folder: Path) -> Path:
    return folder.parent


def _about_rows(
    frame: polars.DataFrame, used: set[str], asked: Sequence[str], problems: Problems
) -> tuple[dict[str, list[str]], list[str], dict[str, int]]:
    """The groups of each row by attribute, and the cluster it belongs to ("" where it stands alone).

    Last the columns with too many values to be attributes, and how many. A column that was asked for is an attribute
    whatever it holds.
    """
    groups: dict[str, list[str]] = {}
    cluster = [""] * frame.height
    left_out = {}
    for name in (column for column in frame.columns if column not in used):
        series = frame[name]
        if series.dtype.is_nested() or series.dtype == polars.Binary:
            continue
        words = [word.strip() for word in series.cast(polars.String).fill_null("").to_list()]
        if CLUSTER.fullmatch(name.lower()):
            cluster = words
        elif name in asked or 2 <= len(set(words)) <= GROUPS_AT_MOST:
            groups[name] = [word or UNKNOWN for word in words]
        elif len(set(words)) > GROUPS_AT_MOST:
            left_out[name] = len(set(words))
    if left_out:
        named = [f"{shown(name)} ({count} values)" for name, count in list(left_out.items())[:10]]
        problems.note(f"columns with too many values to be groups: {', '.join(named)}")
    return groups, cluster, left_out


def _names_of(table: Path) -> dict[str, list[str]]:
    """The class names that Hugging Face writes into the metadata of a Parquet file, by column."""
    if kind_of(table) != ".parquet":
        return {}
    try:
        said = json.loads(polars.read_parquet_metadata(table).get("huggingface", "{}"))
        features = said.get("info", {}).get("features", {})
        return {
            column: [str(name) for name in about["names"]]
            for column, about in features.items()
            if isinstance(about, dict) and isinstance(about.get("names"), list)
        }
    except (ValueError, AttributeError):
        # Metadata are optional; the table is complete without them.
        return {}
