"""What a mitigation came to: the numbers, the verdict in words, and the page that shows them."""

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from clearsight import report
from clearsight.files import durable
from clearsight.files.records import to_json
from clearsight.quantities import energy
from clearsight.types import Card, Cost, Finding, Question
from clearsight.worst_groups.figures import REPLICATES, Changed, Figures
from clearsight.worst_groups.trials import AS_IT_IS, Trial

ASKED: dict[Question, str] = {
    "what it does": "What changed, on pictures that had no part in the fitting and the choice.",
    "whom it fails": "The share of wrong answers in each group, before and after.",
    "when to trust it": "What was tried, and how one of these was chosen.",
    "what it cost": "All trials together, without the first training.",
}
NAMES = {"page": "mitigation.html", "values": "mitigation.json"}
LAW = (
    "Thresholds of each group need the group of every person, and treat people by it. The law forbids that in places, "
    "such as different cutoffs by race or sex in employment tests in the United States (Civil Rights Act of 1991, "
    "section 106). Ask a lawyer before you use them on people."
)
METHOD = (
    f"Paired cluster bootstrap within groups, {REPLICATES} replicates, 95% interval; a maximum over groups is "
    "corrected for its bias."
)
LIMITS = (
    "It speaks of these groups and these data only. Another training, or people of other places, may fare otherwise; "
    "groups that nobody labelled were not looked at."
)
Verdict = Literal["improvement shown", "no improvement shown"]


@dataclass(frozen=True, kw_only=True)
class Mitigated:
    """What was tried on a run, what was chosen, and what that changed.

    ``counts`` are the pictures trained on, those for tuning, and those for the figures. ``model`` is the run folder of
    the mitigated model; None where nothing was changed, and for thresholds of groups, which are in ``offsets``: what is
    added to the log-probabilities of the classes, by group. ``cost`` is that of all trials, without the first training.
    """

    run: str
    data: str
    by: tuple[str, ...]
    class_names: tuple[str, ...]
    mitigation: str
    said: str
    verdict: Verdict
    claim: str
    counts: Mapping[str, int]
    tried: tuple[Trial, ...]
    figures: Figures | None
    offsets: Mapping[str, tuple[float, ...]] | None
    notes: tuple[str, ...]
    cost: Cost
    model: str | None
    folder: str
    page: str


def claim_of(trial: Trial, figures: Figures | None, cost: Cost) -> str:
    """The verdict in plain sentences, with what it cost elsewhere."""
    spent = f"All trials took {energy(cost.kwh)} ({cost.how})."
    if figures is None:
        return (
            "No improvement shown: on the pictures for tuning, nothing that was tried served the worst group better "
            f"than the model as it is, so nothing was changed. {spent}"
        )
    worst, on = figures.worst_group_error, f"on {figures.pictures} pictures that it has never seen"
    named = f"{trial.mitigation} ({trial.said})"
    if figures.improved:
        start = (
            f"The worst group is served better with {named}: its error is {worst.after:.3f} and was "
            f"{worst.before:.3f}, a change of {signed(worst)} {on}."
        )
    else:
        start = (
            f"No improvement shown: with {named} the error of the worst group is {worst.after:.3f} and was "
            f"{worst.before:.3f}, a change of {signed(worst)} {on}, which may be chance."
        )
    elsewhere = f"The gap between groups changes by {signed(figures.gap)}, accuracy by {signed(figures.accuracy)}."
    return f"{start} {elsewhere} {spent}"


def signed(one: Changed) -> str:
    """A change with its interval."""
    ends = one.change_interval
    return f"{one.change:+.3f}" + ("" if ends is None else f" [{ends[0]:+.3f}, {ends[1]:+.3f}]")


