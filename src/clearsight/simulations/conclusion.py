"""What a simulation of feedback showed: findings with plots, and the card that holds them."""

import datetime
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from clearsight.files.provenance import provenance
from clearsight.metrics.rates import jeffreys
from clearsight.simulations.districts import Districts
from clearsight.simulations.feedback import Outcome
from clearsight.types import Card, Finding

LOCKED = 0.9
LINES = 8
MIDDLE = (0.025, 0.5, 0.975)
SPREAD = "The bars hold the middle 95% of the replicates: they show luck, and more replicates do not narrow them."
METHOD = (
    "Simulation of records that steer visits and are made by them (Lum & Isaac 2016; an urn as in Ensign et al. 2018). "
    "Misplaced is the total variation distance: the share that would have to go elsewhere to match the true incidents. "
)
LIMITS = (
    "It shows what follows from these rules, not what happens in any real place: true rates stay the same, visits "
    "change nothing but the records, and all incidents are alike."
)
NOTES = (
    "This is a simulation. No real place, person or record went into it but what the table of districts says.",
    "True rates are known here because the table states them. In practice nobody knows them: the corrections do not "
    "use them, only the probability with which each district was chosen.",
    "A correction needs every district to be visited now and then, and the probability of each visit to be known.",
    "Reports without a visit are taken as they come: no correction here mends that some districts report more.",
    "Matching visits to incidents is a yardstick, not a goal for everybody: it says nothing on harm, use or justice.",
)


