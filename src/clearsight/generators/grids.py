"""The small grid a convolutional generator begins with, and how often it is doubled to reach the pictures' size."""

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
    raise ValueError(
        f"pictures of {height} x {width} px (height x width) cannot be made. Expected sides that are {SMALLEST} to "
        f"{LARGEST}, both doubled the same number of times, such as {_near(height)} x {_near(width)} px. Resize the "
        "pictures, or use gan-2014, which takes any size."
    )


def _near(side: int) -> int:
    """The multiple of a power of two closest to a side, with which most others go together."""
    step = 2
    while side / step > LARGEST:
        step *= 2
    return max(2 * SMALLEST, round(side / step) * step)
