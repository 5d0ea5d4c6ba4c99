"""Samples, batches and data sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from jaxtyping import Float, UInt8
from torch import Tensor

from clearsight.types.truths import Size, Truth


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One picture with its truth, the groups it belongs to (attribute -> value) and its cluster (patient, video)."""

    id: str
    image: UInt8[Tensor, "3 h w"]
    truth: Truth
    groups: Mapping[str, str] = field(default_factory=dict)
    cluster: str = ""

    @property
    def size(self) -> Size:
        """Height and width in pixels."""
        return (self.image.shape[1], self.image.shape[2])


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Pictures of one size with their truths.

    Where pictures were mixed (Zhang et al. 2018), each is ``share`` of its own and the rest of another, whose truth is
    in ``others``. ``progress`` is how far the run is, in [0, 1], for models that are trained in stages.
    ``weights`` is how much each truth counts in the loss, 1 on average over an epoch, and ``other_weights`` that of the
    others; None where all count alike. Only truths of whole pictures are weighted.
    """

    images: Float[Tensor, "b 3 h w"]
    truths: Sequence[Truth]
    ids: Sequence[str]
    others: Sequence[Truth] | None = None
    share: float = 1.0
    progress: float = 0.0
    weights: Float[Tensor, "b"] | None = None
    other_weights: Float[Tensor, "b"] | None = None


@runtime_checkable
class Dataset(Protocol):
    """A sequence of samples of one split.

    ``fingerprint`` is a hash of the content (pictures, truths, groups): equal fingerprints mean equal data.
    ``symmetries`` are the flips that leave a picture's meaning unchanged: a subset of {"horizontal", "vertical"}.
    """

    name: str
    split: str
    class_names: tuple[str, ...]
    fingerprint: str
    symmetries: frozenset[str]

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...
