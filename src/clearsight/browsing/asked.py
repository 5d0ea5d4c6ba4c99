"""What is asked of a gallery: filters, an order and a page, in the words of an address; and back into an address."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from urllib.parse import urlencode

from clearsight.suggestions import did_you_mean

CHANGES = ("fixed", "broken", "both right", "both wrong")
DECIDED = ("open", "decided")
SORTS = ("score", "confidence", "name", "difference", "doubt")
ORDERS = ("up", "down")
PER_PAGE = 60
Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which pictures, in which order, which page of them; an empty field asks for nothing.

    ``group`` are pairs of attribute and value. ``class_`` is a class of the truth or of an answer, ``truth`` and
    ``answer`` of that alone; together with ``cause`` and ``confidence`` they are about one and the same answer.
    ``score`` and ``confidence`` are ranges, both ends among them. ``change`` compares two runs.
    """

    class_: str = ""
    truth: str = ""
    answer: str = ""
    cause: str = ""
    confidence: Range | None = None
    group: tuple[tuple[str, str], ...] = ()
    score: Range | None = None
    cluster: str = ""
    slice: str = ""
    change: str = ""
    doubt: str = ""
    name: str = ""
    sort: str = ""
    order: str = ""
    page: int = 1

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "Asked":
        """What the query of an address asks for.

        Raises ValueError for a word that is none of its fields, a range that is none, or a page that is none.
        """
        known = [each.name.rstrip("_") for each in fields(cls)]
        found: dict[str, object] = {}
        groups: list[tuple[str, str]] = []
        for key, value in pairs:
            value = value.strip()
            if key not in known:
                raise ValueError(
                    f"the address asks for {key!r}. Expected {', '.join(known)}. {did_you_mean(key, known)}"
                )
            if not value:
                continue
            if key == "group":
                attribute, colon, word = value.partition(":")
                if not colon:
                    raise ValueError(f"group is {value!r}. Expected an attribute and its value, such as sex:female.")
                groups.append((attribute.strip(), word.strip()))
            elif key in ("score", "confidence"):
                found[key] = _range(key, value)
            elif key == "page":
                found[key] = _page(value)
            else:
                found["class_" if key == "class" else key] = value
        asked = cls(group=tuple(dict.fromkeys(groups)), **found)  # type: ignore[arg-type]
        for key, choices in (("change", CHANGES), ("doubt", DECIDED), ("sort", SORTS), ("order", ORDERS)):
            check(key, getattr(asked, key), choices)
        return asked

    def query(self, **changed: object) -> str:
        """The query of the address that asks for this, or for this with some fields changed, without the "?"."""
        other = replace(self, **changed)  # type: ignore[arg-type]
        pairs: list[tuple[str, str]] = []
        for each in fields(other):
            value = getattr(other, each.name)
            if each.name == "group":
                pairs += [("group", f"{attribute}:{word}") for attribute, word in value]
            elif value and not (each.name == "page" and value == 1):
                shown = other.written(each.name) if isinstance(value, tuple) else str(value)
                pairs.append((each.name.rstrip("_"), shown))
        return urlencode(pairs)

    def written(self, field: str) -> str:
        """A range as it is written in an address; empty where none is asked for."""
        ends: Range | None = getattr(self, field)
        return "" if ends is None else f"{_plain(ends[0])}..{_plain(ends[1])}"

    @property
    def of_answers(self) -> bool:
        """Whether something is asked about single answers."""
        return bool(self.class_ or self.truth or self.answer or self.cause or self.confidence)


def check(what: str, word: str, known: Sequence[str]) -> None:
    """Raise ValueError, with the nearest, where a word is given that is not known."""
    if word and word not in known:
        listed = ", ".join(known[:30]) + (f" and {len(known) - 30} more" if len(known) > 30 else "")
        hint = did_you_mean(word, known)
        raise ValueError(f"there is no {what} {word!r} here. Expected one of: {listed or 'nothing'}. {hint}".strip())


def _range(key: str, text: str) -> Range:
    low, dots, high = text.partition("..")
    try:
        ends = (float(low) if low else -math.inf, float(high) if high else math.inf)
    except ValueError:
        ends = (math.nan, math.nan)
    if not dots or not ends[0] <= ends[1]:
        raise ValueError(f"{key} is {text!r}. Expected a range of numbers, such as 0.2..0.5, or ..0.5, or 0.2..")
    return ends


def _page(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) == int(text):
        raise ValueError(f"page is {text[:40]!r}. Expected a whole number from 1.")
    return int(text)


def _plain(value: float) -> str:
    return "" if math.isinf(value) else f"{value:.6g}"
