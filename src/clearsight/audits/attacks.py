"""What breaks it: how scores fall under adversarial pictures, changed by the network's own gradient (FGSM and PGD).

FGSM of Goodfellow et al. 2015, PGD of Madry et al. 2018. An attack bounds a score from above: a stronger one may lower
it further.
"""

import numpy as np

from clearsight.audits.scores import how
from clearsight.audits.sentences import between, number
from clearsight.metrics.resample import Resampling, interval
from clearsight.types import Finding, Metric, Request

METRIC = "score under attack"
UNATTACKED = "none"


def attacks(request: Request) -> tuple[Finding, ...]:
    """The score against the budget of each attack; nothing where none was tried."""
    given = [one for one in request.more.values() if "attack" in one.about]
    clean = next((one for one in given if one.about["attack"] == UNATTACKED), None)
    tried = [one for one in given if one is not clean]
    if clean is None or not tried or not len(clean.ids):
        return ()
    metric: Metric = clean.statistics.metrics()[0]
    weights = Resampling(clusters=clean.clusters, replicates=request.replicates, seed=request.seed)
    estimates = {
        (one.about["attack"], int(one.about["budget"])): interval(
            one.statistics.metrics()[0], one, weights, request.confidence
        )
        for one in [clean, *tried]
    }
    whole = estimates[UNATTACKED, 0]
    rows: dict[str, list] = {"line": [], "x": [], "y": [], "low": [], "high": []}
    for name in sorted({attack for attack, _ in estimates} - {UNATTACKED}):
        points = {0: whole} | {budget: one for (attack, budget), one in estimates.items() if attack == name}
        for budget in sorted(points):
            low, high = points[budget].interval or (None, None)
            value = points[budget].value if np.isfinite(points[budget].value) else None
            for column, cell in zip(rows, (name, budget, value, low, high), strict=True):
                rows[column].append(cell)
    attacked = {key: one for key, one in estimates.items() if key[0] != UNATTACKED}
    (attack, budget), least = min(attacked.items(), key=lambda pair: metric.merit(pair[1].value))
    return (
        Finding(
            question="what breaks it",
            claim=f"With each value of a picture changed by at most {budget} of 255, {attack} takes {metric.name} "
            f"to {number(least.value, metric)}{between(least.interval, metric)}; on the same pictures as they are "
            f"it is {number(whole.value, metric)}{between(whole.interval, metric)}. Attacks this strong were tried; a "
            "stronger one may succeed.",
            metric=METRIC,
            value=least.value if np.isfinite(least.value) else None,
            interval=least.interval,
            n=whole.images,
            unit=clean.unit,
            clusters=whole.clusters,
            group=f"{attack}, {budget} of 255",
            method=f"{how(request, whole)} FGSM (Goodfellow et al. 2015: one step) and PGD (Madry et al. 2018: ten "
            "steps from a random start) by the gradient of the network's own loss, on pictures as it sees them.",
            limits="An upper bound of the score under attack: other losses, more steps and restarts, or larger changes "
            "may lower it further. It assumes an attacker who knows the network and the truth.",
            plot="curve",
            series=rows,
            axes=("largest change of a value, of 255", metric.name),
        ),
    )


def belongs(finding: Finding) -> bool:
    """Whether a finding is one of this audit."""
    return finding.metric == METRIC
