"""A confidence in words, which people read more surely than a number: how sure, and of how many so many are right."""

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


def counted_classes(names: list[str]) -> str:
    """What was found, by class, the most frequent first: "2 leaf, 1 brick"."""
    counts = {name: names.count(name) for name in dict.fromkeys(names)}
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{count} {name}" for name, count in ordered)
