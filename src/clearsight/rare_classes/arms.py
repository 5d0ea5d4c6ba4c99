"""What is compared: nothing done for the rare class, three things that need no generator, and generated pictures.

All but the first have a ratio, how many pictures of the class are added for each real one, and each has the class
seen (1 + ratio) times as often or count as much. So at one ratio methods differ only in where the additional pictures
come from.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import UInt8
from torch import Tensor

from clearsight.ops.variations import varied
from clearsight.sources.batches.weighting import Weighting
from clearsight.sources.samples.cropped import CroppedDataset
from clearsight.sources.samples.extended import ExtendedDataset
from clearsight.types import Label

NOTHING, GENERATED = "nothing", "generated pictures"
OVERSAMPLING, CLASS_WEIGHTS, CLASSICAL = "oversampling", "class weights", "classical augmentation"
ALTERNATIVES = (OVERSAMPLING, CLASS_WEIGHTS, CLASSICAL)


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One of the things compared: a method, and its ratio of added to real pictures of the class (0 for nothing)."""

    method: str
    ratio: float = 0.0

    def __str__(self) -> str:
        return self.method if self.method == NOTHING else f"{self.method}, 1:{self.ratio:g}"

    @property
    def key(self) -> str:
        """A name for files."""
        return f"{self.method.replace(' ', '-')}-{self.ratio:g}"


def arms_of(ratios: Sequence[float]) -> tuple[Arm, ...]:
    """All that is compared, nothing first, then ratio by ratio with the generated pictures last."""
    rest = [Arm(method=method, ratio=ratio) for ratio in ratios for method in (*ALTERNATIVES, GENERATED)]
    return (Arm(method=NOTHING), *rest)


def rows_of(dataset: CroppedDataset, label: int) -> list[int]:
    """Where the pictures of a class stand."""
    truths = (dataset.truth(row) for row in range(len(dataset)))
    return [row for row, truth in enumerate(truths) if isinstance(truth, Label) and truth.index == label]


def added(ratio: float, rare: int) -> int:
    """How many pictures a ratio adds to so many real ones: at least one."""
    return max(1, round(ratio * rare))


def material(
    arm: Arm, train: CroppedDataset, label: int, seed: int, generated: UInt8[Tensor, "n 3 h w"]
) -> tuple[ExtendedDataset, Weighting]:
    """What an arm is trained on with a seed: the pictures, and how they are drawn and counted.

    ``generated`` are at least as many generated pictures of the class as the ratio asks for; the first are taken.
    """
    rows = rows_of(train, label)
    real = ExtendedDataset(train, train.stack()[:0], [], "none")
    if arm.method == NOTHING:
        return real, Weighting()
    if arm.method in (OVERSAMPLING, CLASS_WEIGHTS):
        factors = torch.ones(len(train), dtype=torch.float64)
        factors[rows] = 1 + added(arm.ratio, len(rows)) / len(rows)
        return real, Weighting(draws=factors) if arm.method == OVERSAMPLING else Weighting(losses=factors)
    count = added(arm.ratio, len(rows))
    if arm.method == CLASSICAL:
        random = torch.Generator().manual_seed((seed * 1_000_000_007 + 1) % 2**63)
        chosen = torch.tensor(rows).repeat(-(-count // len(rows)))[:count]
        return ExtendedDataset(train, varied(train.stack()[chosen], random), [label] * count, "varied"), Weighting()
    assert arm.method == GENERATED and len(generated) >= count
    return ExtendedDataset(train, generated[:count], [label] * count, "generated"), Weighting()
