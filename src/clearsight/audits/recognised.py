"""What it does: whether a segmenter of real pictures finds in generated ones what their label maps ask for."""

from collections.abc import Mapping

import numpy as np

from clearsight.audits.scores import how, limits_of
from clearsight.audits.sentences import between, number
from clearsight.metrics.resample import Estimate, cluster_weights, interval, interval_from, paired
from clearsight.metrics.segmentation import METRICS, class_iou
from clearsight.types import Evidence, Finding, Metric, Request

GENERATED, REAL, OTHERS = "generated", "real", "others"
WORDS = {
    GENERATED: "generated pictures", REAL: "real pictures of the same maps", OTHERS: "real pictures of other maps",
}  # fmt: skip
SHOWN = ("mean IoU", "pixel accuracy")
LIMITS = (
    "A picture that misleads the segmenter may look right, and one that pleases it may not. The score compares with "
    "others by this segmenter at this size only."
)


def recognised(request: Request) -> tuple[Finding, ...]:
    """Mean IoU and pixel accuracy on generated pictures beside real ones, and IoU by class; nothing without these."""
    given = {one.about["segmented"]: one for one in request.more.values() if "segmented" in one.about}
    if not {GENERATED, REAL} <= given.keys() or not len(given[REAL].ids):
        return ()
    # One set of weights for all: every replicate resamples the same maps.
    weights = cluster_weights(given[REAL].clusters, request.replicates, request.seed)
    scores = [
        _score(request, metric, given, {name: interval(metric, one, weights, request.confidence)
                                        for name, one in given.items()})
        for metric in METRICS if metric.name in SHOWN
    ]  # fmt: skip
    return (*scores, _by_class(given, scores[0]))


def _score(
    request: Request, metric: Metric, given: Mapping[str, Evidence], estimates: Mapping[str, Estimate]
) -> Finding:
    """One score of all kinds of pictures, with the paired difference and the share of the real ones' score."""
    made, real = estimates[GENERATED], estimates[REAL]
    share, ends = _share(request, made, real)
    lost = paired(made, real, metric.bias_rate, request.confidence)
    notes = {GENERATED: f"{share:.0%} of the real ones'{_percent(ends)}; {lost.value:+.2f}{between(lost.interval)}"}
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    for name in (name for name in WORDS if name in estimates):
        one = estimates[name]
        cells = (WORDS[name], _known(one.value), *(one.interval or (None, None)), one.images, notes.get(name))
        for column, cell in zip(rows, cells, strict=True):
            rows[column].append(cell)
    evidence = given[GENERATED]
    return Finding(
        question="what it does",
        claim=_claim(metric, estimates, share, ends),
        metric=f"{metric.name} of a segmenter on generated pictures",
        value=_known(made.value),
        interval=made.interval,
        n=made.images,
        unit="label maps",
        clusters=made.clusters,
        method=f"{how(request, made)} The segmenter: {evidence.about['segmenter']}. Every replicate resamples the same "
        "maps for all kinds of pictures. Other maps: each real picture beside the map of another. After Park et al. "
        "2019.",
        limits=f"{LIMITS} {limits_of(evidence)}",
        plot="intervals",
        series=rows,
        axes=(metric.name,),
    )


def _claim(metric: Metric, estimates: Mapping[str, Estimate], share: float, ends: tuple[float, float] | None) -> str:
    said = {name: f"{number(one.value, metric)}{between(one.interval, metric)}" for name, one in estimates.items()}
    others = f"; on real pictures of other maps it would be {said[OTHERS]}" if OTHERS in said else ""
    return (
        f"A segmenter that learnt from real pictures finds what the label maps ask for in the generated ones with a "
        f"{metric.name} of {said[GENERATED]}: {share:.0%}{_percent(ends)} of its {said[REAL]} on the real pictures of "
        f"the same maps{others}."
    )


def _share(request: Request, made: Estimate, real: Estimate) -> tuple[float, tuple[float, float] | None]:
    """The score on generated pictures as a share of that on real ones, and its interval on the same replicates."""
    samples = np.divide(made.samples, real.samples, out=np.full_like(made.samples, np.nan), where=real.samples > 0)
    share = made.value / real.value if real.value > 0 else float("nan")
    ends = interval_from(
        share, samples, made.clusters, request.confidence, (0.0, float("inf")), effective=made.effective
    )
    return share, ends


def _by_class(given: Mapping[str, Evidence], first: Finding) -> Finding:
    """A table of the IoU of each class on generated and on real pictures, the most lost first."""
    ones = {name: np.ones((1, one.statistics.images)) for name, one in given.items()}
    found = {name: class_iou(one.statistics, ones[name])[:, 0] for name, one in given.items()}
    statistics = given[REAL].statistics
    pixels = statistics.confusion.sum(0).sum(1)
    lost = np.nan_to_num(found[REAL] - found[GENERATED], nan=-1.0)
    order = [k for k in np.argsort(-lost, kind="stable").tolist() if pixels[k]]
    names = [statistics.class_names[k] for k in order]
    series: dict[str, list] = {"class": names}
    for name in (name for name in WORDS if name in found):
        series[f"IoU, {WORDS[name]}"] = [_known(float(found[name][k])) for k in order]
    series["share of pixels"] = [float(pixels[k] / max(1, pixels.sum())) for k in order]
    worst = order[0] if order else None
    claim = "The label maps of the held-out pictures show no class."
    if worst is not None:
        claim = (
            f"Lost most is {names[0]}: IoU {found[GENERATED][worst]:.2f} on generated pictures, "
            f"{found[REAL][worst]:.2f} on real ones."
        )
    return Finding(
        question="what it does",
        claim=claim,
        metric="IoU by class of a segmenter on generated pictures",
        value=None,
        interval=None,
        n=first.n,
        unit=first.unit,
        method=first.method,
        limits=first.limits,
        clusters=first.clusters,
        series=series,
    )


def _percent(ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f" ({ends[0]:.0%} to {ends[1]:.0%})"


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
