"""Decks of a realistic card: as it is, with class names of 60 characters, and with hostile text everywhere."""

import dataclasses
import importlib.util
import itertools
import sys
from pathlib import Path

import pytest

from clearsight import presentation
from clearsight.types import Card, Finding

REPORT = Path(__file__).parents[1] / "report"


def _loaded(name):
    """A file of the tests of the report, whose card and browser serve here too."""
    key = f"tests_of_the_report_{name}"
    if key not in sys.modules:
        spec = importlib.util.spec_from_file_location(key, REPORT / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[key] = module
        spec.loader.exec_module(module)
    return sys.modules[key]


cards = _loaded("conftest")
# 60 characters each: words that can be broken, one that cannot, the widest letters, and another script.
NAMES = {
    "red cells": "Eurasian-curlew-(Numenius-arquata)-in-winter-plumage-juvenil",
    "white cells": "a class whose name has been given in many quite short words,",
    "platelets": "W" * 60,
}


def longer(value):
    """The same value with the names of the classes replaced by long ones, in every text."""
    if isinstance(value, str):
        for old, new in NAMES.items():
            value = value.replace(old, new)
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if field.name not in cards.FIXED]
        return dataclasses.replace(value, **{name: longer(getattr(value, name)) for name in names})
    if isinstance(value, dict):
        return {key: longer(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(longer(one) for one in value)
    return value


def confusion(names) -> Finding:
    pairs = list(itertools.product(names, names))
    return Finding(
        question="what it does", claim=f"Most often {names[0]} is taken for {names[1]}.", metric="confusion",
        value=0.2, interval=(0.1, 0.3), n=200, unit="pictures", method="Counts.", limits="Why.", plot="matrix",
        series={
            "truth": [truth for truth, _ in pairs], "answer": [answer for _, answer in pairs],
            "share": [0.8 if truth == answer else 0.1 for truth, answer in pairs], "n": [10] * len(pairs),
        },
    )  # fmt: skip


def whole_card() -> Card:
    card = cards.blood_card()
    findings = (card.findings[0], confusion(list(NAMES)), *card.findings[1:])
    return dataclasses.replace(card, findings=findings, warnings=("Smears are in two splits: scores are too good.",))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A run folder that holds the pictures of the card."""
    place = tmp_path_factory.mktemp("run")
    (place / "examples").mkdir()
    for seed, example in enumerate(whole_card().examples):
        cards.draw_smear(place / example.path, seed, example.kind == "worst")
    return place


@pytest.fixture(scope="session")
def card() -> Card:
    return whole_card()


@pytest.fixture(scope="session")
def long_card(card) -> Card:
    return longer(card)


@pytest.fixture(scope="session")
def hostile_card() -> Card:
    card = cards.blood_card()
    turn = itertools.cycle(cards.HOSTILE)
    known = {}
    return cards.poisoned(card, lambda text: known.setdefault(text, next(turn)))


@pytest.fixture(scope="session")
def paged(folder):
    """A card as laid-out pages."""
    return lambda card: presentation.placed(presentation.deck(card, folder), "yolo-blood-1")
