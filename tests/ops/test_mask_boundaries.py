"""Boundary IoU against pixels looked at one by one."""

import numpy as np
import pytest
import torch

from clearsight.ops import instance_masks
from clearsight.ops.mask_boundaries import boundary_ious, eroded, width_of


def inside(mask: np.ndarray, by: int) -> np.ndarray:
    """Pixels all of whose neighbours within ``by`` rows and columns are of the mask and of the picture."""
    kept = np.zeros_like(mask)
    height, width = mask.shape
    for y in range(by, height - by):
        for x in range(by, width - by):
            kept[y, x] = mask[y - by : y + by + 1, x - by : x + by + 1].all()
    return kept


@pytest.mark.parametrize("by", [1, 2, 4])
def test_what_is_eroded(by: int) -> None:
    rng = np.random.default_rng(by)
    for _ in range(20):
        mask = rng.random((rng.integers(0, 14), rng.integers(0, 14))) < 0.97
        np.testing.assert_array_equal(eroded(mask, by), inside(mask, by))


def test_outlines_are_compared() -> None:
    rng = np.random.default_rng(0)
    whole = np.zeros((12, 30, 40), dtype=bool)
    for one in whole[:-1]:
        top, left = rng.integers(0, 15), rng.integers(0, 20)
        one[top : top + rng.integers(5, 20), left : left + rng.integers(5, 20)] = True
    whole[0] |= rng.random((30, 40)) < 0.1
    left, right, width = (part.reshape(-1) for part in np.meshgrid(np.arange(12), np.arange(12), [1, 3]))
    masks = instance_masks.of_bitmaps(torch.from_numpy(whole))
    found = boundary_ious(masks, masks, left, right, width)
    rings = {by: np.array([one & ~inside(one, by) for one in whole]) for by in (1, 3)}
    for value, a, b, by in zip(found, left, right, width, strict=True):
        both, either = (rings[by][a] & rings[by][b]).sum(), (rings[by][a] | rings[by][b]).sum()
        assert value == pytest.approx(both / either if either else 0.0)


def test_the_region_is_two_hundredths_of_the_diagonal_wide() -> None:
    assert width_of((480, 640)) == 16 and width_of((5, 5)) == 1


def test_a_large_mask_does_not_win_by_its_inside() -> None:
    whole = torch.zeros(2, 200, 200, dtype=torch.bool)
    whole[0, 20:180, 20:180], whole[1, 24:176, 24:176] = True, True
    masks, one = instance_masks.of_bitmaps(whole), np.ones(1, dtype=np.int64)
    area = float(whole.all(0).sum() / whole.any(0).sum())
    assert area > 0.9 and boundary_ious(masks, masks, 0 * one, one, 6 * one)[0] < 0.25
