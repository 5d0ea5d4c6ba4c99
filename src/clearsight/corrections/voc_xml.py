"""Corrected Pascal VOC files: objects changed, added and dropped; all other elements stay as they are."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from defusedxml.ElementTree import fromstring

from clearsight.corrections.changes import Change, Corners, place_of
from clearsight.corrections.copies import Copy
from clearsight.files import durable
from clearsight.sources.annotations import references
from clearsight.sources.formats.voc import CORNERS, matches_in, shift_of
from clearsight.sources.problems import Problems


def write(copy: Copy) -> None:
    """Change the annotation of each picture."""
    matches = matches_in(copy.place, Problems())
    shift = shift_of([match.annotation for match in matches], Problems())
    files = {match.picture: match.annotation.path for match in matches}
    for id, changes in copy.changes.items():
        _write(files[copy.picture(id)], changes, shift)


def _write(path: Path, changes: Sequence[Change], shift: float) -> None:
    root = fromstring(path.read_bytes(), forbid_dtd=True)
    items = [item for item in root.findall("object") if _box(item, shift)]
    names = [(item.findtext("name") or "").strip() for item in items]
    boxes = [_box(item, shift) or () for item in items]
    free = [True] * len(items)
    for change in changes:
        after = change.after
        if change.before is None:
            assert after is not None and after.box is not None
            _place(_named(SubElement(root, "object"), after.name), after.box, shift)
            continue
        index = place_of(change, names, boxes, free)
        free[index] = False
        if after is None:
            root.remove(items[index])
            continue
        _named(items[index], after.name)
        if after.box is not None:
            _place(items[index], after.box, shift)
    indent(root, "  ")
    durable.write_bytes(path, tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")


def _box(item: Element, shift: float) -> Corners | None:
    """The box of an object in pixels counted from 0; None where it is no box, which the reader reports."""
    try:
        x1, y1, x2, y2 = (references.number(item.findtext(f"bndbox/{corner}")) for corner in CORNERS)
    except ValueError:
        return None
    return (x1 - shift, y1 - shift, x2, y2)


def _named(item: Element, name: str) -> Element:
    _child(item, "name").text = name
    return item


def _place(item: Element, box: Corners, shift: float) -> None:
    around = _child(item, "bndbox")
    for corner, side in zip(CORNERS, (box[0] + shift, box[1] + shift, box[2], box[3]), strict=True):
        _child(around, corner).text = f"{side:g}"


def _child(item: Element, name: str) -> Element:
    found = item.find(name)
    return SubElement(item, name) if found is None else found
