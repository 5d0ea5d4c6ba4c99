"""Failures nobody labelled: slices of pictures that the network finds alike and on which it does worse.

Groups that nobody thought of have no column in any table. Slices are sought on half of the pictures, by their features
and their errors (see ``metrics.slices``), and judged on the other half, to which they are assigned by features alone.
Only slices that are confirmed there are told, with what their pictures share as far as it is known: classes, groups and
capture conditions, tested on that half too.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from clearsight.audits.attributes import CLUSTERS_AT_LEAST, PICTURES_AT_LEAST
from clearsight.audits.sentences import between, chance, number
from clearsight.audits.slice_traits import Shared, shared_traits
from clearsight.metrics.means_apart import MeansApart
from clearsight.metrics.rates import holm
from clearsight.metrics.resample import Gap, Resampling, interval
from clearsight.metrics.slices import HALF_AT_LEAST, discovery_half
from clearsight.metrics.slices import PICTURES_AT_LEAST as SLICE_AT_LEAST
from clearsight.metrics.slices import slices as slices_of
from clearsight.types import Finding, Request

IDS_AT_MOST = 200
TRAITS_NOTED = 2
METHOD = (
    "The pictures were split by cluster into halves. On one, the principal components of their features and the error "
    "that a ridge regression on these predicts were clustered by k-means (after Domino, Eyuboglu et al. 2022, and "
    "Spotlight, d'Eon et al. 2022), and the parts that surely score furthest below the rest are slices. To the other "
    "half they are assigned by features alone and compared with the rest there, one-sided at {level:.1%}: p is the "
    "larger of that of a cluster bootstrap ({replicates} replicates) and of as many permutations of who is in it, "
    "Holm-corrected for {slices}."
)
LIMITS = (
    "A slice is what this network finds alike. What its pictures share is told as far as classes, groups and capture "
    "conditions are known, and need not be the cause. Smaller slices, and pictures unlike these, are not seen."
)
CONFIRMED_ONLY = " Only what was confirmed is shown, so gaps look a little larger than they are."
LEFT_OUT = " {count} {unit} have no score of their own and are left out."


@dataclass(frozen=True, kw_only=True, eq=False)
class Slice:
    """A slice as judged on the test half: its ``rows`` there, the gap of its scores to the rest, p after Holm."""

    name: str
    rows: Bool[np.ndarray, "images"]
    gap: Gap
    p: float
    confirmed: bool
    shared: tuple[Shared, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Search:
    """What was sought and found: pictures of both halves, the number for each picture and what it is, the slices."""

    discovery: Bool[np.ndarray, "images"]
    test: Bool[np.ndarray, "images"]
    score: Float[np.ndarray, "images"]
    what: str
    found: tuple[Slice, ...]

    @property
    def confirmed(self) -> tuple[Slice, ...]:
        """The slices that do worse on the test half too, chance aside."""
        return tuple(one for one in self.found if one.confirmed)


def slices(request: Request) -> tuple[Finding, ...]:
    """The slices that are confirmed, or that none is; nothing where the evidence holds no features."""
    search = searched(request)
    if search is None:
        return ()
    if min(search.discovery.sum(), search.test.sum()) < HALF_AT_LEAST:
        return (_too_few(request, search),)
    if not search.confirmed:
        return (_none_confirmed(request, search),)
    return (_overview(request, search), *(_told(request, search, one) for one in search.confirmed))


def searched(request: Request) -> Search | None:
    """The search for slices, made once for a request; None where the evidence holds no features."""
    if request.evidence.features is None:
        return None
    if "slices" not in request.shared:
        request.shared["slices"] = _search(request)
    found: Search = request.shared["slices"]
    return found


def _search(request: Request) -> Search:
    evidence = request.evidence
    assert evidence.features is not None
    what, score = evidence.statistics.each()
    usable = np.isfinite(score) & np.isfinite(evidence.features).all(1)
    half = discovery_half(evidence.clusters, request.seed)
    discovery, test = half & usable, ~half & usable
    parts = slices_of(evidence.features, np.where(half, score, np.nan), half, request.seed)
    code = np.zeros(len(score), dtype=np.int64)
    for label, rows in enumerate(parts, 1):
        code[rows] = label
    found = _judged(request, score, code, test, len(parts))
    confirmed = [label for label, one in enumerate(found, 1) if one.confirmed]
    for place, (label, shared) in enumerate(shared_traits(request, code, discovery, test, confirmed).items(), 1):
        found[label - 1] = replace(found[label - 1], name=f"slice {place}", shared=shared)
    return Search(discovery=discovery, test=test, score=score, what=what, found=tuple(found))


def _judged(
    request: Request,
    score: Float[np.ndarray, "images"],
    code: Int[np.ndarray, "images"],
    test: Bool[np.ndarray, "images"],
    count: int,
) -> list[Slice]:
    """Each slice against the rest of the test half, corrected for all."""
    if not count:
        return []
    compared = MeansApart(
        part=code[test],
        clusters=request.evidence.clusters[test],
        replicates=request.replicates,
        seed=request.seed,
        confidence=request.confidence,
    )
    tested = []
    for label in range(1, count + 1):
        gap, p = compared.between(score[test], label, sign=-1)
        enough = gap.first.images >= PICTURES_AT_LEAST and gap.first.clusters >= CLUSTERS_AT_LEAST
        tested.append((gap, p if enough else 1.0))
    corrected = holm([p for _, p in tested])
    return [
        Slice(name="", rows=test & (code == label), gap=gap, p=p, confirmed=p <= (1 - request.confidence) / 2)
        for label, ((gap, _), p) in enumerate(zip(tested, corrected, strict=True), 1)
    ]


def _overview(request: Request, search: Search) -> Finding:
    """The confirmed slices beside all pictures of the test half, in one plot."""
    confirmed, unit = search.confirmed, request.evidence.unit
    whole = confirmed[0].gap
    n = int(search.test.sum())
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    for one in confirmed:
        low, high = one.gap.first.interval or (None, None)
        note = "; ".join(shared.short for shared in one.shared[:TRAITS_NOTED]) or "nothing known sets them apart"
        cells = (one.name, one.gap.first.value, low, high, one.gap.first.images, note)
        for column, cell in zip(rows, cells, strict=True):
            rows[column].append(cell)
    mean = float(search.score[search.test].mean())
    for column, cell in zip(rows, (f"all {unit} held out for this", mean, None, None, n, None), strict=True):
        rows[column].insert(0, cell)
    several = f"{len(confirmed)} slices" if len(confirmed) > 1 else "One slice"
    return Finding(
        question="whom it fails",
        claim=f"{several} of {unit} that nobody labelled {'fare' if len(confirmed) > 1 else 'fares'} worse than the "
        f"rest: found on {int(search.discovery.sum())} {unit} and confirmed on {n} others.",
        metric=search.what,
        value=None,
        interval=None,
        clusters=whole.first.clusters + whole.second.clusters,
        n=n,
        unit=unit,
        method=_method(request, search),
        limits=_limits(request, search) + CONFIRMED_ONLY,
        plot="intervals",
        series=rows,
        axes=(f"{search.what}, on average",),
    )


def _told(request: Request, search: Search, one: Slice) -> Finding:
    """A confirmed slice: its score against the rest, what its pictures share, and which they are."""
    unit = request.evidence.unit
    order = np.flatnonzero(one.rows)
    order = order[np.argsort(search.score[order], kind="stable")]
    first, second = one.gap.first, one.gap.second
    shared = [each.sentence for each in one.shared]
    corrected = f" after correcting for {len(search.found)} slices" if len(search.found) > 1 else ""
    claim = (
        f"{one.name[0].upper()}{one.name[1:]}: on {first.images} of {first.images + second.images} {unit} "
        f"{search.what} averages {number(first.value)}{between(first.interval)}, against "
        f"{number(second.value)}{between(second.interval)} on the others ({chance(one.p)}{corrected})."
        f"{_headline(request, search, one)}"
    )
    claim += f" What they share: {'; '.join(shared)}." if shared else " Nothing that is known sets them apart."
    more = f" The table holds the {IDS_AT_MOST} worst of them." if len(order) > IDS_AT_MOST else ""
    return Finding(
        question="whom it fails",
        claim=claim,
        metric=f"gap in {search.what}",
        value=one.gap.value,
        interval=one.gap.interval,
        clusters=min(first.clusters, second.clusters),
        n=first.images,
        unit=unit,
        method=_method(request, search),
        limits=_limits(request, search) + CONFIRMED_ONLY + more,
        group=one.name,
        series={
            "id": [request.evidence.ids[row] for row in order[:IDS_AT_MOST]],
            search.what: [float(search.score[row]) for row in order[:IDS_AT_MOST]],
        },
    )


def _headline(request: Request, search: Search, one: Slice) -> str:
    """The first score of the task on the slice and on the rest, in a sentence; nothing where it is not defined."""
    evidence, metric = request.evidence, request.evidence.statistics.metrics()[0]
    weights = Resampling(
        clusters=evidence.clusters, replicates=request.replicates, seed=request.seed, strata=_strata(search, one)
    )
    own, others = (
        interval(metric, evidence, weights, request.confidence, rows) for rows in (one.rows, search.test & ~one.rows)
    )
    if not np.isfinite([own.value, others.value]).all():
        return ""
    told = [f"{number(each.value, metric)}{between(each.interval, metric)}" for each in (own, others)]
    return f" There {metric.name} is {told[0]}, against {told[1]}."


def _strata(search: Search, one: Slice) -> Int[np.ndarray, "images"]:
    """The rest of the discovery half, of the test half, and the slice, so that each is resampled by itself."""
    return np.where(one.rows, 2, np.where(search.test, 1, 0))


def _none_confirmed(request: Request, search: Search) -> Finding:
    unit = request.evidence.unit
    n, sought = int(search.test.sum()), int(search.discovery.sum())
    least = min((one.p for one in search.found), default=1.0)
    tried = (
        f"{len(search.found)} of the parts of {sought} {unit} scored below the rest, and on {n} others that may be "
        f"chance (the smallest {chance(least)}, corrected for all)."
        if search.found
        else f"Of {sought} {unit} no part of {SLICE_AT_LEAST} or more that are alike surely scored below the rest."
    )
    return Finding(
        question="whom it fails",
        claim=f"No slice was confirmed: nothing shows that the network fails on some kind of {unit} that nobody "
        f"labelled. {tried}",
        metric=f"slices by {search.what}",
        value=None,
        interval=None,
        n=n,
        unit=unit,
        method=_method(request, search),
        limits=_limits(request, search) + " That none was confirmed does not show that there is none.",
    )


def _too_few(request: Request, search: Search) -> Finding:
    unit = request.evidence.unit
    n = int((search.discovery | search.test).sum())
    return Finding(
        question="whom it fails",
        claim=f"Nobody can say whether it fails on some kind of {unit} that nobody labelled: there are only {n}. "
        f"It takes at least {2 * HALF_AT_LEAST} to look for them on one half and to test them on the other.",
        metric=f"slices by {search.what}",
        value=None,
        interval=None,
        n=n,
        unit=unit,
        method=f"Slices are sought from {HALF_AT_LEAST} {unit} on.",
        limits="No slice was sought.",
        verdict="insufficient",
    )


def _limits(request: Request, search: Search) -> str:
    left_out = int(np.isnan(search.score).sum())
    return LIMITS + (LEFT_OUT.format(count=left_out, unit=request.evidence.unit) if left_out else "")


def _method(request: Request, search: Search) -> str:
    count = len(search.found)
    return METHOD.format(
        level=(1 - request.confidence) / 2,
        replicates=request.replicates,
        slices=f"{count} slice{'' if count == 1 else 's'}",
    )
