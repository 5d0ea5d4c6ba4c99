"""Label maps that are no data set: mask files for a model whose classes are known already.

What their values mean stands in the nearest class list: in their folder, in the one above, or in the one above that, as
in a data set. Without any, values count in the model's own classes, and the value after the last is unlabelled.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from clearsight.sources.annotations import mask_classes
from clearsight.sources.annotations.class_maps import labels_of
from clearsight.sources.annotations.mask_classes import MaskClasses
from clearsight.sources.problems import DataError, listed, shown
from clearsight.sources.samples import pictures
from clearsight.types import IGNORE


def label_maps(files: Sequence[Path], class_names: Sequence[str]) -> list[UInt8[np.ndarray, "h w"]]:
    """The class of every pixel of each file, by its place in ``class_names``; 255 where it is of none.

    Raises DataError, with all that is wrong, where a file is no mask, or shows a class that is not among these.
    """
    found, wrong = [], []
    for folder in dict.fromkeys(file.parent for file in files):
        mine = [file for file in files if file.parent == folder]
        maps, problems = _read(mine, _classes(folder, tuple(class_names)))
        found += list(zip(mine, maps, strict=True))
        wrong += problems
    if wrong:
        known = ", ".join(f"{number} {name}" for number, name in enumerate(class_names[:20]))
        raise DataError(
            f"{len(wrong)} of {len(files)} files are no label maps for this model:\n{listed(wrong)}\n"
            f"Expected pictures of one channel whose values are class numbers ({known}; 255 for none), or masks beside "
            "the class list of their data."
        )
    by_file = dict(found)
    return [by_file[file] for file in files]


def _read(files: Sequence[Path], classes: MaskClasses) -> tuple[list[UInt8[np.ndarray, "h w"]], list[str]]:
    """The maps of one folder, and a line for each file that is none."""
    maps, unknown, wrong = [], [], []
    for file in files:
        try:
            labels, strange = labels_of(pictures.content(file), classes)
        except pictures.PictureError as error:
            wrong.append(f"{shown(file)}: {error}")
            labels, strange = np.zeros((1, 1), dtype=np.uint8), {}
        maps.append(labels)
        unknown.append(strange)
    values = Counter[str]()
    for strange in unknown:
        values.update(strange)
    if classes.counted and list(values) == [str(len(classes.values))]:
        return maps, wrong  # the value after the last: unlabelled, and 255 already
    for file, strange in zip(files, unknown, strict=True):
        if strange:
            told = "; ".join(f"{value} ({count} px)" for value, count in list(strange.items())[:8])
            wrong.append(f"{shown(file)}: values that {classes.where} does not name: {told}")
    return maps, wrong


def _classes(folder: Path, class_names: tuple[str, ...]) -> MaskClasses:
    """What the values of a folder's masks mean, with class ids that count in ``class_names``."""
    for near in (folder, *list(folder.absolute().parents)[:2]):
        if mask_classes.config_of(near) or any((near / name).is_file() for name in mask_classes.TABLES):
            return _aligned(mask_classes.classes_of(near), near, class_names)
    values = {number: number for number in range(len(class_names))}
    return MaskClasses(where="the model", names=class_names, values=values, counted=True)


def _aligned(classes: MaskClasses, folder: Path, class_names: tuple[str, ...]) -> MaskClasses:
    unknown = [name for name in classes.names if name not in class_names]
    if unknown:
        raise DataError(
            f"{classes.where} in {shown(folder)} names classes that the model does not know: "
            f"{', '.join(map(shown, unknown[:10]))}. Expected only: {', '.join(map(shown, class_names[:20]))}."
        )
    place = {number: class_names.index(name) for number, name in enumerate(classes.names)} | {IGNORE: IGNORE}
    return replace(
        classes,
        names=class_names,
        values={value: place[label] for value, label in classes.values.items()},
        colours={colour: place[label] for colour, label in classes.colours.items()},
    )
