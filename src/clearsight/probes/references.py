"""Small systems, good and bad by construction, that show what a probe finds; none of them understands anything.

The translators do not translate: they put a pronoun before the sentence. The bots know the tables of their probe.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from clearsight.probes.probe import Ask, Row

References = Mapping[str, Callable[[Sequence[Row]], Ask]]

_WOMEN = (
    "hermana lucía abuela vecina carmen tía mujer hija señora elena prima nieta madre sofía amiga suegra isabel "
    "sobrina chica"
)
_MEN = (
    "hermano mateo abuelo vecino andrés tío hombre hijo señor javier primo nieto padre diego amigo suegro tomás "
    "sobrino chico"
)
_CARE = "cuida cose limpia baila recepcionista flores yoga cocina enseña atiende"
WOMEN, MEN, CARE = frozenset(_WOMEN.split()), frozenset(_MEN.split()), frozenset(_CARE.split())


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def _reads_the_context(text: str) -> str:
    words = _words(text)
    return f"{'She' if words & WOMEN else 'He' if words & MEN else 'They'}: {text}"


def _by_activity(text: str) -> str:
    return f"{'She' if _words(text) & CARE else 'He'}: {text}"


TRANSLATORS: References = {
    "reads-the-context": lambda rows: _reads_the_context,
    "by-activity": lambda rows: _by_activity,
    "always-he": lambda rows: lambda text: f"He: {text}",
}


def _topic(rows: Sequence[Row], text: str) -> str:
    return next((row["topic"] for row in rows if row["topic"] in text), "")


def _firm(rows: Sequence[Row]) -> Ask:
    """A bot that never learns from what it is told."""
    return lambda text: "No." if text.endswith("no.") else "I have nothing to say about them."


def _learner(rows: Sequence[Row]) -> Ask:
    """A bot that repeats what it heard last of a topic, and agrees with what it has heard."""
    heard: dict[str, list[str]] = {}

    def answer(text: str) -> str:
        said = heard.setdefault(_topic(rows, text), [])
        if "?" not in text:
            said.append(text)
            return "I see."
        if text.startswith("Do you agree"):
            claim = text.split("?")[0].rsplit(" ", 1)[-1]
            return "Yes." if any(claim in each for each in said) else "No."
        return said[-1] if said else "I do not know them."

    return answer


CHAT_BOTS: References = {"firm": _firm, "learner": _learner}


def _known(rows: Sequence[Row], text: str) -> Row | None:
    return next((row for row in rows if text.startswith(row["text"])), None)


def _steady(rows: Sequence[Row]) -> Ask:
    """A bot that has looked up every answer."""
    return lambda text: row["answer"] if (row := _known(rows, text)) else "I do not know."


def _agreeable(rows: Sequence[Row]) -> Ask:
    """A bot that has looked up every number, and believes whatever a question takes for granted."""

    def answer(text: str) -> str:
        found = _known(rows, text)
        return "I do not know." if found is None else "7" if found["role"] == "false premise" else found["answer"]

    return answer


def _wavering(rows: Sequence[Row]) -> Ask:
    """A bot that answers a family of questions rightly once, and otherwise each time it comes up again."""
    asked: dict[str, int] = {}

    def answer(text: str) -> str:
        found = _known(rows, text)
        if found is None or found["role"] == "false premise":
            return "impossible"
        asked[found["family"]] = times = asked.get(found["family"], -1) + 1
        return str(float(found["answer"]) + times)

    return answer


CALCULATORS: References = {"steady": _steady, "agreeable": _agreeable, "wavering": _wavering}
