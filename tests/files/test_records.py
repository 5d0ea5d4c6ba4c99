"""Dataclasses as JSON: the card comes back exactly, and what does not fit is named."""

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearsight.files.records import from_json, to_json
from clearsight.types import Card, Cost, Example, Finding

words = st.text(st.characters(blacklist_categories=()), max_size=8)
numbers = st.floats()
triples = st.tuples(numbers, numbers, numbers)
costs = st.builds(
    Cost,
    seconds=numbers,
    kwh=triples,
    how=st.sampled_from(["measured", "modelled", "assumed"]),
    device=words,
    parts=st.dictionaries(words, triples, max_size=2),
    zone=st.none() | words,
    kg_co2e=st.none() | triples,
    notes=st.lists(words, max_size=2).map(tuple),
)
cells = st.none() | st.booleans() | st.integers() | numbers | words
findings = st.builds(
    Finding,
    question=st.sampled_from(["what it does", "what it cost"]),
    claim=words,
    metric=words,
    value=st.none() | numbers,
    interval=st.none() | st.tuples(numbers, numbers),
    n=st.integers(),
    unit=words,
    method=words,
    limits=words,
    group=st.none() | words,
    verdict=st.sampled_from(["pass", "insufficient"]),
    plot=st.sampled_from([None, "bars", "curve"]),
    series=st.dictionaries(words, st.lists(cells, max_size=3).map(tuple), max_size=2),
    axes=st.lists(words, max_size=2).map(tuple),
)
cards = st.builds(
    Card,
    title=words,
    task=words,
    summary=words,
    findings=st.lists(findings, max_size=2).map(tuple),
    cost=st.none() | costs,
    facts=st.dictionaries(words, words, max_size=2),
    provenance=st.dictionaries(words, words, max_size=2),
    examples=st.lists(
        st.builds(Example, path=words, caption=words, kind=st.just("best"), score=st.none() | numbers), max_size=1
    ).map(tuple),
    notes=st.lists(words, max_size=2).map(tuple),
    responsible=st.none() | words,
)


@given(cards)
def test_a_card_comes_back_exactly(card: Card) -> None:
    text = json.dumps(to_json(card), allow_nan=False)
    back = from_json(Card, json.loads(text))
    assert repr(back) == repr(card)  # NaN is not equal to itself, but says the same


def a_card() -> dict[str, Any]:
    finding = Finding(
        question="what it does",
        claim="c",
        metric="AP",
        value=math.nan,
        interval=(0.1, math.inf),
        n=3,
        unit="pictures",
        method="m",
        limits="l",
        series={"value": (0.5, None, "NaN")},
    )
    cost = Cost(seconds=1.0, kwh=(1.0, 2.0, 3.0), how="measured", device="d")
    return to_json(Card(title="t", task="t", summary="s", findings=(finding,), cost=cost))


def test_special_numbers_have_names() -> None:
    content = a_card()
    assert content["findings"][0]["value"] == {"number": "nan"}
    assert content["findings"][0]["interval"] == [0.1, {"number": "inf"}]
    assert from_json(Card, content).findings[0].series == {"value": (0.5, None, "NaN")}
    assert list(content)[:3] == ["title", "task", "summary"]


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("title",), 3, "Card.title is '3'; expected a str"),
        (("title",), None, "Card.title"),
        (("findings",), {}, "expected a list"),
        (("findings", 0), [], r"Card.findings\[0\] is .*expected a dict"),
        (("findings", 0, "n"), 1.5, r"findings\[0\].n"),
        (("findings", 0, "n"), True, "whole number"),
        (("findings", 0, "value"), "0.5", "expected a number"),
        (("findings", 0, "value"), True, "expected a number"),
        (("findings", 0, "value"), {"number": "seven"}, "expected a number"),
        (("findings", 0, "interval"), [1.0], "holds 1 values; expected 2"),
        (("findings", 0, "verdict"), "maybe", "expected one of 'pass'"),
        (("findings", 0, "verdict"), [], "expected one of"),
        (("findings", 0, "surprise"), 1, "surprise, unknown to this version"),
        (("findings", 0, "series"), [1], "expected a dict"),
        (("cost", "how"), "guessed", "expected one of"),
        (("cost", "kwh"), [1.0, 2.0, None], r"kwh\[2\]"),
        (("facts",), {"a": 1}, "Card.facts.a"),
    ],
)
def test_what_does_not_fit_is_named(place: tuple, value: Any, message: str) -> None:
    content = a_card()
    inner = content
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(ValueError, match=message):
        from_json(Card, content)


def test_missing_fields() -> None:
    content = a_card()
    del content["notes"]
    assert from_json(Card, content).notes == ()
    del content["title"]
    with pytest.raises(ValueError, match="Card lacks title"):
        from_json(Card, content)


def test_numpy_becomes_plain() -> None:
    content = to_json({"a": np.float32(0.5), "b": np.arange(2), "c": np.bool_(True), "d": np.float64("nan")})
    assert content == {"a": 0.5, "b": [0, 1], "c": True, "d": {"number": "nan"}}
    assert type(content["c"]) is bool
    json.dumps(content, allow_nan=False)


@pytest.mark.parametrize("value", [object(), {1: 2}, b"x", {1, 2}, [object()]])
def test_what_has_no_json(value: Any) -> None:
    with pytest.raises(ValueError, match="as JSON"):
        to_json(value)


def test_a_type_without_json_is_our_mistake() -> None:
    @dataclass
    class Odd:
        value: bytes

    with pytest.raises(TypeError, match="no JSON form"):
        from_json(Odd, {"value": "x"})
