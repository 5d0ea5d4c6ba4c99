"""Log-likelihood by a Parzen window, as the first papers on generators reported it: history, not a ranking.

A Gaussian of one width stands on each of 10,000 made pictures; its width is chosen on held-out real pictures, and the
mean log-density of the test pictures is the figure, in nats a picture (Breuleux et al. 2011; Goodfellow et al. 2014).
It ranks models badly: in so many dimensions it is far from the likelihood even for a million pictures, and cluster
centres of the training pictures beat real pictures (Theis et al. 2016). Compare it with those papers, with nothing
else. It depends on the scale of the pixels: [0, 1] here as there.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

SIGMAS = np.logspace(-1, 0, 10)
CHOSEN_ON = 1000  # validation pictures, the first ones
BLOCK_VALUES = 2**22  # squared distances held at once: 32 MB


@dataclass(frozen=True, kw_only=True)
class ParzenLikelihood:
    """The mean log-density of ``n`` test pictures in nats, its standard error over them, and the width chosen."""

    mean: float
    standard_error: float
    sigma: float
    n: int
    samples: int


def parzen_likelihood(
    samples: Float[np.ndarray, "s d"], validation: Float[np.ndarray, "v d"], test: Float[np.ndarray, "t d"]
) -> ParzenLikelihood:
    """The figure by the protocol of Goodfellow et al. 2014: rows are pictures, flattened, in [0, 1].

    The width is that of ``SIGMAS`` with the highest mean on the first 1,000 validation pictures. The protocol has
    10,000 samples. Raises ValueError for fewer than 2 test pictures or rows of different lengths.
    """
    if len(test) < 2 or not len(samples) or not len(validation):
        raise ValueError(
            f"{len(samples)} samples, {len(validation)} validation and {len(test)} test pictures. Expected some of "
            "each, and at least 2 for the test."
        )
    if len({samples.shape[1], validation.shape[1], test.shape[1]}) > 1:
        raise ValueError("the rows of samples, validation and test differ in length. Expected pictures of one size.")
    found = log_densities(validation[:CHOSEN_ON], samples, SIGMAS).mean(1)
    sigma = SIGMAS[int(found.argmax())]
    values = log_densities(test, samples, np.array([sigma]))[0]
    return ParzenLikelihood(
        mean=float(values.mean()), standard_error=float(values.std() / np.sqrt(len(values))), sigma=float(sigma),
        n=len(test), samples=len(samples),
    )  # fmt: skip


def log_densities(
    points: Float[np.ndarray, "n d"], samples: Float[np.ndarray, "s d"], sigmas: Float[np.ndarray, "k"]
) -> Float[np.ndarray, "k n"]:
    """The log of the mean of Gaussians on the samples, at each point, for each width; in float64, block by block."""
    samples = samples.astype(np.float64)
    lengths, dimension = np.square(samples).sum(1), samples.shape[1]
    found = np.empty((len(sigmas), len(points)))
    step = max(1, BLOCK_VALUES // len(samples))
    for first in range(0, len(points), step):
        block = points[first : first + step].astype(np.float64)
        squares = np.square(block).sum(1)[:, None] + lengths - 2 * block @ samples.T
        nearest = np.maximum(squares.min(1), 0)
        squares -= nearest[:, None]
        for row, sigma in enumerate(sigmas):
            # Relative to the nearest sample, whose term is then 1: no sum is too small to have a logarithm.
            mean = np.exp(squares / (-2 * sigma**2)).mean(1)
            found[row, first : first + step] = (
                np.log(mean) - nearest / (2 * sigma**2) - dimension / 2 * np.log(2 * np.pi * sigma**2)
            )
    return found
