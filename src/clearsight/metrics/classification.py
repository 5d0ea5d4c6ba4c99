"""Classification: the evidence of a finished evaluation, and its metrics as functions of statistics and weights.

Averages over classes ("macro") run over the classes that the weighted images hold. The statistics of one class
(``by_class``) are the same images with that class against the rest: the same metrics then speak of it alone, so that
accuracy is the share of its images that are recognised, its recall.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_array, hstack

from clearsight.metrics import probabilities, ranking
from clearsight.metrics.additive import Additive, Columns, Sums, beside_one, mean_of, one_hot, ratio
from clearsight.metrics.error_rates import error_rates
from clearsight.types import Confidences, Metric, Values, Weights

TOP_FROM_CLASSES = 11


@dataclass(frozen=True, kw_only=True)
class ClassificationStatistics:
    """What is kept of a classified set of images: the truth and the probabilities of each.

    ``truth`` are class ids; ``probabilities`` sum to 1 in each row. ``majority`` is the most frequent class where the
    model was made, the answer of the trivial baseline; of these images where None. ``positive`` is the class
    that the statistics are restricted to, if any: see the module.
    """

    class_names: tuple[str, ...]
    truth: Int[np.ndarray, "images"]
    probabilities: Float[np.ndarray, "images classes"]
    majority: int | None = None
    positive: int | None = None

    def __post_init__(self) -> None:
        assert self.probabilities.shape == (len(self.truth), len(self.class_names)), "a probability for each class"

    @property
    def images(self) -> int:
        """How many images: the length of a row of weights."""
        return len(self.truth)

    @cached_property
    def predicted(self) -> Int[np.ndarray, "images"]:
        """The most probable class of each image; the first of several equally probable."""
        return self.probabilities.argmax(1)

    @cached_property
    def right(self) -> Bool[np.ndarray, "images"]:
        """Whether the most probable class is the true one."""
        return self.predicted == self.truth

    @cached_property
    def shares(self) -> Float[np.ndarray, "classes"]:
        """The share of the images that each class has."""
        return np.bincount(self.truth, minlength=len(self.class_names)) / max(1, self.images)

    @property
    def images_judged(self) -> int:
        """How many images the scores speak of: all, or those of the class that the statistics are restricted to."""
        return self.images if self.positive is None else int((self.truth == self.positive).sum())

    @property
    def averaged(self) -> tuple[int, ...]:
        """The classes that averages run over: all, or the one these statistics are restricted to."""
        return tuple(range(len(self.class_names))) if self.positive is None else (self.positive,)

    def with_options(self, *, majority: int | None = None) -> "ClassificationStatistics":
        """The same statistics with another majority class."""
        return replace(self, majority=majority)

    @classmethod
    def joined(cls, parts: Sequence["ClassificationStatistics"]) -> "ClassificationStatistics":
        """All images of the parts, in order; the first part's classes and majority are those of all."""
        return replace(
            parts[0],
            truth=np.concatenate([part.truth for part in parts]),
            probabilities=np.concatenate([part.probabilities for part in parts]),
        )

    def metrics(self) -> tuple[Metric, ...]:
        """Every metric, accuracy first; of one class those that mean something there."""
        if self.positive is not None:
            return OF_ONE_CLASS
        return METRICS + ((TOP_5,) if len(self.class_names) >= TOP_FROM_CLASSES else ())

    def by_class(self) -> Mapping[str, "ClassificationStatistics"]:
        """Each class against the rest, over the same images."""
        if self.positive is not None:
            return {}
        return {name: replace(self, positive=index) for index, name in enumerate(self.class_names)}

    def confidences(self) -> Confidences:
        """The probability of each predicted class, and whether it is the true one."""
        chosen = np.arange(self.images) if self.positive is None else np.flatnonzero(self.predicted == self.positive)
        return Confidences(
            score=np.clip(self.probabilities[chosen, self.predicted[chosen]].astype(np.float64), 0.0, 1.0),
            correct=self.right[chosen],
            row=chosen,
            claim="the predicted class is right",
        )

    def for_groups(self) -> tuple[Metric, ...]:
        """Metrics that may be compared between groups: none is moved by how frequent the classes are in a group.

        Of two classes also how often each is taken for the other: equal for all groups, they are equalised odds.
        """
        two = error_rates(self, 1, self.class_names[0]).both if len(self.class_names) == 2 else ()
        return (BALANCED_ALIKE, *two)

    def decisions(self, index: int) -> Bool[np.ndarray, "3 images"]:
        """Which images are of the class, which are not, and which are answered with it."""
        own = self.truth == index
        return np.stack([own, ~own, self.predicted == index])

    def confusions(self) -> tuple[Int[np.ndarray, "truth answer"], str]:
        """How often each class was answered with each class, counted in rows of the evidence."""
        classes = len(self.class_names)
        counts = np.bincount(self.truth * classes + self.predicted, minlength=classes**2)
        return counts.reshape(classes, classes), ""

    def each(self) -> tuple[str, Float[np.ndarray, "images"]]:
        """The probability of the true class of each image."""
        return "probability of the true class", self.probabilities[np.arange(self.images), self.truth]

    def positives(self) -> Int[np.ndarray, "images"]:
        """How many things there are to be recognised in each image: one."""
        return np.ones(self.images, dtype=np.int64)

    def strata(self) -> Int[np.ndarray, "images"]:
        """The true class of each image."""
        return self.truth

    def group_rule(self) -> str:
        """To which group an error is charged."""
        return "A wrong answer is charged to the group of the picture it is about."


