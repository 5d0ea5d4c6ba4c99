"""Text of strangers made safe to show, and the report's own standing sentences.

Escaping is the writer's business (templates, SVG and Markdown each escape in their own way). What is done here is done
once for all of them: control characters, which reorder, hide or break text, are made visible.
"""

import dataclasses
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from clearsight.quantities import between, counted, number, score
from clearsight.types import Card, Example, Finding, Question
from clearsight.visible import visible as visible

QUESTIONS: tuple[Question, ...] = (
    "what it does",
    "whom it fails",
    "when to trust it",
    "what breaks it",
    "what it cost",
    "who answers for it",
)

ASKED: Mapping[Question, str] = {
    "what it does": "How well it does its task, beside a trivial baseline.",
    "whom it fails": "The same scores for each group, and which gaps are more than chance.",
    "when to trust it": "Whether its confidence can be believed, and when to defer to a person.",
    "what breaks it": "Which errors cost most, and how scores change with other inputs or other seeds.",
    "what it cost": "Energy as a range, and emissions only where the grid is known.",
    "who answers for it": "Where everything came from, who is responsible, and what was not tested.",
}

ASKED_OF_DATA: Mapping[Question, str] = {
    "what must be beaten": "What a classifier scores that looks at nothing: a model has to do better.",
    "who is in the data": "Each group and each intersection, beside the declared mix, and which are too small.",
    "what goes together": "What a model could take for the other: groups, labels, and how pictures were taken.",
    "what is in two splits": "What a model would be judged on although it has learnt from it.",
}

NOT_ASSESSED: Mapping[str, str] = {
    "what it does": "Not assessed: how well the model does its task.",
    "whom it fails": "Not assessed: whether scores differ between groups.",
    "when to trust it": "Not assessed: whether the model's confidence can be believed.",
    "what breaks it": "Not assessed: damaged, unusual or out-of-distribution inputs, and other seeds.",
    "what it cost": "Not assessed: the energy and the emissions of this run.",
    "who answers for it": "Not assessed: signatures, and the licences of data and weights.",
    "what must be beaten": "Not assessed: there are no classes or labels to be always answered.",
    "who is in the data": "Not assessed: no attribute says who or what is in the data.",
    "what goes together": "Not assessed: there are no two columns with enough rows.",
    "what is in two splits": "Not assessed: there is only one split.",
}

VERDICTS: Mapping[str, str] = {
    "pass": "Pass",
    "fail": "Fail",
    "insufficient": "Insufficient evidence",
    "none asked": "No criterion set",
}


def interval_of(finding: Finding) -> str:
    """A finding's interval in words, and, where it is from few clusters of pictures, from how few."""
    if not finding.from_few_clusters:
        return between(finding.interval)
    return f"{between(finding.interval)}, from {counted(finding.clusters or 0, 'clusters')} only"


# Widths of Helvetica's letters in shares of the font size, with a little to spare for wider fonts.
_WIDTHS = {
    **dict.fromkeys("ijl'|", 0.24),
    **dict.fromkeys("ftrI.,:;!()[]{} -/\\", 0.31),
    **dict.fromkeys("ckvxyzsJ", 0.52),
    **dict.fromkeys("OQG", 0.79),
    **dict.fromkeys("mM%", 0.87),
    **dict.fromkeys("W@—…", 1.0),
}


def cleaned(card: Card) -> Card:
    """The same card with all of its text made `visible`; paths of examples stay as they are, to be opened."""
    return _clean(card)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Example):
        return dataclasses.replace(value, caption=visible(value.caption))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {field.name: _clean(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **changes)
    if isinstance(value, Mapping):
        return {_clean(key): _clean(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return tuple(_clean(item) for item in value)
    return value


def width_of(text: str, size_px: float) -> float:
    """About how many pixels a line of sans-serif text takes: an estimate on the safe side, no font is read."""
    return size_px * sum(_share(character) for character in text)


def _share(character: str) -> float:
    if character in _WIDTHS:
        return _WIDTHS[character]
    if unicodedata.east_asian_width(character) in "WF":
        return 1.05
    return 0.71 if character.isupper() else 0.57


def shortened(text: str, room_px: float, size_px: float) -> str:
    """The text, or its beginning and its end around an ellipsis where it would not fit into the room."""
    if width_of(text, size_px) <= room_px:
        return text
    tail = text[-4:] if len(text) > 12 else ""
    head = text[: len(text) - len(tail)]
    while head and width_of(f"{head}…{tail}", size_px) > room_px:
        head = head[:-1]
    return f"{head.rstrip()}…{tail.lstrip()}"


def wrapped(text: str, room_px: float, size_px: float, most: int) -> list[str]:
    """The text in at most that many lines of the room's width; the last one is shortened where there is more."""
    lines: list[str] = []
    rest = text.split()
    while rest and len(lines) < most - 1:
        taken = 1
        while taken < len(rest) and width_of(" ".join(rest[: taken + 1]), size_px) <= room_px:
            taken += 1
        lines.append(shortened(" ".join(rest[:taken]), room_px, size_px))
        rest = rest[taken:]
    return [*lines, shortened(" ".join(rest), room_px, size_px)] if rest else lines


def name_of(finding: Finding) -> str:
    """What a finding is called beside others: its metric, and the group it is of."""
    return f"{finding.metric}, {finding.group}" if finding.group else finding.metric


def cells_of(finding: Finding) -> tuple[str, str, str, str]:
    """A finding as a row of a table: its name, its value and interval (dashes where it has none), its n."""
    known = number(finding.value) is not None
    values = (score(finding.value, finding.interval), interval_of(finding)) if known else ("–", "–")
    return (name_of(finding), *values, counted(finding.n, finding.unit))


def sentence_case(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]
