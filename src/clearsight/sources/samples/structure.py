"""The fine structure of a picture: edges and texture without light and colour, to tell copies from mere likeness.

Pictures of one sort, such as faces cut alike, agree in their coarse grey values without being copies. What is finer
than these, each place scaled by its own contrast, agrees in copies only. On 4,889 aligned faces, copies of other sizes
and qualities, brighter, or cut by 2%, agree by 0.88 and more, 1% of random pairs by more than 0.58, and different
people whose hashes are alike by up to 0.79.
"""

import numpy as np
from jaxtyping import Float
from PIL import Image, UnidentifiedImageError
from scipy.ndimage import gaussian_filter

from clearsight.sources.samples.hashes import thumbnail
from clearsight.sources.samples.records import Record

SIDE_PX = 64
FINEST, COARSEST = 1.0, 3.0  # standard deviations in pixels of the two blurs whose difference is kept
NOISE = 1.0  # grey levels squared, so that flat places do not count
MARGIN, SHIFT = 8, 4  # pixels left out around, and by how much copies may be displaced
SAME = 0.85

Structure = Float[np.ndarray, "64 64"]


def structure(record: Record) -> Structure | None:
    """The fine structure of a picture made 64 px large; None where it cannot be read."""
    try:
        small = thumbnail(record, SIDE_PX, "L").resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX)
    except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    grey = np.asarray(small, dtype=np.float64)
    fine = gaussian_filter(grey, FINEST) - gaussian_filter(grey, COARSEST)
    return fine / np.sqrt(gaussian_filter(fine**2, COARSEST) + NOISE)


def agreement(first: Structure, second: Structure) -> float:
    """The correlation of the inner parts of two structures, at the displacement of up to 4 px where it is largest."""
    inner = _standardised(first[MARGIN:-MARGIN, MARGIN:-MARGIN])
    best = -1.0
    for down in range(-SHIFT, SHIFT + 1):
        for right in range(-SHIFT, SHIFT + 1):
            rows = slice(MARGIN + down, SIDE_PX - MARGIN + down)
            columns = slice(MARGIN + right, SIDE_PX - MARGIN + right)
            best = max(best, float((inner * _standardised(second[rows, columns])).sum()))
    return best


def _standardised(values: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    centred = values - values.mean()
    size = float(np.linalg.norm(centred))
    return centred / size if size > 0 else centred
