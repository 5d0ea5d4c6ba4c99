"""Super-resolution: what it begins as, that it agrees with its input, what it learns, what is refused."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from clearsight.architectures import SuperResolution
from clearsight.architectures.super_resolution import SuperResolutionConfig
from clearsight.ops.consistency import consistent, corrected, enlarged
from clearsight.ops.downscaling import downscaled
from clearsight.ops.similarity import psnr
from clearsight.types import Batch

SMALL = SuperResolutionConfig(factor=2, width=16, depth=2, patch_px=16)


def network(config=SMALL):
    torch.manual_seed(0)
    return SuperResolution(SuperResolution.fitted(config, [], ()), None, ())


def edges(count, side=16):
    """Pictures of straight edges, which interpolation blurs and a network can learn to keep sharp."""
    random = torch.Generator().manual_seed(1)
    angle, offset = torch.rand(2, count, 1, 1, generator=random)
    row, column = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    distance = row * (6.28 * angle).sin() + column * (6.28 * angle).cos() - offset + 0.5
    return (distance > 0).float()[:, None].expand(-1, 3, -1, -1).contiguous()


def test_bicubic_enlargement_is_that_of_pillow():
    import numpy as np
    from PIL import Image

    image = torch.rand(1, 1, 7, 5, generator=torch.Generator().manual_seed(0))
    by_pillow = Image.fromarray(image[0, 0].numpy()).resize((20, 28), Image.Resampling.BICUBIC)
    assert torch.allclose(enlarged(image, 4)[0, 0], torch.from_numpy(np.array(by_pillow)), atol=1e-5)


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("size", [(8, 8), (9, 14), (3, 5)], ids=str)
def test_it_begins_as_bicubic_interpolation_and_never_worse(factor, size):
    true = torch.rand(2, 3, factor * size[0], factor * size[1], generator=torch.Generator().manual_seed(2))
    true = F.avg_pool2d(true, 3, 1, 1)
    given = (255 * downscaled(true, factor)).round() / 255
    made = network(dataclasses.replace(SMALL, factor=factor, patch_px=4 * factor)).eval()
    with torch.no_grad():
        assert torch.allclose(made(given), corrected(enlarged(given, factor), given), atol=1e-6)
    found = torch.stack([one.image for one in made.predict(given)])
    assert bool((psnr(found, true) >= psnr(enlarged(given, factor).clamp(0, 1), true) - 0.01).all())


def test_the_correction_is_a_projection():
    random = torch.Generator().manual_seed(3)
    found, true = (torch.rand(2, 3, 8, 12, generator=random, dtype=torch.float64) for _ in range(2))
    given = downscaled(true, 4)
    once = corrected(found, given)
    for row in range(2):
        for column in range(3):
            square = once[:, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            assert torch.allclose(square.mean((2, 3)), given[:, :, row, column])
    assert torch.allclose(corrected(once, given), once)
    # Pythagoras: what was moved stands at right angles to every picture that agrees, so the truth is never further.
    moved, left = (found - once).square().sum(), (once - true).square().sum()
    assert torch.allclose(moved + left, (found - true).square().sum())


@pytest.mark.parametrize("filter", ["box", "bicubic"])
def test_what_it_makes_agrees_with_what_it_was_given_also_at_black_and_white(filter):
    made = network(dataclasses.replace(SMALL, factor=4, patch_px=16, filter=filter)).eval()
    torch.nn.init.normal_(made.detail.weight, std=0.02)
    given = downscaled(edges(4, 64), 4, filter)
    given = (255 * given).round() / 255
    found = torch.stack([one.image for one in made.predict(given)])
    assert float(found.min()) >= 0 and float(found.max()) <= 1
    assert float(psnr(downscaled(found, 4, filter), given).min()) > (55 if filter == "box" else 40)


def test_consistent_pictures_stay_as_they_are():
    true = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(4))
    assert torch.allclose(consistent(true, downscaled(true, 2)), true, atol=1e-6)


def test_it_learns_edges_that_interpolation_blurs():
    made, images = network(), edges(12)
    batch = Batch(images=images, truths=[None] * 12, ids=[str(k) for k in range(12)])
    before = float(made.losses(batch)["absolute error"].detach())
    optimizer = torch.optim.Adam(made.parameters(), lr=3e-3)
    for _ in range(60):
        loss = sum(made.losses(batch).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.85 * before


def test_what_it_makes_of_a_pixel_depends_on_its_surroundings_only():
    made = network().eval()
    torch.nn.init.normal_(made.detail.weight, std=0.1)
    images = torch.rand(1, 3, 48, 48)
    changed = images.clone()
    changed[:, :, :4, :4] = 0
    with torch.no_grad():
        apart = (made(images) - made(changed)).abs().amax(1)[0]
    assert float(apart[:8, :8].max()) > 0 and float(apart[48:, 48:].max()) == 0


def test_a_network_rounded_to_bfloat16_still_agrees_with_what_it_was_given():
    made = network(dataclasses.replace(SMALL, factor=4, patch_px=16)).eval().to(torch.bfloat16)
    levels = torch.arange(256).reshape(1, 1, 16, 16).expand(1, 3, 16, 16)
    found = made.predict((levels / 255).to(torch.bfloat16))[0].image[None]
    assert found.dtype == torch.float32
    assert float(psnr(downscaled(found, 4), levels / 255)) > 55


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"factor": 3}, "factor is 3. Expected 2, 4 or 8"),
        ({"filter": "nearest"}, "filter is 'nearest'. Expected box or bicubic"),
        ({"size": (30, 32)}, "size is 30,32. Expected a height and a width.*the factor, 4, divides, such as 32,32"),
        ({"size": (32,)}, "size is 32. Expected a height and a width"),
        ({"width": 0}, "width is 0"),
        ({"patch_px": 30}, "patch_px is 30. Expected a multiple of the factor, 4, such as 96"),
    ],
)
def test_what_cannot_be_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        SuperResolutionConfig(**settings)