def _recognised(statistics: ClassificationStatistics) -> Columns:
    label = statistics.positive
    own = np.ones(statistics.images, dtype=bool) if label is None else statistics.truth == label
    return np.stack([statistics.right & own, own], axis=1)


def _right_and_majority(statistics: ClassificationStatistics) -> Columns:
    majority = statistics.majority
    if majority is None:
        majority = int(statistics.shares.argmax())
    return np.column_stack([beside_one(statistics.right), statistics.truth == majority])


def _skill(statistics: ClassificationStatistics, sums: Sums) -> Values:
    """The share of the majority's errors that it avoids; NaN where the majority makes none."""
    right, total, majority = sums.T
    return ratio(right - majority, total - majority)


def _of_confusion(statistics: ClassificationStatistics) -> Columns:
    """Right by class, true by class, predicted by class: all that the macro averages and MCC take from the matrix."""
    classes = len(statistics.class_names)
    parts = (
        one_hot(statistics.truth, classes, statistics.right),
        one_hot(statistics.truth, classes),
        one_hot(statistics.predicted, classes),
    )
    return csr_array(hstack(parts, format="csr"))


def _recall(statistics: ClassificationStatistics, sums: Sums) -> Values:
    right, true, _ = np.split(sums, 3, axis=1)
    return ranking.mean_over_known(ratio(right, true).T[list(statistics.averaged)])


def _precision(statistics: ClassificationStatistics, sums: Sums) -> Values:
    """A class that is there but never predicted has a precision of 0, one that is neither has none."""
    right, true, predicted = np.split(sums, 3, axis=1)
    each = np.where((predicted == 0) & (true > 0), 0.0, ratio(right, predicted))
    return ranking.mean_over_known(each.T[list(statistics.averaged)])


def _matthews(statistics: ClassificationStatistics, sums: Sums) -> Values:
    """Gorodkin 2004, equation 8; 0 where all predictions are of one class, NaN where all truths are."""
    right, true, predicted = np.split(sums, 3, axis=1)
    total = true.sum(1)
    above = right.sum(1) * total - (true * predicted).sum(1)
    # Where one class has all the weight the difference is zero but for rounding.
    of_truth, of_prediction = ((total**2 - (each**2).sum(1)) for each in (true, predicted))
    spread = of_truth > 1e-12 * total**2
    varied = spread & (of_prediction > 1e-12 * total**2)
    below = np.sqrt(np.where(varied, of_truth * of_prediction, 1.0))
    return np.where(spread, np.where(varied, above / below, 0.0), np.nan)


def _right_by_class(statistics: ClassificationStatistics) -> Columns:
    classes = len(statistics.class_names)
    parts = (one_hot(statistics.truth, classes, statistics.right), one_hot(statistics.truth, classes))
    return csr_array(hstack(parts, format="csr"))


