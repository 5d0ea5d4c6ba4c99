"""Calibration of confidences: reliability diagram, expected calibration error with its null, and the Brier score."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from clearsight.metrics.additive import mean_of
from clearsight.metrics.rates import design_effect, wilson
from clearsight.types import Confidences, Metric, Values, Weights

BINS = 15
PREDICTIONS_PER_BIN = 30


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Predictions in bins of equal mass: mean confidence, share that is correct with its interval, and count."""

    confidence: Float[np.ndarray, "bins"]
    correct: Float[np.ndarray, "bins"]
    low: Float[np.ndarray, "bins"]
    high: Float[np.ndarray, "bins"]
    n: Int[np.ndarray, "bins"]


@dataclass(frozen=True, kw_only=True)
class CalibrationError:
    """The expected calibration error, debiased too, and its null distribution under perfect calibration.

    ``null_mean`` and ``null_95`` are the mean and the 95th percentile of the null distribution.
    """

    value: float
    debiased: float
    null_mean: float
    null_95: float


def restricted(confidences: Confidences, rows: Bool[np.ndarray, "images"]) -> Confidences:
    """Only the predictions on the pictures for which ``rows`` is True."""
    kept = rows[confidences.row]
    return replace(
        confidences,
        score=confidences.score[kept],
        correct=confidences.correct[kept],
        row=confidences.row[kept],
    )


def reliability(confidences: Confidences, clusters: Int[np.ndarray, "images"], confidence: float = 0.95) -> Reliability:
    """Bins of equal mass (equal scores stay together) with Wilson intervals, widened by the design effect."""
    bins = _bins(confidences.score)
    n = np.bincount(bins)
    right = np.bincount(bins, weights=confidences.correct)
    residual = confidences.correct - confidences.score
    effect = design_effect(residual, clusters[confidences.row])
    ends = [wilson(k, m, confidence, effect) for k, m in zip(right.tolist(), n.tolist(), strict=True)]
    low, high = np.array(ends).reshape(-1, 2).T
    claimed = np.bincount(bins, weights=confidences.score) / n
    return Reliability(confidence=claimed, correct=right / n, low=low, high=high, n=n)


def calibration_error(
    confidences: Confidences, clusters: Int[np.ndarray, "images"], draws: int = 1000, seed: int = 0
) -> CalibrationError:
    """Expected calibration error over bins of equal mass, debiased, with its null.

    Debiased as in Kumar et al. 2019: the variance of each bin's share is taken from its squared distance; what remains
    of all squared distances scales the error. The null is the larger of two: every outcome drawn independently with its
    score as probability, and, for dependence within clusters, the residuals of each bin's share with a random sign per
    cluster (wild bootstrap).
    """
    bins = _bins(confidences.score)
    n = np.bincount(bins)
    correct = confidences.correct.astype(np.float64)
    total = len(correct)
    gaps = np.abs(np.bincount(bins, weights=correct - confidences.score))
    value = float(gaps.sum() / total)
    share = np.bincount(bins, weights=correct) / n
    residual = correct - share[bins]
    effect = design_effect(correct - confidences.score, clusters[confidences.row])
    noise = effect * share * (1 - share) / np.maximum(n - 1, 1)
    squared = float((n * (gaps / n) ** 2).sum())
    left = max(0.0, 1 - float((n * noise).sum()) / squared) if squared > 0 else 0.0
    rng = np.random.default_rng(seed)
    independent = np.empty(draws)
    for draw in range(draws):
        outcome = rng.random(total) < confidences.score
        independent[draw] = np.abs(np.bincount(bins, weights=outcome - confidences.score)).sum() / total
    _, cluster = np.unique(clusters[confidences.row], return_inverse=True)
    sums = np.zeros((cluster.max() + 1, len(n)))
    np.add.at(sums, (cluster, bins), residual)
    signs = rng.integers(0, 2, size=(draws, len(sums))) * 2.0 - 1
    wild = np.abs(signs @ sums).sum(1) / total
    null = max((independent, wild), key=lambda each: float(np.quantile(each, 0.95)))
    return CalibrationError(
        value=value,
        debiased=value * float(np.sqrt(left)),
        null_mean=float(null.mean()),
        null_95=float(np.quantile(null, 0.95)),
    )


