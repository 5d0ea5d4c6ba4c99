"""What masks share and how COCO writes them, against whole bitmaps and pycocotools."""

import time

import numpy as np
import pytest
import torch

from clearsight.ops import instance_masks, mask_runs, mask_views
from clearsight.types import Masks


def blobs(n: int, size: tuple[int, int], seed: int) -> torch.Tensor:
    """Ragged objects at random places, some without a pixel, some over the whole picture."""
    rng = np.random.default_rng(seed)
    whole = np.zeros((n, *size), dtype=bool)
    for one in whole:
        top, left = rng.integers(0, size[0]), rng.integers(0, size[1])
        bottom, right = top + rng.integers(0, size[0]), left + rng.integers(0, size[1])
        if rng.random() < 0.2:
            top, left, bottom, right = 0, 0, *size
        one[top:bottom, left:right] = rng.random(one[top:bottom, left:right].shape) < rng.choice([0.0, 0.5, 0.95, 1.0])
    return torch.from_numpy(whole)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("at_once", [50, 8_000_000])
def test_shared_pixels_are_those_of_the_bitmaps(seed: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mask_runs, "PIXELS_AT_ONCE", at_once)
    found, true = blobs(9, (17, 23), seed), blobs(7, (17, 23), seed + 100)
    left, right = (np.random.default_rng(seed).permutation(63) // part % count for part, count in ((7, 9), (1, 7)))
    shared = mask_runs.overlaps(instance_masks.of_bitmaps(found), instance_masks.of_bitmaps(true), left, right)
    np.testing.assert_array_equal(shared, (found[left] & true[right]).sum((1, 2)).numpy())


def test_pictures_are_joined() -> None:
    first, second = blobs(3, (9, 30), 0), blobs(4, (20, 11), 1)
    both = mask_runs.joined([instance_masks.of_bitmaps(first), instance_masks.of_bitmaps(second)])
    assert both.size == (20, 30) and len(both) == 7
    index = np.arange(7)
    assert mask_runs.overlaps(both, both, index, index).tolist() == [
        *first.sum((1, 2)).tolist(),
        *second.sum((1, 2)).tolist(),
    ]
    assert len(mask_runs.joined([])) == 0


def test_no_pair_shares_nothing() -> None:
    none = instance_masks.of_bitmaps(torch.zeros(0, 5, 5, dtype=torch.bool))
    index = np.zeros(0, dtype=np.int64)
    assert len(mask_runs.overlaps(none, none, index, index)) == 0
    assert mask_runs.rle(none) == []


@pytest.mark.parametrize("seed", range(6))
def test_text_is_pycocotools(seed: int) -> None:
    coco = pytest.importorskip("pycocotools.mask")
    whole = blobs(12, (19, 14), seed)
    whole[0], whole[1] = False, True
    found = mask_runs.rle(instance_masks.of_bitmaps(whole))
    for ours, one in zip(found, whole.numpy(), strict=True):
        theirs = coco.encode(np.asfortranarray(one.astype(np.uint8)))
        assert ours == {"size": list(theirs["size"]), "counts": theirs["counts"].decode()}


@pytest.mark.parametrize("seed", range(4))
def test_a_new_grid_shows_the_pixels_named(seed: int) -> None:
    whole = blobs(10, (18, 26), 5 + seed)
    rng = np.random.default_rng(seed)
    down, across = np.sort(rng.integers(-4, 24, 30)), np.sort(rng.integers(-4, 30, 12))
    found = instance_masks.bitmaps(mask_views.resampled(instance_masks.of_bitmaps(whole), down, across))
    expected = torch.zeros_like(found)
    for row, y in enumerate(down.tolist()):
        for column, x in enumerate(across.tolist()):
            if 0 <= y < 18 and 0 <= x < 26:
                expected[:, row, column] = whole[:, y, x]
    assert torch.equal(found, expected) and expected.any()


@pytest.mark.parametrize(("way", "axis"), [("horizontal", 2), ("vertical", 1)])
def test_masks_are_mirrored(way: str, axis: int) -> None:
    whole = blobs(10, (18, 26), 6)
    flipped = mask_views.mirrored(instance_masks.of_bitmaps(whole), way)
    assert torch.equal(instance_masks.bitmaps(flipped), whole.flip(axis))


def scattered(n: int, side: int, size: tuple[int, int], seed: int) -> Masks:
    """Discs of about ``side`` px."""
    rng = np.random.default_rng(seed)
    crops, corners = [], []
    for _ in range(n):
        radius = side / 2 * rng.uniform(0.6, 1.0)
        at = np.arange(int(2 * radius)) + 0.5 - radius
        crops.append(at[:, None] ** 2 + at[None] ** 2 < radius**2)
        corners.append((int(rng.integers(0, size[1] - side)), int(rng.integers(0, size[0] - side))))
    return instance_masks.of_crops(crops, corners, size)


def test_a_picture_is_compared_in_a_moment() -> None:
    found, true = scattered(100, 150, (640, 640), 0), scattered(20, 150, (640, 640), 1)
    left, right = np.repeat(np.arange(100), 20), np.tile(np.arange(20), 100)
    seconds = []
    for _ in range(5):
        begin = time.perf_counter()
        mask_runs.overlaps(found, true, left, right)
        seconds.append(time.perf_counter() - begin)
    assert min(seconds) < 0.1  # about 0.01 on a quiet machine