def _balanced_alike(statistics: ClassificationStatistics, sums: Sums) -> Values:
    """The recalls weighted by each class's share of all images, over the classes that have weight."""
    right, true = np.split(sums, 2, axis=1)
    there = true > 0
    recall = np.divide(right, true, out=np.zeros_like(right), where=there)
    return ratio(recall @ statistics.shares, there @ statistics.shares)


def _prevalence(statistics: ClassificationStatistics) -> Columns:
    return beside_one(statistics.truth == statistics.positive)


def _of_each(statistics: ClassificationStatistics, measure: Callable[..., np.ndarray]) -> Columns:
    return beside_one(measure(statistics.truth, statistics.probabilities))


def macro_auroc(statistics: ClassificationStatistics, weights: Weights) -> Values:
    """The area under the ROC curve of each class against the rest, averaged; of two classes, that of both."""
    classes = statistics.averaged if len(statistics.class_names) != 2 else statistics.averaged[-1:]
    return ranking.mean_over_known(ranking.auroc(_rankings(statistics, classes), weights))


def macro_average_precision(statistics: ClassificationStatistics, weights: Weights) -> Values:
    """The average precision of each class against the rest, averaged."""
    return ranking.mean_over_known(ranking.average_precision(_rankings(statistics, statistics.averaged), weights))


def _rankings(statistics: ClassificationStatistics, classes: Sequence[int]) -> Iterator[ranking.Ranking]:
    judged = np.ones(statistics.images, dtype=bool)
    return ((statistics.probabilities[:, index], statistics.truth == index, judged) for index in classes)


ACCURACY = Metric(
    name="accuracy", compute=mean_of(_recognised), meaning="the share of pictures whose class it recognises"
)
BALANCED_ALIKE = Metric(
    name="accuracy at equal class balance",
    compute=Additive(_right_by_class, _balanced_alike),
    meaning="the share of pictures whose class it recognises, at an equal balance of the classes",
    bias_rate=1.0,
)
AUROC = Metric(
    name="AUROC",
    compute=macro_auroc,
    meaning="how often it ranks a picture of a class above one of another (AUROC), averaged over the classes",
)
AVERAGE_PRECISION = Metric(
    name="average precision",
    compute=macro_average_precision,
    meaning="average precision, averaged over the classes; a guess reaches the class's share of the pictures",
)
PRECISION = Metric(
    name="precision",
    compute=Additive(_of_confusion, _precision),
    meaning="the share of its answers of a class that are right, averaged over the classes",
)
TOP_5 = Metric(
    name="top-5 accuracy",
    compute=mean_of(partial(_of_each, measure=probabilities.among_top)),
    meaning="the share of pictures whose class is among its five most probable",
)
METRICS = (
    ACCURACY,
    Metric(
        name="skill over the majority class",
        compute=Additive(_right_and_majority, _skill),
        meaning="the part of the errors of always answering the most frequent class that it avoids",
        bounds=(-float("inf"), 1.0),
    ),
    Metric(
        name="balanced accuracy",
        compute=Additive(_of_confusion, _recall),
        meaning="the share of each class that it recognises (recall), averaged over the classes",
    ),
    PRECISION,
    AUROC,
    AVERAGE_PRECISION,
    Metric(
        name="MCC",
        compute=Additive(_of_confusion, _matthews),
        meaning="the correlation of answer and truth (Matthews; 0 for guessing)",
        bounds=(-1.0, 1.0),
    ),
    Metric(
        name="Brier score of all classes",
        compute=mean_of(partial(_of_each, measure=probabilities.squared_distance)),
        meaning="the squared distance of its probabilities from the truth, summed over the classes",
        higher_is_better=False,
        bounds=(0.0, 2.0),
    ),
    Metric(
        name="log loss",
        compute=mean_of(partial(_of_each, measure=probabilities.surprise)),
        meaning="the surprise at the truth (log loss)",
        higher_is_better=False,
        bounds=(0.0, float("inf")),
        unit="nats",
    ),
)
OF_ONE_CLASS = (
    replace(ACCURACY, name="recall", meaning="the share of the pictures of this class that it recognises"),
    replace(PRECISION, meaning="the share of its answers of this class that are right"),
    AUROC,
    AVERAGE_PRECISION,
    Metric(name="prevalence", compute=mean_of(_prevalence), meaning="the share of the pictures that are of this class"),
)
