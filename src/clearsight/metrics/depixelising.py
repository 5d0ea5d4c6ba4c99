"""How near restored pictures came to the small ones they were made of, and to the true ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from clearsight.metrics.additive import beside_one, mean_of
from clearsight.types import Metric


@dataclass(frozen=True, kw_only=True)
class DepixelisingStatistics:
    """Of each small picture, means over its restorations.

    ``consistency`` is the PSNR in dB of the restored picture made small again, against what was given; ``matched`` the
    share of restorations that are near enough, and ``by_search`` that which the search alone brought so near; ``psnr``
    that of the restored picture against the true one. ``spread`` is the root mean square by which restorations of one
    picture differ from their mean, of 255; NaN where there is only one. ``factor`` is how many times smaller it was.
    """

    consistency: Float[np.ndarray, "images"]
    matched: Float[np.ndarray, "images"]
    by_search: Float[np.ndarray, "images"]
    psnr: Float[np.ndarray, "images"]
    spread: Float[np.ndarray, "images"]
    factor: int
    restarts: int
    epsilon: float
    finish: str

    @property
    def images(self) -> int:
        """How many small pictures: the length of a row of weights."""
        return len(self.consistency)

    @classmethod
    def joined(cls, parts: Sequence["DepixelisingStatistics"]) -> "DepixelisingStatistics":
        """All pictures of the parts, in order."""
        rows = ("consistency", "matched", "by_search", "psnr", "spread")
        together: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in rows}
        return replace(parts[0], **together)

    def metrics(self) -> tuple[Metric, ...]:
        """The consistency first."""
        decibels = (float("-inf"), float("inf"))
        return (
            Metric(
                name="consistency",
                compute=mean_consistency,
                meaning="the mean PSNR of restored pictures made small again, against the small pictures given",
                bounds=decibels,
                unit="dB",
            ),
            Metric(
                name="matched",
                compute=mean_matched,
                meaning="the share of restored pictures that are near enough to what was given",
            ),
            Metric(
                name="matched by the search alone",
                compute=mean_by_search,
                meaning="the share of restored pictures that the search alone brought near enough",
            ),
            Metric(
                name="PSNR to the true pictures",
                compute=mean_psnr,
                meaning="the mean PSNR of restored pictures against the true ones",
                bounds=decibels,
                unit="dB",
            ),
        )


mean_consistency = mean_of(lambda statistics: beside_one(statistics.consistency))
mean_matched = mean_of(lambda statistics: beside_one(statistics.matched))
mean_by_search = mean_of(lambda statistics: beside_one(statistics.by_search))
mean_psnr = mean_of(lambda statistics: beside_one(statistics.psnr))