@dataclass(frozen=True, kw_only=True)
class BrierParts:
    """The Brier score in parts (Murphy 1973): reliability - resolution + uncertainty, and what bins leave out.

    ``reliability`` is the squared distance of confidence and share correct, lower is better; ``resolution`` how far the
    shares of the bins lie from that of all, higher is better; ``uncertainty`` the variance of being correct, which the
    model cannot change. Corrected for the bias of few predictions in a bin (Ferro & Fricker 2012). ``log_loss`` is the
    mean negative log likelihood in nats, ``constant_log_loss`` that of the share correct as the confidence of all.
    """

    reliability: float
    resolution: float
    uncertainty: float
    bins: int
    log_loss: float
    constant_log_loss: float


def brier_parts(confidences: Confidences) -> BrierParts:
    """Reliability, resolution and uncertainty over bins of equal mass, and the log loss."""
    bins = _bins(confidences.score)
    correct = confidences.correct.astype(np.float64)
    n, total, share = np.bincount(bins), len(correct), float(correct.mean())
    own, claimed = (np.bincount(bins, weights=each) / n for each in (correct, confidences.score))
    noise = float((n * own * (1 - own) / np.maximum(n - 1, 1)).sum()) / total
    spread = share * (1 - share)
    p = np.clip(confidences.score, 1e-7, 1 - 1e-7)
    likely = np.clip(share, 1e-7, 1 - 1e-7)
    return BrierParts(
        reliability=max(0.0, float((n * (claimed - own) ** 2).sum()) / total - noise),
        resolution=max(0.0, float((n * (own - share) ** 2).sum()) / total - noise + spread / max(1, total - 1)),
        uncertainty=spread * total / max(1, total - 1),
        bins=len(n),
        log_loss=-float((correct * np.log(p) + (1 - correct) * np.log1p(-p)).mean()),
        constant_log_loss=-float(share * np.log(likely) + (1 - share) * np.log1p(-likely)),
    )


def brier(confidences: Confidences, images: int) -> Metric:
    """The mean squared difference between confidence and outcome (1 if correct), as a metric over pictures."""
    squared = (confidences.score - confidences.correct) ** 2
    sums = np.bincount(confidences.row, weights=squared, minlength=images)
    counts = np.bincount(confidences.row, minlength=images).astype(np.float64)

    def compute(statistics: object, weights: Weights) -> Values:
        total = weights @ counts
        return np.divide(weights @ sums, total, out=np.full(len(weights), np.nan), where=total > 0)

    return Metric(
        name="Brier score",
        compute=compute,
        meaning="the mean squared difference between confidence and outcome",
        higher_is_better=False,
    )


def overconfidence(confidences: Confidences, images: int) -> Metric:
    """The mean confidence minus the share correct, as a metric over pictures: above 0 it is overconfident."""
    excess = np.bincount(confidences.row, weights=confidences.score - confidences.correct, minlength=images)
    columns = np.stack([excess, np.bincount(confidences.row, minlength=images)], axis=1)
    return Metric(
        name="overconfidence",
        compute=mean_of(lambda statistics: columns),
        meaning="mean confidence minus the share correct",
        higher_is_better=False,
        bounds=(-1.0, 1.0),
        bias_rate=1.0,
    )


def _bins(score: Float[np.ndarray, "k"]) -> Int[np.ndarray, "k"]:
    """The bin of each prediction, numbered from 0 without gaps; at least 30 in each where there are as many."""
    count = int(np.clip(len(score) // PREDICTIONS_PER_BIN, 1, BINS))
    edges = np.quantile(score, np.arange(1, count) / count, method="inverted_cdf")
    return np.unique(np.searchsorted(edges, score, side="left"), return_inverse=True)[1].reshape(-1)
