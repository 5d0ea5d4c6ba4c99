import numpy as np
import pytest
from scipy import ndimage

from clearsight.ops import masks
from clearsight.ops.tracing import outline


def test_a_rectangle_has_four_corners_clockwise():
    mask = np.zeros((6, 8), bool)
    mask[2:5, 1:7] = True
    corners = outline(mask).tolist()
    start = corners.index([1, 2])
    assert corners[start:] + corners[:start] == [[1, 2], [7, 2], [7, 5], [1, 5]]


@pytest.mark.parametrize("seed", range(12))
def test_filling_the_outline_gives_the_largest_part_without_its_holes(seed):
    random = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(random.normal(size=(40, 50)), 2 + seed % 3)
    mask = noise > np.quantile(noise, 0.6)
    parts, count = ndimage.label(mask)  # neighbours at corners are other parts
    whole = [ndimage.binary_fill_holes(parts == number) for number in range(1, count + 1)]
    largest = max(one.sum() for one in whole)
    filled = masks.filled(outline(mask).astype(float), mask.shape)
    assert filled.sum() == largest and any((filled == one).all() for one in whole)


def test_pixels_that_meet_at_a_corner_and_the_borders_of_the_picture():
    mask = np.array([[1, 0, 0], [0, 1, 1], [0, 1, 1]], bool)
    assert masks.area(outline(mask).astype(float)) == 4
    ring = np.ones((5, 5), bool)
    ring[2, 2] = False
    assert masks.area(outline(ring).astype(float)) == 25 and len(outline(ring)) == 4
    assert outline(np.zeros((3, 3), bool)).shape == (0, 2)
