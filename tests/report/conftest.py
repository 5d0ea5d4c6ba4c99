"""A realistic card: a detector of blood cells, with drawn pictures, and every kind of plot."""

import dataclasses
import functools
import itertools
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from clearsight.types import Card, Cost, Example, Finding

BOOTSTRAP = (
    "Average precision over IoU 0.50 to 0.95 (COCO). 95% interval: bias-corrected bootstrap of whole smears, "
    "1,000 replicates."
)
CHARGED = (
    "Recall at the deployed threshold 0.41, IoU 0.5; a missed cell counts against the group of its smear. Gap: paired "
    "on the same replicates, Holm-corrected over 5 groups."
)


def what_it_does() -> list[Finding]:
    return [
        Finding(
            question="what it does",
            claim="It finds blood cells with an average precision of 0.62; guessing from the training boxes alone "
            "reaches 0.03.",
            metric="AP",
            value=0.6214,
            interval=(0.5871, 0.6529),
            n=87,
            unit="pictures",
            method=BOOTSTRAP,
            limits="How it does on smears of another stain, microscope or hospital.",
            plot="intervals",
            series={
                "label": ["overall", "red cells", "white cells", "platelets", "baseline: training mean"],
                "value": [0.6214, 0.6301, 0.7744, 0.4597, 0.031],
                "low": [0.5871, 0.6012, 0.7301, 0.3988, 0.022],
                "high": [0.6529, 0.6571, 0.8103, 0.5216, 0.041],
                "n": [1138, 967, 87, 84, 1138],
                "note": [None, None, None, None, "boxes of mean size on a grid, trivial baseline"],
            },
        ),
        Finding(
            question="what it does",
            claim="At its deployed threshold it misses 9 of 100 cells and marks 1.4 things a picture that are none.",
            metric="recall at 0.41",
            value=0.9104,
            interval=(0.8893, 0.9286),
            n=1138,
            unit="boxes",
            method="Threshold 0.41, chosen on the training pictures for the best F1. 95% interval: smears resampled.",
            limits="Cells that the annotators left out count as false here.",
            verdict="pass",
        ),
    ]


def whom_it_fails() -> list[Finding]:
    return [
        Finding(
            question="whom it fails",
            claim="It finds 12 of 100 cells fewer on faint smears than on the rest: more than chance explains.",
            metric="recall gap against the rest",
            value=-0.1183,
            interval=(-0.1702, -0.0671),
            n=87,
            unit="pictures",
            method=CHARGED,
            limits="Why. Faint smears are also more crowded here, and the two cannot be told apart with 19 pictures.",
            group="stain: faint",
            verdict="fail",
            plot="intervals",
            series={
                "label": ["overall", "stain: strong", "stain: faint", "site: A", "site: B", "site: C"],
                "value": [0.9104, 0.9337, 0.8154, 0.9188, 0.8967, None],
                "low": [0.8893, 0.9121, 0.7641, 0.8941, 0.8511, None],
                "high": [0.9286, 0.9518, 0.8607, 0.9391, 0.9312, None],
                "n": [1138, 889, 249, 803, 318, 17],
                "note": [
                    None,
                    None,
                    "gap −0.12, p = 0.002 after correction",
                    None,
                    None,
                    "3 smears; about 41 more are needed for an interval of ±0.05",
                ],
            },
            axes=("recall at the deployed threshold",),
        ),
        Finding(
            question="whom it fails",
            claim="Site C has 3 smears: too few to say anything about it.",
            metric="recall gap against the rest",
            value=None,
            interval=None,
            n=3,
            unit="pictures",
            method="Groups under 30 boxes or 5 clusters are not tested.",
            limits="Everything about site C.",
            group="site: C",
            verdict="insufficient",
        ),
    ]


def when_to_trust_it() -> list[Finding]:
    return [
        Finding(
            question="when to trust it",
            claim="Above 0.6 it is right about as often as it claims; between 0.3 and 0.6 it is too modest.",
            metric="calibration error (ECE)",
            value=0.0427,
            interval=(0.0311, 0.0566),
            n=1693,
            unit="boxes",
            method="15 bins of equal mass, debiased. A perfectly calibrated model of this size would show 0.021 at the "
            "95th percentile.",
            limits="Cells that no box was proposed for: a detector makes no claim about them.",
            plot="reliability",
            series={
                "confidence": [0.06, 0.12, 0.2, 0.29, 0.38, 0.47, 0.56, 0.66, 0.77, 0.87, 0.95],
                "correct": [0.03, 0.09, 0.19, 0.36, 0.49, 0.58, 0.64, 0.7, 0.79, 0.88, 0.96],
                "low": [0.01, 0.05, 0.12, 0.27, 0.4, 0.49, 0.56, 0.62, 0.73, 0.84, 0.94],
                "high": [0.06, 0.14, 0.27, 0.45, 0.58, 0.67, 0.72, 0.77, 0.84, 0.91, 0.98],
                "n": [161, 142, 118, 109, 104, 98, 112, 131, 164, 231, 323],
            },
            axes=("claimed confidence",),
        )
    ]


