"""Confusions that must never happen: how often they did, and up to how often they may, by an exact one-sided bound.

Where pictures belong together (patients, videos), they do not count one by one: the bound is then on the share of
clusters in which the confusion happens at least once, which is exact for independent clusters (Clopper & Pearson 1934).
That it never happened never shows that it cannot, so there is no verdict "pass" here.
"""

import numpy as np

from clearsight.audits.attributes import Attribute, attributes_of
from clearsight.metrics.never import Chances, chances
from clearsight.metrics.rates import upper_bound
from clearsight.types import Finding, Request

ROWS_AT_MOST = 40
ALL = "all"


def never(request: Request) -> tuple[Finding, ...]:
    """A finding of each confusion in ``Request.never``, for all pictures and by group; nothing where none is named.

    Raises ValueError for a class that is not there, and where the task has no classes to confuse.
    """
    return tuple(_finding(request, truth, answer) for truth, answer in request.never)


def _finding(request: Request, truth: str, answer: str) -> Finding:
    evidence = request.evidence
    names = tuple(getattr(evidence.statistics, "class_names", ()))
    missing = [name for name in (truth, answer) if name not in names]
    if missing:
        raise ValueError(
            f"there is no class {missing[0]!r} to be confused. Expected two of: {', '.join(names) or 'none here'}."
        )
    found = chances(evidence.statistics, names.index(truth), names.index(answer))
    if found is None:
        raise ValueError(
            f"{evidence.task} has no confusions of one class with another that are counted one by one. Expected one "
            "class per picture, labels, or objects. Leave never out."
        )
    count, total = int(found.happened.sum()), len(found.row)
    bound, units, said = _bound(request, found)
    what = f"{truth} for {answer}"
    if total == 0:
        claim = f"Whether it takes {what} is not known: there are no {found.unit} of {truth}."
    elif count:
        claim = f"It took {what} {_times(count)} among {total} {found.unit}, which must never happen. {said}"
    else:
        claim = f"It never took {what} among {total} {found.unit}. {said}"
    counted = f"independent {found.unit}" if units == total else "clusters, in which it happens at least once"
    return Finding(
        question="whom it fails",
        claim=claim,
        metric=f"{truth} taken for {answer}",
        value=count / total if total else None,
        interval=(0.0, max(bound, count / total)) if total else None,
        n=total,
        unit=found.unit,
        clusters=units,
        method=f"Exact one-sided {100 * request.confidence:g}% upper bound (Clopper & Pearson 1934)"
        f" on the share of {counted}; {units} had a chance for it. The bounds of groups stand each for its own group.",
        limits="That it did not happen here does not show that it cannot: the bound holds for pictures like these.",
        verdict="fail" if count else "insufficient",
        plot="intervals" if total else None,
        series=_rows(request, found) if total else {},
        axes=(f"share of {truth} taken for {answer}",),
    )


def _bound(request: Request, found: Chances) -> tuple[float, int, str]:
    """The upper bound, of how many independent units, and what it says."""
    count, total = int(found.happened.sum()), len(found.row)
    happened, clusters = found.by_cluster(request.evidence.clusters)
    sure = f"{100 * request.confidence:g}% sure"
    if clusters == total:
        bound = upper_bound(count, total, request.confidence)
        return bound, total, f"{count} of {total} allows up to {_percent(bound)} ({sure})."
    bound = upper_bound(happened, clusters, request.confidence)
    return bound, clusters, (
        f"It happened in {happened} of {clusters} clusters of {request.evidence.unit}, which allows it in up to "
        f"{_percent(bound)} of such clusters ({sure})."
    )  # fmt: skip


def _rows(request: Request, found: Chances) -> dict[str, list]:
    """A row for all and for each group that has a chance for it: however few, the bound says what they show."""
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    parts = [(f"{ALL} {found.unit}", found)]
    for attribute in attributes_of(request):
        parts += [(_named(attribute, group), found.within(attribute.rows(group))) for group in _groups(attribute)]
    for label, part in parts[:ROWS_AT_MOST]:
        if not len(part.row):
            continue
        share = float(part.happened.mean())
        bound, _, _ = _bound(request, part)
        cells = (label, share, 0.0, max(bound, share), len(part.row), None)
        for column, cell in zip(rows, cells, strict=True):
            rows[column].append(cell)
    return rows


def _groups(attribute: Attribute) -> list[str]:
    return sorted((*attribute.large, *attribute.small), key=lambda group: -int(np.sum(attribute.rows(group))))


def _named(attribute: Attribute, group: str) -> str:
    return group if attribute.crossed else f"{attribute.name} = {group}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%" if share >= 0.001 else f"{100 * share:.2g}%"
