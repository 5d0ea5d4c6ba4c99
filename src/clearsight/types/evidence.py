"""Evidence: what is kept of a finished evaluation, and what a task and a metric are."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from clearsight.types.truths import Prediction, Size, Truth

Weights = Float[np.ndarray, "replicates images"]
Values = Float[np.ndarray, "replicates"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One pure function ``(statistics, weights) -> values`` and what a reader must know of it.

    ``compute`` takes weights ``[replicates, images] >= 0`` and returns values ``[replicates]``; NaN where undefined.
    ``bias_rate`` is how fast its bias falls with n images, as ``n ** -bias_rate``: 2/3 for a maximum over a noisy
    curve, 1 for a smooth function of means (see ``metrics.resample``). Where there is an ``ideal``, the value nearest
    to it is the best. ``beside_baseline`` is False where the value of a trivial baseline would mislead.
    """

    name: str
    compute: Callable[[Any, Weights], Values]
    meaning: str
    higher_is_better: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)
    unit: str = ""
    bias_rate: float = 2 / 3
    ideal: float | None = None
    beside_baseline: bool = True

    def merit(self, value: float) -> float:
        """A number that is the higher, the better the value is."""
        if self.ideal is not None:
            return -abs(value - self.ideal)
        return value if self.higher_is_better else -value


@dataclass(frozen=True, kw_only=True)
class Confidences:
    """What a model claimed and whether it held: the input of every calibration audit.

    ``score`` in [0, 1]; ``correct`` 0 or 1; ``row`` is the image each claim belongs to; ``claim`` says in words what
    being correct means, such as "the box meets an object of its class at IoU 0.5".
    """

    score: Float[np.ndarray, "k"]
    correct: Bool[np.ndarray, "k"]
    row: Int[np.ndarray, "k"]
    claim: str


@runtime_checkable
class Statistics(Protocol):
    """What one task keeps of a finished evaluation: a frozen dataclass of arrays (and plain values), rows = images.

    Where a task settles something for deployment, ``with_options(**options)`` is the same under those options.
    """

    @property
    def images(self) -> int:
        """How many images: the length of a row of weights."""
        ...

    def metrics(self) -> tuple[Metric, ...]:
        """Every metric of this task, the headline first."""
        ...

    def by_class(self) -> Mapping[str, Self]:
        """The same statistics restricted to one class each; empty where the task has no classes."""
        ...

    def confidences(self) -> Confidences | None:
        """Claims and whether they held; None where the task makes none."""
        ...

    def each(self) -> tuple[str, Float[np.ndarray, "images"]]:
        """How well each image went alone, higher is better, and what that is in words: for choosing examples."""
        ...

    def with_options(self, **options: Any) -> Self:
        """The same evaluation under what was settled for deployment (see ``Task.settle``)."""
        ...

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The statistics of all images of several parts, in order; the parts have classes and options in common."""
        ...


S = TypeVar("S", bound=Statistics)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A finished evaluation: sufficient statistics per image, the groups and the cluster of each image.

    ``clusters`` holds one integer per image, equal for images that are not independent; ``groups`` one array of words
    per attribute (``"unknown"`` where nobody said). ``about`` is where it comes from: data name, split, fingerprint,
    run, and how the clusters came about. ``seen`` tells of each image whether pictures of its cluster were trained on;
    None where nobody knows. ``features`` are the means of the last feature map of the network's backbone for each
    image, or what its last layer reads where it has no backbone; None where it has neither. ``conditions`` are numbers
    of how each image was taken, by name, NaN where not known. Enough for every audit, so an audit never sees a network.
    """

    task: str
    statistics: Any
    ids: tuple[str, ...]
    clusters: Int[np.ndarray, "images"]
    groups: Mapping[str, np.ndarray] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)
    seen: Bool[np.ndarray, "images"] | None = None
    features: Float[np.ndarray, "images channels"] | None = None
    conditions: Mapping[str, Float[np.ndarray, "images"]] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """What an image is here, in the plural: "pictures", or the "rows" of a table."""
        return self.about.get("unit", "pictures")

    @property
    def counted(self) -> str:
        """How many images of what kind, in words: "87 pictures", or what it says itself where there are two kinds."""
        return self.about.get("counted", f"{len(self.ids)} {self.unit}")


@runtime_checkable
class Task(Protocol):
    """What a truth and a prediction are, and how predictions become statistics.

    ``truth_type`` is the kind of truth it answers. ``baseline`` is the trivial predictor: what the training truths
    alone allow, the score every model must beat. Truths may come one by one, since class maps are large.
    """

    name: str
    statistics_type: type
    truth_type: type

    def statistics(
        self, predictions: Sequence[Prediction], truths: Sequence[Truth], class_names: Sequence[str], **options: Any
    ) -> Statistics: ...

    def settle(self, statistics: Any) -> dict[str, Any]:
        """What deployment needs, chosen on held-out evidence: options of ``statistics``, such as a threshold."""
        ...

    def baseline(
        self, truths: Iterable[Truth], sizes: Sequence[Size], class_names: Sequence[str]
    ) -> Callable[[Size], Prediction]: ...
