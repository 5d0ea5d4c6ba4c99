"""The family of detectors on the embedded scenes of handwritten digits, each from scratch in 10 minutes."""

from pathlib import Path
from typing import Unpack

from clearsight.recipes.options import Options
from clearsight.run import Run
from clearsight.verbs.train import train


def digits_rcnn(data: Path | str = "digits", **options: Unpack[Options]) -> Run:
    """R-CNN: regions of selective search, each warped through the backbone."""
    return train("rcnn", data, **options)


def digits_yolo_v1(data: Path | str = "digits", **options: Unpack[Options]) -> Run:
    """The first YOLO: a grid of cells, as in the paper."""
    return train("yolo-v1", data, **options)


def digits_faster_rcnn(data: Path | str = "digits", **options: Unpack[Options]) -> Run:
    """Faster R-CNN: proposals and aligned regions of a feature pyramid."""
    return train("faster-rcnn", data, **options)


def digits_mask_rcnn(data: Path | str = "digits", **options: Unpack[Options]) -> Run:
    """Mask R-CNN: the same with a mask for every digit."""
    return train("mask-rcnn", data, **options)


def digits_yolo(data: Path | str = "digits", **options: Unpack[Options]) -> Run:
    """YOLO as it is today."""
    return train("yolo", data, **options)
