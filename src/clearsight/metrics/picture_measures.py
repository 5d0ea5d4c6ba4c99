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


TONES = ("L*", "a*", "b*", "chroma")
LEAST_CHROMA = 2.0  # of a mean colour; below it is grey, and has no hue


def tone_shifts(measures: Mapping[str, Any]) -> tuple[Metric, ...]:
    """How far the mean tone of pictures is off that of the originals, in each of ``TONES``; none where not measured."""
    if not {part + tone for part in ("", "true ") for tone in TONES} <= set(measures):
        return ()
    return tuple(
        Metric(
            name=f"shift in {tone}",
            compute=mean_of(lambda statistics, tone=tone: beside_one(_shift(statistics.measures, tone))),  # type: ignore[misc]
            meaning=f"the mean difference of {tone} from the originals",
            bounds=(float("-inf"), float("inf")),
            bias_rate=1.0,
            ideal=0.0,
        )
        for tone in TONES
    )


def _shift(measures: Mapping[str, Float[np.ndarray, "images"]], tone: str) -> Float[np.ndarray, "images"]:
    return measures[tone] - measures[f"true {tone}"]


def _hue_apart(statistics: Any, sums: Float[np.ndarray, "replicates 5"]) -> Float[np.ndarray, "replicates"]:
    """The angle in degrees from the mean original colour to the mean colour; NaN where one of them is grey."""
    a, b, true_a, true_b = (sums[:, k] / sums[:, 4] for k in range(4))
    turned = np.degrees(np.arctan2(b, a) - np.arctan2(true_b, true_a))
    coloured = np.minimum(np.hypot(a, b), np.hypot(true_a, true_b)) >= LEAST_CHROMA
    return np.where(coloured, (turned + 180) % 360 - 180, np.nan)


HUE_SHIFT = Metric(
    name="shift in hue",
    compute=Additive(
        lambda statistics: np.stack(
            [
                *(statistics.measures[name] for name in ("a*", "b*", "true a*", "true b*")),
                np.ones(statistics.images),
            ],
            axis=1,
        ),
        _hue_apart,
    ),
    meaning="the angle of its mean colour from that of the originals, in the plane of a* and b*",
    bounds=(-180.0, 180.0),
    unit="degrees",
    bias_rate=1.0,
    ideal=0.0,
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
