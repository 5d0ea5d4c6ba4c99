"""Average precision of every class under any weighting of the pictures, a few classes and replicates at a time.

The curves themselves are in ``precision_curves``.
"""

import numpy as np
from jaxtyping import Float, Int

from clearsight.metrics.precision_curves import Curves, RankedDetections
from clearsight.metrics.threads import in_threads
from clearsight.types import Weights

# A working array of so many numbers stays in a processor's cache; of fewer columns, an operation is soon done.
ELEMENTS_AT_ONCE = 2_000_000
COLUMNS_AT_ONCE = 256


def average_precision(
    ranked: RankedDetections,
    weights: Weights,
    truths: Int[np.ndarray, "images classes"],
    density: Float[np.ndarray, "classes"] | None = None,
) -> Float[np.ndarray, "classes thresholds replicates"]:
    """Average precision of each class at each IoU threshold; NaN where no object of the class has weight.

    ``truths`` are the objects of each image, without ignored ones. With ``density``, objects per picture of each class,
    precision is normalised to that density (see ``Curves.average_precision``). Computed in the precision of
    ``weights``.
    """
    replicates, images = weights.shape
    classes, blocks = truths.shape[1], []
    for start in range(0, replicates, COLUMNS_AT_ONCE):
        columns = np.ascontiguousarray(weights[start : start + COLUMNS_AT_ONCE].T)
        totals = truths.T.astype(weights.dtype) @ columns
        expected = None if density is None else columns.sum(0) * density.astype(weights.dtype)[:, None]
        blocks.append((columns, totals, expected))
    edges = np.searchsorted(ranked.label, np.arange(classes + 1))
    true = np.append(0, np.cumsum(np.count_nonzero(ranked.matched, axis=0)))[edges]

    def of_classes(part: slice) -> Float[np.ndarray, "some_classes thresholds replicates"]:
        own = slice(edges[part.start], edges[part.stop])
        detections = RankedDetections(
            label=ranked.label[own] - part.start,
            row=ranked.row[own],
            near=ranked.near[own],
            matched=ranked.matched[:, own],
            ignored=ranked.ignored[:, own],
        )
        curves = Curves.of(detections, part.stop - part.start, images, weights.dtype, density is not None)
        scores = [
            curves.average_precision(columns, totals[part], None if expected is None else expected[part])
            for columns, totals, expected in blocks
        ]
        return np.concatenate(scores, axis=2)

    parts = _parts(true, ELEMENTS_AT_ONCE // max(1, min(replicates, COLUMNS_AT_ONCE)))
    found = in_threads(of_classes, parts, len(ranked.row) * replicates)
    return np.concatenate([np.zeros((0, len(ranked.matched), replicates)), *found])


def _parts(true: Int[np.ndarray, "edges"], most: int) -> list[slice]:
    """Classes next to each other with about so many true positives in all, but always one class."""
    parts, start = [], 0
    while start < len(true) - 1:
        stop = max(start + 1, int(np.searchsorted(true, true[start] + most, side="right")) - 1)
        parts.append(slice(start, stop))
        start = stop
    return parts
