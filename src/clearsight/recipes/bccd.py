"""Detectors on blood smears: red cells, white cells and platelets (BCCD, Pascal VOC layout, its own splits)."""

from pathlib import Path
from typing import Unpack

from clearsight.recipes.options import Options
from clearsight.run import Run
from clearsight.verbs.train import train

# A smear has no up, down, left or right, so pictures are mirrored both ways.
SMEARS = {"flips": "both"}


def bccd_yolo(data: Path | str, **options: Unpack[Options]) -> Run:
    """Find the cells with a YOLO, from scratch, in 10 minutes."""
    return train("yolo", data, settings=SMEARS, **options)


def bccd_faster_rcnn(data: Path | str, **options: Unpack[Options]) -> Run:
    """Find the cells with Faster R-CNN, from scratch, in 10 minutes."""
    return train("faster-rcnn", data, settings=SMEARS, **options)
