"""The vectorised matching against the protocol written as loops over boxes."""

import numpy as np
import pytest

from clearsight.ops import matching
from clearsight.ops.matching import AREA_RANGES_PX2, THRESHOLDS, Objects, match


def _iou(a, b, crowd):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    own = (a[2] - a[0]) * (a[3] - a[1])
    return both / (own if crowd else own + (b[2] - b[0]) * (b[3] - b[1]) - both)


def _choice(found: Objects, true: Objects, d, threshold, free, skip):
    """The object a detection takes: the best judged one within reach, else the best of the others."""
    for wanted in (False, True):
        best = (-1.0, None)
        for g in range(len(true)):
            allowed = true.group[g] == found.group[d] and skip[g] == wanted and (g in free or true.crowd[g])
            iou = _iou(found.xyxy[d], true.xyxy[g], true.crowd[g]) if allowed else -1.0
            if iou >= threshold and iou >= best[0]:
                best = (iou, g)
        if best[1] is not None:
            return best[1]
    return None


def _slow(found: Objects, true: Objects):
    """Every detection, threshold and area on its own, as COCO's description reads."""
    matched = np.zeros((4, 10, len(found)), dtype=bool)
    ignored = np.zeros_like(matched)
    for a, (low, high) in enumerate(AREA_RANGES_PX2):
        skip = [true.crowd[g] or not low <= true.area[g] <= high for g in range(len(true))]
        for t, threshold in enumerate(THRESHOLDS):
            free = set(range(len(true)))
            for d in range(len(found)):
                g = _choice(found, true, d, threshold, free, skip)
                free.discard(g)
                ignored[a, t, d] = skip[g] if g is not None else not low <= found.area[d] <= high
                matched[a, t, d] = g is not None and not skip[g]
    return matched, ignored


def _random(rng, n, groups, crowd):
    corner, side = rng.integers(0, 30, (n, 2)), rng.choice([10, 20, 32, 33, 96], (n, 2))
    xyxy = np.concatenate([corner, corner + side], axis=1).astype(float)
    return Objects(
        xyxy=xyxy,
        group=rng.integers(0, groups, n),
        area=(side[:, 0] * side[:, 1]).astype(float),
        crowd=rng.random(n) < crowd,
    )


@pytest.mark.parametrize("seed", range(25))
def test_equals_the_loops(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    if seed % 2:
        monkeypatch.setattr(matching, "PAIRS_AT_ONCE", 7)
    found = _random(rng, int(rng.integers(0, 40)), 3, 0.0)
    true = _random(rng, int(rng.integers(0, 25)), 3, 0.2)
    matches = match(found, true)
    matched, ignored = _slow(found, true)
    np.testing.assert_array_equal(matches.matched, matched)
    np.testing.assert_array_equal(matches.ignored, ignored)


def test_overlap_is_of_the_object_met_else_of_the_best():
    box = [[0.0, 0.0, 10.0, 10.0]]
    one = {"group": np.zeros(1, dtype=int), "area": np.full(1, 100.0), "crowd": np.zeros(1, dtype=bool)}
    true = Objects(xyxy=np.array(box), **one)
    both = {"group": np.zeros(3, dtype=int), "area": np.full(3, 100.0), "crowd": np.zeros(3, dtype=bool)}
    found = Objects(xyxy=np.array([[0.0, 0.0, 10.0, 8.0], [0.0, 0.0, 10.0, 10.0], [9.0, 0.0, 19.0, 10.0]]), **both)
    matches = match(found, true)
    np.testing.assert_allclose(matches.overlap, [0.8, 1.0, 10 / 190])
    assert matches.matched[0, 0].tolist() == [True, False, False]
    # The second box overlaps more, but the first chose before it; at IoU 0.85 the first is out of reach.
    assert matches.matched[0, 7].tolist() == [False, True, False]
