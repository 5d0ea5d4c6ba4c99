"""What was perhaps meant by a word that nothing is called: one wording for every error about a name."""

import difflib
from collections.abc import Callable, Iterable

SUGGESTED = 3


def did_you_mean(
    word: str, known: Iterable[str], otherwise: str = "", *, cutoff: float = 0.5, show: Callable[[str], str] = str
) -> str:
    """A question after the known words most like ``word``, three at most; ``otherwise`` where none is like it.

    ``cutoff`` is the least likeness, from 0 (none) to 1 (equal). ``show`` makes strangers' words safe to print.
    """
    near = difflib.get_close_matches(word, list(known), n=SUGGESTED, cutoff=cutoff)
    return asked_after([show(one) for one in near], otherwise)


def asked_after(words: Iterable[str], otherwise: str = "") -> str:
    """The question whether one of the words was meant; ``otherwise`` where there is none."""
    suggested = " or ".join(words)
    return f"Did you mean {suggested}?" if suggested else otherwise
