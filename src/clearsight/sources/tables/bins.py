"""Numbers as groups with round limits: "20 to 29", "0.2 to 0.4", "90 and over".

The limits do not depend on how many rows lie between them. Terciles, each of which holds a third of the rows by
construction, would say nothing of how the rows are spread.
"""

import math

import numpy as np
import polars
from jaxtyping import Float, Int

from clearsight.sources.tables.columns import NO_NUMBER
from clearsight.types import UNKNOWN

VALUES_AT_MOST = 20  # different numbers, which are groups as they are
BINS_AT_MOST = 10
USUAL = (0.01, 0.99)  # beyond these quantiles the first and the last bin are open
STEPS = (1, 2, 5, 10)


def numbers_of(words: polars.Series) -> Float[np.ndarray, "n"] | None:
    """A column as numbers (NaN where missing) if it holds more than 20 different ones and nothing else; else None."""
    found = words.unique()
    if len(found) <= VALUES_AT_MOST:
        return None
    if not words.dtype.is_numeric():
        nothing = [*NO_NUMBER, UNKNOWN]
        known = found.cast(polars.String).str.strip_chars().str.to_lowercase()
        if known.filter(~known.is_in(nothing)).cast(polars.Float64, strict=False).null_count():
            return None
    plain = words if words.dtype.is_numeric() else words.cast(polars.String).str.strip_chars()
    numbers = plain.cast(polars.Float64, strict=False).fill_null(math.nan).to_numpy()
    return np.where(np.isfinite(numbers), numbers, math.nan)


def round_bins(numbers: Float[np.ndarray, "n"]) -> tuple[tuple[str, ...], Int[np.ndarray, "n"]]:
    """The bins' names from low to high, and the bin of each number; -1 where it is NaN.

    The limits are multiples of 1, 2 or 5 times a power of ten, at most ten bins wide between the usual numbers.
    """
    known = numbers[~np.isnan(numbers)]
    code = np.full(len(numbers), -1, dtype=np.int64)
    if not len(known):
        return (), code
    low, high = np.quantile(known, USUAL).tolist()
    whole = bool((known == np.round(known)).all())
    step = _step(low, high, whole)
    first = math.floor(low / step + 1e-9)
    last = max(first, math.floor(high / step + 1e-9))
    place = np.floor(known / step + 1e-9).astype(np.int64)
    code[~np.isnan(numbers)] = np.clip(place, first, last) - first
    names = [_name(index * step, (index + 1) * step, step, whole) for index in range(first, last + 1)]
    if place.max() > last:
        names[-1] = f"{_text(last * step, step)} and over"
    if place.min() < first:
        names[0] = f"under {_text((first + 1) * step, step)}"
    return tuple(names), code


def _step(low: float, high: float, whole: bool) -> float:
    rough = max((high - low) / BINS_AT_MOST, 1e-300)
    power = 10.0 ** math.floor(math.log10(rough))
    steps = [step * scale for scale in (power, 10 * power) for step in STEPS]
    fitting = (step for step in steps if math.floor(high / step) - math.floor(low / step) < BINS_AT_MOST)
    step = next(fitting, steps[-1])
    return max(1.0, step) if whole else step


def _name(low: float, high: float, step: float, whole: bool) -> str:
    if whole:
        return _text(low, step) if step == 1 else f"{_text(low, step)} to {_text(high - 1, step)}"
    return f"{_text(low, step)} to {_text(high, step)}"


def _text(number: float, step: float) -> str:
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{number:.{digits}f}"
