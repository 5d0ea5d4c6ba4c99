"""How often each training picture is drawn, and how much it counts in the loss.

Oversampling and group-balanced sampling change the draws; class weights and re-weighting change the losses. Both are
given for each sample, so that classes and groups need no mechanism of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from clearsight.types import Label, Labels, Truth, Value


@dataclass(frozen=True, kw_only=True, eq=False)
class Weighting:
    """The weights of the samples of a data set; None where all are alike.

    ``draws`` is how often an epoch shows each sample on average, at least 0: one that is 2.5 comes twice or three times
    by chance. ``losses`` multiplies the loss of a sample whenever it is drawn; only their proportions matter, since
    they are divided by their mean over an epoch. Raises ValueError for weights that are negative, not finite or all 0.
    """

    draws: Float[Tensor, "samples"] | None = None
    losses: Float[Tensor, "samples"] | None = None

    def __post_init__(self) -> None:
        for name in ("draws", "losses"):
            values = getattr(self, name)
            if values is None:
                continue
            if not bool((torch.isfinite(values) & (values >= 0)).all()) or not bool(values.sum() > 0):
                raise ValueError(
                    f"the {name} of a weighting are from {float(values.min()):g} to {float(values.max()):g}. "
                    "Expected numbers of at least 0, not all 0."
                )

    def check(self, samples: int) -> None:
        """Raise ValueError where the weights are not those of so many samples."""
        for name in ("draws", "losses"):
            values = getattr(self, name)
            if values is not None and len(values) != samples:
                raise ValueError(f"{len(values)} {name} were given for {samples} samples. Expected one for each.")

    def length(self, samples: int) -> int:
        """How many samples an epoch shows, repeated ones counted each time."""
        return samples if self.draws is None else max(1, round(float(self.draws.double().sum())))

    def drawn(self, samples: int, generator: torch.Generator) -> tuple[Int[Tensor, "k"], Int[Tensor, "k"]]:
        """The samples of one epoch in a random order, and at each place how often it was drawn before in the epoch."""
        if self.draws is None:
            order = torch.randperm(samples, generator=generator)
            return order, torch.zeros_like(order)
        counts = _counts(self.draws, self.length(samples), generator)
        samples_drawn = torch.repeat_interleave(torch.arange(samples), counts)
        before = torch.arange(len(samples_drawn)) - torch.repeat_interleave(counts.cumsum(0) - counts, counts)
        order = torch.randperm(len(samples_drawn), generator=generator)
        return samples_drawn[order], before[order]

    def loss_weights(self, rows: Sequence[int], truths: Sequence[Truth]) -> Float[Tensor, "b"] | None:
        """How much the drawn samples count in the loss, 1 on average over an epoch; None where all count alike.

        Raises ValueError for truths with coordinates, whose losses are not those of whole pictures.
        """
        if self.losses is None:
            return None
        if not all(isinstance(truth, Label | Labels | Value) for truth in truths):
            raise ValueError(
                "the loss is weighted by whole pictures, and these have truths with coordinates. Weight how often "
                "pictures are drawn instead."
            )
        return (self.losses[list(rows)] / self._mean_loss_weight).float()

    @cached_property
    def _mean_loss_weight(self) -> float:
        assert self.losses is not None
        draws = torch.ones(len(self.losses)) if self.draws is None else self.draws
        return float((draws.double() * self.losses.double()).sum() / draws.double().sum())


def _counts(draws: Float[Tensor, "samples"], length: int, generator: torch.Generator) -> Int[Tensor, "samples"]:
    """Whole numbers that sum to ``length``, each the draws of its sample rounded up or down by chance.

    Systematic sampling in a random order: as little chance as whole numbers allow.
    """
    order = torch.randperm(len(draws), generator=generator)
    upto = draws.double()[order].cumsum(0)
    upto = upto * (length / upto[-1]) + torch.rand(1, generator=generator, dtype=torch.float64)
    upto[-1] = length  # its fraction is that of the start, whatever rounding made of it
    ends = upto.floor().long()
    counts = torch.empty_like(ends)
    counts[order] = ends.diff(prepend=torch.zeros(1, dtype=torch.long))
    return counts
