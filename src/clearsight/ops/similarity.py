"""How alike two pictures are: mean squared error, PSNR, SSIM and MS-SSIM, one number for each pair of a batch."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

WINDOW_PX, SIGMA_PX = 11, 1.5  # Wang et al. 2004, section III-C
C1, C2 = 0.01**2, 0.03**2
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, section 3.2
LEAST_ERROR = 1e-6  # the PSNR of pictures that are equal is that of this error, so that means stay finite

Pictures = Float[Tensor, "b c h w"]
Each = Float[Tensor, "b"]


def squared_error(first: Pictures, second: Pictures) -> Each:
    """The mean squared difference of pictures in [0, 1]."""
    return (first - second).square().mean((1, 2, 3))


def psnr(first: Pictures, second: Pictures) -> Each:
    """The peak signal-to-noise ratio in dB, of pictures in [0, 1]; no more than 60."""
    return -10 * squared_error(first, second).clamp(min=LEAST_ERROR).log10()


def ssim(first: Pictures, second: Pictures) -> Each:
    """Structural similarity (Wang et al. 2004) of pictures in [0, 1]: the mean over windows and channels.

    Windows are Gaussian, 11 x 11 px with a standard deviation of 1.5 px, and lie within the picture; where a side is
    shorter they are as large as it allows.
    """
    return _similarity(first, second)[0]


def ms_ssim(first: Pictures, second: Pictures) -> Each:
    """Multi-scale structural similarity (Wang et al. 2003) of pictures in [0, 1].

    Five scales, each half as large as the one before. A scale whose shorter side is under 11 px is left out and the
    weights of the others grow to a sum of 1: pictures under 22 px have one scale, those of 32 px two, and all five take
    176 px. A negative mean of contrast and structure counts as 0.
    """
    count = scales_of(min(first.shape[2:]))
    weights = torch.tensor(SCALES[:count], dtype=first.dtype, device=first.device)
    weights = weights / weights.sum()
    found = torch.ones(len(first), dtype=first.dtype, device=first.device)
    for scale, weight in enumerate(weights):
        whole, contrast = _similarity(first, second)
        found = found * (whole if scale == count - 1 else contrast).clamp(min=0) ** weight
        first, second = F.avg_pool2d(first, 2), F.avg_pool2d(second, 2)
    return found


def scales_of(side_px: int) -> int:
    """How many scales MS-SSIM has for pictures whose shorter side is that long."""
    return max(1, sum(side_px // 2**scale >= WINDOW_PX for scale in range(len(SCALES))))


def _similarity(first: Pictures, second: Pictures) -> tuple[Each, Each]:
    """The means of the whole index, and of its contrast and structure alone (equations 13 and 9 of the paper)."""
    batch, channels, height, width = first.shape
    planes = torch.stack([first, second, first * first, second * second, first * second])
    planes = planes.reshape(1, -1, height, width)
    for axis, side in ((2, height), (3, width)):
        window = _window(side).to(first)
        kernel = window.reshape(1, 1, -1, 1) if axis == 2 else window.reshape(1, 1, 1, -1)
        planes = F.conv2d(planes, kernel.expand(planes.shape[1], -1, -1, -1), groups=planes.shape[1])
    means = planes.reshape(5, batch, channels, *planes.shape[2:])
    mean_x, mean_y = means[0], means[1]
    var_x, var_y, covariance = means[2] - mean_x**2, means[3] - mean_y**2, means[4] - mean_x * mean_y
    contrast = (2 * covariance + C2) / (var_x + var_y + C2)
    light = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return (light * contrast).mean((1, 2, 3)), contrast.mean((1, 2, 3))


def _window(side: int) -> Float[Tensor, "k"]:
    """The Gaussian along one side, of an odd length."""
    length = min(WINDOW_PX, side - 1 + side % 2)
    at = torch.arange(length, dtype=torch.float64) - length // 2
    window = torch.exp(-0.5 * (at / SIGMA_PX) ** 2)
    return window / window.sum()
