"""The small grid a convolutional generator begins with, and how often it is doubled to reach the pictures' size."""

import math

from clearsight.types import Size

SMALLEST, LARGEST = 4, 15  # sides of the first grid, in cells


def starting_grid(size: Size) -> tuple[Size, int]:
    """The grid that doubled so many times gives ``size``: its sides halved while they are even and at least 8.

    28 px begin with 7 cells, 32 with 4, 48 with 6. Raises ValueError for sizes that no grid of 4 to 15 cells a side
    reaches, such as odd ones.
    """
    grid, doublings = size, 0
    while all(side % 2 == 0 and side // 2 >= SMALLEST for side in grid):
        grid, doublings = (grid[0] // 2, grid[1] // 2), doublings + 1
    if doublings and max(grid) <= LARGEST:
        return grid, doublings
    height, width = size
    near_height, near_width = _nearest(size)
    raise ValueError(
        f"pictures of {height} x {width} px (height x width) cannot be made. Expected sides that are {SMALLEST} to "
        f"{LARGEST}, both doubled the same number of times, such as {near_height} x {near_width} px. Resize the "
        "pictures, or use gan-2014, which takes any size."
    )


def _nearest(size: Size) -> Size:
    """The size closest to this one that can be made."""
    found = []
    for doublings in range(1, 12):
        sides = [min(max(round(side / 2**doublings), SMALLEST), LARGEST) * 2**doublings for side in size]
        found.append((sum(abs(math.log(new / old)) for new, old in zip(sides, size, strict=True)), tuple(sides)))
    return min(found)[1]
