"""The declaration of a YOLO data set: class names, and the folders of pictures and labels of each split."""

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from clearsight.sources.annotations import references
from clearsight.sources.problems import DataError, Problems, shown
from clearsight.sources.samples.records import SPLIT_WORDS

PREFERRED = ("data.yaml", "data.yml", "config.yaml", "dataset.yaml")


@dataclass(frozen=True, kw_only=True)
class Place:
    """The pictures of one split: their folder, that of their labels, and the files where a list names them."""

    split: str | None
    pictures: Path
    labels: Path
    listed: tuple[Path, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Config:
    """Class names, the class id each number in a label file stands for, and the places of pictures."""

    where: str
    class_names: tuple[str, ...]
    ids: dict[float, int]
    places: tuple[Place, ...]


def find_config(folder: Path) -> Path | None:
    """The file that declares the classes: data.yaml, another YAML file with names, or classes.txt."""
    others = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".yaml", ".yml"))
    for path in [*(folder / name for name in PREFERRED), *others]:
        if path.is_file() and b"names" in path.read_bytes()[: references.BYTE_LIMIT]:
            return path
    texts = [folder / "classes.txt", folder / "labels" / "classes.txt"]
    return next((path for path in texts if path.is_file()), None)


def configured(folder: Path, problems: Problems) -> Config:
    """The declaration of a data set; raises DataError where there is none or it cannot be followed."""
    path = find_config(folder)
    if path is None:
        raise DataError(
            f"{shown(folder)} does not say what its classes are called. "
            "Looked for: data.yaml or another .yaml with names, classes.txt. Add one of them."
        )
    where = path.name
    try:
        text = references.text(path)
    except ValueError as error:
        raise DataError(f"{where} cannot be read: {error}.") from error
    if path.suffix == ".txt":
        names = {float(i): line for i, line in enumerate(filter(str.strip, text.splitlines()))}
        content: dict[str, Any] = {}
    else:
        content = _parsed(text, where)
        names = _names(content, where)
    places = _declared(content, folder, where, problems) or _conventional(folder)
    if not places:
        raise DataError(
            f"{where} leads to no folder of pictures. Looked for: the folders it declares as train, val and test; "
            "images/ or images/<split>; <split>/images. Correct its paths or put the pictures there."
        )
    return Config(
        where=where,
        class_names=references.class_names((names[id] for id in sorted(names)), where),
        ids={id: index for index, id in enumerate(sorted(names))},
        places=tuple(places),
    )


def _parsed(text: str, where: str) -> dict[str, Any]:
    try:
        # Every scalar stays a string: with the usual types a class named "no" would become False.
        content = yaml.load(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(f"{where} is not valid YAML: {shown(error)}. Repair that line.") from error
    if not isinstance(content, dict):
        raise DataError(f"{where} declares nothing. Expected names: and the folders train:, val:, test:.")
    return content


def _names(content: dict[str, Any], where: str) -> dict[float, Any]:
    names = content.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict):
        raise DataError(f"the names of {where} are neither a list nor numbered. Expected names: [cat, dog].")
    try:
        numbered = {references.number(id): name for id, name in names.items()}
    except ValueError as error:
        raise DataError(f"a class number of {where} is no number: {error}. Expected 0: cat, 1: dog.") from error
    if len(numbered) < len(names) or any(id < 0 or id % 1 for id in numbered):
        raise DataError(f"the class numbers of {where} are not whole numbers from 0, each once. Correct them.")
    count = content.get("nc")
    if isinstance(count, str) and count.strip() != str(len(names)):
        raise DataError(f"{where} says nc: {shown(count, 20)} but names {len(names)} classes. Make them agree.")
    return numbered


