"""What the audits of guarantees share: rows of a plot, shares with intervals, and what must be said of each promise."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from clearsight.audits.attributes import Attribute
from clearsight.decisions.checking import Kept, kept
from clearsight.decisions.promises import kind_in_words, needed, percent, settled_on
from clearsight.metrics.rates import design_effect, wilson
from clearsight.metrics.risk_control import hoeffding_bentkus, one_of_each
from clearsight.types import Evidence, Guarantee, Request

COLUMNS = ("label", "value", "low", "high", "n", "note", "expected")
CLEARLY = 0.01
Ends = tuple[float, float] | None


@dataclass
class Rows:
    """The rows of a plot of intervals, added one by one."""

    series: dict[str, list] = field(default_factory=lambda: {name: [] for name in COLUMNS})

    def add(
        self, label: str, value: float | None, ends: Ends, n: int, note: str = "", expected: float | None = None
    ) -> None:
        """Add a row; ``value`` is None where there is none, and ``note`` says why."""
        known = value is not None and np.isfinite(value)
        cells = (
            label,
            value if known else None,
            *(ends if known and ends else (None, None)),
            n,
            note or None,
            expected,
        )
        for name, cell in zip(COLUMNS, cells, strict=True):
            self.series[name].append(cell)


def share(loss: Float[np.ndarray, "k"], clusters: Int[np.ndarray, "k"], confidence: float) -> tuple[float, Ends]:
    """The mean of losses in [0, 1] with a Wilson interval, widened where clusters have losses in common.

    Of other losses than 0 and 1 it is too wide: no losses of that mean vary more.
    """
    if not len(loss):
        return float("nan"), None
    effect = design_effect(loss, clusters)
    return float(loss.mean()), wilson(float(loss.sum()), len(loss), confidence, effect)


def observed(request: Request, found: Kept) -> tuple[float, Ends]:
    """The mean loss of what a guarantee spoke of, with its interval."""
    return share(found.loss, request.evidence.clusters[found.row], request.confidence)


def decided_share(request: Request, found: Kept, rows: Int[np.ndarray, "n"]) -> tuple[float, Ends]:
    """The share of the pictures ``rows`` that a guarantee spoke of, with its interval."""
    alone = np.isin(rows, found.row).astype(np.float64)
    return share(alone, request.evidence.clusters[rows], request.confidence)


def every_row(evidence: Evidence) -> Int[np.ndarray, "n"]:
    """The numbers of all pictures."""
    return np.arange(len(evidence.clusters))


def whole(request: Request, promise: str, delta: bool | None = None) -> list[Guarantee]:
    """The guarantees of one kind for all pictures; with or without a probability where ``delta`` says so."""
    return [
        one
        for one in request.guarantees
        if one.promise == promise and not one.attribute and (delta is None or (one.delta is not None) is delta)
    ]


def of_group(request: Request, like: Guarantee, attribute: str, group: str) -> Guarantee | None:
    """The same guarantee for one group; None where the group was too small for any."""
    for one in request.guarantees:
        same = (one.promise, one.level, one.delta, one.of) == (like.promise, like.level, like.delta, like.of)
        if same and (one.attribute, one.group) == (attribute, group):
            return one
    return None


def same_pictures(request: Request, guarantee: Guarantee) -> bool:
    """Whether the guarantee was settled on the very pictures it is checked on."""
    about = request.evidence.about
    return (guarantee.split, guarantee.fingerprint) == (about.get("split", ""), about.get("fingerprint", ""))


def checked_on(request: Request, guarantee: Guarantee) -> str:
    """On which pictures a guarantee is checked, as a sentence."""
    if same_pictures(request, guarantee):
        unit = request.evidence.unit
        return f"What is seen here is of the {unit} it was settled on, so it is optimistic; the promise is not."
    return f"It is checked on {request.evidence.counted}, which it was not settled on."


def method_of(request: Request, guarantee: Guarantee, by: str) -> str:
    """The method of a guarantee: how, on how many cases it was settled, which promise it is, how it was checked."""
    return (
        f"{by} The promise holds {kind_in_words(guarantee)}; it was {settled_on(guarantee)}. "
        f"{checked_on(request, guarantee)} {100 * request.confidence:g}% Wilson intervals, widened for clusters."
    )


def limits_of_promise(guarantee: Guarantee) -> str:
    """What a promise needs and does not say."""
    chosen = " Temperatures and score thresholds were chosen on the same pictures, which no promise accounts for."
    return (
        f"{needed(guarantee)} It is marginal: over all {guarantee.unit}, not for each group. Each level is a promise "
        f"of its own.{'' if guarantee.unit == 'rows' else chosen}"
    )


def broken(request: Request, guarantee: Guarantee) -> bool:
    """Whether more is lost than promised, beyond chance (p < 0.01), on pictures it was not settled on."""
    rows = one_of_each(request.evidence.clusters, request.seed)
    found = kept(guarantee, request.evidence.statistics, rows)
    if found is None or not len(found.loss) or same_pictures(request, guarantee):
        return False
    binary = bool(np.isin(found.loss, (0.0, 1.0)).all())
    n = np.array([len(found.loss)])
    return bool(hoeffding_bentkus(np.array([1 - found.mean]), n, 1 - guarantee.level, binary)[0] < CLEARLY)


def excess_said(guarantee: Guarantee) -> str:
    """What it means that more is lost than promised."""
    other = (
        f" or it is one of the {percent(guarantee.delta)} of calibration sets for which the promise fails"
        if guarantee.delta is not None
        else " or its calibration set is one that keeps less than the average"
    )
    unit = guarantee.unit
    return f" That is more than promised (p < 0.01): these {unit} are not like those it was settled on,{other}."


def groups_of(attribute: Attribute) -> list[tuple[str, Bool[np.ndarray, "images"]]]:
    """The groups of an attribute that can be judged, the largest first, and which pictures are in each."""
    pairs = [(name, attribute.rows(name)) for name in attribute.large]
    return sorted(pairs, key=lambda pair: -int(pair[1].sum()))


def points(value: float) -> str:
    """A share in per cent with one decimal."""
    return f"{100 * value:.1f}%"


def ends_said(ends: Ends) -> str:
    """An interval of shares in brackets."""
    return "" if ends is None else f" ({100 * ends[0]:.1f}% to {100 * ends[1]:.1f}%)"
