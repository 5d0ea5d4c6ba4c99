"""Missed pixels: how many pixels of a class a picture takes for another class with confidence.

The loss of a picture is the share of the class's pixels that are given another class at a confidence of the threshold
or more; pixels below the threshold are uncertain, and for a person to look at. Pictures without the class are not
counted. Raising the threshold loses less, so the loss is monotone. The thresholds are those of ``MISS_EDGES``.
"""

import numpy as np
from jaxtyping import Float, Int

from clearsight.metrics.risk_control import keeps
from clearsight.metrics.segmentation import MISS_EDGES, SegmentationStatistics


def missed_pixels(
    statistics: SegmentationStatistics, index: int, rows: Int[np.ndarray, "n"]
) -> tuple[Float[np.ndarray, "k edges"], Int[np.ndarray, "k"]]:
    """For each picture of ``rows`` that holds the class: the share missed at each threshold; and these pictures."""
    assert statistics.missed is not None
    pixels = statistics.confusion[:, index].sum(1)
    held = rows[pixels[rows] > 0]
    beyond = statistics.missed[held, index, ::-1].cumsum(1)[:, ::-1]
    return beyond / pixels[held, None], held


def confidence_to_trust(shares: Float[np.ndarray, "k edges"], level: float, delta: float | None) -> float | None:
    """The lowest confidence from which pixels may be trusted, so that at most ``level`` of the class's are missed."""
    if not len(shares):
        return None
    allowed = keeps(shares.mean(0), len(shares), level, delta)
    return float(MISS_EDGES[int(np.argmax(allowed))]) if allowed.any() else None


def share_below(statistics: SegmentationStatistics, confidence: float) -> float:
    """The share of the pixels whose confidence is below the threshold, estimated from those that were sampled."""
    return float((statistics.confidence < confidence).mean()) if len(statistics.confidence) else 0.0
