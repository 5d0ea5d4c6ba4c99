"""Classical augmentation: small changes, a function of the generator, in whole grey levels."""

import torch

from clearsight.ops import variations
from clearsight.ops.variations import varied


def pictures(height=24, width=36):
    image = torch.zeros(3, height, width, dtype=torch.uint8)
    image[:, height // 2 - 2 : height // 2 + 2, width // 2 - 8 : width // 2 + 8] = 200  # a bar that lies
    return image[None].repeat(64, 1, 1, 1)


def middle_and_turn(image):
    """The centre of mass, and the direction of most spread in degrees."""
    rows, columns = torch.nonzero(image[0] > 100).double().T
    points = torch.stack([columns - columns.mean(), rows - rows.mean()])
    _, vectors = torch.linalg.eigh(points @ points.T)
    direction = vectors[:, -1] * vectors[0, -1].sign()
    return rows.mean() + 0.5, columns.mean() + 0.5, float(torch.rad2deg(torch.atan2(direction[1], direction[0])))


def test_the_same_generator_gives_the_same_pictures_and_another_others():
    found = varied(pictures(), torch.Generator().manual_seed(0))
    assert found.dtype == torch.uint8 and found.shape == (64, 3, 24, 36)
    assert torch.equal(found, varied(pictures(), torch.Generator().manual_seed(0)))
    assert not torch.equal(found, varied(pictures(), torch.Generator().manual_seed(1)))
    assert len(found.flatten(1).unique(dim=0)) == 64
    assert len(varied(pictures()[:0], torch.Generator())) == 0


def test_pictures_are_turned_moved_and_lit_within_what_is_said(monkeypatch):
    for name in ("SHEAR", "MOVE", "CONTRAST", "BRIGHTNESS"):
        monkeypatch.setattr(variations, name, 0.0)
    monkeypatch.setattr(variations, "SCALE", 1.0)
    found = [middle_and_turn(one) for one in varied(pictures(), torch.Generator().manual_seed(0))]
    turns = torch.tensor([turn for _, _, turn in found])
    assert turns.abs().max() < 17 and turns.std() > 5 and turns.abs().max() > 10
    assert all(abs(row - 12) < 0.6 and abs(column - 18) < 0.6 for row, column, _ in found)


def test_moving_is_a_share_of_each_side(monkeypatch):
    for name in ("TURN", "SHEAR", "CONTRAST", "BRIGHTNESS"):
        monkeypatch.setattr(variations, name, 0.0)
    monkeypatch.setattr(variations, "SCALE", 1.0)
    found = [middle_and_turn(one) for one in varied(pictures(), torch.Generator().manual_seed(0))]
    rows, columns = (torch.tensor([float(one[k]) for one in found]) for k in range(2))
    assert 1.0 < (rows - 12).abs().max() < 0.08 * 24 + 0.6 and 1.5 < (columns - 18).abs().max() < 0.08 * 36 + 0.6


def test_nothing_changes_where_nothing_may(monkeypatch):
    for name in ("TURN", "SHEAR", "MOVE", "CONTRAST", "BRIGHTNESS"):
        monkeypatch.setattr(variations, name, 0.0)
    monkeypatch.setattr(variations, "SCALE", 1.0)
    assert torch.equal(varied(pictures(), torch.Generator().manual_seed(0)), pictures())
