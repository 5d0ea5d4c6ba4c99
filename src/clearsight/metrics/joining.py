"""Joining what several parts of a data set keep of their detections, where it may not have been kept."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int


def joined_where_kept(parts: Sequence[Any], names: Sequence[str], order: Int[np.ndarray, "d"]) -> dict[str, np.ndarray]:
    """The arrays of these names of all parts, in order; without those that one of the parts lacks (None)."""
    return {
        name: np.concatenate([getattr(part, name) for part in parts])[order]
        for name in names
        if all(getattr(part, name) is not None for part in parts)
    }


def joined_causes(
    parts: Sequence[Any], objects: Sequence[int], order: Int[np.ndarray, "d"]
) -> dict[str, Int[np.ndarray, "d"]]:
    """``cause`` and ``met`` of all parts, with consecutive object indices; nothing where one of the parts lacks them.

    ``objects`` are how many objects each part has.
    """
    if any(part.cause is None or part.met is None for part in parts):
        return {}
    before = np.cumsum([0, *objects])
    mets = [np.where(part.met < 0, -1, part.met + start) for part, start in zip(parts, before, strict=False)]
    causes = np.concatenate([part.cause for part in parts])
    return {"cause": causes[order], "met": np.concatenate(mets)[order].astype(np.int32)}
