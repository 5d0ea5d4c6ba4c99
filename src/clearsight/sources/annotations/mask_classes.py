"""The classes of a data set's mask values or colours: a list of names, a table of colours, or a declaration in YAML.

A class named void, unlabelled or ignore is no class: its pixels are ignored, and so are those of value 255.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from clearsight.sources.annotations import references
from clearsight.sources.problems import DataError, shown
from clearsight.types import IGNORE

TABLES = (
    *("classes.csv", "colours.csv", "colors.csv", "class_dict.csv", "label_colors.txt", "label_colours.txt"),
    *("labelmap.txt", "classes.txt", "labels.txt"),
)
CONFIGS = ("config.yaml", "config.yml", "data.yaml", "dataset.yaml")
NO_CLASS = frozenset({"void", "unlabelled", "unlabeled", "ignore", "ignored"})
NUMBERS = r"(\d+)[\s,;]+(\d+)[\s,;]+(\d+)"
NAME_FIRST = re.compile(rf"(?P<name>.*?)[\s,;:]+{NUMBERS}[\s,;:]*", re.ASCII)
NAME_LAST = re.compile(rf"{NUMBERS}[\s,;:]+(?P<name>.+?)\s*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class MaskClasses:
    """Class names, and the class id (255 for none) of each value, and of each colour as ``r * 65536 + g * 256 + b``.

    ``counted``: the values are indices in a plain list of names, so that the value after the last may mean
    "unlabelled".
    """

    where: str
    names: tuple[str, ...]
    values: dict[int, int]
    colours: dict[int, int] = field(default_factory=dict)
    counted: bool = False

    def without(self, value: int) -> "MaskClasses":
        """The same with one more value that is no class."""
        return replace(self, values={**self.values, value: IGNORE})


def config_of(folder: Path) -> Path | None:
    """The YAML file that declares folders of masks, if there is one."""
    for path in (folder / name for name in CONFIGS):
        if path.is_file() and b"masks" in path.read_bytes()[: references.BYTE_LIMIT]:
            return path
    return None


def parsed(path: Path) -> dict[str, Any]:
    """The declaration; raises DataError where it is none."""
    try:
        # Every scalar stays a string.
        content = yaml.load(references.text(path), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(f"{path.name} is not valid YAML: {shown(error)}. Repair that line.") from error
    if not isinstance(content, dict):
        raise DataError(f"{path.name} declares nothing. Expected classes: and train: with images: and masks:.")
    return content


def classes_of(folder: Path) -> MaskClasses:
    """The declared classes; raises DataError where there is no list, or it cannot be followed."""
    config = config_of(folder)
    if config:
        content = parsed(config)
        listed = content.get("classes", content.get("names"))
        if listed:
            return _numbered(listed, content.get("ignore", ()), config.name)
    path = next((folder / name for name in TABLES if (folder / name).is_file()), None)
    if path is None:
        raise DataError(
            f"{shown(folder.name)} does not say what the values of its masks mean. Looked for: classes.txt (one name a "
            "line, the first for value 0), classes.csv or class_dict.csv (name,r,g,b), config.yaml (classes: with "
            "numbers). Add one of them."
        )
    try:
        lines = [line.strip() for line in references.text(path).splitlines()]
    except ValueError as error:
        raise DataError(f"{path.name} cannot be read: {error}.") from error
    return _listed([line for line in lines if line and not line.startswith("#")], path.name)


def _listed(lines: list[str], where: str) -> MaskClasses:
    """A table of colours where every line but a header has three numbers, else a plain list of names."""
    rows = [NAME_LAST.fullmatch(line) or NAME_FIRST.fullmatch(line) for line in lines]
    if not any(rows):
        return replace(_made(enumerate(lines), where), counted=True)
    # The first line may be a header.
    odd = [line for line, row in zip(lines[1:], rows[1:], strict=True) if row is None]
    if odd:
        raise DataError(
            f"{where} holds the line {shown(odd[0])!r}. Expected a name and three numbers: road,128,64,128."
        )
    # The numbers are the three groups beside the name, whichever way round the line is.
    table = [(row["name"].strip().strip('"'), _three(row)) for row in rows if row]
    return _coloured(table, where)


def _three(row: re.Match[str]) -> tuple[int, ...]:
    words = [word for group, word in enumerate(row.groups(), start=1) if group != row.re.groupindex["name"]]
    return tuple(int(word) for word in words)


def _coloured(table: list[tuple[str, tuple[int, ...]]], where: str) -> MaskClasses:
    large = [name for name, colour in table if max(colour) > 255]
    if large:
        raise DataError(
            f"the colour of {shown(large[0])} in {where} is beyond 255. Expected red, green and blue, 0-255."
        )
    packed = [(red << 16) | (green << 8) | blue for _, (red, green, blue) in table]
    double = [name for (name, _), colour in zip(table, packed, strict=True) if packed.count(colour) > 1]
    if double:
        raise DataError(
            f"{where} gives one colour to {' and '.join(map(shown, double[:3]))}. "
            "Expected every colour once. Merge the classes or correct their colours."
        )
    made = _made(enumerate(name for name, _ in table), where)
    return replace(made, colours={colour: made.values[index] for index, colour in enumerate(packed)})


def _numbered(listed: object, ignore: object, where: str) -> MaskClasses:
    """A list of names, or a mapping of value to name; ``ignore`` names values or classes that are ignored."""
    pairs = enumerate(listed) if isinstance(listed, list) else listed.items() if isinstance(listed, dict) else ()
    try:
        named = [(references.number(value), name) for value, name in pairs]
    except ValueError as error:
        raise DataError(f"a class number of {where} is no number: {error}. Expected 0: sky, 1: road.") from error
    if any(value % 1 or not 0 <= value <= 65535 for value, _ in named):
        raise DataError(f"the class numbers of {where} are not whole numbers from 0. Expected the values of the masks.")
    words = {str(word) for word in (ignore if isinstance(ignore, list | tuple) else [ignore])}
    unknown = words - {str(int(value)) for value, _ in named} - {str(name) for _, name in named}
    made = _made(((int(value), name) for value, name in named), where, words)
    return replace(made, values=made.values | {int(word): IGNORE for word in unknown if word.isdigit()})


def _made(
    named: Iterable[tuple[int, object]], where: str, ignored: frozenset[str] | set[str] = frozenset()
) -> MaskClasses:
    pairs = list(named)
    dropped = {value for value, name in pairs if _is_none(value, name, ignored)}
    kept = [(value, name) for value, name in pairs if value not in dropped]
    names = references.class_names((name for _, name in kept), where)
    if len(names) >= IGNORE:
        raise DataError(f"{where} names {len(names)} classes. Expected at most {IGNORE - 1}. Merge some of them.")
    values = {value: index for index, (value, _) in enumerate(kept)} | dict.fromkeys(dropped, IGNORE)
    return MaskClasses(where=where, names=names, values=values)


def _is_none(value: int, name: object, ignored: frozenset[str] | set[str]) -> bool:
    return str(name).strip().lower() in NO_CLASS or str(name) in ignored or str(value) in ignored