def _declared(content: dict[str, Any], folder: Path, where: str, problems: Problems) -> list[Place]:
    """The places the file declares. A folder declared for two splits is read once, so that no training picture is in
    a test split.
    """
    base = content.get("path")
    places: list[Place] = []
    for word, split in SPLIT_WORDS.items():
        value = content.get(word)
        for entry in value if isinstance(value, list) else [value]:
            if entry is None or entry == "":
                continue
            if not isinstance(entry, str):
                raise DataError(f"{word}: of {where} is no path. Expected a folder or a list of folders.")
            place = _place(entry, base if isinstance(base, str) else "", folder, split)
            if place is None:
                problems.note(f"{where} declares {word}: {shown(entry)}, which does not exist")
            elif any(_overlap(place, other) for other in places):
                problems.note(
                    f"{where} declares {word}: {shown(entry)}, pictures of another split; they were read once"
                )
            else:
                places.append(place)
    return places


def _overlap(one: Place, other: Place) -> bool:
    return one.listed is None and other.listed is None and one.pictures.resolve() == other.pictures.resolve()


def _place(entry: str, base: str, folder: Path, split: str) -> Place | None:
    """The place of one declared folder or list, tried from ``path:``, from the data folder, and from beside it."""
    steps = PurePosixPath(os.path.normpath(entry.replace("\\", "/")))
    inside = PurePosixPath(*(part for part in steps.parts if part != ".."))
    bases = [folder] if os.path.isabs(base) else [Path(os.path.normpath(folder / base)), folder]
    # Exports often say ../train/images for train/images: inside the folder comes first.
    within = [*(base / inside for base in bases), folder.parent / inside] if inside.parts or not steps.parts else []
    candidates = [*within[:-1], *(base / steps for base in bases), *within[-1:]]
    for candidate in candidates if not steps.is_absolute() else []:
        found = Path(os.path.normpath(candidate))
        if not found.exists():
            continue
        if not found.is_relative_to(folder.parent):
            continue
        if found.is_dir():
            labels = _labels(folder / inside, folder)
            return Place(split=split, pictures=found, labels=labels if labels.is_dir() else _labels(found, folder))
        return _listing(found, folder, split)
    if steps.is_absolute() or Path(os.path.normpath(folder / base / steps)).exists():
        raise DataError(
            f"the declared folder {shown(entry)} lies outside the data. "
            f"Expected a folder in or beside {shown(folder)}, as a relative path. Move it there or link to it."
        )
    return None


def _labels(pictures: Path, folder: Path) -> Path:
    """The folder of labels: the last step named images becomes labels; without one, the labels lie beside."""
    parts = list(pictures.parts)
    for index in range(len(parts) - 1, -1, -1):
        if parts[index] == "images":
            return Path(*parts[:index], "labels", *parts[index + 1 :])
    split = folder / "labels" / pictures.name
    return split if split.is_dir() else pictures


def _listing(path: Path, folder: Path, split: str) -> Place:
    """A text file that lists pictures, one path a line, relative to the data folder."""
    try:
        lines = [line.strip() for line in references.text(path).splitlines() if line.strip()]
    except ValueError as error:
        raise DataError(f"{path.name} cannot be read as a list of pictures: {error}.") from error
    refused = [line for line in lines if references.inner(line) is None]
    if refused:
        raise DataError(
            f"{path.name} lists {shown(refused[0])} ({len(refused)} such lines), which may lie outside the data. "
            "Expected relative paths without '..'."
        )
    listed = tuple(folder / PurePosixPath(line.replace("\\", "/")) for line in lines)
    images = folder / "images"
    if all(picture.is_relative_to(images) for picture in listed):
        return Place(split=split, pictures=images, labels=folder / "labels", listed=listed)
    return Place(split=split, pictures=folder, labels=folder, listed=listed)


def _conventional(folder: Path) -> list[Place]:
    """images/<split>, or <split>/images, or images/ alone."""
    places = []
    for word, split in SPLIT_WORDS.items():
        for pictures in (folder / "images" / word, folder / word / "images"):
            if pictures.is_dir():
                places.append(Place(split=split, pictures=pictures, labels=_labels(pictures, folder)))
    if not places and (folder / "images").is_dir():
        places.append(Place(split=None, pictures=folder / "images", labels=folder / "labels"))
    return places
