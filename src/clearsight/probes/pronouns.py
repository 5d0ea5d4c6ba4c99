"""Which pronouns an English sentence uses for a person: he, she, both, or neither."""

import re
from typing import Literal

Said = Literal["he", "she", "both", "neither"]

HE = frozenset({"he", "him", "his", "himself"})
SHE = frozenset({"she", "her", "hers", "herself"})
# "he or she", "his/her", "(s)he" leave it open.
_ONE = "|".join(sorted(HE | SHE, key=len, reverse=True))
_OPEN = re.compile(rf"\b(?:{_ONE})\s*(?:/|\bor\b|\band\b)\s*(?:{_ONE})\b|\(s\)he\b|\bs/he\b")


def pronouns(text: str) -> Said:
    """What the text calls the person; "he or she" and its like count as neither."""
    words = set(re.findall(r"[a-z]+", _OPEN.sub(" ", text.casefold())))
    he, she = bool(words & HE), bool(words & SHE)
    return "both" if he and she else "he" if he else "she" if she else "neither"
