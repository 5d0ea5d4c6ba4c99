"""Agreement of two sets of detections on one picture: the largest differences between paired objects."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from clearsight.exported.detector import Found

COMPARED_FROM = 0.02  # weaker objects appear and vanish by rounding
MOVED_PX = 0.5
MIN_OBJECTS = 10  # compared, however low their score


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """``box_px`` and ``score`` are the largest differences of paired objects; ``unpaired`` are in one set only.

    ``mask`` is the largest mean difference of a mask's probabilities, over paired objects that did not move;
    ``least_score`` the score from which objects were compared.

    ``moved`` are paired objects further apart than half a pixel. There may be a few: box voting compares IoUs with a
    threshold, so it depends on rounding.
    """

    objects: int = 0
    unpaired: int = 0
    moved: int = 0
    box_px: float = 0.0
    score: float = 0.0
    mask: float = 0.0
    least_score: float = COMPARED_FROM

    def within(self, score: float, apart: float, mask: float) -> bool:
        """Whether scores and masks differ by at most this, and at most this share of the objects moved or is unpaired.

        One object in any number may, unless it is the only one. False where no object was compared.
        """
        few = self.unpaired + self.moved <= max(float(self.objects > 1), apart * self.objects)
        return self.objects > 0 and self.score <= score and self.mask <= mask and few

    def __str__(self) -> str:
        return (
            f"largest difference {self.box_px:.3g} px and {self.score:.2g} in score"
            f"{f' and {self.mask:.2g} in masks' if self.mask else ''} over {self.objects} objects from a score of "
            f"{self.least_score:.2g} on, {self.moved} moved by more than {MOVED_PX} px, "
            f"{self.unpaired} found by only one"
        )


def compared_from(detections: Iterable[Found]) -> float:
    """The score from which detections are compared: that of the tenth best object where it is low.

    An undertrained network has no confident detections, and a check of no objects would prove nothing.
    """
    scores = np.sort(np.concatenate([np.zeros(0), *(one.scores for one in detections)]))[::-1]
    return min(COMPARED_FROM, float(scores[:MIN_OBJECTS].min(initial=1.0)))


def agreement(one: Found, other: Found, scale: float = 1.0, least_score: float = COMPARED_FROM) -> Agreement:
    """How the objects of one picture agree, paired by class and overlap, best first; pixels are divided by ``scale``.

    Objects just above ``least_score`` in one set and just below in the other are still paired.
    """
    unmatched = np.ones(len(other), dtype=bool)
    unpaired, moved, box_px, score, mask = 0, 0, 0.0, 0.0, 0.0
    objects = one.select(one.scores >= least_score)
    for index, (box, value, label) in enumerate(zip(objects.boxes, objects.scores, objects.labels, strict=True)):
        shared = np.where(unmatched & (other.labels == label), overlap(box, other.boxes), -1.0)
        best = int(shared.argmax()) if len(shared) else -1
        if best < 0 or shared[best] < 0.5:
            unpaired += 1
            continue
        unmatched[best] = False
        away = float(np.abs(other.boxes[best] - box).max()) / scale
        box_px, moved = max(box_px, away), moved + (away > MOVED_PX)
        score = max(score, abs(float(other.scores[best] - value)))
        if objects.masks is not None and other.masks is not None and away <= MOVED_PX:
            mask = max(mask, float(np.abs(other.masks[best] - objects.masks[index]).mean()))
    alone = int((unmatched & (other.scores >= least_score + 0.01)).sum())
    return Agreement(
        objects=len(objects), unpaired=unpaired + alone, moved=moved, box_px=box_px, score=score, mask=mask,
        least_score=least_score,
    )  # fmt: skip


def together(parts: Iterable[Agreement]) -> Agreement:
    """The agreement over all pictures."""
    parts = list(parts)
    return Agreement(
        objects=sum(part.objects for part in parts),
        unpaired=sum(part.unpaired for part in parts),
        moved=sum(part.moved for part in parts),
        box_px=max((part.box_px for part in parts), default=0.0),
        score=max((part.score for part in parts), default=0.0),
        mask=max((part.mask for part in parts), default=0.0),
        least_score=min((part.least_score for part in parts), default=COMPARED_FROM),
    )


def overlap(box: Float[np.ndarray, "4"], boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n"]:
    """Intersection over union in [0, 1] of one box with others."""
    sides = np.clip(np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]), 0, None)
    shared = sides.prod(1)
    whole = (box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(1) - shared
    return shared / np.maximum(whole, 1e-7)
