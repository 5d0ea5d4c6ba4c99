"""PSNR, SSIM and MS-SSIM against slow loops over windows, written from the papers."""

import numpy as np
import pytest
import torch

from clearsight.ops import similarity


def pair(height, width, seed=0, strength=0.1):
    random = np.random.default_rng(seed)
    ramp = np.linspace(0, 1, width)[None, None] * np.ones((3, height, 1))
    true = np.clip(ramp + 0.2 * np.sin(np.arange(height) / 3)[None, :, None], 0, 1)
    return true, np.clip(true + strength * random.standard_normal(true.shape), 0, 1)


def kernel(length):
    at = np.arange(length) - (length - 1) / 2
    line = np.exp(-(at**2) / (2 * 1.5**2))
    square = np.outer(line, line)
    return square / square.sum()


def slow(x, y):
    """The mean SSIM, and the mean of contrast and structure, window by window (Wang et al. 2004)."""
    sides = [min(11, side - (side % 2 == 0)) for side in x.shape[1:]]
    weights = np.outer(kernel(sides[0]).sum(1), kernel(sides[1]).sum(1))
    whole, contrast = [], []
    for a, b in zip(x, y, strict=True):
        for top in range(a.shape[0] - sides[0] + 1):
            for left in range(a.shape[1] - sides[1] + 1):
                p, q = (one[top : top + sides[0], left : left + sides[1]] for one in (a, b))
                mp, mq = (weights * p).sum(), (weights * q).sum()
                vp, vq = (weights * (p - mp) ** 2).sum(), (weights * (q - mq) ** 2).sum()
                cov = (weights * (p - mp) * (q - mq)).sum()
                contrast.append((2 * cov + 0.0009) / (vp + vq + 0.0009))
                whole.append(contrast[-1] * (2 * mp * mq + 0.0001) / (mp**2 + mq**2 + 0.0001))
    return np.mean(whole), np.mean(contrast)


def tensors(*pairs):
    return (torch.from_numpy(np.stack([one[side] for one in pairs])) for side in (0, 1))


@pytest.mark.parametrize("size", [(24, 31), (11, 11), (9, 30), (6, 7)], ids=str)
def test_ssim_is_that_of_a_slow_loop(size):
    pairs = [pair(*size, seed, strength) for seed, strength in ((0, 0.05), (1, 0.2), (2, 0.0))]
    found = similarity.ssim(*tensors(*pairs))
    assert np.allclose(found.numpy(), [slow(*one)[0] for one in pairs], atol=1e-9)
    assert found[2] == pytest.approx(1.0)
    single = similarity.ssim(*(one.float() for one in tensors(*pairs)))
    assert np.allclose(single.numpy(), found.numpy(), atol=2e-4), "float32 is enough"


def test_ms_ssim_is_the_weighted_product_of_its_scales():
    one = pair(46, 50, 3, 0.15)
    weights = np.array([0.0448, 0.2856, 0.3001])
    weights /= weights.sum()
    expected, (x, y) = 1.0, one
    for scale, weight in enumerate(weights):
        whole, contrast = slow(x, y)
        expected *= (whole if scale == 2 else contrast) ** weight
        x, y = (
            each[:, : each.shape[1] // 2 * 2, : each.shape[2] // 2 * 2].reshape(
                3, each.shape[1] // 2, 2, each.shape[2] // 2, 2
            ).mean((2, 4))
            for each in (x, y)
        )  # fmt: skip
    assert float(similarity.ms_ssim(*tensors(one))) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("side", "scales"), [(5, 1), (21, 1), (22, 2), (32, 2), (44, 3), (175, 4), (176, 5), (999, 5)])
def test_small_pictures_have_fewer_scales(side, scales):
    assert similarity.scales_of(side) == scales


def test_with_one_scale_ms_ssim_is_ssim():
    one = pair(16, 20, 0, 0.05)
    assert torch.allclose(similarity.ms_ssim(*tensors(one)), similarity.ssim(*tensors(one)))


def test_opposite_pictures_are_not_alike_and_nothing_is_nan():
    x = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    assert float(similarity.ssim(x, 1 - x)) < 0 and float(similarity.ms_ssim(x, 1 - x)) == 0.0


def test_psnr_by_hand():
    zeros = torch.zeros(3, 3, 4, 4)
    other = torch.stack([torch.full((3, 4, 4), 0.1), torch.full((3, 4, 4), 1.0), torch.zeros(3, 4, 4)])
    assert similarity.psnr(zeros, other).tolist() == pytest.approx([20.0, 0.0, 60.0], abs=1e-4)
    assert similarity.squared_error(zeros, other).tolist() == pytest.approx([0.01, 1.0, 0.0])
