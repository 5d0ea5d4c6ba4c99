"""Whom it fails: whether the colours that are given to pictures are off in another way for one group than for others.

Of each group the mean shift in L*, a*, b* and chroma from the originals, with intervals, and of its mean colour the
shift in hue. Each group's shift is tested against that of the rest, by bootstrap and by permuted group labels, and
corrected over all comparisons of the attribute (see ``comparisons``).
"""

import numpy as np

from clearsight.audits.attributes import Attribute, attributes_of
from clearsight.audits.comparisons import Comparison, compared
from clearsight.audits.scores import how, limits_of
from clearsight.audits.sentences import between, chance
from clearsight.metrics.equal_images import EqualImages
from clearsight.metrics.picture_measures import HUE_SHIFT, tone_shifts
from clearsight.metrics.rates import holm
from clearsight.metrics.reconstruction import ReconstructionStatistics
from clearsight.metrics.resample import Estimate, Resampling, interval
from clearsight.quantities import counted
from clearsight.types import Finding, Metric, Request, Verdict

NOTICEABLE = 2.3  # the difference in CIE Lab that is just noticed, about (Mahy et al. 1994)
NAMED_AT_MOST = 3


def tone_shift(request: Request) -> tuple[Finding, ...]:
    """The shift in tone by group, for every attribute; nothing where no colours were given to pictures."""
    statistics = request.evidence.statistics
    metrics = tone_shifts(statistics.measures) if isinstance(statistics, ReconstructionStatistics) else ()
    if not metrics:
        return ()
    return tuple(
        _of_attribute(request, attribute, metrics) for attribute in attributes_of(request) if len(attribute.large) > 1
    )


def _of_attribute(request: Request, attribute: Attribute, metrics: tuple[Metric, ...]) -> Finding:
    evidence = request.evidence
    weights = Resampling(
        clusters=evidence.clusters, replicates=request.replicates, seed=request.seed, strata=attribute.codes,
        equal=EqualImages(),
    )  # fmt: skip
    comparisons = compared(request, attribute, metrics, weights)
    corrected = holm([one.p for one in comparisons])
    apart = [
        (one, p) for one, p in zip(comparisons, corrected, strict=True)
        if p <= 1 - request.confidence
    ]  # fmt: skip
    apart.sort(key=lambda pair: -abs(pair[0].gap.value))
    whole = [interval(metric, evidence, weights, request.confidence) for metric in metrics]
    largest = max(comparisons, key=lambda one: abs(one.gap.value), default=None)
    return Finding(
        question="whom it fails",
        claim=_claim(attribute, metrics, whole, apart, corrected),
        metric="shift in tone by group",
        value=None if largest is None else largest.gap.value,
        interval=None if largest is None else largest.gap.interval,
        n=whole[0].images,
        unit=evidence.unit,
        clusters=whole[0].clusters,
        method=f"{how(request, whole[0])} Differences from the originals, of means over each picture; the value is the "
        f"largest gap of a group to the rest, by bootstrap and by {request.replicates} permutations of the group "
        f"labels, Holm-corrected for {counted(len(comparisons), 'comparisons')}. About {NOTICEABLE} is just noticed "
        "(Mahy et al. 1994).",
        limits="Tones are means over whole pictures: they speak of skin, or of an object, where that fills the "
        "picture. Lightness is given, so a shift in it comes from colours that no screen can show. A group's originals "
        f"may be harder to tell from grey: a gap shows a difference, not why. {limits_of(evidence)}",
        group=attribute.name,
        verdict=_verdict(comparisons, bool(apart)) if request.by else "none asked",
        plot="intervals",
        series=_rows(request, attribute, metrics, weights, apart),
        axes=("difference from the originals (hue: degrees)",),
    )


def _claim(
    attribute: Attribute, metrics: tuple[Metric, ...], whole: list[Estimate], apart: list[tuple[Comparison, float]],
    corrected: list[float],
) -> str:  # fmt: skip
    of_all = ", ".join(f"{_tone(metric)} {one.value:+.1f}" for metric, one in zip(metrics, whole, strict=True))
    start = f"The colours it gives are off those of the originals by {of_all} in the mean of all pictures."
    if not apart:
        least = f" ({chance(min(corrected))} after correcting for {len(corrected)} comparisons)" if corrected else ""
        return f"{start} By {attribute.name}, no group's shift differs from the others' beyond chance{least}."
    told = [
        f"{_tone(one.metric)} by {one.gap.first.value:+.1f} where {attribute.name} is {one.group}, against "
        f"{one.gap.second.value:+.1f} on the others{_of_gap(one)}"
        for one, _ in apart[:NAMED_AT_MOST]
    ]
    more = f", and {len(apart) - len(told)} further shifts differ" if len(apart) > len(told) else ""
    return f"{start} Groups of {attribute.name} differ, and chance does not explain it: {'; '.join(told)}{more}."


def _of_gap(one: Comparison) -> str:
    ends = between(one.gap.interval).removeprefix(" ")
    return f" (a gap of {one.gap.value:+.1f}{f', {ends[1:-1]}' if ends else ''})"


def _tone(metric: Metric) -> str:
    return metric.name.removeprefix("shift in ")


def _verdict(comparisons: list[Comparison], differs: bool) -> Verdict:
    """Failed where a group is known to differ; passed where no gap can be one that is noticed."""
    if differs:
        return "fail"
    ends = [end for one in comparisons for end in (one.gap.interval or (-np.inf, np.inf))]
    return "pass" if ends and max(map(abs, ends)) <= NOTICEABLE else "insufficient"


def _rows(
    request: Request, attribute: Attribute, metrics: tuple[Metric, ...], weights: Resampling,
    apart: list[tuple[Comparison, float]],
) -> dict[str, list]:  # fmt: skip
    """The shift of each group in each tone and in hue; a note where it differs from the others'."""
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    notes = {(one.group, one.metric.name): f"differs from the others ({chance(p)})" for one, p in apart}
    for metric in (*metrics, HUE_SHIFT):
        for group in attribute.large:
            found = interval(metric, request.evidence, weights, request.confidence, attribute.rows(group))
            known = bool(np.isfinite(found.value))
            ends = (found.interval if known else None) or (None, None)
            note = notes.get((group, metric.name)) if known else "too grey to have a hue"
            cells = (f"{_tone(metric)}: {group}", found.value if known else None, *ends, found.images, note)
            for column, cell in zip(rows, cells, strict=True):
                rows[column].append(cell)
    return rows