def what_breaks_it() -> list[Finding]:
    kinds = {"Gaussian noise": 0.11, "defocus blur": 0.075, "JPEG": 0.028, "brightness": 0.014}
    series: dict[str, list] = {"line": [], "x": [], "y": [], "low": [], "high": []}
    for kind, slope in kinds.items():
        for severity in range(6):
            value = 0.621 - slope * severity + 0.004 * severity**2 * (slope > 0.05)
            series["line"].append(kind)
            series["x"].append(severity)
            series["y"].append(round(value, 4))
            series["low"].append(round(value - 0.034 - 0.003 * severity, 4))
            series["high"].append(round(value + 0.032 + 0.003 * severity, 4))
    return [
        Finding(
            question="what breaks it",
            claim="Noise breaks it first: at severity 3 it has lost half of its score; brightness hardly matters.",
            metric="AP",
            value=0.327,
            interval=(0.284, 0.368),
            n=87,
            unit="pictures",
            method="Four corruptions at five severities, the same seeds on every picture. " + BOOTSTRAP,
            limits="Damage that comes in combination, and damage of the glass itself.",
            group="Gaussian noise, severity 3",
            plot="curve",
            series=series,
            axes=("severity (0 is the picture as it is)", "AP"),
        )
    ]


def what_it_cost() -> list[Finding]:
    return [
        Finding(
            question="what it cost",
            claim="This run caused about 4 g of CO₂e; training BERT base, as estimated in 2019, 652 kg.",
            metric="kg CO₂e",
            value=0.00412,
            interval=(0.0024, 0.0061),
            n=1,
            unit="runs",
            method="Energy modelled from processor load, times the yearly mean intensity of the grid. Others: Strubell "
            "et al. 2019, Tables 1 and 3.",
            limits="Making the computer, and the runs before this one. Patterson et al. (2021) put the architecture "
            "search at about 1/88 of the estimate shown.",
            plot="bars",
            series={
                "label": [
                    "this run",
                    "Transformer base, trained once",
                    "BERT base, trained once",
                    "one passenger, New York to San Francisco",
                    "a car in its lifetime, with fuel",
                    "Transformer with architecture search",
                ],
                "value": [0.00412, 12, 652, 900, 57153, 284019],
                "ours": [True, False, False, False, False, False],
            },
            axes=("emissions", "kg CO₂e"),
        ),
        Finding(
            question="what it cost",
            claim="Predicting takes 13 ms a picture, half of it reading the file.",
            metric="milliseconds a picture",
            value=13.1,
            interval=(12.4, 14.6),
            n=87,
            unit="pictures",
            method="Wall time of predicting all pictures three times; median, lowest and highest.",
            limits="Other computers.",
            plot="bars",
            series={"label": ["reading", "network", "boxes"], "value": [6.3, 5.9, 0.9], "ours": [True, True, True]},
            axes=("time", "ms a picture"),
        ),
    ]


def examples() -> tuple[Example, ...]:
    captions = {
        "best": (
            "BloodImage_00112, AP 0.93: all 11 cells found",
            "BloodImage_00301, AP 0.91",
            "BloodImage_00217, AP 0.90",
        ),
        "worst": (
            "BloodImage_00289, AP 0.21: 7 of 16 cells missed where they overlap",
            "BloodImage_00054, AP 0.28: a clump taken for one cell",
            "BloodImage_00190, AP 0.31: platelets missed",
        ),
    }
    found = []
    for kind in ("best", "worst"):
        for index, caption in enumerate(captions[kind]):
            found.append(Example(path=f"examples/{kind}-{index}.png", caption=caption, kind=kind, score=0.9))
    return tuple(found)


