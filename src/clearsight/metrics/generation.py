"""Generated pictures beside real ones: the evidence of a finished evaluation, and its metrics.

A row is a picture, real or generated. Real rows are held out: no generator and no extractor was trained on them.
Resampling draws rows of both kinds. What a row has from all others is computed once, on all rows: the balls of its
neighbours, and its score by the two-sample classifier. Weights then choose whose shares and ranks are counted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from clearsight.metrics import copies, frechet, group_mix, kernel_distance, ranking
from clearsight.metrics.additive import Columns, mean_of, one_hot
from clearsight.metrics.neighbours import NEIGHBOURS, Balls, balls
from clearsight.metrics.two_sample import folds, held_out_scores
from clearsight.types import Metric, Values, Weights

UNKNOWN_CLASS = -1
KID_ROWS = 5000  # of each kind at most: pairs grow with the square
ANY = (float("-inf"), float("inf"))
FROM_ZERO = (0.0, float("inf"))


@dataclass(frozen=True, kw_only=True)
class GenerationStatistics:
    """Real and generated pictures as two independent feature extractors see them, one row each.

    ``clusters`` numbers the rows that belong together. ``distance`` is the relative distance to the nearest training
    picture (see ``copies``), NaN where it is unknown. ``answer`` is the class that a classifier takes the row for,
    ``truth`` that of a real row and the one asked for of a generated row; -1 where there is none. ``training_mix`` are
    the shares of ``class_names`` in training. ``extractors`` names both.
    """

    generated: Bool[np.ndarray, "images"]
    features: Float[np.ndarray, "images d"]
    second: Float[np.ndarray, "images e"]
    clusters: Int[np.ndarray, "images"]
    distance: Float[np.ndarray, "images"]
    answer: Int[np.ndarray, "images"]
    truth: Int[np.ndarray, "images"]
    class_names: tuple[str, ...] = ()
    training_mix: tuple[float, ...] = ()
    extractors: tuple[str, ...] = ("the first extractor", "the second extractor")

    def __post_init__(self) -> None:
        rows = (self.features, self.second, self.clusters, self.distance, self.answer, self.truth)
        assert all(len(each) == len(self.generated) for each in rows), "one of each for every row"
        assert len(self.training_mix) in (0, len(self.class_names)), "a share for each class"

    @property
    def images(self) -> int:
        """How many rows: the length of a row of weights."""
        return len(self.generated)

    @cached_property
    def half(self) -> Bool[np.ndarray, "images"]:
        """Which half of its kind a row is in; whole clusters are."""
        return folds(self.generated, self.clusters, count=2) == 1

    @cached_property
    def balls(self) -> Balls:
        """Which rows lie in whose balls, by the first extractor."""
        return balls(self.features[~self.generated], self.features[self.generated])

    @cached_property
    def scores(self) -> Float[np.ndarray, "images"]:
        """The log odds of being generated, by the first extractor; NaN for the rows they were learned from."""
        return held_out_scores(self.features.astype(np.float64), self.generated, self.clusters)

    def metrics(self) -> tuple[Metric, ...]:
        """Every metric, the Fréchet distance first; those of classes where a classifier knows some."""
        first, second = self.extractors
        with_classes = (*CLASS_METRICS, self._classes_made()) if self.training_mix else ()
        return (
            _frechet("Fréchet distance", "features", first),
            _frechet("Fréchet distance, second extractor", "second", second),
            _kernel("KID x 1000", "features", first),
            _kernel("KID x 1000, second extractor", "second", second),
            *METRICS,
            *with_classes,
            UNCORRECTED,
        )

    def by_class(self) -> Mapping[str, "GenerationStatistics"]:
        """None: the distances of a part of the pictures are not parts of the whole."""
        return {}

    def for_groups(self) -> tuple[Metric, ...]:
        """None: see ``by_class``. How often a generator makes each group is evidence of its own (``group_mix``)."""
        return ()

    def positives(self) -> Int[np.ndarray, "images"]:
        """Nothing is sought in a picture."""
        return np.zeros(self.images, dtype=np.int64)

    def group_rule(self) -> str:
        """Groups are not compared by these scores."""
        return "No score is of single groups."

    def confidences(self) -> None:
        """None: a generator claims nothing."""
        return None

    def each(self) -> tuple[str, Float[np.ndarray, "images"]]:
        """How real the two-sample classifier finds each generated picture it did not learn from; NaN for others."""
        return "log odds of being real", np.where(self.generated, -self.scores, np.nan)

    def with_options(self, **options: Any) -> "GenerationStatistics":
        """The same: deployment needs no option. Raises ValueError for any."""
        if options:
            raise ValueError(f"generation has no option {', '.join(options)}. Expected none.")
        return self

    @classmethod
    def joined(cls, parts: Sequence["GenerationStatistics"]) -> "GenerationStatistics":
        """All rows of the parts, in order; rows of different parts are of different clusters."""
        sizes = np.cumsum([0, *(1 + int(part.clusters.max(initial=-1)) for part in parts)])
        rows: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("generated", "features", "second", "distance", "answer", "truth")
        }
        clusters = np.concatenate([part.clusters + start for part, start in zip(parts, sizes[:-1], strict=True)])
        return replace(parts[0], clusters=clusters, **rows)

    def _classes_made(self) -> Metric:
        return Metric(
            name="classes made",
            compute=classes_made,
            meaning=f"how many of {len(self.class_names)} classes occur among the generated pictures, as a classifier "
            "sees them",
            bounds=(0.0, float(len(self.class_names))),
        )


Sides = tuple[np.ndarray, np.ndarray]


def frechet_distance(statistics: GenerationStatistics, weights: Weights, features: str = "features") -> Values:
    """The Fréchet distance, corrected for its bias of order 1/n by the two halves of either kind."""
    parts = [
        frechet.moments(getattr(statistics, features)[rows], weights[:, rows])
        for kind in (~statistics.generated, statistics.generated)
        for rows in (kind & ~statistics.half, kind & statistics.half)
    ]
    return frechet.corrected_distance((parts[0], parts[1]), (parts[2], parts[3]))


def uncorrected_frechet_distance(statistics: GenerationStatistics, weights: Weights) -> Values:
    """The Fréchet distance as published, which is too high by an amount that falls as 1/n."""
    kinds = (~statistics.generated, statistics.generated)
    real, generated = (frechet.moments(statistics.features[rows], weights[:, rows]) for rows in kinds)
    return frechet.distance(real, generated)


def kernel_distance_of(statistics: GenerationStatistics, weights: Weights, features: str = "features") -> Values:
    """A thousand times KID; of more than 5,000 rows of a kind, 5,000 evenly chosen ones."""
    kinds = [_at_most(np.flatnonzero(statistics.generated == kind), KID_ROWS) for kind in (False, True)]
    values = getattr(statistics, features)
    return 1000 * kernel_distance.kernel_distance(
        (values[kinds[0]], values[kinds[1]]),
        (statistics.clusters[kinds[0]], statistics.clusters[kinds[1]]),
        (weights[:, kinds[0]], weights[:, kinds[1]]),
    )


def two_sample_auc(statistics: GenerationStatistics, weights: Weights) -> Values:
    """How often a generated row gets higher odds of being generated than a real one."""
    judged = np.isfinite(statistics.scores)
    if not judged.any():
        return np.full(len(weights), np.nan)
    ranked = (statistics.scores[judged], statistics.generated[judged], np.ones(int(judged.sum()), dtype=bool))
    return ranking.auroc([ranked], weights[:, judged])[0]


def copy_rate(statistics: GenerationStatistics, weights: Weights) -> Values:
    """The share of generated rows nearer to a training picture than the nearest hundredth of real rows."""
    return copies.copy_rate(statistics.distance, statistics.generated, weights)


def generated_mix(statistics: GenerationStatistics, weights: Weights) -> Float[np.ndarray, "replicates classes"]:
    """The mix of classes among generated rows as the classifier sees it."""
    rows = statistics.generated & (statistics.answer >= 0)
    return group_mix.mix_seen(one_hot(statistics.answer[rows], len(statistics.class_names)), weights[:, rows])


def divergence(statistics: GenerationStatistics, weights: Weights) -> Values:
    """The divergence of the mix seen among generated rows from that of the training pictures, in nats."""
    return group_mix.divergence(generated_mix(statistics, weights), np.array(statistics.training_mix))


def classes_made(statistics: GenerationStatistics, weights: Weights) -> Values:
    """How many classes have weight among the generated rows."""
    mix = generated_mix(statistics, weights)
    return np.where(np.isfinite(mix).all(1), (mix > 0).sum(1), np.nan).astype(np.float64)


def obeyed(statistics: GenerationStatistics) -> Columns:
    """Columns of the share of generated rows that show the class asked for."""
    asked = statistics.generated & (statistics.truth >= 0) & (statistics.answer >= 0)
    return np.stack([asked & (statistics.answer == statistics.truth), asked], axis=1).astype(np.float64)


def _at_most(rows: Int[np.ndarray, "n"], count: int) -> Int[np.ndarray, "k"]:
    return rows if len(rows) <= count else rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)]


def _of_one_kind(generated: bool, value: Callable[[Balls], np.ndarray]) -> Callable[[GenerationStatistics], Columns]:
    """Columns of a mean over the rows of one kind."""

    def columns(statistics: GenerationStatistics) -> Columns:
        rows = statistics.generated if generated else ~statistics.generated
        found = np.zeros((statistics.images, 2))
        found[rows, 0], found[rows, 1] = value(statistics.balls), 1.0
        return found

    return columns


def _frechet(name: str, features: str, extractor: str) -> Metric:
    return Metric(
        name=name,
        compute=lambda statistics, weights: frechet_distance(statistics, weights, features),
        meaning=f"how far mean and covariance of the generated pictures lie from those of the real ones, by {extractor}"
        " (Fréchet distance, corrected for the number of pictures; 0 where they are equal)",
        higher_is_better=False,
        bounds=ANY,
        bias_rate=1.0,
    )


def _kernel(name: str, features: str, extractor: str) -> Metric:
    return Metric(
        name=name,
        compute=lambda statistics, weights: kernel_distance_of(statistics, weights, features),
        meaning=f"how far the distributions lie apart by pairs of pictures, by {extractor} (kernel distance KID, "
        "unbiased; 0 where they are equal)",
        higher_is_better=False,
        bounds=ANY,
        bias_rate=1.0,
    )


UNCORRECTED = Metric(
    name="Fréchet distance, uncorrected",
    compute=uncorrected_frechet_distance,
    meaning="the Fréchet distance as published: too high by an amount that falls with the number of pictures, which "
    "its interval takes off; only comparable for equal numbers of pictures",
    higher_is_better=False,
    bounds=FROM_ZERO,
    bias_rate=1.0,
)
METRICS = (
    Metric(
        name="precision",
        compute=mean_of(_of_one_kind(True, lambda found: found.real_balls > 0)),
        meaning="the share of generated pictures that lie among the real ones, these held fixed",
    ),
    Metric(
        name="recall",
        compute=mean_of(_of_one_kind(False, lambda found: found.reached)),
        meaning="the share of real pictures that lie among the generated ones, these held fixed",
    ),
    Metric(
        name="density",
        compute=mean_of(_of_one_kind(True, lambda found: found.real_balls / NEIGHBOURS)),
        meaning="how densely generated pictures lie where the real ones are, these held fixed (about 1 where both are "
        "distributed alike)",
        bounds=FROM_ZERO,
    ),
    Metric(
        name="coverage",
        compute=mean_of(_of_one_kind(False, lambda found: found.covered)),
        meaning="the share of real pictures with a generated one among their nearest, these held fixed (about "
        f"{1 - 0.5**NEIGHBOURS:.0%} where as many of both are distributed alike)",
    ),
    Metric(
        name="two-sample AUC",
        compute=two_sample_auc,
        meaning="how often a classifier finds the generated one of a generated and a real picture (0.5 is chance)",
        higher_is_better=False,
    ),
    Metric(
        name="copy rate",
        compute=copy_rate,
        meaning="the share of generated pictures nearer to a training picture than 99% of held-out real pictures "
        "(1% are expected of new pictures)",
        higher_is_better=False,
    ),
)
CLASS_METRICS = (
    Metric(
        name="class divergence",
        compute=divergence,
        meaning="how far the mix of classes is from that of the training pictures, as a classifier sees it "
        "(Kullback-Leibler divergence in nats)",
        higher_is_better=False,
        bounds=FROM_ZERO,
        bias_rate=1.0,
    ),
    Metric(
        name="class asked for",
        compute=mean_of(obeyed),
        meaning="the share of the pictures of a class that was asked for which a classifier takes for that class",
    ),
)
