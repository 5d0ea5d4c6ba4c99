"""A comparison as a page: scores with intervals, speed, memory and energy, and pictures where each run is worst."""

import datetime
import io
import math
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from clearsight import drawing, report
from clearsight.comparison.paired import METHOD, Comparison
from clearsight.evaluation.conclusion import deployed_part
from clearsight.loading import trained
from clearsight.run import Run
from clearsight.types import Card, Dataset, Evidence, Example, Finding, Question

PER_RUN = 2
ACROSS_PX = 420
QUESTIONS: tuple[Question, ...] = ("what it does", "what it cost")


def write(
    found: Comparison, runs: Sequence[Run], evidence: Sequence[Evidence], pictures: Dataset | None, place: Path
) -> Comparison:
    """The comparison with its page written to ``place`` atomically; ``pictures`` are those evaluated, if any."""
    with tempfile.TemporaryDirectory() as folder:
        examples = () if pictures is None else _pictures(found, runs, evidence, pictures, Path(folder))
        card = Card(
            title=" and ".join((", ".join(one.name for one in found.runs[:-1]), found.runs[-1].name)),
            task=evidence[0].task,
            summary=" ".join(found.claims),
            findings=(*_scores(found), *_costs(found)),
            cost=None,
            facts={one.name: f"{one.model}{f' on {one.backbone}' if one.backbone else ''}" for one in found.runs},
            examples=examples,
            notes=found.notes,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )
        asked = {question: report.ASKED[question] for question in QUESTIONS}
        report.write_page(card, place, asked, "Comparison", Path(folder))
    return replace(found, page=str(place))


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
        best = max(known) if not changes or changes[0].higher_is_better else min(known)
        apart = [one.run for one in changes if one.interval and not one.interval[0] <= 0 <= one.interval[1]]
        claim = f"By {name}, {best[1]} does best with {best[0]:.3f}; "
        claim += f"told apart from {found.runs[0].name}: {', '.join(apart)}." if apart else "none can be told apart."
        findings.append(
            Finding(
                question="what it does",
                claim=claim,
                metric=name,
                value=best[0],
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
                    "note": ["", *(_change(one.difference, one.interval, found.runs[0].name) for one in changes)],
                },
            )
        )
    return findings


def _change(difference: float, interval: tuple[float, float] | None, first: str) -> str:
    change = f"{difference:+.3f}" + (f" [{interval[0]:+.3f}, {interval[1]:+.3f}]" if interval else "")
    return f"{change} against {first}"


def _costs(found: Comparison) -> list[Finding]:
    """Speed, memory, size and energy of all runs, as bars."""
    speeds = [one.speed for one in found.runs]
    columns: list[tuple[str, str, list[float | None], str]] = [
        ("time per picture", "ms", [one.ms_per_picture if one else None for one in speeds], "batches of 4, in turn"),
        ("memory while predicting", "MB", [one.memory_mb if one else None for one in speeds], "peak of the process"),
        ("parameters", "", [one.parameters if one else None for one in speeds], "counted"),
        ("energy of training", "kWh", [one.kwh[1] if one.kwh else None for one in found.runs], "each run's report"),
    ]
    return [
        _bars(name, unit, known, method)
        for name, unit, values, method in columns
        if (known := [(value, one.name) for value, one in zip(values, found.runs, strict=True) if value is not None])
    ]


def _bars(name: str, unit: str, known: Sequence[tuple[float, str]], method: str) -> Finding:
    """One quantity of all runs that have it."""
    (least, best), (most, last) = min(known), max(known)
    claim = f"{best} needs the least {name}: {least:.3g} {unit}".rstrip()
    return Finding(
        question="what it cost",
        claim=claim + (f", {last} {most / least:.3g} times that." if least and most > least else "."),
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


def _pictures(
    found: Comparison, runs: Sequence[Run], evidence: Sequence[Evidence], dataset: Dataset, folder: Path
) -> tuple[Example, ...]:
    """For each run the pictures on which it falls furthest behind the others, with the predictions of all."""
    scores = np.stack([one.statistics.each()[1] for one in evidence])
    what = evidence[0].statistics.each()[0]
    predictors = [trained.predictor(run) for run in runs]
    taken: set[int] = set()
    examples: list[Example] = []
    for index, one in enumerate(found.runs):
        behind = scores[index] - np.delete(scores, index, axis=0).max(0)
        order = [row for row in np.argsort(np.where(np.isfinite(behind), behind, np.inf)).tolist() if row not in taken]
        for row in [row for row in order[:PER_RUN] if behind[row] < 0]:
            taken.add(row)
            sample = dataset[row]
            drawn = []
            for run, predictor, mine in zip(runs, predictors, found.runs, strict=True):
                (seen,) = predictor([sample.image])
                names = run.config.class_names
                shown = deployed_part(seen, run.config)
                drawn.append((drawing.overlay(shown, sample.image, names, truth=sample.truth), mine.name))
            path = f"{len(examples)}.jpg"
            file = io.BytesIO()
            _sheet(drawn).save(file, "JPEG", quality=88)
            (folder / path).write_bytes(file.getvalue())
            values = ", ".join(f"{each.name} {scores[k, row]:.2f}" for k, each in enumerate(found.runs))
            caption = f"{one.name} falls behind on {sample.id} ({what}: {values})"
            examples.append(Example(path=path, caption=caption, kind="worst", score=float(scores[index, row])))
    return tuple(examples)


def _sheet(drawn: Sequence[tuple[Image.Image, str]]) -> Image.Image:
    """Pictures of one size in rows of two, each under its name."""
    title = 30
    cells = []
    for picture, name in drawn:
        height = round(picture.height * ACROSS_PX / picture.width)
        cell = Image.new("RGB", (ACROSS_PX, height + title), "white")
        cell.paste(picture.convert("RGB").resize((ACROSS_PX, height), Image.Resampling.LANCZOS), (0, title))
        ImageDraw.Draw(cell).text((4, 5), drawing.shown(name), fill="black", font_size=18)
        cells.append(cell)
    high = max(cell.height for cell in cells)
    rows = -(-len(cells) // 2)
    sheet = Image.new("RGB", (2 * ACROSS_PX + 12, rows * (high + 12) - 12), "white")
    for index, cell in enumerate(cells):
        sheet.paste(cell, (index % 2 * (ACROSS_PX + 12), index // 2 * (high + 12)))
    return sheet