def draw_smear(place: Path, seed: int, faint: bool) -> None:
    """A drawn smear with boxes: round pink cells, one purple, on a pale ground."""
    chance = random.Random(seed)
    picture = Image.new("RGB", (480, 360), (238, 226, 220))
    draw = ImageDraw.Draw(picture)
    for index in range(9 if not faint else 15):
        x, y, radius = chance.randint(20, 400), chance.randint(20, 290), chance.randint(26, 36)
        white = index == 4
        cell = (132, 92, 168) if white else (222, 176, 172) if faint else (206, 132, 132)
        radius += 16 * white
        draw.ellipse((x, y, x + 2 * radius, y + 2 * radius), fill=cell)
        inner = (104, 64, 150) if white else tuple(min(255, c + 26) for c in cell)
        draw.ellipse((x + radius * 0.6, y + radius * 0.6, x + radius * 1.4, y + radius * 1.4), fill=inner)
        if not (faint and index % 2):
            edge = (15, 95, 158) if not white else (196, 86, 15)
            draw.rectangle((x - 2, y - 2, x + 2 * radius + 2, y + 2 * radius + 2), outline=edge, width=2)
    picture.save(place, optimize=True)


def blood_card() -> Card:
    return Card(
        title="Blood cells, found by a small detector",
        task="detection",
        summary="A YOLO detector on a small RegNet, trained in ten minutes on 205 smears, that marks red cells, white "
        "cells and platelets. Good enough to pre-mark a slide for a person; not to count platelets alone.",
        findings=(*what_it_does(), *whom_it_fails(), *when_to_trust_it(), *what_breaks_it(), *what_it_cost()),
        cost=Cost(
            seconds=612.4,
            kwh=(0.0043, 0.0074, 0.0108),
            how="modelled",
            device="2 cores of an x86 server processor",
            parts={
                "processor": (0.0038, 0.0066, 0.0097),
                "memory": (0.0005, 0.0008, 0.0011),
            },
            zone="FRA",
            kg_co2e=(0.0024, 0.00412, 0.0061),
            notes=("No power counter could be read, so the energy is a model of load and rated power.",),
        ),
        facts={
            "model": "yolo",
            "backbone": "regnetx_004, from scratch",
            "data": "blood/ (Pascal VOC)",
            "pictures": "205 to train, 87 to judge",
            "classes": "red cells, white cells, platelets",
            "size": "416 px",
            "seed": "0",
            "trained for": "10 min, 148 epochs",
        },
        provenance={
            "data": "9f2b4c1d7be05a3c8e61d0f24a97b35cc8d1e2f3a4b5c6d7e8f90a1b2c3d4e5f",
            "weights": "41c7d5e8a90b3f6214d8e7c6b5a4938271605f4e3d2c1b0a9f8e7d6c5b4a3928",
            "code": "clearsight 0.1.0",
            "torch": "2.15.0",
        },
        examples=examples(),
        notes=(
            "2 pictures were skipped: truncated (BloodImage_00338.jpg, BloodImage_00340.jpg).",
            "No clusters were named, so every picture counts as independent.",
        ),
        untested=("Smears of another laboratory or stain.", "More than one seed: all numbers are of this checkpoint."),
        responsible="Dr. Amara Okafor, haematology",
        created="2026-11-22T18:04:11+00:00",
    )


@pytest.fixture
def card() -> Card:
    return blood_card()


@pytest.fixture
def folder(tmp_path: Path, card: Card) -> Path:
    """A run folder that holds the pictures of the card."""
    (tmp_path / "examples").mkdir()
    for seed, example in enumerate(card.examples):
        draw_smear(tmp_path / example.path, seed, example.kind == "worst")
    return tmp_path


HOSTILE = (
    "</svg><script>window.hit = 1</script>",
    '"><img src=x onerror=window.hit=1>',
    "' onmouseover='window.hit=1",
    "{{7*7}}{% raw %}",
    "\u202egpj.exe\u202c \x1b[31m \x00",
    "</title></style><!-- ]]>",
    "[link](https://evil.example/) | `code` <b>",
    "W" * 300,
    "\ud800 surrogate \u2028 line",
    "مرحبا 世界 " * 9,
)
# What programs read, not people: hostile text cannot come in here.
FIXED = {"question", "verdict", "plot", "path", "kind", "how", "created"}


def poisoned(value: Any, name: Callable[[str], str]) -> Any:
    """The same value with a hostile name at the end of every text in it; equal texts stay equal."""
    if isinstance(value, str):
        return f"{value} {name(value)}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if field.name not in FIXED]
        return dataclasses.replace(value, **{key: poisoned(getattr(value, key), name) for key in names})
    if isinstance(value, Mapping):
        columns = set(value) & {"label", "line", "confidence"}
        return {key if columns else poisoned(key, name): poisoned(item, name) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(poisoned(item, name) for item in value)
    return value


@pytest.fixture
def hostile(card: Card) -> Card:
    """The card with hostile text in every field that a stranger could fill."""
    turn = itertools.cycle(HOSTILE)
    return poisoned(card, functools.cache(lambda text: next(turn)))
