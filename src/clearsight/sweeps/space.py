"""What is varied: settings with the values they may take, as ``--vary`` states them.

learning_rate=1e-4..1e-2:log    a number between both, every factor alike
dropout=0.0..0.5                a number between both
batch_size=8..64:log            a whole number, since both ends are
widths=64/512,256               one of these, where the values hold commas themselves
optimizer=adamw,muon            one of these
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

EXAMPLES = "Expected NAME=LOW..HIGH, NAME=LOW..HIGH:log or NAME=A,B,C, such as learning_rate=1e-4..1e-2:log."
FIGURES = 4  # of a number that is chosen: as many as anyone would type

Kind = Literal["choice", "number", "factor"]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A setting that is varied.

    A "choice" is one of ``values``; a "number" lies between ``low`` and ``high``, uniformly, and a "factor" so that its
    logarithm does; ``whole`` ones are integers.
    """

    name: str
    kind: Kind
    values: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    whole: bool = False

    @property
    def count(self) -> float:
        """How many values there are."""
        if self.kind == "choice":
            return len(self.values)
        return self.high - self.low + 1 if self.whole else math.inf

    def written(self, value: float | str) -> str:
        """A value as ``--set`` takes it."""
        if isinstance(value, str):
            return value
        return str(round(value)) if self.whole else f"{value:.{FIGURES}g}"

    def place(self, value: str) -> float:
        """Where a value lies between the first and the last, in [0, 1], as it was drawn."""
        if self.kind == "choice":
            return self.values.index(value) / max(1, len(self.values) - 1)
        low, high, at = self.low, self.high, float(value)
        if self.kind == "factor":
            low, high, at = math.log(low), math.log(high), math.log(at)
        return min(1.0, max(0.0, (at - low) / (high - low)))


def parse(words: Sequence[str]) -> tuple[Parameter, ...]:
    """The parameters that ``--vary`` words state; raises ValueError for a word that states none, or a name twice."""
    found = tuple(_parameter(word) for word in words)
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} is varied twice. Give all of its values in one --vary.")
    return found


def _parameter(word: str) -> Parameter:
    name, equals, text = (part.strip() for part in word.partition("="))
    name = name.replace("-", "_")
    if not equals or not name or not text:
        raise ValueError(f"{word!r} varies nothing. {EXAMPLES}")
    if ".." in text:
        return _between(name, text, word)
    values = tuple(part.strip() for part in text.split("/" if "/" in text else ","))
    if len(values) < 2 or len(set(values)) < len(values) or "" in values:
        raise ValueError(f"{word!r} gives {name} fewer than two different values. {EXAMPLES}")
    return Parameter(name=name, kind="choice", values=values)


def _between(name: str, text: str, word: str) -> Parameter:
    ends, colon, scale = text.partition(":")
    if colon and scale != "log":
        raise ValueError(f"{word!r} ends in {scale!r}. Expected :log, or nothing, after the range.")
    low_word, _, high_word = ends.partition("..")
    try:
        low, high = float(low_word), float(high_word)
    except ValueError as error:
        raise ValueError(f"{word!r} has ends that are no numbers. {EXAMPLES}") from error
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"{word!r} is no range: its first number must be below its second. {EXAMPLES}")
    if colon and low <= 0:
        raise ValueError(f"{word!r} has a logarithmic scale, which begins above 0. Raise its first number.")
    whole = all(part.strip().lstrip("+-").isdigit() for part in (low_word, high_word))
    return Parameter(name=name, kind="factor" if colon else "number", low=low, high=high, whole=whole)


def stated(parameter: Parameter) -> str:
    """A parameter as ``--vary`` states it."""
    if parameter.kind == "choice":
        separator = "/" if any("," in value for value in parameter.values) else ","
        return f"{parameter.name}={separator.join(parameter.values)}"
    ends = f"{parameter.written(parameter.low)}..{parameter.written(parameter.high)}"
    return f"{parameter.name}={ends}{':log' if parameter.kind == 'factor' else ''}"


def said(settings: Mapping[str, str]) -> str:
    """A configuration in words."""
    return ", ".join(f"{name}={value}" for name, value in settings.items())
