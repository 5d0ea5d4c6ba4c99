"""Which classes a generator makes too often or too rarely, corrected for the errors of the classifier that says so."""

import numpy as np
from scipy import stats

from clearsight.audits.scores import limits_of
from clearsight.audits.sentences import chance, joined
from clearsight.metrics.generation import GenerationStatistics, corrected_mix, generated_mix
from clearsight.metrics.rates import holm
from clearsight.metrics.resample import Resampling, interval_from
from clearsight.types import Finding, Request

CLASSES_AT_MOST = 50  # the correction resamples a matrix of all pairs
NAMED = 4
SURE = 0.05
LIMITS = (
    "The correction takes the classifier to err on generated pictures as it does on real ones; on pictures unlike any "
    "real one it may not. A class is what the data name, so other groups of people or things are not seen."
)
CORRECTED = (
    "The mix that the classifier sees, multiplied by the inverse of its confusion matrix on held-out real pictures."
)
UNCORRECTED = (
    "The mix that the classifier sees, without a correction: held-out real pictures of some class are missing, or the "
    "classifier does not tell classes apart."
)


def class_mix(request: Request) -> tuple[Finding, ...]:
    """The share of each class among the generated pictures beside its share in training; nothing without classes."""
    evidence, statistics = request.evidence, request.evidence.statistics
    if not isinstance(statistics, GenerationStatistics) or not statistics.training_mix:
        return ()
    if not 2 <= len(statistics.class_names) <= CLASSES_AT_MOST:
        return ()
    weights = Resampling(clusters=evidence.clusters, replicates=request.replicates, seed=request.seed)
    ones = np.ones((1, statistics.images))
    corrected = bool(np.isfinite(corrected_mix(statistics, ones)).all())
    compute = corrected_mix if corrected else generated_mix
    mix = compute(statistics, ones)[0]
    if not np.isfinite(mix).all():
        return ()
    samples = np.concatenate([compute(statistics, block) for block in weights.blocks()])
    made = int(statistics.generated.sum())
    clusters = len(np.unique(evidence.clusters[statistics.generated]))
    resampled = f"{100 * request.confidence:g}% bootstrap intervals, {request.replicates} replicates."
    return (
        Finding(
            question="whom it fails",
            claim=_claim(statistics, mix, samples, made),
            metric="mix of classes",
            value=None,
            interval=None,
            n=made,
            unit="generated pictures",
            clusters=clusters,
            method=f"{resampled} {CORRECTED if corrected else UNCORRECTED} P values are corrected for all classes "
            "(Holm).",
            limits=f"{LIMITS} {limits_of(evidence)}",
            plot="intervals",
            series=_series(statistics, mix, samples, clusters, request.confidence),
            axes=("share of the generated pictures",),
        ),
    )


def _series(
    statistics: GenerationStatistics, mix: np.ndarray, samples: np.ndarray, clusters: int, confidence: float
) -> dict[str, list]:
    """A row for each class: its share with an interval, and what was trained on and seen."""
    seen = generated_mix(statistics, np.ones((1, statistics.images)))[0]
    answers = statistics.answer[statistics.generated]
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    for place, name in enumerate(statistics.class_names):
        share = float(np.clip(mix[place], 0, 1))
        ends = interval_from(share, np.clip(samples[:, place], 0, 1), clusters, confidence, bias_rate=1.0)
        note = f"training {statistics.training_mix[place]:.1%}, seen {seen[place]:.1%}"
        cells = (name, share, *(ends or (None, None)), int((answers == place).sum()), note)
        for column, cell in zip(rows, cells, strict=True):
            rows[column].append(cell)
    return rows


def _claim(statistics: GenerationStatistics, mix: np.ndarray, samples: np.ndarray, made: int) -> str:
    """The classes whose share differs from training by more than chance, the largest gap first."""
    training, known = np.array(statistics.training_mix), np.isfinite(samples).all(1)
    error = samples[known].std(0, ddof=1) if known.sum() > 1 else np.zeros(len(mix))
    # A class that never occurs has no spread of its own: its expected count gives it one.
    error = np.maximum(error, np.sqrt(training * (1 - training) / max(made, 1)))
    gaps = mix - training
    p = holm((2 * stats.norm.sf(np.abs(gaps) / np.maximum(error, 1e-12))).tolist())
    order = [place for place in np.argsort(-np.abs(gaps), kind="stable").tolist() if p[place] < SURE]
    if not order:
        return f"No class is made more or less often than in training by more than chance, among {made} pictures."
    told = [
        f"{statistics.class_names[at]} ({max(mix[at], 0):.1%}, training {training[at]:.1%}, {chance(p[at])})"
        for at in order[:NAMED]
    ]
    more = f", and {len(order) - NAMED} more" if len(order) > NAMED else ""
    return f"The mix of classes is not that of training: {joined(told)}{more}."
