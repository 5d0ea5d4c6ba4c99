"""Corrected class folders: a picture of another class moves into its folder, one that is dropped goes."""

from pathlib import Path

from clearsight.corrections import cells
from clearsight.corrections.copies import Copy
from clearsight.sources.annotations import attributes
from clearsight.sources.formats.class_folders import roots_of
from clearsight.sources.samples.pictures import SUFFIXES


def write(copy: Copy) -> None:
    """Move the pictures; the table of attributes, where there is one, follows them."""
    renamed: dict[str, str | None] = {}
    roots = [root for root, _ in roots_of(copy.place)]
    for id, changes in copy.changes.items():
        file, after = copy.picture(id), changes[-1].after
        if after is None:
            file.unlink()
            renamed[id] = None
        else:
            root = next(root for root in roots if file.is_relative_to(root))
            place = _free(root / after.name, file)
            place.parent.mkdir(parents=True, exist_ok=True)
            file.rename(place)
            renamed[id] = place.relative_to(root).with_suffix("").as_posix()
        _without_empty(file.parent, copy.place)
    table = attributes.beside(copy.place)
    if table is not None:
        _follow(table, copy, renamed)


def _free(folder: Path, file: Path) -> Path:
    """The file's name in the folder, with a number where that name, or a picture of that stem, is there."""
    taken = {path.stem for path in folder.iterdir() if path.suffix.lower() in SUFFIXES} if folder.is_dir() else set()
    if file.stem not in taken and not (folder / file.name).exists():
        return folder / file.name
    number = 2
    while f"{file.stem}-{number}" in taken:
        number += 1
    return folder / f"{file.stem}-{number}{file.suffix}"


def _without_empty(folder: Path, place: Path) -> None:
    """Remove folders that hold nothing any more: a class without pictures is a fault of this format."""
    while folder != place and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _follow(table: Path, copy: Copy, renamed: dict[str, str | None]) -> None:
    """The table of attributes with the ids that the pictures have now."""
    column = cells.column(table, "id")
    by_name = {key: id for id in renamed for key in (copy.picture(id).name, copy.picture(id).stem, _last(id), id)}
    new: dict[int, object] = {}
    dropped = set()
    for row, cell in enumerate(column):
        id = by_name.get(str(cell or "").strip())
        if id is None:
            continue
        if renamed[id] is None:
            dropped.add(row)
        else:
            new[row] = renamed[id]
    cells.rewrite(table, {"id": new}, dropped)


def _last(id: str) -> str:
    return id.rpartition("/")[2]
