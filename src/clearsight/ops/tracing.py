"""Contour tracing: the outline of a mask along pixel borders, a polygon that fills to the same pixels."""

import numpy as np
from jaxtyping import Bool, Int

# Steps along a pixel's border with the mask to the right: east above it, south right of it, west below, north left.
STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))


def outline(mask: Bool[np.ndarray, "_h _w"]) -> Int[np.ndarray, "n 2"]:
    """The corners ``x y`` of the outline of the largest part of a mask, in pixels from its top left; 0 2 where empty.

    Clockwise, sides along the pixels' borders. Pixels that touch only at a corner belong to different parts; holes are
    filled.
    """
    directions = _borders(np.pad(mask, 1))
    best, largest = np.zeros((0, 2), dtype=np.int64), 0.0
    while directions:
        corners = np.array(_traced(directions, next(iter(directions))))
        x, y = corners.T
        area = float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) / 2
        if area > largest:
            best, largest = corners, area
    return best


def _borders(mask: Bool[np.ndarray, "_h _w"]) -> dict[tuple[int, int], list[int]]:
    """From each corner of the border, the directions in which the border goes on (two where pixels touch at it)."""
    inside = mask[1:-1, 1:-1]
    sides = (
        (inside & ~mask[:-2, 1:-1], 0, 0),
        (inside & ~mask[1:-1, 2:], 1, 0),
        (inside & ~mask[2:, 1:-1], 1, 1),
        (inside & ~mask[1:-1, :-2], 0, 1),
    )
    directions: dict[tuple[int, int], list[int]] = {}
    for direction, (border, right, down) in enumerate(sides):
        rows, columns = border.nonzero()
        for y, x in zip((rows + down).tolist(), (columns + right).tolist(), strict=True):
            directions.setdefault((x, y), []).append(direction)
    return directions


def _traced(directions: dict[tuple[int, int], list[int]], start: tuple[int, int]) -> list[tuple[int, int]]:
    """Once around from a corner, turning right where there is a choice; only corners where the border turns."""
    corners, place, before = [], start, -1
    while place in directions:
        choices = directions[place]
        direction = next((turn for turn in ((before + 1) % 4, before) if turn in choices), choices[0])
        choices.remove(direction)
        if not choices:
            del directions[place]
        if direction != before:
            corners.append(place)
        place, before = (place[0] + STEPS[direction][0], place[1] + STEPS[direction][1]), direction
        if place == start:
            break
    return corners
