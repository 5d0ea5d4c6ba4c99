"""Numbers as people read them: digits that fit the interval, units, thousands separators, ranges, durations.

A range is written ``0.58–0.66``, and ``−0.12 to 0.03`` where a minus sign would meet the dash.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

MISSING = "–"
_MOST_DIGITS = 6


def number(value: Any) -> float | None:
    """The value as a finite float; None for None, NaN, infinity, truth values and words."""
    if value is None or isinstance(value, str | bytes | bool):
        return None
    try:
        as_float = float(value)
    except (TypeError, ValueError):
        return None
    return as_float if math.isfinite(as_float) else None


def fixed(value: float, digits: int) -> str:
    """The value with that many digits after the point, thousands separators, and a true minus sign."""
    text = f"{value:,.{max(0, digits)}f}"
    if text.startswith("-") and not text.strip("-0.,"):
        text = text[1:]
    return text.replace("-", "−")


def significant(value: float, figures: int = 3) -> str:
    """The value with that many significant figures; whole numbers stay whole, and nothing above the point is rounded.

    Below one millionth and from a thousand million on, in the form 1.2e-8.
    """
    if value == 0:
        return "0"
    size = abs(value)
    if size < 1e-6 or size >= 1e9:
        head, power = f"{value:.{figures - 1}e}".split("e")
        return f"{head.rstrip('0').rstrip('.') if '.' in head else head}e{int(power)}".replace("-", "−")
    if value == round(value):
        return fixed(value, 0)
    return fixed(value, figures - 1 - math.floor(math.log10(size)))


def digits_for(low: float, high: float) -> int:
    """How many digits after the point an interval supports.

    Half its width is shown with one significant figure, with two where that figure is 1 or 2; numbers within [-1, 1]
    get at least two digits, so that scores of one table look alike.
    """
    least = 2 if max(abs(low), abs(high)) <= 1 else 0
    half = abs(high - low) / 2
    if half == 0:
        return max(least, 3) if least else 0
    power = math.floor(math.log10(half))
    leading = half / 10**power
    return min(_MOST_DIGITS, max(least, -power + (1 if leading < 3 else 0)))


def shared_digits(intervals: Sequence[tuple[float | None, float | None]]) -> int | None:
    """One number of digits for a whole column: the most any row supports, but at most one more than every row does."""
    each = [digits_for(low, high) for low, high in intervals if low is not None and high is not None]
    return min(max(each), min(each) + 1) if each else None


def span(low: float, high: float, digits: int | None = None) -> str:
    """A range, low to high, with the digits it supports unless they are given."""
    supported = digits_for(low, high) if digits is None else digits
    first, last = fixed(low, supported), fixed(high, supported)
    if digits is None and low > 0:
        first, last = _not_zero(low, supported), _not_zero(high, supported)
    return f"{first} to {last}" if first.startswith("−") or last.startswith("−") else f"{first}–{last}"


def score(value: float | None, interval: tuple[float, float] | None = None, digits: int | None = None) -> str:
    """A value with the digits its interval supports; three significant figures where there is none."""
    if (value := number(value)) is None:
        return MISSING
    if digits is not None:
        return fixed(value, digits)
    if interval is None or number(interval[0]) is None or number(interval[1]) is None:
        return significant(value)
    supported = digits_for(*interval)
    return _not_zero(value, supported) if interval[0] > 0 else fixed(value, supported)


def _not_zero(value: float, digits: int) -> str:
    """The value with that many digits, or its first figure where what is above zero would read as zero."""
    text = fixed(value, digits)
    return significant(value, 1) if value > 0 and not text.strip("0.,") else text


def between(interval: tuple[float, float] | None) -> str:
    """An interval, or "not computed"."""
    if interval is None or number(interval[0]) is None or number(interval[1]) is None:
        return "not computed"
    return span(*interval)


def count(n: Any) -> str:
    """A whole number with thousands separators."""
    return MISSING if number(n) is None else fixed(round(float(n)), 0)


def counted(n: int, unit: str) -> str:
    """How many of what: "87 pictures", "1 picture", "1,204 boxes"."""
    return f"{count(n)} {singular(unit) if n == 1 else unit}".strip()


def singular(unit: str) -> str:
    """One of a unit written in the plural: "pictures" -> "picture", "boxes" -> "box", "studies" -> "study"."""
    if unit.endswith("ies"):
        return unit[:-3] + "y"
    if unit.endswith(("xes", "sses", "shes", "ches")):
        return unit[:-2]
    return unit[:-1] if unit.endswith("s") and not unit.endswith("ss") else unit


def amount(range_: Sequence[float], unit: str) -> str:
    """A [low, mid, high] range of something that cannot be negative: "0.004–0.011 kWh".

    The high end has two significant figures, and the low end enough digits not to read as zero.
    """
    low, high = float(range_[0]), float(range_[-1])
    if high <= 0:
        return f"0 {unit}"
    if high < 1e-6 or high >= 1e9:
        return f"{significant(low, 2)} to {significant(high, 2)} {unit}"
    digits = max(0, 1 - math.floor(math.log10(high)))
    if low > 0:
        digits = max(digits, min(9, -math.floor(math.log10(low))))
    first, last = fixed(low, digits), fixed(high, digits)
    return f"{last} {unit}" if first == last else f"{first}–{last} {unit}"


def emissions(kg_co2e: Sequence[float]) -> str:
    """A [low, mid, high] range of kg CO2e, in grams where it is under a kilogram."""
    factor, unit = mass_unit(kg_co2e[-1])
    return amount([factor * kg for kg in kg_co2e], f"{unit} CO₂e")


def energy(kwh: Sequence[float]) -> str:
    """A [low, mid, high] range of kWh, in Wh where it is under a tenth of a kWh."""
    factor, unit = energy_unit(kwh[-1])
    return amount([factor * one for one in kwh], unit)


def energy_unit(kwh: float) -> tuple[float, str]:
    """The unit in which so much energy is easy to read, after the factor from kWh to it."""
    return (1.0, "kWh") if kwh >= 0.1 else (1000.0, "Wh")


def mass_unit(kg: float) -> tuple[float, str]:
    """The unit in which so great a mass is easy to read, after the factor from kg to it."""
    return (1.0, "kg") if kg >= 1 else (1000.0, "g")


def duration(seconds: float) -> str:
    """A time in its two largest units: "42 s", "9 min 48 s", "3 h 12 min", "2 d 4 h"."""
    if seconds < 1:
        return f"{significant(seconds, 2)} s"
    whole = round(seconds)
    for size, name, smaller, smaller_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = (whole % size) // smaller
            return f"{count(whole // size)} {name}" + (f" {rest} {smaller_name}" if rest else "")
    return f"{whole} s"


def moment(created: str) -> str:
    """An ISO 8601 time as "22 November 2026, 18:04 UTC"; any other text as it is."""
    try:
        when = datetime.fromisoformat(created)
    except ValueError:
        return created
    day = f"{when.day} {when:%B %Y}"
    if len(created) <= 10:
        return day
    if when.tzinfo is None:
        return f"{day}, {when:%H:%M}"
    return f"{day}, {when.astimezone(UTC):%H:%M} UTC"
