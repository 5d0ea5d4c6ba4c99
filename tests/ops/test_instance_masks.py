"""Masks kept as run lengths are those they were made of, and cost what they should."""

import numpy as np
import pytest
import torch

from clearsight.ops import instance_masks


def some(n: int = 6, size: tuple[int, int] = (23, 31), seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(n, *size, generator=random) < torch.linspace(0, 1, n)[:, None, None]


def test_bitmaps_survive() -> None:
    whole = some()
    masks = instance_masks.of_bitmaps(whole)
    assert torch.equal(instance_masks.bitmaps(masks), whole)
    assert torch.equal(instance_masks.areas(masks), whole.sum((1, 2)))
    assert masks.windows[0].tolist() == [0, 0, 0, 0] and masks.windows[-1].tolist() == [0, 0, 31, 23]


def test_windows_are_the_smallest() -> None:
    whole = torch.zeros(1, 20, 30, dtype=torch.bool)
    whole[0, 4:9, 7:11] = True
    masks = instance_masks.of_bitmaps(whole)
    assert masks.windows.tolist() == [[7, 4, 11, 9]] and masks.runs.tolist() == [0, 20]


@pytest.mark.parametrize("which", [torch.tensor([3, 1]), torch.tensor([False, True, False, True, True, False])])
def test_some_are_chosen(which: torch.Tensor) -> None:
    whole = some()
    assert torch.equal(instance_masks.bitmaps(instance_masks.of_bitmaps(whole).chosen(which)), whole[which])


def test_crops_lie_in_the_picture() -> None:
    crop = np.ones((3, 4), dtype=bool)
    assert instance_masks.of_crops([crop], [(6, 7)], (10, 10)).windows.tolist() == [[6, 7, 10, 10]]
    with pytest.raises(ValueError, match=r"4 x 3 px at \(7, 7\) reaches out of its picture of 10 x 10 px"):
        instance_masks.of_crops([crop], [(7, 7)], (10, 10))


def test_a_hundred_objects_on_four_megapixels_are_small() -> None:
    crop = np.ones((200, 200), dtype=bool)
    masks = instance_masks.of_crops([crop] * 100, [(10 * i, 10 * i) for i in range(100)], (2000, 2000))
    assert sum(part.nbytes for part in (masks.windows, masks.counts, masks.runs)) < 10_000
