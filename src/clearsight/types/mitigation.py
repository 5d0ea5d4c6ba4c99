"""Mitigations: what they are given, and what they change of a trained classifier so that it serves its groups alike."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor, nn


@runtime_checkable
class LastLayer(Protocol):
    """A network whose answer is ``linear(features(images))``, with ``linear`` its last layer, a submodule of that name.

    Where it answers with the mean over several views, the features are the mean over these.
    """

    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c"]: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupedPictures:
    """Pictures with the class and the group of each.

    ``cells`` numbers each pair of a group and a class; ``groups`` and ``cells`` are -1 where nobody said the group.
    ``features`` computes what the last layer reads of each picture, once; ``logits`` what it makes of it now.
    """

    ids: tuple[str, ...]
    labels: Int[np.ndarray, "n"]
    groups: Int[np.ndarray, "n"]
    cells: Int[np.ndarray, "n"]
    features: Callable[[], Float[np.ndarray, "n c"]]
    logits: Callable[[], Float[np.ndarray, "n classes"]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Given:
    """What a mitigation is given: the pictures trained on, held-out pictures to fit on, and how many classes there are.

    It never sees the pictures it is chosen by, nor those of the final figures.
    """

    train: GroupedPictures
    fit: GroupedPictures
    classes: int


@dataclass(frozen=True, kw_only=True, eq=False)
class NewLastLayer:
    """Another last layer on the same features."""

    said: str
    weight: Float[np.ndarray, "classes c"]
    bias: Float[np.ndarray, "classes"]


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupOffsets:
    """Numbers added to the logits of the pictures of each group; whoever predicts must know the group."""

    said: str
    offsets: Float[np.ndarray, "groups classes"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Retraining:
    """The network trained anew: with other settings, other draws or weights of the pictures, or another objective.

    ``settings`` are fields of the model's config; ``draws`` and ``losses`` are those of a ``Weighting``, for each
    training picture; ``objective`` wraps the network into what the loop trains, an ``nn.Module`` with ``losses``, whose
    only weights are the network's.
    """

    said: str
    settings: dict[str, Any] = field(default_factory=dict)
    draws: Float[np.ndarray, "n"] | None = None
    losses: Float[np.ndarray, "n"] | None = None
    objective: Callable[[nn.Module], nn.Module] | None = None


Change: TypeAlias = NewLastLayer | GroupOffsets | Retraining
Mitigation: TypeAlias = Callable[[Given], tuple[Change, ...]]
