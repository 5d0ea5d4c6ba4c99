"""Whether a restored face belongs to the group of the true one: how often not, by group, and what chance would do.

A classifier of the attribute, trained on real pictures, sees true held-out pictures, what was restored of each when it
had been made small, and pictures that the generator made freely. Its errors on the true ones correct what it says of
the others. Chance is the generator's own mix: how often the group would change were it drawn from that.
"""

from clearsight.audits.drifts import Drift, Share, drift_of
from clearsight.audits.mixes import LIMITS, not_seen, seen
from clearsight.audits.sentences import joined, times
from clearsight.metrics.group_drift import GroupDriftStatistics
from clearsight.types import Evidence, Finding, Request

METRIC = "restored as another"
NAMED = 3


def group_drift(request: Request) -> tuple[Finding, ...]:
    """For each attribute the share that changes group and the table of which to which; nothing without evidence."""
    found: list[Finding] = []
    for evidence in request.more.values():
        if not isinstance(evidence.statistics, GroupDriftStatistics):
            continue
        if not seen(evidence.statistics):
            found.append(_unseen(evidence))
            continue
        drift = drift_of(request, evidence)
        found += [_refused(request, drift)] if drift.too_weak else [_told(request, drift), _table(request, drift)]
    return tuple(found)


def belongs(finding: Finding) -> bool:
    """Whether a finding is of this audit."""
    return finding.metric.startswith(METRIC)


def percent(share: Share) -> str:
    """A share in words: "41% (36% to 47%)"."""
    if share.interval is None:
        return f"{share.value:.0%}"
    return f"{share.value:.0%} ({share.interval[0]:.0%} to {share.interval[1]:.0%})"


def _told(request: Request, drift: Drift) -> Finding:
    attribute, n = drift.statistics.attribute, drift.pictures
    unit = f"held-out {drift.evidence.unit}"
    said = f"{percent(drift.changed)} of {n} {unit} are restored as another {attribute} than their own"
    return Finding(
        question="whom it fails",
        claim=f"{said}{_beside_chance(drift)} {_extremes(drift)}{_doubted(drift)}",
        metric=f"{METRIC} {attribute}",
        value=drift.changed.value,
        interval=drift.changed.interval,
        n=n,
        unit=unit,
        clusters=drift.clusters,
        method=_method(request, drift),
        limits=_limits(drift),
        group=attribute,
        plot="intervals",
        series=_by_group(drift),
        axes=(f"share restored as another {attribute}",),
        imagined=f"{said}.",
    )


def _beside_chance(drift: Drift) -> str:
    """What chance would do, and whether that can be told apart from what was found."""
    if not drift.chance_known:
        return (
            ". What chance would do is not known: to the classifier, pictures that the generator makes freely look "
            "like no mix of the real groups."
        )
    start = f"; drawn from the mix that the generator makes, {percent(drift.by_chance)} would be."
    value, ends = drift.gap
    if ends is None or ends[0] <= 0 <= ends[1]:
        return f"{start} The two cannot be told apart: the small picture may say nothing of it."
    low, high = sorted(abs(100 * end) for end in ends)
    less = "fewer than by chance: the small picture says something of it" if value < 0 else "more than by chance"
    return f"{start} That is {abs(100 * value):.0f} points ({low:.0f} to {high:.0f}) {less}."


def _doubted(drift: Drift) -> str:
    """That the correction has nothing to stand on for some groups."""
    if not drift.unlike_any:
        return ""
    return (
        f" Doubt what is said of {joined(list(drift.unlike_any))}: to the classifier their restorations look like no "
        "mix of the real groups."
    )


def _extremes(drift: Drift) -> str:
    """The groups that change most and least often."""
    names = drift.statistics.group_names
    order = sorted(range(len(names)), key=lambda g: -drift.of_each[g].value)
    parts = [f"{percent(drift.of_each[g])} of {names[g]} ({drift.counts[g]})" for g in order]
    if len(parts) > NAMED + 1:
        parts = [*parts[: NAMED - 1], parts[-1]]
    return f"By true group: {joined(parts)}."


