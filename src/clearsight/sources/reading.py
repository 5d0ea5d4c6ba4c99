"""The one way in: a path, or the name of an embedded set, to a checked ``Source``."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from clearsight import catalogue
from clearsight.sources.annotations.layout import FileFormat, Format, Request
from clearsight.sources.problems import DataError, shown
from clearsight.sources.samples.clustering import AUTO
from clearsight.sources.samples.pictures import SUFFIXES
from clearsight.sources.samples.records import PictureDataset, Source
from clearsight.sources.tables.compressed import kind_of
from clearsight.suggestions import did_you_mean
from clearsight.types import UNKNOWN, Dataset, Label, Picture

SHOWN_FOLDERS = 10
CLASS = "class"  # the attribute that one class per picture becomes where only the pictures are of use


def read(
    data: str | Path,
    *,
    attributes: Path | None = None,
    skip_bad: bool = False,
    seed: int = 0,
    held_out: float = 0.2,
    wanted: tuple[type, ...] = (),
    target: str | None = None,
    cluster: str = AUTO,
    resplit: bool = False,
    by: Sequence[str] = (),
) -> Source:
    """Read data: a folder whose layout is recognised, ``voc:folder`` to force a format, or ``digits``, embedded.

    A table may be a file. A folder that bears the name of an embedded set is meant by ``./digits``. ``attributes``
    names the sidecar table; without it the ``attributes.csv`` (``.csv.gz``, ``.parquet``) in the folder is taken.
    Where the layout gives no validation split, a share ``held_out`` of the training pictures becomes one, by ``seed``;
    0 leaves all in "train". ``wanted`` are the kinds of truth of use (any where empty), ``target`` the truth's column.
    ``Picture`` takes data of every kind, and pictures without any truth: the samples keep what truths they have, and
    one class per picture is their attribute ``class``, unless they have one of that name.

    ``cluster`` says which pictures belong together where nobody did: "auto" infers it, "none" takes every picture
    alone, else it names the attribute that says it. ``resplit`` divides the pictures anew by whole clusters. ``by``
    names attributes that are needed: one of more than 20 numbers, such as ages, is put into bins with round limits.

    Raises DataError, a ValueError, with everything that is wrong with the data; with ``skip_bad`` bad pictures and
    boxes are left out instead and stand in ``Source.problems``.
    """
    if not 0 <= held_out <= 0.9:
        raise DataError(f"held_out is {held_out}. Expected a share from 0 to 0.9 of the pictures, such as 0.2.")
    formats = {part.name: cast(Format, part.load()) for part in catalogue.parts("sources.formats")}
    format, path = _chosen(data, formats)
    request = Request(
        folder=None, attributes=None if attributes is None else Path(attributes), skip_bad=skip_bad, seed=seed,
        held_out=held_out, wanted=wanted, target=target, cluster=cluster, resplit=resplit,
        by=tuple(by),
    )  # fmt: skip
    if format is not None and path is None:
        source = format.read(request)
    else:
        assert path is not None
        source = _read_place(path, format, formats, request)
    return _as_pictures(source) if Picture in wanted and source.truth not in wanted else source


def _as_pictures(source: Source) -> Source:
    """The data where only the pictures are of use; what else is known of them stays at hand."""
    return replace(
        source, truth=Picture, splits={name: _grouped_by_class(dataset) for name, dataset in source.splits.items()}
    )


def _grouped_by_class(dataset: Dataset) -> Dataset:
    """The data set with the one class of each picture as an attribute. Nothing new is said, so the fingerprint stays.

    Data sets that are no files have no such truths.
    """
    if not isinstance(dataset, PictureDataset) or any(CLASS in record.groups for record in dataset.records):
        return dataset
    if not any(isinstance(record.truth, Label) for record in dataset.records):
        return dataset
    names = [
        dataset.class_names[record.truth.index] if isinstance(record.truth, Label) else UNKNOWN
        for record in dataset.records
    ]
    records = tuple(
        replace(record, groups={**record.groups, CLASS: name})
        for record, name in zip(dataset.records, names, strict=True)
    )
    return replace(dataset, records=records)


def _read_place(path: Path, format: Format | None, formats: dict[str, Format], request: Request) -> Source:
    """The data at a path, in the format that was named or is recognised."""
    try:
        folder = _found(path, formats)
        format = format or _recognised(folder, _useful(formats, request.wanted))
        return format.read(replace(request, folder=folder))
    except OSError as error:
        raise DataError(
            f"{shown(error.filename or path)} cannot be read: {error.strerror}. "
            "Expected a folder of readable files. Check its permissions and its disk."
        ) from error


def _chosen(data: str | Path, formats: dict[str, Format]) -> tuple[Format | None, Path | None]:
    """The format that was named, if any, and the path, if it has one."""
    if isinstance(data, Path):
        return None, data
    if data in formats and formats[data].embedded:
        return formats[data], None
    prefix, colon, rest = data.partition(":")
    # One letter is a drive.
    if not colon or len(prefix) < 2 or "/" in prefix or (prefix not in formats and Path(data).exists()):
        return None, Path(data)
    format = cast(Format, catalogue.find("sources.formats", prefix).load())
    if format.embedded:
        raise DataError(f"{prefix} is embedded and takes no path. Write {prefix} alone, or name the folder's format.")
    return format, Path(rest)


def _found(path: Path, formats: dict[str, Format]) -> Path:
    """The path made absolute; raises DataError with the nearest names where there is nothing."""
    if path.exists():
        return path.resolve() if ".." in path.parts else path.absolute()
    siblings = [str(path.parent / entry.name) for entry in _entries(path.parent)]
    embedded = [name for name, format in formats.items() if format.embedded]
    hint = did_you_mean(str(path), [*siblings, *embedded], "Check the path.", cutoff=0.6, show=shown)
    raise DataError(
        f"there is nothing at {shown(path)}. Expected a folder of pictures and annotations, or an embedded set: "
        f"{', '.join(embedded)}. {hint}"
    )


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _useful(formats: dict[str, Format], wanted: tuple[type, ...]) -> dict[str, Format]:
    """The formats that can give what is wanted; all where anything will do, and for pictures, which all can give."""
    if not wanted or Picture in wanted:
        return formats
    return {name: format for name, format in formats.items() if set(wanted) & set(format.offers)}


def _recognised(folder: Path, formats: dict[str, Format]) -> Format:
    found = {name: format for name, format in formats.items() if not format.embedded and _fits(format, folder)}
    annotated = {name: format for name, format in found.items() if format.offers != (Picture,)}
    found = annotated or found
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise DataError(
            f"{shown(folder.name)} is laid out in several ways: {', '.join(found)}. Expected one. "
            f"Name the one you mean: {next(iter(found))}:{shown(folder)}."
        )
    if not folder.is_dir():
        raise DataError(
            f"{shown(folder)} is a file. Expected a folder of pictures and annotations, or a table (.csv, .csv.gz, "
            ".csv.zst, .tsv or .parquet) with a column of pictures. "
            f"Name its folder: {shown(folder.parent)}."
        )
    with_folders = {name: format for name, format in formats.items() if not format.embedded}
    raise DataError(
        f"no annotations found in {shown(folder)}.\n"
        f"Looked for: {', '.join(format.looked_for for format in with_folders.values())}.\n"
        f"Found: {_summary(folder)}. {_advice(folder)}"
    )


def _advice(folder: Path) -> str:
    """What to do about a folder that is laid out in none of the ways: by what lies in it."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    if not files:
        return "Put pictures and annotations into it, or name another folder."
    tables = [path for path in files if kind_of(path)]
    if len(tables) == len(files):
        return f"A table is named as a file: {shown(tables[0])}."
    if not any(path.suffix.lower() in SUFFIXES for path in files):
        return "Expected pictures beside the annotations. Name the folder that holds both."
    return f"Put the annotations in one of these layouts, or name the format, such as coco:{shown(folder)}."


def _fits(format: Format, path: Path) -> bool:
    if path.is_dir():
        return format.recognises(path)
    return isinstance(format, FileFormat) and format.recognises_file(path)


def _summary(folder: Path) -> str:
    entries = _entries(folder)
    kinds = Counter(path.suffix.lower() or "unnamed" for path in entries if not path.is_dir())
    folders = [f"{shown(path.name, 60)}/" for path in entries if path.is_dir()]
    files = ", ".join(f"{count} {shown(kind, 20)} files" for kind, count in kinds.most_common(5)) or "no files"
    if not folders:
        return f"{files} and no folders"
    more = f" and {len(folders) - SHOWN_FOLDERS} more" if len(folders) > SHOWN_FOLDERS else ""
    return f"{files} and the folders {', '.join(folders[:SHOWN_FOLDERS])}{more}"
