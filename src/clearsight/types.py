"""The vocabulary of clearsight: one word and one type per concept. Read this file first.

Conventions, everywhere:

- pictures are RGB, ``uint8`` of shape ``3 h w`` as samples and ``float`` of shape ``b 3 h w`` in [0, 1] as batches;
- sizes are ``(height, width)``;
- boxes are absolute pixels ``x1 y1 x2 y2`` with ``0 <= x1 < x2 <= w`` and ``0 <= y1 < y2 <= h``;
- class ids start at 0 and background has none; the ignore index of class maps is 255;
- probabilities sum to 1; units are part of a name (``_px``, ``_kwh``, ``_s``, ``kg_co2e``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

IGNORE = 255
UNKNOWN = "unknown"

Size = tuple[int, int]
Losses = dict[str, Tensor]


# --- truths and predictions -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Boxes:
    """The objects of one picture: boxes in pixels, class ids, and which of them are not judged.

    An ignored object (COCO "iscrowd", Pascal VOC "difficult") is neither missed nor false when a detection meets it.
    ``areas`` are square pixels; COCO's are those of the mask, so they may be smaller than the box.
    """

    xyxy: Float[Tensor, "n 4"]
    labels: Int[Tensor, "n"]
    ignored: Bool[Tensor, "n"]
    areas: Float[Tensor, "n"]

    @classmethod
    def of(cls, xyxy: Tensor, labels: Tensor, ignored: Tensor | None = None, areas: Tensor | None = None) -> "Boxes":
        """Boxes with nothing ignored and areas of width x height px unless given."""
        xyxy = xyxy.reshape(-1, 4).float()
        sides = xyxy[:, 2:] - xyxy[:, :2]
        return cls(
            xyxy=xyxy,
            labels=labels.long(),
            ignored=torch.zeros(len(xyxy), dtype=torch.bool) if ignored is None else ignored.bool(),
            areas=sides.prod(1) if areas is None else areas.float(),
        )

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, kw_only=True)
class Detections:
    """Found objects of one picture, best first: boxes in pixels, scores in [0, 1], class ids."""

    xyxy: Float[Tensor, "n 4"]
    scores: Float[Tensor, "n"]
    labels: Int[Tensor, "n"]

    def __len__(self) -> int:
        return len(self.labels)

    def above(self, score: float) -> "Detections":
        """Only the detections whose score is at least ``score``."""
        keep = self.scores >= score
        return Detections(xyxy=self.xyxy[keep], scores=self.scores[keep], labels=self.labels[keep])


Truth = Boxes | None
Prediction = Detections


# --- data -------------------------------------------------------------------------------------------------------------


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
    """Pictures of one size with their truths."""

    images: Float[Tensor, "b 3 h w"]
    truths: Sequence[Truth]
    ids: Sequence[str]


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


# --- models -----------------------------------------------------------------------------------------------------------


@runtime_checkable
class Backbone(Protocol):
    """The trunk: pictures to a pyramid of feature maps ``b c h w``, fine to coarse."""

    channels: tuple[int, ...]
    strides: tuple[int, ...]

    def forward(self, images: Tensor) -> list[Tensor]: ...

    def __call__(self, images: Tensor) -> list[Tensor]: ...


PRECISIONS = ("auto", "float32", "bfloat16")
FLIPS: dict[str, frozenset[str]] = {
    "none": frozenset(),
    "horizontal": frozenset({"horizontal"}),
    "vertical": frozenset({"vertical"}),
    "both": frozenset({"horizontal", "vertical"}),
}


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a model is trained unless the user says otherwise; each model states its own.

    ``size_px`` is the longer side of the pictures the network sees; ``zoom`` the range of the random magnification;
    ``brightness`` the strength of the random light in [0, 1]; ``average_share`` the memory of the weight average (EMA)
    as a share of all steps. For the first ``small_share`` of the run the pictures are ``small_scale`` times smaller.
    ``flips`` are the mirrorings a picture may undergo: those the data allow, or "none", "horizontal", "vertical",
    "both" where the user knows better. ``precision`` is "float32", "bfloat16", or whichever is found to be quicker.
    """

    batch_size: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup_share: float = 0.03
    average_share: float = 0.05
    clip_norm: float = 10.0
    size_px: int = 416
    zoom: tuple[float, float] = (0.75, 1.35)
    brightness: float = 0.2
    small_share: float = 0.0
    small_scale: float = 0.7
    flips: str = "data"
    precision: str = "auto"

    def __post_init__(self) -> None:
        for name in ("batch_size", "size_px"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected at least 1.")
        for name in ("learning_rate", "clip_norm", "small_scale"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected a number above 0.")
        for name in ("warmup_share", "average_share", "small_share", "brightness"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected a share between 0 and 1.")
        if not 0 < self.zoom[0] <= self.zoom[1]:
            raise ValueError(f"zoom is {self.zoom}. Expected two magnifications above 0, the smaller first.")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is {self.precision!r}. Expected {', '.join(PRECISIONS)}.")
        if self.flips not in FLIPS and self.flips != "data":
            raise ValueError(f"flips is {self.flips!r}. Expected data, {', '.join(FLIPS)}.")


@runtime_checkable
class Model(Protocol):
    """A network of a config. Built as ``Model(config, backbone, class_names)``.

    ``losses`` returns named scalars whose sum is minimised; ``predict`` returns one prediction per picture.
    """

    task: ClassVar[str]
    config_type: ClassVar[type]
    training_defaults: ClassVar[Training]
    strides: ClassVar[tuple[int, ...]]

    def losses(self, batch: Batch) -> Losses: ...

    def predict(self, images: Float[Tensor, "b 3 h w"]) -> list[Prediction]: ...

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Any: ...

    def __call__(self, images: Float[Tensor, "b 3 h w"]) -> Any: ...


# --- evidence ---------------------------------------------------------------------------------------------------------

Weights = Float[np.ndarray, "replicates images"]
Values = Float[np.ndarray, "replicates"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One pure function ``(statistics, weights) -> values`` and what a reader must know of it.

    ``compute`` takes weights ``[replicates, images] >= 0`` and returns values ``[replicates]``; NaN where undefined.
    """

    name: str
    compute: Callable[[Any, Weights], Values]
    meaning: str
    higher_is_better: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)
    unit: str = ""


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
    """What one task keeps of a finished evaluation: a frozen dataclass of arrays (and plain values), rows = images."""

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


S = TypeVar("S", bound=Statistics)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A finished evaluation: sufficient statistics per image, the groups and the cluster of each image.

    ``clusters`` holds one integer per image, equal for images that are not independent; ``groups`` one array of words
    per attribute (``"unknown"`` where nobody said). ``about`` is where it comes from: data name, split, fingerprint,
    run. Enough for every audit, so an audit never sees a network.
    """

    task: str
    statistics: Any
    ids: tuple[str, ...]
    clusters: Int[np.ndarray, "images"]
    groups: Mapping[str, np.ndarray] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Task(Protocol):
    """What a truth and a prediction are, and how predictions become statistics.

    ``baseline`` predicts without looking: what the training truths alone allow, the score every model must beat.
    """

    name: str
    statistics_type: type

    def statistics(
        self, predictions: Sequence[Prediction], truths: Sequence[Truth], class_names: Sequence[str], **options: Any
    ) -> Statistics: ...

    def settle(self, statistics: Any) -> dict[str, Any]:
        """What deployment needs, chosen on held-out evidence: options of ``statistics``, such as a threshold."""
        ...

    def baseline(
        self, truths: Sequence[Truth], sizes: Sequence[Size], class_names: Sequence[str]
    ) -> Callable[[Size], Prediction]: ...


# --- the report -------------------------------------------------------------------------------------------------------

Question = Literal[
    "what it does", "whom it fails", "when to trust it", "what breaks it", "what it cost", "who answers for it"
]
Plot = Literal["intervals", "reliability", "curve", "bars"]
Verdict = Literal["pass", "fail", "insufficient", "none asked"]
How = Literal["measured", "modelled", "assumed"]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a block of work took. Energies are [low, mid, high] kWh; CO2e only where a grid zone was named."""

    seconds: float
    kwh: tuple[float, float, float]
    how: How
    device: str
    parts: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    zone: str | None = None
    kg_co2e: tuple[float, float, float] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One answer of an audit: a plain sentence, the number behind it, its interval, n, method and limits.

    ``question`` names the section of the report it answers in; ``n`` counts ``unit``; ``series`` holds the points of
    its plot, columns of equal length by name (plain numbers, words, or None), drawn as ``plot``:

    - "intervals": label, value, low, high, n, and a note per row; a dot and a whisker each;
    - "reliability": confidence, correct, low, high, n per bin, all but n in [0, 1];
    - "curve": line (its name), x, y, low, high; the names of the axes are in ``axes``;
    - "bars": label, value, and ours (True for what this run measured); ``axes`` names the value and its unit.
    """

    question: Question
    claim: str
    metric: str
    value: float | None
    interval: tuple[float, float] | None
    n: int
    unit: str
    method: str
    limits: str
    group: str | None = None
    verdict: Verdict = "none asked"
    plot: Plot | None = None
    series: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    axes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Request:
    """What an audit is given: evidence, and where it asks for them the cost, other evidence, and the user's choices.

    ``more`` is evidence made under other conditions by name: "baseline", an older model, other pictures.
    """

    evidence: Evidence
    cost: Cost | None = None
    more: Mapping[str, Evidence] = field(default_factory=dict)
    by: tuple[str, ...] = ()
    zone: str | None = None
    replicates: int = 1000
    confidence: float = 0.95
    seed: int = 0


Audit = Callable[[Request], tuple[Finding, ...]]


@dataclass(frozen=True, kw_only=True)
class Example:
    """A picture of the run folder for the report: its path relative to the run, and what it shows."""

    path: str
    caption: str
    kind: Literal["best", "worst", "typical"]
    score: float | None = None


@dataclass(frozen=True, kw_only=True)
class Card:
    """All findings, the cost and the provenance of a run: the only input of every report.

    ``facts`` are the plain facts in the order a reader meets them (model, backbone, data, pictures, seed, ...);
    ``provenance`` the fingerprints and versions; ``notes`` what the run warned about; ``untested`` what nobody checked.
    """

    title: str
    task: str
    summary: str
    findings: tuple[Finding, ...]
    cost: Cost | None
    facts: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    notes: tuple[str, ...] = ()
    untested: tuple[str, ...] = ()
    responsible: str | None = None
    created: str = ""
    version: int = 1
