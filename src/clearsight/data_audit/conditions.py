"""Capture conditions as columns of few values: measurements in quarters, sizes and cameras by name."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from clearsight.data_audit.rows import Coded
from clearsight.sources.checks.capture import MEASURED, Capture

NAMED_AT_MOST = 6
CAMERAS_AT_MOST = 10
QUARTERS = (0.25, 0.5, 0.75)


def conditions_of(captures: Sequence[Capture | None]) -> dict[str, Coded]:
    """The conditions in which pictures differ; what is the same in all of them, or known of none, is no condition."""
    found = {"picture size": _sizes(captures), "camera": _cameras(captures)}
    for field, name in MEASURED.items():
        found[name] = quarters(np.array([float("nan") if one is None else getattr(one, field) for one in captures]))
    return {name: column for name, column in found.items() if len(np.unique(column.code[column.known])) > 1}


def quarters(numbers: Float[np.ndarray, "rows"]) -> Coded:
    """Numbers by their quarter, "up to 82", "82 to 97", ...; by their values where there are few."""
    known = ~np.isnan(numbers)
    code = np.full(len(numbers), -1, dtype=np.int64)
    values = np.unique(numbers[known])
    if len(values) <= NAMED_AT_MOST:
        code[known] = np.searchsorted(values, numbers[known])
        return Coded(values=tuple(f"{value:.4g}" for value in values), code=code)
    limits = np.unique(np.quantile(numbers[known], QUARTERS))
    code[known] = np.searchsorted(limits, numbers[known], side="left")
    names = [f"up to {limits[0]:.3g}"]
    names += [f"{low:.3g} to {high:.3g}" for low, high in zip(limits, limits[1:], strict=False)]
    return Coded(values=(*names, f"above {limits[-1]:.3g}"), code=code)


def _sizes(captures: Sequence[Capture | None]) -> Coded:
    words = ["" if one is None else f"{one.width_px} x {one.height_px} px" for one in captures]
    if len({word for word in words if word}) <= NAMED_AT_MOST:
        return _by_name(words, NAMED_AT_MOST, "other sizes")
    pixels = np.array([float("nan") if one is None else one.width_px * one.height_px / 1e6 for one in captures])
    found = quarters(pixels)
    return Coded(values=tuple(f"{value} megapixels" for value in found.values), code=found.code)


def _cameras(captures: Sequence[Capture | None]) -> Coded:
    return _by_name(["" if one is None else one.camera for one in captures], CAMERAS_AT_MOST, "other cameras")


def _by_name(words: Sequence[str], most: int, rest: str) -> Coded:
    """The most frequent words, and one value for all others."""
    counts: Mapping[str, int] = Counter(word for word in words if word)
    names = [word for word, _ in Counter(counts).most_common(most)]
    values = (*names, rest) if len(counts) > most else tuple(names)
    places = {word: place for place, word in enumerate(names)}
    code = np.array([places.get(word, len(names)) if word else -1 for word in words], dtype=np.int64)
    return Coded(values=values, code=code)
