"""What it does: what removing noise gains over the noisy pictures and over classical filters, paired by picture."""

import numpy as np

from clearsight.audits.scores import how, limits_of
from clearsight.audits.sentences import between, number
from clearsight.metrics.reconstruction import PSNR, ReconstructionStatistics
from clearsight.metrics.resample import Estimate, Gap, change, cluster_weights
from clearsight.types import Evidence, Finding, Metric, Request


def restoration(request: Request) -> tuple[Finding, ...]:
    """The gain in dB over the best classical filter on the same noisy pictures; nothing where no filter was tried."""
    evidence = request.evidence
    rivals = {name: other for name, other in request.more.items() if "filter" in other.about}
    if not isinstance(evidence.statistics, ReconstructionStatistics) or not rivals or not evidence.statistics.images:
        return ()
    metric = next(each for each in evidence.statistics.metrics() if each.name == PSNR)
    weights = cluster_weights(evidence.clusters, request.replicates, request.seed)
    gaps = {name: change(metric, other, evidence, weights, request.confidence) for name, other in rivals.items()}
    best = max(gaps, key=lambda name: gaps[name].second.value)
    gap, whole = gaps[best], gaps[best].first
    return (
        Finding(
            question="what it does",
            claim=_claim(gap, rivals[best], gaps.get("identity"), metric),
            metric="PSNR gained",
            value=gap.value,
            interval=gap.interval,
            n=whole.images,
            unit=evidence.unit,
            clusters=whole.clusters,
            method=f"{how(request, whole)} The difference is paired: every replicate resamples the same "
            f"{evidence.unit} for both. Filter widths are the best on validation pictures, and the best filter is the "
            "best on the judged ones, which favours the filter.",
            limits=f"It holds for this kind and level of noise. {limits_of(evidence)}",
            group=best,
            plot="intervals",
            series=_rows(whole, gaps, rivals, metric),
            axes=(PSNR,),
        ),
    )


def _claim(gap: Gap, rival: Evidence, identity: Gap | None, metric: Metric) -> str:
    words = rival.about["filter"]
    reached = f"{words}, which reach{'' if words.startswith('the') else 'es'} {number(gap.second.value, metric)}"
    alone = ""
    if identity is not None and identity is not gap:
        alone = f" The noisy pictures as they are have {number(identity.second.value, metric)}."
    if gap.interval is not None and gap.interval[0] <= 0 <= gap.interval[1]:
        return f"It cannot be told apart from {reached}: {gap.value:+.2f} dB{between(gap.interval, metric)}.{alone}"
    verb = "gains" if gap.value > 0 else "loses"
    ends = gap.interval if gap.value > 0 or gap.interval is None else (-gap.interval[1], -gap.interval[0])
    against = "over the best of the classical filters" if gap.value > 0 else "against the best of the classical filters"
    return f"It {verb} {number(abs(gap.value), metric)}{between(ends, metric)} {against}: {reached}.{alone}"


def _rows(whole: Estimate, gaps: dict[str, Gap], rivals: dict[str, Evidence], metric: Metric) -> dict[str, list]:
    """The model and each filter with its interval; the note says what the model gains on it."""
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    ranked = sorted(gaps, key=lambda name: -gaps[name].second.value)
    for label, estimate, note in [
        ("this model", whole, None),
        *((rivals[name].about["filter"], gaps[name].second, f"{gaps[name].value:+.2f} dB") for name in ranked),
    ]:
        ends = estimate.interval or (None, None)
        value = estimate.value if np.isfinite(estimate.value) else None
        for column, cell in zip(rows, (label, value, *ends, estimate.images, note), strict=True):
            rows[column].append(cell)
    return rows
