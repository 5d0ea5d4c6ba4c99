"""Tables that name pictures: which column holds them, where a named file lies, which columns name clusters."""

import re
from collections.abc import Iterable
from pathlib import Path

import polars

from clearsight.sources.annotations import references
from clearsight.sources.tables.files import PICTURE_ENDINGS

GROUPS_AT_MOST = 20
CLUSTER = re.compile(r"(patient|subject|person|identity|video|scene|sequence|slide|cluster)s?([ _-]?(id|name|number))?")
LOOKED_AT = 1000


def picture_column(frame: polars.DataFrame) -> str | None:
    """The first column of picture bytes, else the one whose cells mostly name picture files; None without any."""
    for name, kind in frame.schema.items():
        bytes_within = isinstance(kind, polars.Struct) and {"bytes", "path"} & {field.name for field in kind.fields}
        if kind == polars.Binary or bytes_within:
            return name
    for name, kind in frame.schema.items():
        if kind == polars.String:
            cells = frame[name].drop_nulls().head(LOOKED_AT).str.to_lowercase()
            if len(cells) and sum(cell.endswith(PICTURE_ENDINGS) for cell in cells) * 2 >= len(cells):
                return name
    return None


def picture_file(name: str, folder: Path) -> Path | None:
    """The picture a cell names: beside the table, in images/ there, or (as CheXpert has it) from the folder above."""
    inner = references.inner(name.strip())
    if inner is None:
        return None
    places = [folder / inner, folder / "images" / inner]
    if inner.parts[0] == folder.name:
        places.append(folder.parent / inner)
    return next((place for place in places if place.is_file()), places[0])


def any_picture_lies(cells: Iterable[str | None], folder: Path) -> bool:
    """Whether at least one of the pictures that cells name is there."""
    return any((place := picture_file(cell, folder)) is not None and place.is_file() for cell in cells if cell)
