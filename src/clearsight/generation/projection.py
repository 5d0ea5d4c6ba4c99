"""Features made comparable: centred, scaled and if need be reduced, by what the real training pictures have."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

MOST_FEATURES = 128
LEAST_SPREAD = 0.05  # of the median: rarer movements count as if they were that large

Raw = Float[Tensor, "n k"]


@dataclass(frozen=True, kw_only=True)
class Projection:
    """``(features - mean) @ matrix``: on the training pictures its mean is 0 and its mean square about 1."""

    mean: Float[Tensor, "k"]
    matrix: Float[Tensor, "k d"]

    def __call__(self, features: Raw) -> Float[Tensor, "n d"]:
        """The projected features, float32."""
        return (features - self.mean) @ self.matrix

    @classmethod
    def scaled(cls, training: Raw) -> "Projection":
        """Centred, and all multiplied by one number: distances keep their proportions."""
        matrix = torch.eye(training.shape[1], dtype=torch.float64)
        return _to_unit(training, matrix)

    @classmethod
    def principal(cls, training: Raw, count: int = MOST_FEATURES) -> "Projection":
        """The directions of largest variance among the training pictures, at most ``count``, not whitened."""
        values = training.double() - training.double().mean(0)
        vectors = torch.linalg.eigh(values.T @ values).eigenvectors
        return _to_unit(training, vectors[:, -min(count, vectors.shape[1]) :].flip(1))

    @classmethod
    def random(cls, training: Raw, count: int, random: torch.Generator) -> "Projection":
        """Standardised, then ``count`` random orthogonal directions: none is preferred for varying in training."""
        spread = training.double().std(0)
        least = LEAST_SPREAD * spread[spread > 0].median() if bool((spread > 0).any()) else torch.tensor(1.0)
        directions = torch.randn(training.shape[1], count, generator=random, dtype=torch.float64)
        return _to_unit(training, torch.linalg.qr(directions).Q / spread.clamp(min=float(least))[:, None])


def _to_unit(training: Raw, matrix: Float[Tensor, "k d"]) -> Projection:
    mean = training.double().mean(0)
    size = ((training.double() - mean) @ matrix).square().mean().sqrt()
    return Projection(mean=mean.float(), matrix=(matrix / size.clamp(min=1e-12)).float())
