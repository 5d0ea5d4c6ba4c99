"""What breaks it: whether the network can tell that a picture is unlike those of its training, and by which score.

AUROC and FPR95 of the distance to the k-th nearest training picture (Sun et al. 2022), of the Mahalanobis distance (Lee
et al. 2018) and of the energy of the logits (Liu et al. 2020), on pictures near to the training pictures and far from
them.
"""

import numpy as np

from clearsight.audits.sentences import between, joined, number
from clearsight.metrics.out_of_distribution import AUROC, FPR95, OutOfDistributionStatistics
from clearsight.metrics.resample import Estimate, Resampling, interval
from clearsight.types import Evidence, Finding, Metric, Request

DEPLOYED = "k nearest"
NAMES = {AUROC.name: "AUROC of unlike pictures", FPR95.name: "FPR95 of unlike pictures"}
SAID = {
    "damaged": "its own pictures under corruptions of severity 5",
    "noise": "pure noise",
    "textures": "random textures",
    "strangers": "the strangers you gave",
}


def out_of_distribution(request: Request) -> tuple[Finding, ...]:
    """How well each score tells each set of pictures from the own ones; nothing where none were judged."""
    given = [one for one in request.more.values() if isinstance(one.statistics, OutOfDistributionStatistics)]
    given = [one for one in given if one.statistics.outside.any() and not one.statistics.outside.all()]
    if not given:
        return ()
    given.sort(key=lambda one: list(SAID).index(one.about["set"]) if one.about["set"] in SAID else 9)
    return tuple(_finding(request, given, metric) for metric in (AUROC, FPR95))


def belongs(finding: Finding) -> bool:
    """Whether a finding is one of this audit."""
    return finding.metric in NAMES.values()


def _estimate(request: Request, one: Evidence, metric: Metric) -> Estimate:
    weights = Resampling(
        clusters=one.clusters, replicates=request.replicates, seed=request.seed,
        strata=one.statistics.outside.astype(np.int64),
    )  # fmt: skip
    return interval(metric, one, weights, request.confidence)


def _finding(request: Request, given: list[Evidence], metric: Metric) -> Finding:
    estimates = [(one, _estimate(request, one, metric)) for one in given]
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    for one, estimate in estimates:
        label = f"{one.about['set']}: {one.about['score']}"
        low, high = estimate.interval or (None, None)
        cells = (label, estimate.value, low, high, int(one.statistics.outside.sum()), one.about["kind"])
        for column, cell in zip(rows, cells, strict=True):
            rows[column].append(cell)
    mine = [(one, estimate) for one, estimate in estimates if one.about["score"] == DEPLOYED] or estimates[:1]
    said = joined(
        [
            f"{number(estimate.value, metric)}{between(estimate.interval, metric)} for "
            f"{SAID.get(one.about['set'], one.about['set'])}"
            for one, estimate in mine
        ]
    )
    first, (_, estimate) = mine[0][0], mine[0]
    own = int((~first.statistics.outside).sum())
    begin = (
        f"By the distance to its nearest training pictures it tells unlike pictures from its own with AUROC {said}."
        if metric is AUROC
        else f"At a threshold that 95% of its own pictures pass, so many unlike ones pass too: {said}."
    )
    return Finding(
        question="what breaks it",
        claim=begin,
        metric=NAMES[metric.name],
        value=estimate.value if np.isfinite(estimate.value) else None,
        interval=estimate.interval,
        n=own,
        unit=first.unit,
        clusters=estimate.clusters,
        group=first.about["set"],
        method=f"Scores fitted on {first.about['fitted on']} training pictures and judged on {own} held-out ones "
        "beside pictures of other origin: k nearest (Sun et al. 2022), Mahalanobis (Lee et al. 2018) and, where a "
        f"picture has one class, energy (Liu et al. 2020). {100 * request.confidence:g}% intervals from a cluster "
        f"bootstrap ({request.replicates} replicates), own pictures and others each resampled among themselves.",
        limits="It holds for these sets: pictures unlike in another way may pass. Noise and textures are the easiest "
        "of all. A picture that passes may be answered wrongly all the same.",
        plot="intervals",
        series=rows,
        axes=(metric.name,),
    )
