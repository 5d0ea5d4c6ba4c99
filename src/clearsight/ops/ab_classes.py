"""Colours as classes: the bins of a* and b* that a screen can show, after Zhang, Isola and Efros 2016.

"Colorful Image Colorization", section 2: bins on a grid of step 10, each pixel's colour encoded softly on the five
nearest; rare colours count more (2.2), and the answer is the annealed mean of the predicted distribution (2.3). The
paper keeps 313 bins; here are those that any colour of 6 x 6 x 6 bits falls into.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from clearsight.ops.lab import lab_of

STEP = 10.0
NEAREST = 5
SPREAD = 5.0  # standard deviation of the Gaussian that encodes a colour, and that smooths their frequencies
REACH = 16  # steps either way, more than any colour has
LEVELS = 64  # of each channel, of the colours that bins are looked for among


@cache
def bins() -> Float[Tensor, "q 2"]:
    """The centres of all bins, in order of a* and then b*."""
    level = torch.linspace(0, 1, LEVELS)
    colours = torch.stack(torch.meshgrid(level, level, level, indexing="ij")).reshape(1, 3, -1, 1)
    a, b = (lab_of(colours)[0, 1:, :, 0] / STEP).round()
    code = torch.unique((a + REACH) * 2 * REACH + b + REACH).long()  # one number for both, which sorts quickly
    return torch.stack([code // (2 * REACH) - REACH, code % (2 * REACH) - REACH], 1) * STEP


def encoded(ab: Float[Tensor, "n 2"], centres: Float[Tensor, "q 2"]) -> tuple[Int[Tensor, "n k"], Float[Tensor, "n k"]]:
    """The five nearest bins of each colour, the nearest first, and their shares of it, which sum to 1."""
    # Axis by axis: a product of matrices may be of less precision in training, and neighbours would be confused.
    distance = sum((ab[:, axis, None].float() - centres[:, axis].float()) ** 2 for axis in (0, 1))
    assert isinstance(distance, Tensor)
    near = distance.topk(NEAREST, dim=1, largest=False)
    return near.indices, (-near.values / (2 * SPREAD**2)).softmax(1)


def frequencies(ab: Float[Tensor, "n 2"], centres: Float[Tensor, "q 2"]) -> Float[Tensor, "q"]:
    """The share of colours whose nearest bin it is, of each bin, smoothed over the plane by a Gaussian."""
    nearest = encoded(ab, centres)[0][:, 0]
    shares = torch.bincount(nearest, minlength=len(centres)).float() / max(1, len(nearest))
    near = (-(centres[:, None] - centres).square().sum(2) / (2 * SPREAD**2)).exp()
    return shares @ (near / near.sum(1, keepdim=True))


def rebalanced(shares: Float[Tensor, "q"], uniform: float) -> Float[Tensor, "q"]:
    """How much a pixel of each bin counts: the inverse of its share mixed with ``uniform`` of equal ones; 1 on average.

    Equation 4 of the paper; its lambda is ``uniform``, and 1 makes all count alike.
    """
    weights = 1 / ((1 - uniform) * shares + uniform / len(shares))
    return weights / (shares * weights).sum()


def annealed_mean(
    logits: Float[Tensor, "b q h w"], centres: Float[Tensor, "q 2"], temperature: float
) -> Float[Tensor, "b 2 h w"]:
    """The mean of the distribution, sharpened: near 0 it is the most probable bin, 1 gives the mean itself.

    Equation 5 of the paper.
    """
    shares = (logits.float() / temperature).softmax(1)
    return torch.stack([(shares * axis[:, None, None]).sum(1) for axis in centres.unbind(1)], 1)
