"""What breaks it: the cause of every false and missed object, and the AP50 that each cause costs.

Causes and costs are those of Bolya et al. 2020 ("TIDE"): see ``ops.error_causes`` and ``metrics.error_costs``.
"""

from collections.abc import Mapping

import numpy as np

from clearsight.audits.scores import LIMITS
from clearsight.audits.sentences import between, joined, number
from clearsight.metrics.detection import DetectionStatistics
from clearsight.metrics.error_costs import CAUSES, Cost, costs, counts, never_found
from clearsight.metrics.resample import Resampling
from clearsight.ops.error_causes import Cause
from clearsight.types import Finding, Request

CLASSES_NAMED = 5
LABELS = {
    Cause.CLASS: "wrong class",
    Cause.LOCATION: "poor localisation",
    Cause.BOTH: "wrong class, poor localisation",
    Cause.DUPLICATE: "duplicate",
    Cause.BACKGROUND: "background",
    Cause.MISSED: "missed",
}
SAID = {
    Cause.CLASS: "objects it finds with a wrong class",
    Cause.LOCATION: "poorly localised boxes",
    Cause.BOTH: "poorly localised boxes of a wrong class",
    Cause.DUPLICATE: "objects it reports more than once",
    Cause.BACKGROUND: "boxes where no object is",
    Cause.MISSED: "objects it misses",
}
CAUSES_SAID = (
    "Wrong class: IoU 0.5 or more with an object of another class. Poor localisation: IoU 0.1 to 0.5 with an object of "
    "its class. Wrong class, poor localisation: IoU 0.1 to 0.5 with an object of another class. Duplicate: a better "
    "box matches the object. Background: IoU under 0.1 with every object. Where several hold, the object with the "
    "highest IoU decides (Bolya et al. 2020, TIDE)."
)


def errors(request: Request) -> tuple[Finding, ...]:
    """What each cause of error costs, and how many there are; nothing where causes are not known."""
    evidence = request.evidence
    statistics = evidence.statistics
    if not isinstance(statistics, DetectionStatistics) or statistics.cause is None or not statistics.positives().any():
        return ()
    weights = Resampling(clusters=evidence.clusters, replicates=request.replicates, seed=request.seed)
    found = costs(evidence, weights, request.confidence)
    return (_costs(request, statistics, found), _counts(request, statistics))


def _costs(request: Request, statistics: DetectionStatistics, found: tuple[Cost, ...]) -> Finding:
    """The AP50 each cause costs, the most costly first."""
    unit, tally = request.evidence.unit, counts(statistics)
    ranked = sorted(found, key=lambda cost: -cost.value)
    rows: dict[str, list] = {
        "label": [LABELS[cost.cause] for cost in ranked],
        "value": [cost.value for cost in ranked],
        "low": [None if cost.interval is None else cost.interval[0] for cost in ranked],
        "high": [None if cost.interval is None else cost.interval[1] for cost in ranked],
        "n": [tally[cost.cause] for cost in ranked],
        "note": [None] * len(ranked),
    }
    first = ranked[0]
    return Finding(
        question="what breaks it",
        claim=_claim(ranked) + _none_found("It finds none of", never_found(statistics)),
        metric="AP50 lost",
        value=first.value,
        interval=first.interval,
        clusters=len(np.unique(request.evidence.clusters)),
        n=statistics.images,
        unit=unit,
        method="Each error gets its cause, and AP50 is computed again with the errors of one cause corrected. "
        f"{CAUSES_SAID} {100 * request.confidence:g}% intervals from a bootstrap of whole "
        f"{unit if len(np.unique(request.evidence.clusters)) == statistics.images else 'clusters'} "
        f"({request.replicates} replicates). n counts the "
        "errors at every score, also those no user is shown.",
        limits="The costs do not add up: correcting one kind may uncover another. An error in the labels counts as an "
        "error of the model. " + LIMITS.format(unit=unit),
        group=LABELS[first.cause],
        plot="intervals",
        series=rows,
        axes=("AP50 it would gain without them",),
    )


def _claim(ranked: list[Cost]) -> str:
    first, second = ranked[:2]
    if first.value <= 0:
        return "No kind of error costs it any AP50 here."
    lost = f"{number(first.value)}{between(first.interval)}"
    start = f"Its most costly errors are {SAID[first.cause]}: without these alone AP50 would be higher by {lost}"
    if first.interval is not None and second.value > 0.5 * first.value:
        return f"{start}; then {SAID[second.cause]} ({number(second.value)})."
    return f"{start}."


def _none_found(start: str, classes: Mapping[str, int]) -> str:
    """The classes of which nothing is found: a mean over classes hides them."""
    named = [f"the {count} objects of the class {name}" for name, count in classes.items()]
    more = [f"those of {len(named) - CLASSES_NAMED} more classes"] if len(named) > CLASSES_NAMED else []
    return f" {start} {joined(named[:CLASSES_NAMED] + more)}." if named else ""


def _counts(request: Request, statistics: DetectionStatistics) -> Finding:
    """How many errors of each cause a user meets: of the boxes at or above the deployed threshold."""
    tally = counts(statistics, statistics.threshold)
    shown = statistics.score >= statistics.threshold
    right = int((shown & statistics.matched[0, 0]).sum())
    wrong = sum(tally.values()) - tally[Cause.MISSED]
    total = int(statistics.positives().sum())
    ranked = sorted(CAUSES, key=lambda cause: -tally[cause])
    told = [f"{tally[cause]} {LABELS[cause]}" for cause in ranked if tally[cause] and cause is not Cause.MISSED]
    return Finding(
        question="what breaks it",
        claim=f"Of the {right + wrong} boxes it shows, {wrong} "
        + (f"{'is' if wrong == 1 else 'are'} wrong ({joined(told)})" if wrong else "are wrong")
        + f"; of the {total} objects it misses {tally[Cause.MISSED]} entirely."
        + _none_found("No box shown is right about", never_found(statistics, statistics.threshold)),
        metric="errors shown",
        value=None,
        interval=None,
        n=right + wrong,
        unit="boxes",
        method=f"Counts among the boxes with a score of {statistics.threshold:.2f} or more, the threshold deployed. "
        "An object is missed entirely where no box shown is right, or a class or place error, about it.",
        limits="Counts of these data at this threshold: another trades one kind of error for another.",
        plot="bars",
        series={
            "label": [LABELS[cause] for cause in ranked],
            "value": [tally[cause] for cause in ranked],
            "ours": [True] * len(ranked),
        },
        axes=("errors",),
    )
