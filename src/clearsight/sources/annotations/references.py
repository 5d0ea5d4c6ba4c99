"""Safe parsing of what annotation files refer to: file names that must stay inside a folder, numbers, text, lists."""

import math
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath

from clearsight.sources.problems import DataError, shown
from clearsight.sources.samples import pictures

BYTE_LIMIT = 64 * 1024**2
LARGEST = 1e30
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)

OUTSIDE = "file name that leaves the folder"


def inner(name: str) -> PurePosixPath | None:
    """The relative path an annotation names, or None where it is absolute, climbs with "..", or is no file name."""
    windows = PureWindowsPath(name)
    path = PurePosixPath(name.replace("\\", "/"))
    odd = not path.parts or not name.isprintable() or len(name) > 1000
    if odd or path.is_absolute() or windows.is_absolute() or windows.drive or ".." in path.parts:
        return None
    return path


def number(value: object) -> float:
    """A finite number from JSON or from text; raises ValueError for anything else, NaN and infinity included."""
    if isinstance(value, str):
        result = float(value) if NUMBER.fullmatch(value.strip()) else math.nan
    elif isinstance(value, int | float) and not isinstance(value, bool):
        result = float(value) if abs(value) < LARGEST else math.inf
    else:
        raise ValueError("nothing" if value is None else f"a {type(value).__name__}")
    if not abs(result) < LARGEST:
        raise ValueError(shown(value, 40))
    return result


def text(path: Path) -> str:
    """The text of a UTF-8 file, with or without a byte-order mark; raises ValueError where it cannot be read as one."""
    try:
        if not path.is_file():
            raise ValueError("no regular file")
        if path.stat().st_size > BYTE_LIMIT:
            raise ValueError(f"longer than {BYTE_LIMIT // 1024**2} MB")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise ValueError(error.strerror or "unreadable") from error


def pictures_in(folder: Path, deep: bool = False) -> list[Path]:
    """The picture files of a folder (and its sub-folders), sorted by path; hidden files are not pictures."""
    found = folder.rglob("*") if deep else folder.iterdir()
    return sorted(path for path in found if path.suffix.lower() in pictures.SUFFIXES and not path.name.startswith("."))


def class_names(names: Iterable[object], where: str) -> tuple[str, ...]:
    """Class names as declared: strings, none empty, none twice; raises DataError otherwise."""
    words = []
    for name in names:
        if not isinstance(name, str | int | float) or not str(name).strip():
            raise DataError(f"{shown(where)} declares a class without a name. Expected one word or more for each.")
        words.append(str(name).strip())
    double = sorted({word for word in words if words.count(word) > 1})
    if double:
        raise DataError(
            f"{shown(where)} declares {', '.join(map(shown, double[:10]))} more than once. "
            "Expected every class name once. Rename or merge them."
        )
    if not words:
        raise DataError(f"{shown(where)} declares no classes. Expected at least one.")
    return tuple(words)