def _by_group(drift: Drift) -> dict[str, list]:
    """A row for all and one for each true group; expected is what chance would change."""
    names = drift.statistics.group_names
    known = drift.chance_known
    lines: list[tuple[str, Share, int, float | None, str | None]] = [
        ("all", drift.changed, drift.pictures, drift.by_chance.value if known else None, None)
    ]
    for g, name in enumerate(names):
        chance = 1 - drift.mix[g] if known else None
        lines.append((name, drift.of_each[g], drift.counts[g], chance, f"seen {1 - drift.seen[g, g]:.0%}"))
    return {
        "label": [line[0] for line in lines],
        "value": [line[1].value if line[1].interval else None for line in lines],
        "low": [line[1].low for line in lines],
        "high": [line[1].high for line in lines],
        "n": [line[2] for line in lines],
        "expected": [line[3] for line in lines],
        "note": [line[4] for line in lines],
    }


def _table(request: Request, drift: Drift) -> Finding:
    attribute, names = drift.statistics.attribute, drift.statistics.group_names
    cells = [(g, h) for g in range(len(names)) for h in range(len(names))]
    order = sorted((c for c in cells if c[0] != c[1]), key=lambda c: -drift.table[c[0]][c[1]].value)
    told = [f"{percent(drift.table[g][h])} of {names[g]} as {names[h]}" for g, h in order[:NAMED]]
    shares = [drift.table[g][h] for g, h in cells]
    return Finding(
        question="whom it fails",
        claim=f"Most often another {attribute} is restored so: {joined(told)}.",
        metric=f"{METRIC} {attribute}, by pair",
        value=None,
        interval=None,
        n=drift.pictures,
        unit=f"held-out {drift.evidence.unit}",
        clusters=drift.clusters,
        method=_method(request, drift),
        limits=_limits(drift),
        group=attribute,
        plot="matrix",
        series={
            "truth": [names[g] for g, _ in cells],
            "answer": [names[h] for _, h in cells],
            "share": [one.value for one in shares],
            "low": [one.low for one in shares],
            "high": [one.high for one in shares],
            "n": [drift.counts[g] for g, _ in cells],
        },
        axes=(f"true {attribute}", f"restored {attribute}"),
    )


def _method(request: Request, drift: Drift) -> str:
    about = drift.evidence.about
    by = f" ({drift.statistics.classifier})" if drift.statistics.classifier else ""
    restored = f"each restored {times(int(about['restarts']))}"
    return (
        f"Held-out pictures were made {about['factor']} times smaller and {restored}. "
        f"The mean probabilities of a classifier{by}, trained on real pictures, are multiplied by the "
        f"inverse of its confusion matrix on the true pictures. {_how_well(drift)} "
        f"{100 * request.confidence:g}% bootstrap intervals ({request.replicates} replicates, a picture with its "
        "restorations as one), which hold the uncertainty of that matrix too. Chance is the mix among "
        f"{about['free']} pictures that the generator made freely, corrected alike."
    )


def _how_well(drift: Drift) -> str:
    groups = len(drift.statistics.group_names)
    return (
        f"It names the {drift.statistics.attribute} of {percent(drift.accuracy)} of {drift.pictures} true pictures "
        f"correctly on average over groups, where guessing reaches {1 / groups:.0%}."
    )


def _limits(drift: Drift) -> str:
    left_out = drift.statistics.left_out
    few = f" Too few pictures, and left out: {', '.join(left_out)}." if left_out else ""
    asked = drift.evidence.about.get("classes asked for", "")
    return f"{LIMITS.replace('generated', 'restored')}{few}" + (f" {asked}" if asked else "")


def _refused(request: Request, drift: Drift) -> Finding:
    attribute = drift.statistics.attribute
    said = _unknown(attribute)
    return Finding(
        question="whom it fails",
        claim=f"{said}: the classifier is too weak for its errors to be corrected. {_how_well(drift)} More real "
        "pictures of each group would help, or larger ones.",
        metric=f"{METRIC} {attribute}",
        value=None,
        interval=None,
        n=drift.pictures,
        unit=f"held-out {drift.evidence.unit}",
        clusters=drift.clusters,
        method=_method(request, drift),
        limits=f"No share is shown because it would mislead. {_limits(drift)}",
        group=attribute,
        verdict="insufficient",
        imagined=f"{said}.",
    )


def _unseen(evidence: Evidence) -> Finding:
    attribute = evidence.statistics.attribute
    said = _unknown(attribute)
    unit = f"held-out {evidence.unit}"
    return not_seen(evidence.statistics, said, f"{METRIC} {attribute}", unit, imagined=f"{said}.")


def _unknown(attribute: str) -> str:
    return f"How often another {attribute} than the true one is restored is not known"
