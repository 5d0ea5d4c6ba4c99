"""What is counted of truths that are no boxes: one function for each kind of truth, all with one answer."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from clearsight.types import ClassMap, Label, Labels, State, Truth, Value


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many pictures hold each class, and tables of numbers by class (or of a number's spread) under their names."""

    pictures: Mapping[str, int] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def tallied(truths: Iterable[Truth], class_names: tuple[str, ...], kind: type) -> Tally:
    """The tally of truths of that kind, which are looked at one by one; empty for kinds that have none."""
    count = TALLIES.get(kind)
    return Tally() if count is None else count(truths, class_names)


def spread(counts: Sequence[float]) -> dict[str, float]:
    """The least, the median, the mean and the most; all 0 where there are no numbers."""
    if not len(counts):
        return dict.fromkeys(("least", "median", "mean", "most"), 0.0)
    numbers = np.asarray(counts, dtype=np.float64)
    return {
        "least": float(numbers.min()),
        "median": float(np.median(numbers)),
        "mean": float(numbers.mean()),
        "most": float(numbers.max()),
    }


def _label(truths: Iterable[Truth], class_names: tuple[str, ...]) -> Tally:
    counts = Counter(truth.index for truth in truths if isinstance(truth, Label))
    pictures = {name: counts[index] for index, name in enumerate(class_names)}
    return Tally(pictures=pictures, tables={"pictures": dict(pictures)})


def _labels(truths: Iterable[Truth], class_names: tuple[str, ...]) -> Tally:
    counts = np.zeros((len(State), len(class_names)), dtype=np.int64)
    for truth in truths:
        if isinstance(truth, Labels):
            np.add.at(counts, (truth.states.numpy(), np.arange(len(class_names))), 1)
    tables = {
        state.name.lower(): dict(zip(class_names, counts[state].tolist(), strict=True))
        for state in (State.PRESENT, State.ABSENT, State.UNCERTAIN, State.UNREAD)
    }
    return Tally(pictures=dict(tables["present"]), tables=tables)


def _value(truths: Iterable[Truth], class_names: tuple[str, ...]) -> Tally:
    return Tally(tables={"value": spread([truth.value for truth in truths if isinstance(truth, Value)])})


def _class_map(truths: Iterable[Truth], class_names: tuple[str, ...]) -> Tally:
    pixels, pictures = np.zeros(256), np.zeros(256, dtype=np.int64)
    for truth in truths:
        if isinstance(truth, ClassMap):
            own = np.bincount(truth.labels.numpy().reshape(-1), minlength=256)
            pixels += own
            pictures += own > 0
    total = max(1.0, float(pixels.sum()))
    shares = {name: float(pixels[index] / total) for index, name in enumerate(class_names)}
    # What no class has: pixels that nobody judges.
    shares["(not judged)"] = max(0.0, 1 - sum(shares.values())) if pixels.any() else 0.0
    held = {name: int(pictures[index]) for index, name in enumerate(class_names)}
    return Tally(pictures=held, tables={"share of pixels": shares, "pictures": dict(held)})


TALLIES: dict[type, Callable[[Iterable[Truth], tuple[str, ...]], Tally]] = {
    Label: _label,
    Labels: _labels,
    Value: _value,
    ClassMap: _class_map,
}
