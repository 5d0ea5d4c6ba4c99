"""From finished trainings to numbers: what each method reaches, and whether generated pictures help.

Every difference is paired: the same seeds, the same held-out pictures. Generated pictures help at a ratio only where
their gain in recall over each of the alternatives excludes 0: no best alternative is chosen first, so none is chosen by
luck (an intersection-union test, Berger 1982). Over the ratios the intervals are simultaneous (Bonferroni): with three
ratios each has 98.3%.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Int

from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.crossed import Crossed, Interval, crossed, interval
from clearsight.metrics.replicates import cluster_weights
from clearsight.rare_classes.arms import GENERATED, Arm
from clearsight.types import Metric

RECALL, PRECISION, BALANCED, ACCURACY = "recall", "precision", "balanced accuracy", "accuracy"
REPLICATES = 1000
CONFIDENCE = 0.95

Verdict = Literal["helps", "no evidence of help"]


@dataclass(frozen=True, kw_only=True)
class Score:
    """A metric of one method: the mean over the seeds, its 95% interval, and the value of each seed."""

    value: float
    interval: tuple[float, float] | None
    each: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ArmScores:
    """What a method reaches: recall and precision of the rare class, balanced accuracy and accuracy over all."""

    method: str
    ratio: float
    scores: Mapping[str, Score]


@dataclass(frozen=True, kw_only=True)
class Gain:
    """A metric with generated pictures at a ratio, minus that of another method, with its simultaneous interval."""

    ratio: float
    against: str
    metric: str
    value: float
    interval: tuple[float, float] | None
    p: float


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """All scores and gains, and the verdict.

    ``ratio`` is the one at which the least sure gain is surest, and ``rival`` the alternative that this gain is over:
    the one whose interval has the lowest lower end. ``confidence`` is that of each interval of a gain.
    """

    verdict: Verdict
    ratio: float
    rival: str
    confidence: float
    arms: tuple[ArmScores, ...]
    gains: tuple[Gain, ...]

    def gain(self, metric: str, against: str | None = None) -> Gain:
        """The gain at the ratio named, over the rival unless said otherwise."""
        wanted = (self.ratio, against or self.rival, metric)
        return next(one for one in self.gains if (one.ratio, one.against, one.metric) == wanted)

    def of(self, method: str, ratio: float) -> ArmScores:
        """What one of the methods reaches."""
        return next(one for one in self.arms if (one.method, one.ratio) == (method, ratio))


def judged(
    found: Mapping[Arm, Sequence[ClassificationStatistics]],
    rare_class: str,
    clusters: Int[np.ndarray, "images"],
    seed: int = 0,
) -> Judgement:
    """The judgement of evaluations of the same pictures, seed by seed for each method."""
    first = next(iter(found.values()))[0]
    weights = cluster_weights(clusters, REPLICATES, seed, first.truth)
    rare = first.truth == first.class_names.index(rare_class)
    counted = {name: len(np.unique(clusters[rare] if name == RECALL else clusters)) for name in _metrics(first)}
    crossings: dict[Arm, dict[str, Crossed]] = {}
    for arm, runs in found.items():
        of_class = [one.by_class()[rare_class] for one in runs]
        crossings[arm] = {
            name: crossed(metric, of_class if name in (RECALL, PRECISION) else runs, weights)
            for name, metric in _metrics(first).items()
        }
    arms = tuple(
        ArmScores(method=arm.method, ratio=arm.ratio,
                  scores={name: _score(one, counted[name]) for name, one in mine.items()})
        for arm, mine in crossings.items()
    )  # fmt: skip
    ratios = [arm.ratio for arm in found if arm.method == GENERATED]
    confidence = 1 - (1 - CONFIDENCE) / len(ratios)
    gains = tuple(
        _gain(name, arm, other, crossings, counted[name], confidence)
        for arm in found
        if arm.method == GENERATED
        for other in found
        if other.method != GENERATED
        for name in counted
    )
    return _concluded(arms, gains, ratios, confidence)


def _metrics(statistics: ClassificationStatistics) -> dict[str, Metric]:
    """The metrics that are told, those of the rare class first."""
    of_one = {metric.name: metric for metric in next(iter(statistics.by_class().values())).metrics()}
    of_all = {metric.name: metric for metric in statistics.metrics()}
    return {RECALL: of_one[RECALL], PRECISION: of_one[PRECISION], **{n: of_all[n] for n in (BALANCED, ACCURACY)}}


def _score(found: Crossed, clusters: int) -> Score:
    ends = interval(found, clusters, CONFIDENCE).ends
    inside = None if ends is None else (max(0.0, ends[0]), min(1.0, ends[1]))
    return Score(value=found.value, interval=inside, each=tuple(found.each.tolist()))


def _gain(
    name: str,
    arm: Arm,
    other: Arm,
    crossings: Mapping[Arm, Mapping[str, Crossed]],
    clusters: int,
    confidence: float,
) -> Gain:
    found: Interval = interval(crossings[arm][name].minus(crossings[other][name]), clusters, confidence)
    return Gain(ratio=arm.ratio, against=str(other), metric=name, value=found.value, interval=found.ends, p=found.p)


def _concluded(
    arms: tuple[ArmScores, ...], gains: tuple[Gain, ...], ratios: Sequence[float], confidence: float
) -> Judgement:
    """The ratio whose least sure gain is surest, and whether that excludes 0."""
    least = {
        ratio: min((one for one in gains if one.ratio == ratio and one.metric == RECALL), key=_low) for ratio in ratios
    }
    best = max(ratios, key=lambda ratio: _low(least[ratio]))
    return Judgement(
        verdict="helps" if _low(least[best]) > 0 else "no evidence of help",
        ratio=best,
        rival=least[best].against,
        confidence=confidence,
        arms=arms,
        gains=gains,
    )


def _low(gain: Gain) -> float:
    """The lower end of a gain; minus infinity where it has none."""
    return float("-inf") if gain.interval is None else gain.interval[0]