def write(result: Mitigated, folder: Path, fingerprint: str) -> None:
    """Write the page and the values into the folder."""
    figures = [] if result.figures is None else [_changes(result.figures), _groups(result.figures)]
    counts = result.counts
    card = Card(
        title=f"Mitigation of {Path(result.run).name} on {result.data}",
        task="mitigation",
        summary=result.claim,
        findings=(*figures, _tried(result)),
        cost=result.cost,
        facts={
            "Model": result.run,
            "Groups": f"every class by {' and '.join(result.by)}" if result.by else "the classes",
            "Trained on": f"{counts['train']} pictures",
            "Chosen by": f"{counts['tuning']} held-out pictures, each answered for by what was not fitted on it",
            "Judged on": f"{counts['figures']} other pictures, which neither the fitting nor the choice has seen",
            "Mitigated model": result.model or "none",
        },
        provenance={"data fingerprint": fingerprint},
        notes=result.notes,
        untested=("groups that nobody labelled", "people and pictures of other places than these data"),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    report.write_page(card, folder / NAMES["page"], ASKED, "Mitigation")
    content = json.dumps(to_json(result), indent=2, ensure_ascii=False) + "\n"
    durable.write_bytes(folder / NAMES["values"], content.encode("utf-8"))


def _groups(figures: Figures) -> Finding:
    """The error of every group before and after."""
    worst = figures.worst_group_error
    rows = [(f"{when}: {one.metric}", one, when) for one in figures.groups for when in ("before", "after")]
    ends = [one.before_interval if when == "before" else one.after_interval for _, one, when in rows]
    few = f" Too few pictures to be judged: {'; '.join(figures.too_few)}." if figures.too_few else ""
    return Finding(
        question="whom it fails",
        claim=f"The highest share of wrong answers in any group was {worst.before:.3f} and is {worst.after:.3f}.{few}",
        metric="error of each group",
        value=worst.after,
        interval=worst.after_interval,
        n=worst.n,
        unit="pictures",
        clusters=figures.clusters,
        method=METHOD,
        limits=LIMITS,
        plot="intervals",
        axes=("share of wrong answers",),
        series={
            "label": [label for label, _, _ in rows],
            "value": [one.before if when == "before" else one.after for _, one, when in rows],
            "low": [None if one is None else one[0] for one in ends],
            "high": [None if one is None else one[1] for one in ends],
            "n": [one.n for _, one, _ in rows],
            "note": ["" if when == "before" else signed(one) for _, one, when in rows],
        },
    )


def _changes(figures: Figures) -> Finding:
    """What changed: the worst group, the gap, and what that costs overall."""
    rows = (figures.worst_group_error, figures.gap, figures.accuracy)
    worst, ends = rows[0], [one.change_interval for one in rows]
    return Finding(
        question="what it does",
        claim=f"The error of the worst group changes by {signed(worst)}, accuracy by {signed(figures.accuracy)}.",
        metric="change in worst-group error",
        value=worst.change,
        interval=worst.change_interval,
        n=figures.pictures,
        unit="pictures",
        clusters=figures.clusters,
        method=METHOD,
        limits=LIMITS,
        verdict="pass" if figures.improved else "insufficient",
        plot="intervals",
        axes=("after minus before",),
        series={
            "label": [one.metric for one in rows],
            "value": [one.change for one in rows],
            "low": [None if one is None else one[0] for one in ends],
            "high": [None if one is None else one[1] for one in ends],
            "n": [one.n for one in rows],
            "note": [f"{one.before:.3f} to {one.after:.3f}" for one in rows],
        },
    )


def _tried(result: Mitigated) -> Finding:
    """All that was tried, on the pictures for tuning."""
    trials = sorted(result.tried, key=lambda one: one.worst_group_error)
    named = [one.mitigation if one.mitigation == AS_IT_IS else f"{one.mitigation}: {one.said}" for one in trials]
    return Finding(
        question="when to trust it",
        claim=f"Of {len(trials)} ways, {named[0]} has the lowest worst-group error on the pictures for tuning.",
        metric="worst-group error on the pictures for tuning",
        value=trials[0].worst_group_error,
        interval=None,
        n=result.counts["tuning"],
        unit="pictures",
        method="What is fitted on these pictures is judged by five-fold cross-validation; what is trained has seen "
        "none of them. Errors of small groups are drawn towards that of all pictures. The lowest is too good, because "
        "it was chosen: the figures are of other pictures.",
        limits=LIMITS,
        plot="bars",
        axes=("worst-group error",),
        series={
            "label": named,
            "value": [one.worst_group_error for one in trials],
            "ours": [(one.mitigation, one.said) == (result.mitigation, result.said) for one in trials],
        },
    )
