"""What a new last layer is fitted on: features of pictures of known groups, standardised."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float, Int

from clearsight.types import Given, NewLastLayer


def materials(
    given: Given,
) -> Iterator[tuple[str, Float[np.ndarray, "n c"], Int[np.ndarray, "n"], Int[np.ndarray, "n"]]]:
    """Features, classes and cells of pictures of known groups: those held out, and those with the training pictures.

    Left out where a class is missing.
    """
    for where, parts in (("held-out pictures", [given.fit]), ("all pictures", [given.fit, given.train])):
        cells = np.concatenate([part.cells for part in parts])
        labels = np.concatenate([part.labels for part in parts])[cells >= 0]
        if len(np.unique(labels)) == given.classes:
            features = np.concatenate([part.features() for part in parts])[cells >= 0]
            yield where, features, labels, cells[cells >= 0]


# Fits a layer's weight and bias to standardised features, labels and cells, with so strong a penalty.
Fit = Callable[
    [Float[np.ndarray, "n c"], Int[np.ndarray, "n"], Int[np.ndarray, "n"], float],
    tuple[Float[np.ndarray, "classes c"], Float[np.ndarray, "classes"]],
]


def layers(given: Given, strengths: Sequence[float], fit: Fit) -> tuple[NewLastLayer, ...]:
    """A layer for each strength and choice of pictures that holds every class, written as one on the features."""
    found = []
    for where, features, labels, cells in materials(given):
        standardised = Standardised.of(features)
        shown = standardised.of_features(features)
        for strength in strengths:
            weight, bias = standardised.layer(*fit(shown, labels, cells, strength))
            found.append(NewLastLayer(said=f"{where}, C {strength:g}", weight=weight, bias=bias))
    return tuple(found)


@dataclass(frozen=True, kw_only=True, eq=False)
class Standardised:
    """Means and standard deviations of features; constant ones say nothing and have an infinite deviation."""

    mean: Float[np.ndarray, "c"]
    scale: Float[np.ndarray, "c"]

    @classmethod
    def of(cls, features: Float[np.ndarray, "n c"]) -> Self:
        """Those of these features."""
        scale = features.std(0)
        least = 1e-6 * max(float(scale.max()), 1e-30)
        return cls(mean=features.mean(0), scale=np.where(scale > least, scale, np.inf))

    def of_features(self, features: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n c"]:
        """Features with mean 0 and deviation 1."""
        return (features - self.mean) / self.scale

    def layer(
        self, weight: Float[np.ndarray, "classes c"], bias: Float[np.ndarray, "classes"]
    ) -> tuple[Float[np.ndarray, "classes c"], Float[np.ndarray, "classes"]]:
        """A layer on standardised features, written as one on the features themselves."""
        own = weight / self.scale
        return own, bias - own @ self.mean
