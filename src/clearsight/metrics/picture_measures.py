"""Metrics of restored pictures beyond likeness, by what was given: colours where they were lost, consistency.

Each stands on columns of ``ReconstructionStatistics.measures``, which a ``Degradation`` names and measures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from clearsight.metrics.additive import Additive, beside_one, mean_of, ratio
from clearsight.types import Metric


@dataclass(frozen=True, kw_only=True)
class PictureMeasure:
    """A metric and the columns it is computed of; ``headline`` where it stands before the PSNR."""

    metric: Metric
    columns: tuple[str, ...]
    headline: bool = False


def _mean(column: str) -> Additive:
    return mean_of(lambda statistics: beside_one(statistics.measures[column]))


def _share(column: str, of: str) -> Additive:
    """The sum of one column over that of another."""
    return Additive(
        lambda statistics: np.stack([statistics.measures[column], statistics.measures[of]], axis=1),
        lambda statistics, sums: ratio(sums[:, 0], sums[:, 1]),
    )


MEASURES = (
    PictureMeasure(
        metric=Metric(
            name="error in ab",
            compute=_mean("error in ab"),
            meaning="the mean distance of pixels from the original in the plane of a* and b* (CIE Lab)",
            higher_is_better=False,
            bounds=(0.0, float("inf")),
            bias_rate=1.0,
        ),
        columns=("error in ab",),
        headline=True,
    ),
    PictureMeasure(
        metric=Metric(
            name="colourfulness",
            compute=_share("colourfulness", "true colourfulness"),
            meaning="the share of the originals' colourfulness (Hasler and Süsstrunk 2003) that its pictures have",
            bounds=(0.0, float("inf")),
            bias_rate=1.0,
            ideal=1.0,
        ),
        columns=("colourfulness", "true colourfulness"),
    ),
    PictureMeasure(
        metric=Metric(
            name="consistency",
            compute=_mean("consistency"),
            meaning="the mean PSNR of its pictures, made small again, against what it was given (60 dB at most)",
            bounds=(float("-inf"), float("inf")),
            unit="dB",
            bias_rate=1.0,
        ),
        columns=("consistency",),
    ),
)


def picture_metrics(measures: Mapping[str, Any]) -> tuple[tuple[Metric, ...], tuple[Metric, ...]]:
    """The metrics that these columns allow: those that stand before the PSNR, and those that stand last."""
    there = [one for one in MEASURES if set(one.columns) <= set(measures)]
    first, last = ([one.metric for one in there if one.headline is wanted] for wanted in (True, False))
    return tuple(first), tuple(last)


def joined_measures(parts: Sequence[Mapping[str, Float[np.ndarray, "images"]]]) -> dict[str, np.ndarray]:
    """The columns of several parts one after the other; those of all parts, so none where a part lacks them."""
    names = [name for name in parts[0] if all(name in part for part in parts)] if parts else []
    return {name: np.concatenate([part[name] for part in parts]) for name in names}
