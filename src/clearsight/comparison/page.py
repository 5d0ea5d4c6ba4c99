"""A comparison as a page: scores with intervals, speed, memory and energy, and pictures where each run is worst."""

import datetime
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from clearsight import report
from clearsight.comparison.paired import METHOD, Comparison, Difference, shown, signed
from clearsight.quantities import energy_unit, significant
from clearsight.types import Card, Example, Finding, Question

QUESTIONS: tuple[Question, ...] = ("what it does", "what it cost")


def write(found: Comparison, task: str, pictures: Callable[[Path], tuple[Example, ...]], place: Path) -> Comparison:
    """The comparison with its page written to ``place`` atomically; ``pictures`` writes some into a folder."""
    with tempfile.TemporaryDirectory() as folder:
        card = card_of(found, task, pictures(Path(folder)))
        asked = {question: report.ASKED[question] for question in QUESTIONS}
        report.write_page(card, place, asked, "Comparison", Path(folder))
    return replace(found, page=str(place))


def card_of(found: Comparison, task: str, examples: tuple[Example, ...] = ()) -> Card:
    """The comparison as a card: the scores of all runs side by side, and what each costs."""
    return Card(
        title=" and ".join((", ".join(one.name for one in found.runs[:-1]), found.runs[-1].name)),
        task=task,
        summary=" ".join(found.claims),
        findings=(*_scores(found), *_costs(found)),
        cost=None,
        facts={one.name: f"{one.model}{f' on {one.backbone}' if one.backbone else ''}" for one in found.runs},
        examples=examples,
        notes=found.notes,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def _scores(found: Comparison) -> list[Finding]:
    """For each metric the scores of all runs side by side, the headline first."""
    findings = []
    for name in found.runs[0].scores:
        scores = [one.scores[name] for one in found.runs]
        known = [
            (score.value, one.name) for score, one in zip(scores, found.runs, strict=True) if score.value == score.value
        ]
        if not known:
            continue
        changes = [one for one in found.differences if one.metric == name]
        best = next(one for one in known if one[1] == found.best[name])
        findings.append(
            Finding(
                question="what it does",
                claim=_best(name, known, best, changes, found.runs[0].name),
                metric=name,
                value=best[0],
                group=best[1],
                interval=next(score.interval for score in scores if score.value == best[0]),
                n=found.n,
                unit=found.unit,
                method=METHOD,
                limits="Intervals of single runs may overlap although a paired difference is clear: read the notes.",
                plot="intervals",
                series={
                    "label": [one.name for one in found.runs],
                    "value": [None if math.isnan(score.value) else score.value for score in scores],
                    "low": [score.interval[0] if score.interval else None for score in scores],
                    "high": [score.interval[1] if score.interval else None for score in scores],
                    "n": [found.n] * len(scores),
                    "note": [None] * len(scores),
                },
            )
        )
    return findings


def _best(
    name: str, known: list[tuple[float, str]], best: tuple[float, str], changes: Sequence[Difference], first: str
) -> str:
    """Which run is best by a metric, and which ones differ from the first by more than chance."""
    if len(known) > 1 and len({value for value, _ in known}) == 1:
        return f"By {name}, all are equal with {shown(best[0])}."
    apart = [one.run for one in changes if one.interval and not one.interval[0] <= 0 <= one.interval[1]]
    verb = "differs" if len(apart) == 1 else "differ"
    beyond = f"{', '.join(apart)} {verb} from {first} by more than chance" if apart else "no difference beyond chance"
    changed = [_change(one) for one in changes if not math.isnan(one.difference)]
    differences = f" Paired difference to {first}: {'; '.join(changed)}." if changed else ""
    return f"By {name}, {best[1]} is best with {shown(best[0])}; {beyond}.{differences}"


def _change(one: Difference) -> str:
    """The difference of a run to the first with its interval."""
    ends = f" [{signed(one.interval[0])}, {signed(one.interval[1])}]" if one.interval else ""
    return f"{one.run} {signed(one.difference)}{ends}"


def _costs(found: Comparison) -> list[Finding]:
    """Speed, memory, size and energy of all runs, as bars."""
    speeds = [one.speed for one in found.runs]
    energies = [one.kwh for one in found.runs]
    factor, unit = energy_unit(max((kwh[1] for kwh in energies if kwh), default=0.0))
    columns: list[tuple[str, str, list[float | None], str]] = [
        ("time per picture", "ms", [one.ms_per_picture if one else None for one in speeds], "batches of 4, in turn"),
        ("memory while predicting", "MB", [one.memory_mb if one else None for one in speeds], "peak of the process"),
        ("parameters", "", [one.parameters if one else None for one in speeds], "counted"),
        (
            "energy of training",
            unit,
            [factor * one.kwh[1] if one.kwh else None for one in found.runs],
            "each run's report",
        ),
    ]
    return [
        _bars(name, unit, known, method)
        for name, unit, values, method in columns
        if (known := [(value, one.name) for value, one in zip(values, found.runs, strict=True) if value is not None])
    ]


def _bars(name: str, unit: str, known: Sequence[tuple[float, str]], method: str) -> Finding:
    """One quantity of all runs that have it."""
    (least, best), (most, last) = min(known), max(known)
    claim = f"{best} needs the least {name}: {significant(least)} {unit}".rstrip()
    return Finding(
        question="what it cost",
        claim=claim + (f", {last} {significant(most / least)} times that." if least and most > least else "."),
        metric=f"{name}, {unit}" if unit else name,
        value=float(least),
        interval=None,
        n=len(known),
        unit="runs",
        method=method,
        limits="On the machine this page was made on; another machine may order them otherwise.",
        plot="bars",
        series={
            "label": [label for _, label in known],
            "value": [float(value) for value, _ in known],
            "ours": [True] * len(known),
        },
        axes=(name, unit),
    )
