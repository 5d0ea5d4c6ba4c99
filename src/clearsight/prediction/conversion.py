"""Detections as other libraries hold them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from clearsight.ops import instance_masks
from clearsight.types import Detections, InstanceDetections


def to_supervision(detections: Detections, class_names: Sequence[str]) -> Any:
    """The same as ``supervision.Detections``, with class names, and whole bitmaps where there are masks.

    Bitmaps take one byte per object and pixel of the picture. Raises ValueError where supervision is not installed.
    """
    try:
        import supervision
    except ImportError as error:
        raise ValueError(
            "this needs the library supervision, which is not installed. Install it: pip install supervision."
        ) from error
    masks = None
    if isinstance(detections, InstanceDetections) and len(detections):
        masks = instance_masks.bitmaps(detections.masks).numpy()
    labels = detections.labels.numpy().astype(int)
    return supervision.Detections(
        xyxy=detections.xyxy.numpy().astype(np.float32).reshape(-1, 4),
        mask=masks,
        confidence=detections.scores.numpy().astype(np.float32),
        class_id=labels,
        data={"class_name": np.array([class_names[label] for label in labels], dtype=str)},
    )
