"""Some of many, evenly spread over their order."""

import numpy as np


def evenly_spread(count: int, most: int) -> list[int]:
    """At most ``most`` indices of ``count`` things, the first and the last among them where there are two or more."""
    return [int(index) for index in np.linspace(0, count - 1, min(count, most)).round()]
