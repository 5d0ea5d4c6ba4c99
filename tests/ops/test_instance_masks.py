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
    assert torch.equal(instance_masks.bitmaps(instance_masks.of_bitmaps(whole).select(which)), whole[which])


def test_crops_lie_in_the_picture() -> None:
    crop = np.ones((3, 4), dtype=bool)
    assert instance_masks.of_crops([crop], [(6, 7)], (10, 10)).windows.tolist() == [[6, 7, 10, 10]]
    with pytest.raises(ValueError, match=r"4 x 3 px at \(7, 7\) reaches out of its picture of 10 x 10 px"):
        instance_masks.of_crops([crop], [(7, 7)], (10, 10))


def test_a_hundred_objects_on_four_megapixels_are_small() -> None:
    crop = np.ones((200, 200), dtype=bool)
    masks = instance_masks.of_crops([crop] * 100, [(10 * i, 10 * i) for i in range(100)], (2000, 2000))
    assert sum(part.nbytes for part in (masks.windows, masks.counts, masks.runs)) < 10_000


def test_a_mask_head_is_read_at_the_centres_of_pixels() -> None:
    random = torch.Generator().manual_seed(3)
    answers = torch.rand(5, 7, 7, generator=random)
    corner = torch.rand(5, 2, generator=random) * 30 - 6
    boxes = torch.cat([corner, corner + 3 + torch.rand(5, 2, generator=random) * 20], dim=1)
    found = instance_masks.bitmaps(instance_masks.pasted(answers, boxes, (33, 29), 0.5))
    expected = torch.zeros(5, 33, 29, dtype=torch.bool)
    for i, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
        for row in range(33):
            for column in range(29):
                u, v = (column + 0.5 - x1) / (x2 - x1), (row + 0.5 - y1) / (y2 - y1)
                if 0 <= u < 1 and 0 <= v < 1:
                    point = torch.tensor([[[[2 * u - 1, 2 * v - 1]]]])
                    value = torch.nn.functional.grid_sample(
                        answers[i][None, None], point, padding_mode="border", align_corners=False
                    )
                    expected[i, row, column] = value.item() >= 0.5
    assert torch.equal(found, expected) and expected.any()


def test_a_sure_head_fills_its_box() -> None:
    boxes = torch.tensor(
        [[2.0, 3.0, 9.0, 11.0], [-5.0, -5.0, 40.0, 40.0], [50.0, 2.0, 60.0, 9.0], [4.0, 4.0, 4.0, 4.0]]
    )
    masks = instance_masks.pasted(torch.ones(4, 28, 28), boxes, (20, 30))
    assert instance_masks.areas(masks).tolist() == [56, 600, 0, 0]


def test_the_truth_of_a_head_is_the_share_of_each_cell() -> None:
    whole = some(6, (23, 31))
    boxes = torch.tensor(
        [[3.3, 2.1, 20.9, 17.4], [-4.0, -3.0, 40.0, 30.0], [8.2, 8.7, 9.9, 10.1], [40.0, 3.0, 50.0, 9.0]]
    )
    index = torch.tensor([4, 3, 5, 4])
    found = instance_masks.aligned(instance_masks.of_bitmaps(whole), boxes, index, 6)
    for i, (x1, y1, x2, y2) in enumerate(boxes.double().tolist()):
        for row in range(6):
            for column in range(6):
                top, left = y1 + (y2 - y1) * row / 6, x1 + (x2 - x1) * column / 6
                bottom, right = top + (y2 - y1) / 6, left + (x2 - x1) / 6
                share = 0.0
                for y in range(23):
                    for x in range(31):
                        high = max(0.0, min(bottom, y + 1) - max(top, y))
                        share += high * max(0.0, min(right, x + 1) - max(left, x)) * bool(whole[index[i], y, x])
                assert found[i, row, column] == pytest.approx(share / (bottom - top) / (right - left), abs=1e-5)


def test_what_is_pasted_is_seen_again() -> None:
    disc = (torch.arange(28)[:, None] - 13.5).square() + (torch.arange(28)[None] - 13.5).square() < 120
    boxes = torch.tensor([[10.0, 20.0, 90.0, 120.0]])
    masks = instance_masks.pasted(disc[None].float(), boxes, (200, 200))
    seen = instance_masks.aligned(masks, boxes, torch.tensor([0]), 28)
    assert (seen[0].round().bool() == disc).float().mean() > 0.99