def card(districts: Districts, outcomes: Sequence[Outcome], facts: dict[str, str], invented: bool) -> Card:
    """The findings on all outcomes as a card; ``facts`` are the settings in words."""
    name = facts["districts"]
    findings = (_together(districts, outcomes), *(_of(districts, each) for each in outcomes), _locked(outcomes))
    return Card(
        title=f"Feedback: {name}",
        task="decisions that make their own data",
        summary=_summary(districts, outcomes),
        findings=findings,
        cost=None,
        facts=facts,
        provenance=provenance(),
        notes=(("These districts are invented.",) if invented else ()) + NOTES,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def _summary(districts: Districts, outcomes: Sequence[Outcome]) -> str:
    start = outcomes[0]
    wrong = _misplaced(start.record_shares[:1], districts)[0, 0]
    said = [f"At the start {wrong:.0%} of the records are in the wrong district."]
    groups: dict[str, list[str]] = {}
    for each in outcomes:
        groups.setdefault(_direction(districts, each), []).append(each.policy.name)
    words = {
        "away": ("move", "the records further from the truth"),
        "stays": ("leave", "the records about as wrong as they were, more or less so by luck"),
        "nearer": ("bring", "the records nearer to the truth"),
    }
    for kind, (verb, what) in words.items():
        if names := groups.get(kind, []):
            said.append(f"{_joined(names)} {verb}{'s' * (len(names) == 1)} {what}.")
    return " ".join(said)


def _joined(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names).capitalize()


def _misplaced(shares: np.ndarray, districts: Districts) -> np.ndarray:
    return 0.5 * np.abs(shares - districts.true_shares).sum(axis=-1)


def _direction(districts: Districts, outcome: Outcome) -> str:
    """Whether the records of nearly all replicates end further from the truth than they began, nearer, or neither."""
    wrong = _misplaced(outcome.record_shares[[0, -1]], districts)
    low, _, high = np.quantile(wrong[1], MIDDLE)
    return "away" if low > wrong[0, 0] else "nearer" if high < wrong[0, 0] else "stays"


def _together(districts: Districts, outcomes: Sequence[Outcome]) -> Finding:
    """All policies at the last round, beside each other."""
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    ends = []
    for each in outcomes:
        wrong = each.misplaced(districts.true_shares)[-1]
        low, _, high = np.quantile(wrong, MIDDLE).tolist()
        cells = (each.policy.name, float(wrong.mean()), low, high, len(wrong), each.policy.says)
        for column, cell in zip(rows, cells, strict=True):
            rows[column].append(cell)
        ends.append((float(wrong.mean()), each.policy.name))
    (least, best), (most, worst) = min(ends), max(ends)
    against = f", against {least:.0%} under {best}" if len(ends) > 1 else ""
    return Finding(
        question="what it does",
        claim=f"After {outcomes[0].rounds[-1]} rounds, {most:.0%} of the visits are misplaced under {worst}{against}.",
        metric="misplaced visits",
        value=None,
        interval=None,
        n=rows["n"][0],
        unit="replicates",
        method=METHOD + SPREAD,
        limits=LIMITS,
        plot="intervals",
        series=rows,
        axes=("share of the visits that is misplaced",),
    )


def _of(districts: Districts, outcome: Outcome) -> Finding:
    """One policy over time: in which districts it visits more, or less, than the share of incidents there."""
    wrong = outcome.misplaced(districts.true_shares)[-1]
    low, _, high = np.quantile(wrong, MIDDLE).tolist()
    rounds = int(outcome.rounds[-1])
    series, shown = _lines(districts, outcome)
    hidden = len(districts.names) - shown
    return Finding(
        question="what it does",
        claim=_claim(districts, outcome, rounds),
        metric="misplaced visits",
        group=outcome.policy.name,
        value=float(wrong.mean()),
        interval=(low, high),
        n=len(wrong),
        unit="replicates",
        method=f"{outcome.policy.says} {METHOD}{SPREAD} The lines are means over the replicates.",
        limits=LIMITS + (f" {hidden} districts whose visits differ least are not drawn." if hidden else ""),
        plot="curve",
        series=series,
        axes=("round", "share of the visits minus share of the incidents"),
    )


def _claim(districts: Districts, outcome: Outcome, rounds: int) -> str:
    wrong = _misplaced(outcome.record_shares[[0, -1]], districts)
    low, _, high = np.quantile(wrong[1], MIDDLE).tolist()
    excess = outcome.record_shares[-1].mean(axis=0) - districts.true_shares
    place = int(excess.argmax())
    verbs = {
        "away": "the records run away from the truth",
        "nearer": "the records come nearer to the truth",
        "stays": "the records stay about as wrong as they were",
    }
    said = f"Under {outcome.policy.name}, {verbs[_direction(districts, outcome)]}: "
    said += f"{wrong[0, 0]:.0%} of them are misplaced at the start, {wrong[1].mean():.0%} ({low:.0%} to {high:.0%}) "
    said += f"after {rounds} rounds."
    if excess[place] >= 0.05:
        share = outcome.record_shares[-1, :, place].mean()
        said += f" {districts.names[place]} then has {share:.0%} of the records and {districts.true_shares[place]:.0%} "
        said += "of the incidents."
    return said


def _lines(districts: Districts, outcome: Outcome) -> tuple[dict[str, list], int]:
    """The columns of a plot of curves, and how many districts it shows: those whose visits differ most."""
    difference = outcome.visit_shares - districts.true_shares
    order = np.argsort(-np.abs(difference[-1].mean(axis=0)), kind="stable")[:LINES]
    series: dict[str, list] = {"line": [], "x": [], "y": [], "low": [], "high": []}
    for place in sorted(order.tolist()):
        mine: Float[np.ndarray, "points replicates"] = difference[:, :, place]
        low, _, high = np.quantile(mine, MIDDLE, axis=1)
        columns = ([districts.names[place]] * len(mine), outcome.rounds, mine.mean(axis=1), low, high)
        for column, cells in zip(series, columns, strict=True):
            series[column] += cells if isinstance(cells, list) else cells.tolist()
    return series, len(order)


def _locked(outcomes: Sequence[Outcome]) -> Finding:
    """In how many replicates one district ends with nearly all visits."""
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    for each in outcomes:
        locked = each.visit_shares[-1].max(axis=1) >= LOCKED
        low, high = jeffreys(int(locked.sum()), len(locked))
        cells = (each.policy.name, float(locked.mean()), low, high, len(locked), None)
        for column, cell in zip(rows, cells, strict=True):
            rows[column].append(cell)
    stuck = [name for name, share in zip(rows["label"], rows["value"], strict=True) if share >= 0.5]
    return Finding(
        question="what it does",
        claim=(
            f"{_joined(stuck)} ended{' each' if len(stuck) > 1 else ''} with one district that gets at least "
            f"{LOCKED:.0%} of the visits, in most replicates."
            if stuck
            else f"No policy ended with one district that gets at least {LOCKED:.0%} of the visits in most replicates."
        ),
        metric=f"replicates with {LOCKED:.0%} of the visits in one district",
        value=None,
        interval=None,
        n=rows["n"][0],
        unit="replicates",
        method="Jeffreys intervals of a proportion of replicates, 95%.",
        limits=LIMITS,
        plot="intervals",
        series=rows,
        axes=("share of the replicates",),
    )
