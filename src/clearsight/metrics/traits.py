"""Traits: what statistics know of each image besides its score, in words that follow a share or a number."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.detection import ALL, DetectionStatistics
from clearsight.metrics.labels import MultiLabelStatistics
from clearsight.metrics.regression import RegressionStatistics
from clearsight.metrics.segmentation import SegmentationStatistics


@dataclass(frozen=True, kw_only=True, eq=False)
class Trait:
    """Something that is true of some images, or a number of each image, NaN where it is not known.

    ``words`` of what is true complete "92% of them ...", such as "are of the class 7"; those of a number name it.
    """

    words: str
    value: Bool[np.ndarray, "images"] | Float[np.ndarray, "images"]

    @property
    def share(self) -> bool:
        """Whether it is true of an image or not, so that its mean is a share."""
        return self.value.dtype == bool


@singledispatch
def traits(statistics: Any) -> Iterator[Trait]:
    """What the statistics of a task know of each image; nothing where they know only how well it went."""
    return iter(())


@traits.register
def _(statistics: ClassificationStatistics) -> Iterator[Trait]:
    for index, name in enumerate(statistics.class_names):
        yield Trait(words=f"are of the class {name}", value=statistics.truth == index)
        yield Trait(words=f"are taken for {name}", value=statistics.predicted == index)


@traits.register
def _(statistics: MultiLabelStatistics) -> Iterator[Trait]:
    for index, name in enumerate(statistics.class_names):
        yield Trait(words=f"have the label {name}", value=statistics.present[:, index])
        yield Trait(words=f"are predicted to have {name}", value=statistics.predicted[:, index])


@traits.register
def _(statistics: DetectionStatistics) -> Iterator[Trait]:
    for index, name in enumerate(statistics.class_names):
        yield Trait(words=f"show {name}", value=statistics.truths[:, index, ALL] > 0)
    yield Trait(words="the number of objects", value=statistics.positives().astype(np.float64))


@traits.register
def _(statistics: SegmentationStatistics) -> Iterator[Trait]:
    for index, name in enumerate(statistics.class_names):
        yield Trait(words=f"show {name}", value=statistics.confusion[:, index].sum(1) > 0)


@traits.register
def _(statistics: RegressionStatistics) -> Iterator[Trait]:
    yield Trait(words=f"the true value of {statistics.target}", value=statistics.truth.astype(np.float64))
