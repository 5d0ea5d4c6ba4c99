"""The number that a reply gives as its answer, or that it says there is none."""

import re

IMPOSSIBLE = "impossible"
_TO_NINETEEN = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_WORDS = {word: value for value, word in enumerate(_TO_NINETEEN.split())}
_BY_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = {word: 10 * value for value, word in enumerate(_BY_TENS.split(), start=2)}
_REFUSES = re.compile(r"\bimpossible\b|\bnot possible\b|\bcannot\b|\bcan[’']t\b|\bcontradict|\bfalse premise\b")
_SPELT = re.compile(rf"\b(?:({'|'.join(_TENS)})(?:[- ]({'|'.join(_WORDS)}))?|({'|'.join(_WORDS)}))\b")
_FIGURES = re.compile(r"(?<![\w.])[-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?!\w)")


def read_answer(reply: str) -> float | str | None:
    """The number a reply gives, "impossible" where it says that there is none, or None where it gives no answer.

    Of several different numbers the last one counts; figures and English words up to 99 are read.
    """
    text = reply.casefold()
    if _REFUSES.search(text):
        return IMPOSSIBLE
    figures = _SPELT.sub(_figures, text)
    found = _FIGURES.findall(figures)
    return float(found[-1].replace(",", "").replace("−", "-")) if found else None


def _figures(match: re.Match[str]) -> str:
    tens, ones, alone = match.groups()
    return str(_WORDS[alone] if alone else _TENS[tens] + (_WORDS[ones] if ones else 0))
