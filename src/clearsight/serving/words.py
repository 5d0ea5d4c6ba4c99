"""A confidence in words, which people read more surely than a number: how sure, and of how many so many are right."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from clearsight.quantities import counted

LEVELS = (
    (0.99, "nearly certain"),
    (0.9, "confident"),
    (0.7, "fairly confident"),
    (0.5, "unsure"),
)

LEAST = "very unsure"


def sureness(confidence: float) -> str:
    """How sure a confidence in [0, 1] is: one of five levels."""
    return next((word for least, word in LEVELS if confidence >= least), LEAST)


def of_how_many(confidence: float) -> str:
    """A confidence as a frequency: "9 of 10", and near the ends "97 of 100"."""
    if confidence > 0.995:
        return "more than 99 of 100"
    if confidence < 0.005:
        return "fewer than 1 of 100"
    if 0.1 <= confidence <= 0.9:
        return f"about {round(10 * confidence)} of 10"
    return f"about {round(100 * confidence)} of 100"


def found_objects(names: Sequence[str], least_score: float) -> str:
    """The objects found, by class, the most frequent first: "3 objects: 2 leaf, 1 brick"; or that there is none."""
    if not names:
        return f"no object with a score of {least_score:.2f} or more"
    ordered = sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0]))
    return f"{counted(len(names), 'objects')}: {', '.join(f'{count} {name}' for name, count in ordered)}"


def of_objects(rows: Sequence[Mapping[str, Any]]) -> str:
    """Of the surest and the least sure object: how many such boxes are right, where their confidence is calibrated."""
    objects = [row for row in rows if "score" in row]
    if not objects:
        return ""
    if "confidence" not in objects[0]:
        scores = [float(row["score"]) for row in objects]
        ends = f"{max(scores):.2f}" if len(scores) == 1 else f"{min(scores):.2f} to {max(scores):.2f}"
        return f"Score {ends}, not calibrated: it orders the objects and is no probability."
    ordered = sorted(objects, key=lambda row: float(row["confidence"]))
    least, most = ordered[0], ordered[-1]
    surest = f"{sureness(most['confidence']).capitalize()} of {most['category_name']}"
    first = f"{surest}: of such boxes {of_how_many(most['confidence'])} are right."
    if len(objects) == 1:
        return first
    return f"{first} Least sure of {least['category_name']}: {of_how_many(least['confidence'])}."
