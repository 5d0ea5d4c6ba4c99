"""Annex IV of the EU AI Act beside the report: where each item that it asks for is, and which are missing.

Source: Regulation (EU) 2024/1689, Annex IV, "Technical documentation referred to in Article 11(1)"; the items are told
here in few words. It is a finding aid: whether documentation is sufficient is for the provider and the authorities to
say, and nothing here says it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from clearsight.quantities import number
from clearsight.report.wording import sentence_case
from clearsight.types import Card, Question

State = Literal["here", "partly", "missing"]
INTRODUCTION = (
    "Annex IV of Regulation (EU) 2024/1689 (AI Act) lists what the technical documentation of a high-risk system "
    "contains. This table says where this report holds an item, in part or wholly, and which are missing. It is a "
    "finding aid and no assessment: whether an item is sufficient for an intended use is for the provider to show."
)
SIGNED = (
    "clearsight sign signs every file of the run with its date, and clearsight verify shows whether that was done and "
    "still holds"
)


@dataclass(frozen=True, kw_only=True)
class Item:
    """An item of Annex IV: its ``point``, what it asks for, whether it is here, where, and what is missing of it."""

    point: str
    asks: str
    state: State
    where: str = ""
    lacks: str = ""


def items(card: Card) -> tuple[Item, ...]:
    """Every item of Annex IV, in its order, beside what this card holds."""
    return (*_general(card), *_development(card), *_monitoring(card), *_rest(card))


def _general(card: Card) -> tuple[Item, ...]:
    named = f"{_section('who answers for it')} names {card.responsible}" if card.responsible else ""
    return (
        _item("1(a)", "intended purpose, provider, version", named, "the intended purpose and the provider"),
        _item("1(b)", "how it interacts with other hardware and software", "", "all of it"),
        _item(
            "1(c)", "versions of software",
            f"{_section('who answers for it')}, versions and fingerprint of the code" if card.provenance else "", "",
        ),
        _item("1(d)", "the forms in which it is placed on the market", "", "all of it"),
        _item("1(e)", "the hardware it is intended to run on", _device(card), "the hardware it is intended for"),
        _item("1(f)-(h)", "pictures of products, user interface, instructions for use", "", "all of it"),
    )  # fmt: skip


def _development(card: Card) -> tuple[Item, ...]:
    facts = "the facts at the top" if card.facts else ""
    tested = next((f"{name}: {text}" for name, text in card.facts.items() if name.startswith("Evaluated on")), "")
    prints = "data fingerprint" if card.provenance.get("data fingerprint") else ""
    data = " and the ".join(filter(None, [facts, prints]))
    return (
        _item("2(a)", "methods and steps of development, pre-trained parts", facts, "steps that were taken outside"),
        _item("2(b)", "design: logic, choices and assumptions with their reasons", "", "all of it"),
        _item(
            "2(c)", "architecture; computing resources to develop, train, test and validate", _cost(card),
            "what was spent before and beside this run",
        ),
        _item("2(d)", "training data: origin, scope, selection, labelling, cleaning", data, "origin and labelling"),
        _item("2(e)", "human oversight", _answered(card, "when to trust it"), "who oversees it, and how"),
        _item("2(f)", "changes determined beforehand", "", "all of it"),
        _item("2(g)", "testing: the data", tested, ""),
        _item("2(g)", "testing: accuracy", _answered(card, "what it does"), ""),
        _item("2(g)", "testing: robustness", _answered(card, "what breaks it"), ""),
        _item("2(g)", "testing: potentially discriminatory impacts", _answered(card, "whom it fails"), ""),
        _item(
            "2(g)", "test reports dated and signed by the responsible persons",
            f"the date and the name at the end; {SIGNED}" if card.created and card.responsible else "",
            "the signature, where that says so",
        ),
        _item("2(h)", "cybersecurity", "", "all of it"),
    )  # fmt: skip


def _monitoring(card: Card) -> tuple[Item, ...]:
    untested = "what was not tested, at the end" if card.untested else ""
    size = "Longer side" if "Longer side" in card.facts else ""
    return (
        _item("3", "overall expected accuracy", _answered(card, "what it does"), "what its use would need"),
        _item("3", "accuracy for specific persons or groups", _answered(card, "whom it fails"), ""),
        _item("3", "foreseeable unintended outcomes and sources of risk", untested, "risks in the intended use"),
        _item("3", "specifications of the input", f"the fact {size}" if size else "", "conditions of the pictures"),
    )


def _rest(card: Card) -> tuple[Item, ...]:
    methods = "method and limits below every number" if card.findings else ""
    return (
        _item("4", "why the metrics are appropriate", methods, "why they suit the intended use"),
        _item("5", "risk management system (Article 9)", "", "all of it"),
        _item("6", "changes through its life", "", "all of it"),
        _item("7", "harmonised standards applied", "", "all of it"),
        _item("8", "EU declaration of conformity", "", "all of it"),
        _item("9", "post-market monitoring (Article 72)", "", "all of it; clearsight predict --log keeps decisions"),
    )


def _item(point: str, asks: str, where: str, lacks: str) -> Item:
    """An item: "missing" where there is no place, "here" where nothing lacks, else "partly"."""
    if not where:
        return Item(point=point, asks=asks, state="missing", lacks=lacks or "all of it")
    return Item(point=point, asks=asks, state="partly" if lacks else "here", where=where, lacks=lacks)


def _answered(card: Card, question: Question) -> str:
    """The section of a question, and how many numbers it holds; "" where it holds none."""
    known = sum(one.question == question and number(one.value) is not None for one in card.findings)
    return f"{_section(question)}, {known} number{'s' if known > 1 else ''} with n and method" if known else ""


def _cost(card: Card) -> str:
    return "" if card.cost is None else f"{_section('what it cost')}, energy {card.cost.how}, and the facts at the top"


def _device(card: Card) -> str:
    return "" if card.cost is None else f"{_section('what it cost')} names what it was trained on"


def _section(question: Question) -> str:
    return f'"{sentence_case(question)}"'


def rows(card: Card, escaped: Callable[[str], str]) -> list[str]:
    """The items as lines of a Markdown table, its head included."""
    lines = [("point", "asks for", "state", "where in this report", "missing"), ("---",) * 5]
    lines += [(one.point, one.asks, one.state, one.where, one.lacks) for one in items(card)]
    return [f"| {' | '.join(escaped(cell) if cell != '---' else cell for cell in line)} |" for line in lines]
