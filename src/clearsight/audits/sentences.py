"""Numbers and comparisons as the plain words of a claim."""

from collections.abc import Sequence

from clearsight.quantities import fixed
from clearsight.types import Metric


def number(value: float, metric: Metric | None = None) -> str:
    """A value as people say it: shares in per cent, other scores with two decimals, and the metric's unit."""
    if metric is not None and metric.meaning.startswith("the share"):
        return f"{fixed(100 * value, 0)}%"
    text = fixed(value, 2 if abs(value) < 100 else 0).replace("−", "-")
    return f"{text} {metric.unit}" if metric is not None and metric.unit else text


def between(ends: tuple[float, float] | None, metric: Metric | None = None) -> str:
    """An interval in brackets; nothing where there is none."""
    if ends is None:
        return ""
    unit = f" {metric.unit}" if metric is not None and metric.unit else ""
    low, high = (number(end, metric).removesuffix(unit) for end in ends)
    return f" ({low} to {high})"


def chance(p: float) -> str:
    """How likely chance alone makes as much."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def joined(words: Sequence[str]) -> str:
    """Words as a list: a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def times(count: int) -> str:
    """How often: once, twice, 3 times."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
