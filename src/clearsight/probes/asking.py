"""Asking a system question by question, and what is said where it fails."""

from collections.abc import Callable, Sequence

from clearsight.probes.probe import Ask, Turn

EXCERPT = 80
Watch = Callable[[int, int], None]


class SystemFailed(ValueError):
    """The system that is probed could not be reached or did not reply; the message says how, and what to do."""


def excerpt(text: object, limit: int = EXCERPT) -> str:
    """The beginning of a text in one line, fit for a terminal."""
    words = "".join(c if c.isprintable() else " " for c in str(text)[: limit + 1])
    return words if len(words) <= limit else f"{words[: limit - 3]}..."


def replies_of(ask: Ask, turns: Sequence[Turn], watch: Watch = lambda done, total: None) -> tuple[str, ...]:
    """The reply to each turn, in order.

    Raises SystemFailed where the system fails, or more than half of what it says is blank.
    """
    replies = []
    for index, turn in enumerate(turns):
        replies.append(ask(turn.text))
        watch(index + 1, len(turns))
    if 2 * (blank := sum(not reply for reply in replies)) > len(replies):
        raise SystemFailed(
            f"{blank} of {len(replies)} replies are blank. Expected text. Look at what the system answers to "
            f"{excerpt(turns[0].text)!r}."
        )
    return tuple(replies)
