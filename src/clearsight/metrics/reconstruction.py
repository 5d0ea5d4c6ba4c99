"""Reconstruction: how near each picture came to its original, and means of that over pictures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from clearsight.metrics.additive import Additive, beside_one, mean_of, ratio
from clearsight.metrics.picture_measures import joined_measures, picture_metrics
from clearsight.types import Metric

PSNR = "PSNR"
LIKENESS = ("squared_error", "psnr", "ssim", "ms_ssim")


@dataclass(frozen=True, kw_only=True)
class ReconstructionStatistics:
    """Of each picture the mean squared error (of values in [0, 1]), PSNR in dB, SSIM and MS-SSIM.

    ``measures`` are numbers of each picture by name that what was given adds (see ``Degradation.measures``).
    """

    squared_error: Float[np.ndarray, "images"]
    psnr: Float[np.ndarray, "images"]
    ssim: Float[np.ndarray, "images"]
    ms_ssim: Float[np.ndarray, "images"]
    measures: Mapping[str, Float[np.ndarray, "images"]] = field(default_factory=dict)

    @property
    def images(self) -> int:
        """How many pictures: the length of a row of weights."""
        return len(self.psnr)

    def each(self) -> tuple[str, Float[np.ndarray, "images"]]:
        """The PSNR of each picture."""
        return "PSNR in dB", self.psnr

    def with_options(self, **options: Any) -> "ReconstructionStatistics":
        """The same: deployment needs no option. Raises ValueError for any."""
        if options:
            raise ValueError(f"reconstruction has no option {', '.join(options)}. Expected none.")
        return self

    @classmethod
    def joined(cls, parts: Sequence["ReconstructionStatistics"]) -> "ReconstructionStatistics":
        """All pictures of the parts, in order."""
        each = {name: np.concatenate([getattr(part, name) for part in parts]) for name in LIKENESS}
        return cls(**each, measures=joined_measures([part.measures for part in parts]))

    def metrics(self) -> tuple[Metric, ...]:
        """Every metric: PSNR first, unless what was given is judged by something of its own."""
        first, last = picture_metrics(self.measures)
        return (
            *first,
            Metric(
                name=PSNR,
                compute=mean_psnr,
                meaning="the mean over pictures of the peak signal-to-noise ratio",
                bounds=(float("-inf"), float("inf")),
                unit="dB",
            ),
            _similarity("SSIM", mean_ssim, "the mean structural similarity (Wang et al. 2004), 1 for equal pictures"),
            _similarity(
                "MS-SSIM",
                mean_ms_ssim,
                "the mean multi-scale structural similarity (Wang et al. 2003; fewer than five scales under 176 px)",
            ),
            Metric(
                name="RMSE",
                compute=root_mean_squared_error,
                meaning="the root of the mean squared error of pixels, on the scale of 0 to 255",
                higher_is_better=False,
                bounds=(0.0, float("inf")),
            ),
            *last,
        )

    def by_class(self) -> Mapping[str, "ReconstructionStatistics"]:
        """None: a picture that is restored has no class. Where the data name one, it is the group ``class``."""
        return {}

    def confidences(self) -> None:
        """None: a restored picture comes without a confidence."""
        return None

    def for_groups(self) -> tuple[Metric, ...]:
        """The headline, in which groups of plain pictures do better than those of fine detail, whatever restores."""
        return self.metrics()[:1]

    def positives(self) -> Int[np.ndarray, "images"]:
        """One picture to restore in each."""
        return np.ones(self.images, dtype=np.int64)

    def strata(self) -> Int[np.ndarray, "images"]:
        """Equal for all: nothing is said of a picture but the picture."""
        return np.zeros(self.images, dtype=np.int64)

    def group_rule(self) -> str:
        """To which group an error is attributed, and what a gap may come from."""
        return (
            "An error counts towards the group of the picture it is in. Pictures of fine detail are harder to restore: "
            "a gap may lie in the pictures and not in the model."
        )


def _similarity(name: str, compute: Callable[..., Any], meaning: str) -> Metric:
    return Metric(name=name, compute=compute, meaning=meaning, bounds=(-1.0, 1.0))


mean_psnr = mean_of(lambda statistics: beside_one(statistics.psnr))
mean_ssim = mean_of(lambda statistics: beside_one(statistics.ssim))
mean_ms_ssim = mean_of(lambda statistics: beside_one(statistics.ms_ssim))
# The root of the mean squared error over all pictures.
root_mean_squared_error = Additive(
    lambda statistics: beside_one(statistics.squared_error),
    lambda statistics, sums: 255 * np.sqrt(ratio(sums[:, 0], sums[:, 1])),
)
