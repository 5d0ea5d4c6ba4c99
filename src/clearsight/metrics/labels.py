"""Several labels per image: the evidence of a finished evaluation, and its metrics.

The truth of each image and class is one of four states (see ``types.State``). Present and absent are evaluated;
uncertain and unread are excluded, as their truth is unknown, but they are counted. Averages run over the classes for
which a metric is defined.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int, Int8

from clearsight.metrics import ranking
from clearsight.metrics.additive import Additive, Columns, Sums, beside_one, mean_of, ratio
from clearsight.metrics.error_rates import error_rates
from clearsight.metrics.grouping import held
from clearsight.types import Confidences, Metric, State, Values, Weights

DEFAULT_THRESHOLD = 0.5
# So many labels are compared between groups one by one: more would cost the tests their power.
EACH_UP_TO = 3


@dataclass(frozen=True, kw_only=True)
class MultiLabelStatistics:
    """What is kept of a set of images with several labels each: the states and the probabilities.

    ``states`` are those of ``types.State``; the probabilities of the classes are independent. ``thresholds`` are the
    probabilities from which a label is predicted, one per class; 0.5 where None.
    """

    class_names: tuple[str, ...]
    states: Int8[np.ndarray, "images classes"]
    probabilities: Float[np.ndarray, "images classes"]
    thresholds: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        assert self.states.shape == self.probabilities.shape, "a state for each probability"
        assert self.states.shape[1] == len(self.class_names), "a name for each class"
        assert self.thresholds is None or len(self.thresholds) == len(self.class_names), "a threshold for each class"

    @property
    def images(self) -> int:
        """How many images: the length of a row of weights."""
        return len(self.states)

    @cached_property
    def present(self) -> Bool[np.ndarray, "images classes"]:
        """Where a label is known to be present."""
        return self.states == State.PRESENT

    @cached_property
    def judged(self) -> Bool[np.ndarray, "images classes"]:
        """Where it is known whether a label is present."""
        return self.present | (self.states == State.ABSENT)

    @property
    def images_judged(self) -> int:
        """How many images are evaluated: those with a known label."""
        return int(self.judged.any(1).sum())

    @cached_property
    def predicted(self) -> Bool[np.ndarray, "images classes"]:
        """Where the label is predicted: the probability reaches its threshold."""
        return self.probabilities >= (DEFAULT_THRESHOLD if self.thresholds is None else np.array(self.thresholds))

    def each(self) -> tuple[str, Float[np.ndarray, "images"]]:
        """The mean probability of the true state over the known labels of each image; NaN where none is."""
        right = np.where(self.present, self.probabilities, 1 - self.probabilities)
        judged = self.judged.sum(1)
        total = np.where(self.judged, right, 0.0).sum(1)
        found = np.divide(total, judged, out=np.full(self.images, np.nan), where=judged > 0)
        return "mean probability of what is true", found

    def with_options(self, *, thresholds: Sequence[float] | None = None) -> "MultiLabelStatistics":
        """The same statistics with other thresholds, one per class in [0, 1]."""
        return replace(self, thresholds=None if thresholds is None else tuple(map(float, thresholds)))

    @classmethod
    def joined(cls, parts: Sequence["MultiLabelStatistics"]) -> "MultiLabelStatistics":
        """All images of the parts, in order; the first part's classes and thresholds are those of all."""
        return replace(
            parts[0],
            states=np.concatenate([part.states for part in parts]),
            probabilities=np.concatenate([part.probabilities for part in parts]),
        )

    def metrics(self) -> tuple[Metric, ...]:
        """Every metric, AUROC first."""
        return METRICS

    def by_class(self) -> Mapping[str, "MultiLabelStatistics"]:
        """Each class alone, over the same images."""
        if len(self.class_names) == 1:
            return {}
        return {
            name: MultiLabelStatistics(
                class_names=(name,),
                states=self.states[:, index : index + 1],
                probabilities=self.probabilities[:, index : index + 1],
                thresholds=None if self.thresholds is None else (self.thresholds[index],),
            )
            for index, name in enumerate(self.class_names)
        }

    def counts(self) -> Mapping[str, Int[np.ndarray, "classes"]]:
        """How many images have each state of each class, by the state's name in lower case."""
        return {state.name.lower(): (self.states == state).sum(0) for state in State}

    def confidences(self) -> Confidences:
        """The probability of every known label, and whether it is present."""
        row, label = np.nonzero(self.judged)
        return Confidences(
            score=np.clip(self.probabilities[row, label].astype(np.float64), 0.0, 1.0),
            correct=self.present[row, label],
            row=row,
            claim="the label is present",
        )

    def for_groups(self) -> tuple[Metric, ...]:
        """Metrics that may be compared between groups: none depends on how frequent a label is in a group.

        Of few labels the error rates of each, else recall and specificity averaged over the labels.
        """
        if len(self.class_names) <= EACH_UP_TO:
            return tuple(rate for index in range(len(self.class_names)) for rate in error_rates(self, index).both)
        return (RECALL, SPECIFICITY)

    def decisions(self, index: int) -> Bool[np.ndarray, "3 images"]:
        """Where the label is present, where it is absent, and where it is predicted."""
        present = self.present[:, index]
        return np.stack([present, self.judged[:, index] & ~present, self.predicted[:, index]])

    def positives(self) -> Int[np.ndarray, "images"]:
        """How many labels each image is known to have."""
        return self.present.sum(1)

    def strata(self) -> Int[np.ndarray, "images"]:
        """Which labels each image is known to have, and which not, as one number."""
        return held(np.concatenate([self.present, self.judged], axis=1))

    def group_rule(self) -> str:
        """To which group an error is attributed."""
        return "A missed and a false label count towards the group of the picture they are in."


