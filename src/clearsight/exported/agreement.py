"""How far two readings of one picture are apart: the largest differences of the objects that both of them find."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from clearsight.exported.detector import Found

COMPARED_FROM = 0.02  # weaker objects come and go with the last bit of a number
MOVED_PX = 0.5
FEWEST = 10  # objects that a comparison is made of, however weak


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """``box_px`` and ``score`` are the largest differences of paired objects; ``unpaired`` are found by one alone.

    ``mask`` is the largest mean difference of a mask's probabilities, over paired objects that did not move;
    ``least_score`` the score from which objects were compared.

    ``moved`` are paired objects further apart than half a pixel. There may be a few: whether a box has a vote where
    another lies is a matter of its overlap with it being above a threshold, so of the last bit of a number.
    """

    objects: int = 0
    unpaired: int = 0
    moved: int = 0
    box_px: float = 0.0
    score: float = 0.0
    mask: float = 0.0
    least_score: float = COMPARED_FROM

    def within(self, score: float, apart: float, mask: float) -> bool:
        """Whether scores and masks differ by at most this, and at most this share of the objects moved or is alone.

        One object in any number may, unless it is the only one. Where no object was compared, nothing agrees.
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


def compared_from(readings: Iterable[Found]) -> float:
    """The score from which readings of some pictures are compared: that of their tenth best object where it is low.

    A network that learnt little finds nothing of any score; a check of nothing would say nothing.
    """
    scores = np.sort(np.concatenate([np.zeros(0), *(one.scores for one in readings)]))[::-1]
    return min(COMPARED_FROM, float(scores[:FEWEST].min(initial=1.0)))


def agreement(one: Found, other: Found, scale: float = 1.0, least_score: float = COMPARED_FROM) -> Agreement:
    """How the objects of one picture agree, paired by class and overlap, best first; pixels are divided by ``scale``.

    Objects just above ``least_score`` in one reading and just below in the other are paired all the same.
    """
    free = np.ones(len(other), dtype=bool)
    unpaired, moved, box_px, score, mask = 0, 0, 0.0, 0.0, 0.0
    objects = one.select(one.scores >= least_score)
    for index, (box, value, label) in enumerate(zip(objects.boxes, objects.scores, objects.labels, strict=True)):
        shared = np.where(free & (other.labels == label), overlap(box, other.boxes), -1.0)
        best = int(shared.argmax()) if len(shared) else -1
        if best < 0 or shared[best] < 0.5:
            unpaired += 1
            continue
        free[best] = False
        away = float(np.abs(other.boxes[best] - box).max()) / scale
        box_px, moved = max(box_px, away), moved + (away > MOVED_PX)
        score = max(score, abs(float(other.scores[best] - value)))
        if objects.masks is not None and other.masks is not None and away <= MOVED_PX:
            mask = max(mask, float(np.abs(other.masks[best] - objects.masks[index]).mean()))
    alone = int((free & (other.scores >= least_score + 0.01)).sum())
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
