"""Polygons against a test of every pixel's centre, run lengths against COCO's own tool."""

import time

import numpy as np
import pytest
from pycocotools import mask as coco

from clearsight.ops import masks

# pycocotools makes arrays in a way that NumPy 2 no longer likes.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def _inside(polygon, size):
    """Even-odd rule, pixel by pixel: a ray to the right from each centre."""
    found = np.zeros(size, dtype=bool)
    for row in range(size[0]):
        for column in range(size[1]):
            x, y, odd = column + 0.5, row + 0.5, False
            for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
                if (ay <= y) != (by <= y) and x >= ax + (y - ay) * (bx - ax) / (by - ay):
                    odd = not odd
            found[row, column] = odd
    return found


@pytest.mark.parametrize("seed", range(20))
def test_polygons_against_every_pixel(seed):
    rng = np.random.default_rng(seed)
    size = tuple(rng.integers(3, 14, 2).tolist())
    polygon = rng.uniform(-3, 15, (rng.integers(3, 9), 2))
    np.testing.assert_array_equal(masks.filled(polygon, size), _inside(polygon, size))


def test_polygons_on_the_grid_cover_what_they_should():
    square = np.array([[1, 2], [5, 2], [5, 4], [1, 4]], dtype=float)
    mask = masks.filled(square, (6, 8))
    assert mask.sum() == masks.area(square) == 8
    assert mask[2:4, 1:5].all()
    # Two that share a side share no pixel and leave none out.
    halves = [np.array(p, dtype=float) for p in ([[0, 0], [8, 0], [0, 6]], [[8, 0], [8, 6], [0, 6]])]
    counts = sum(masks.filled(half, (6, 8)).astype(int) for half in halves)
    assert (counts == 1).all()


@pytest.mark.parametrize(
    "polygon", [np.zeros((0, 2)), np.array([[1.0, 1]]), np.full((4, 2), -5.0), np.array([[1.0, 1], [3, 3]])]
)
def test_polygons_of_nothing(polygon):
    assert not masks.filled(polygon, (5, 5)).any()


def test_polygons_far_outside_are_cut():
    assert masks.filled(np.array([[-1e6, -1e6], [1e6, -1e6], [1e6, 1e6], [-1e6, 1e6]]), (4, 5)).all()


def test_polygons_agree_with_coco_up_to_their_borders():
    rng = np.random.default_rng(0)
    for _ in range(10):
        angle = np.sort(rng.uniform(0, 2 * np.pi, 25))
        polygon = 100 + rng.uniform(40, 90, 25)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        ours = masks.filled(polygon, (200, 200))
        theirs = coco.decode(coco.merge(coco.frPyObjects([polygon.reshape(-1).tolist()], 200, 200))).astype(bool)
        assert (ours & theirs).sum() / (ours | theirs).sum() > 0.97


def test_parts_of_one_object_are_joined():
    parts = [np.array(p, dtype=float) for p in ([[0, 0], [4, 0], [4, 4], [0, 4]], [[2, 2], [6, 2], [6, 6], [2, 6]])]
    assert masks.union(parts, (8, 8)).sum() == 16 + 16 - 4
    assert masks.union([], (8, 8)).sum() == 0


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_run_lengths_are_cocos(seed, share):
    rng = np.random.default_rng(seed)
    mask = rng.random(rng.integers(1, 60, 2)) < share
    theirs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    runs = masks.run_lengths(mask)
    assert masks.compressed(runs) == theirs["counts"].decode()
    assert masks.decompressed(theirs["counts"].decode()).tolist() == runs
    np.testing.assert_array_equal(masks.from_run_lengths(runs, mask.shape), mask)
    uncompressed = coco.frPyObjects({"counts": runs, "size": list(mask.shape)}, *mask.shape)
    np.testing.assert_array_equal(coco.decode(uncompressed).astype(bool), mask)


@pytest.mark.parametrize("runs", [[3], [10, 3], [14, -2], [], [2**40, 5]])
def test_run_lengths_that_do_not_fill_the_picture(runs):
    with pytest.raises(ValueError, match="run lengths of"):
        masks.from_run_lengths(runs, (3, 4))


@pytest.mark.parametrize("text", ["a b", "é", "P", "PPPPPPPPPPPPPPP0"])
def test_run_lengths_in_broken_text(text):
    with pytest.raises(ValueError, match="run lengths"):
        masks.decompressed(text)


def test_a_large_outline_is_drawn_at_once():
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    polygon = 300 + 250 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    start = time.perf_counter()
    assert masks.filled(polygon, (600, 600)).sum() == pytest.approx(masks.area(polygon), rel=1e-3)
    assert time.perf_counter() - start < 1