def settled_thresholds(statistics: MultiLabelStatistics) -> tuple[float, ...]:
    """For each class the threshold with the highest F1; 0.5 where it has no known positive.

    Choose them on other images than those they are evaluated on.
    """
    thresholds = []
    for index in range(len(statistics.class_names)):
        judged = statistics.judged[:, index]
        score, present = statistics.probabilities[judged, index], statistics.present[judged, index]
        if not present.any():
            thresholds.append(DEFAULT_THRESHOLD)
            continue
        order = np.argsort(-score, kind="stable")
        last = np.append(np.diff(score[order]) != 0, True)
        predicted = np.arange(1, len(score) + 1)
        f1 = np.where(last, 2 * np.cumsum(present[order]) / (predicted + present.sum()), -1.0)
        thresholds.append(float(score[order][np.argmax(f1)]))
    return tuple(thresholds)


def macro_auroc(statistics: MultiLabelStatistics, weights: Weights) -> Values:
    """The area under the ROC curve of each class over the images where it is known, averaged."""
    return _macro(ranking.auroc, statistics, weights)


def macro_average_precision(statistics: MultiLabelStatistics, weights: Weights) -> Values:
    """The average precision of each class over the images where it is known, averaged."""
    return _macro(ranking.average_precision, statistics, weights)


def _macro(measure: ranking.Measure, statistics: MultiLabelStatistics, weights: Weights) -> Values:
    def each() -> Iterator[ranking.Ranking]:
        for index in range(len(statistics.class_names)):
            yield statistics.probabilities[:, index], statistics.present[:, index], statistics.judged[:, index]

    return ranking.mean_over_known(measure(each(), weights))


def _counts(statistics: MultiLabelStatistics) -> Columns:
    """By class: true positives, predicted, present and absent, among the known."""
    judged, present = statistics.judged, statistics.present
    predicted = statistics.predicted & judged
    return np.concatenate([predicted & present, predicted, present, judged & ~present], axis=1)


def _mean(above: Sums, below: Sums) -> Values:
    return ranking.mean_over_known(ratio(above, below).T)


def _f1(statistics: MultiLabelStatistics, sums: Sums) -> Values:
    found, predicted, present, _ = np.split(sums, 4, axis=1)
    # Undefined where the class is not present at all, as then nothing can be found.
    return _mean(2 * found, np.where(present > 0, predicted + present, 0.0))


def _recall(statistics: MultiLabelStatistics, sums: Sums) -> Values:
    found, _, present, _ = np.split(sums, 4, axis=1)
    return _mean(found, present)


def _precision(statistics: MultiLabelStatistics, sums: Sums) -> Values:
    found, predicted, present, _ = np.split(sums, 4, axis=1)
    # A label that is present but never predicted has a precision of 0, as in ``metrics.classification``.
    return _mean(found, np.where((predicted == 0) & (present > 0), 1.0, predicted))


def _specificity(statistics: MultiLabelStatistics, sums: Sums) -> Values:
    found, predicted, _, absent = np.split(sums, 4, axis=1)
    return _mean(absent - (predicted - found), absent)


def _prevalence(statistics: MultiLabelStatistics, sums: Sums) -> Values:
    _, _, present, absent = np.split(sums, 4, axis=1)
    return _mean(present, present + absent)


def _judged(statistics: MultiLabelStatistics) -> Columns:
    return beside_one(statistics.judged.mean(1))


RECALL = Metric(
    name="recall at the deployed thresholds",
    compute=Additive(_counts, _recall),
    meaning="the share of the labels that it finds, averaged over the classes",
)
SPECIFICITY = Metric(
    name="specificity at the deployed thresholds",
    compute=Additive(_counts, _specificity),
    meaning="the share of the pictures without a label for which it predicts none, averaged over the classes",
)
METRICS = (
    Metric(
        name="AUROC",
        compute=macro_auroc,
        meaning="how often it ranks a picture with a label above one without (AUROC), averaged over the classes",
    ),
    Metric(
        name="average precision",
        compute=macro_average_precision,
        meaning="average precision, averaged over the classes; the trivial baseline reaches the prevalence",
    ),
    Metric(
        name="prevalence",
        compute=Additive(_counts, _prevalence),
        meaning="the share of the pictures with a known state that have a label, averaged over the classes",
    ),
    Metric(
        name="F1 at the deployed thresholds",
        compute=Additive(_counts, _f1),
        meaning="the harmonic mean of recall and precision (F1), averaged over the classes",
    ),
    RECALL,
    Metric(
        name="precision at the deployed thresholds",
        compute=Additive(_counts, _precision),
        meaning="the share of the labels it predicts that are correct, averaged over the classes",
    ),
    SPECIFICITY,
    Metric(
        name="labels judged",
        compute=mean_of(_judged),
        meaning="the share of the labels that are known: neither uncertain nor unread",
    ),
)
