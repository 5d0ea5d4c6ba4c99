"""From a card to the slides of a final presentation, in the order of a talk."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from clearsight.presentation.choosing import notes_of, slides_about
from clearsight.presentation.slides import Facts, Gallery, Opening, Slide, Statements
from clearsight.quantities import counted, moment, number
from clearsight.report.opening import opening
from clearsight.report.page import bill
from clearsight.report.pictures import shown
from clearsight.report.wording import ASKED, NOT_ASSESSED, cleaned, sentence_case
from clearsight.types import Card, Finding, Question

MOST_PICTURES = 6
_MODEL = ("model", "backbone", "budget", "stopped early", "weights kept", "mitigated", "trained for", "precision",
          "batch", "seed", "makes", "features", "resizer")  # fmt: skip
_QUESTIONS: Mapping[str, str] = {
    "detection": "Can a model find {classes} in pictures?",
    "instance-segmentation": "Can a model find the outlines of {classes} in pictures?",
    "classification": "Can a model tell {classes} apart?",
    "tagging": "Can a model find which of {classes} a picture shows?",
    "segmentation": "Can a model say of every pixel whether it is {classes}?",
    "regression": "Can a model predict a number well enough to be of use?",
    "reconstruction": "Can a model restore pictures?",
    "generation": "Can a model make pictures like these?",
}
_TALK: tuple[Question, ...] = ("whom it fails", "when to trust it", "what breaks it")


def deck(card: Card, folder: Path, comparison: Card | None = None) -> tuple[Slide, ...]:
    """The slides of a card, whose pictures are read from the run folder.

    ``comparison`` is the card of this run beside others: its scores follow what the model does.
    Raises ValueError where the series of a finding does not fit its plot.
    """
    card = cleaned(card)
    slides = [_opening(card), *_warnings(card), _question(card), *_data(card, folder), *_model(card)]
    slides += slides_about("what it does", card.findings) or [_not_assessed("what it does")]
    slides += _compared(comparison)
    slides += _galleries(card, folder)
    for question in _TALK:
        slides += slides_about(question, card.findings) or [_not_assessed(question)]
    return (*slides, *_cost(card), _answers(card))


def _opening(card: Card) -> Slide:
    when = moment(card.created).split(",")[0] if card.created else ""
    signed = " · ".join(part for part in (card.responsible or "", when) if part)
    return Slide(
        kicker=sentence_case(card.task) or "Model report",
        title=card.title,
        body=Opening(summary=card.summary, signed=signed),
        notes=(card.summary, *(f"{sentence_case(name)}: {text}" for name, text in card.facts.items())),
    )


def _warnings(card: Card) -> list[Slide]:
    """What must be read first: what the output must not be used for, where detail is invented, and the warnings."""
    items = tuple(text for text in (opening(card.findings), *card.warnings) if text)
    if not items:
        return []
    body = Statements(items=items, grave=True)
    return [Slide(kicker="Warning", title="Read this before any score.", body=body, notes=items)]


def _question(card: Card) -> Slide:
    """What was asked, and how the answer is judged."""
    facts = _by_name(card)
    headline = _headline(card)
    judged = facts.get("evaluated on") or facts.get("compared with") or facts.get("pictures") or ""
    items = []
    if headline is not None:
        items.append(f"Judged by {headline.metric}, on {counted(headline.n, headline.unit)}.")
    if judged:
        items.append(sentence_case(judged) + ".")
    items += [ASKED["what it does"], ASKED["whom it fails"], ASKED["when to trust it"], ASKED["what it cost"]]
    asked = _QUESTIONS.get(card.task, "What was the model to do, and does it?").format(classes=_few(facts))
    notes = notes_of(headline) if headline is not None else ()
    return Slide(kicker="The question", title=asked, body=Statements(items=tuple(items)), notes=notes)


def _few(facts: Mapping[str, str]) -> str:
    """The classes in words: the first three, and how many more."""
    names = [name for name in facts.get("classes", "").split(", ") if name]
    if not names:
        return "what is in a picture"
    if len(names) > 4:
        names = [*names[:3], f"{len(names) - 3} more"]
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _data(card: Card, folder: Path) -> list[Slide]:
    rows = tuple((sentence_case(name), text) for name, text in card.facts.items() if name.casefold() not in _MODEL)
    if not rows:
        return []
    facts = _by_name(card)
    told = [facts[name] for name in ("trained on", "evaluated on") if name in facts]
    title = f"Trained on {told[0]}, judged on {told[1]}." if len(told) == 2 else "What it learnt from."
    usual = next((one for kind in ("typical", "best") for one in card.examples if one.kind == kind), None)
    picture = None if usual is None else shown(usual, folder)
    body = Facts(rows=rows, picture=picture if picture is not None and picture.source else None)
    return [Slide(kicker="The data", title=title, body=body, notes=card.notes)]


def _model(card: Card) -> list[Slide]:
    rows = tuple((sentence_case(name), text) for name, text in card.facts.items() if name.casefold() in _MODEL)
    notes = tuple(f"{sentence_case(name)}: {text}" for name, text in card.provenance.items())
    first = re.split(r"(?<=\.) (?=[A-Z])", card.summary)[0]
    return [Slide(kicker="The model", title=first, body=Facts(rows=rows), notes=notes)] if rows else []


def _galleries(card: Card, folder: Path) -> list[Slide]:
    """The pictures it does best on, or makes, and those it does worst on."""
    titles = {
        "made": ("What it does", "Pictures it made, not chosen by hand."),
        "restored": ("What it does", "Pictures it restored: imagined, not recovered."),
        "copied": ("What it does", "Pictures it made that are nearest to a training picture."),
        "best": ("What it does", "Where it does best."),
        "worst": ("What it does", "Where it does worst: look at these before its score."),
    }
    slides = []
    for kind, (kicker, title) in titles.items():
        pictures = tuple(shown(one, folder) for one in card.examples if one.kind == kind)[:MOST_PICTURES]
        if pictures:
            notes = tuple(picture.caption for picture in pictures)
            slides.append(Slide(kicker=kicker, title=title, body=Gallery(pictures=pictures), notes=notes))
    return slides


def _compared(comparison: Card | None) -> list[Slide]:
    if comparison is None:
        return []
    card = cleaned(comparison)
    found = [
        *slides_about("what it does", card.findings),
        *slides_about("what it cost", card.findings, most=1),
    ]
    notes = ("Compared: " + "; ".join(f"{name}, {text}" for name, text in card.facts.items()) + ".", *card.notes)
    return [replace(slide, kicker="Compared", notes=(*slide.notes, *notes)) for slide in found]


def _not_assessed(question: Question) -> Slide:
    return Slide(
        kicker=sentence_case(question),
        title=NOT_ASSESSED[question],
        body=Statements(items=(f"The report would say: {ASKED[question][:1].lower()}{ASKED[question][1:]}",)),
        notes=("Nothing was measured, so nothing can be said.",),
    )


def _cost(card: Card) -> list[Slide]:
    drawn = slides_about("what it cost", [one for one in card.findings if one.plot is not None], most=1)
    if card.cost is None:
        return drawn or [_not_assessed("what it cost")]
    lines = bill(card.cost)
    (_, time), (_, used), *_ = lines.rows
    parts = tuple((f"Energy, {name}", text) for name, text in lines.parts)
    told = [one for one in card.findings if one.question == "what it cost" and one.plot is None]
    notes = (*(line for one in told for line in notes_of(one)), *lines.notes)
    body = Facts(rows=(*lines.rows, *parts))
    return [Slide(kicker="What it cost", title=f"{used}, in {time}.", body=body, notes=notes), *drawn]


def _answers(card: Card) -> Slide:
    title = f"{card.responsible} answers for it." if card.responsible else "Nobody has been named to answer for it."
    untested = tuple(f"Not tested: {item}" for item in card.untested)
    items = untested or ("Nothing was recorded as untested.",)
    notes = tuple(f"{sentence_case(name)}: {text}" for name, text in card.provenance.items())
    return Slide(kicker="Who answers for it", title=title, body=Statements(items=items), notes=(*untested, *notes))


def _headline(card: Card) -> Finding | None:
    asked = (one for one in card.findings if one.question == "what it does" and number(one.value) is not None)
    return next(asked, None)


def _by_name(card: Card) -> dict[str, str]:
    return {name.casefold(): text for name, text in card.facts.items()}
