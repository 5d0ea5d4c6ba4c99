"""What can be asked of every network that enlarges pictures: its factor, how they are made small, and their size."""

from collections.abc import Sequence

from clearsight.ops.downscaling import DOWNSCALINGS

FACTORS = (2, 4, 8)
SMALLEST_PX = 8


def check_enlarging(factor: int, filter: str, size: Sequence[int]) -> None:
    """Raise ValueError for a factor or a filter that is not there, and for a size that the factor does not divide."""
    if factor not in FACTORS:
        raise ValueError(f"factor is {factor}. Expected {', '.join(map(str, FACTORS[:-1]))} or {FACTORS[-1]}.")
    if filter not in DOWNSCALINGS:
        raise ValueError(f"filter is {filter!r}. Expected {' or '.join(DOWNSCALINGS)}.")
    if size and (len(size) != 2 or min(size) < max(SMALLEST_PX, factor) or any(side % factor for side in size)):
        raise ValueError(
            f"size is {','.join(map(str, size))}. Expected a height and a width of at least {SMALLEST_PX} px that the "
            f"factor, {factor}, divides, such as {8 * factor},{8 * factor}."
        )
