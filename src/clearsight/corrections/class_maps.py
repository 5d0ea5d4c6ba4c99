"""Corrected masks: the pixels of a class that was dropped become those that nobody judges."""

import io

import numpy as np
from PIL import Image

from clearsight.corrections.changes import Change
from clearsight.corrections.copies import Copy
from clearsight.files import durable
from clearsight.sources.annotations.class_maps import MaskPicture, labels_of, opened
from clearsight.sources.annotations.mask_classes import MaskClasses
from clearsight.sources.problems import DataError, shown
from clearsight.types import IGNORE


def write(copy: Copy) -> None:
    """Change the mask of each picture."""
    for id, changes in copy.changes.items():
        mask = copy.records[id].truth
        assert isinstance(mask, MaskPicture)
        path = copy.copied(mask.path)
        durable.write_bytes(path, _dropped(path.read_bytes(), changes, mask.classes))


def _dropped(data: bytes, changes: list[Change], classes: MaskClasses) -> bytes:
    """The file of a mask without the classes that are dropped, in its own format and colours."""
    labels, _ = labels_of(data, classes)
    names = {change.before.name for change in changes if change.before is not None}
    gone = np.isin(labels, [classes.names.index(name) for name in names])
    image = opened(data)
    if image.mode in ("RGB", "RGBA"):
        channels = np.array(image)
        channels[gone, :3] = _void(classes)
        changed = Image.fromarray(channels)
    else:
        values = np.array(image.convert("L") if image.mode == "1" else image)
        if image.mode == "1":
            values = values // 255
        values[gone] = IGNORE
        changed = Image.fromarray(values)
        if image.mode == "P":
            # A whole palette: with fewer colours a PNG has too few bits for 255.
            colours = list(image.getpalette() or [])
            changed.putpalette(colours + [0] * (768 - len(colours)))
    file = io.BytesIO()
    changed.save(file, image.format)
    return file.getvalue()


def _void(classes: MaskClasses) -> tuple[int, int, int]:
    """The colour of pixels that are no class; raises DataError where the table of colours has none."""
    packed = next((colour for colour, label in classes.colours.items() if label == IGNORE), None)
    if packed is None:
        raise DataError(
            f"{shown(classes.where)} has no colour for pixels that nobody judges, so no area can be dropped. Add a "
            "line such as void,0,0,0 with a colour of its own."
        )
    return packed >> 16, packed >> 8 & 255, packed & 255
