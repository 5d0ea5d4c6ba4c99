"""Pictures of two splits that show nearly the same: other sizes or qualities of one picture, or frames of one video.

Each picture is reduced to 16 x 16 grey values, blurred by the reduction itself, and to 256 bits: whether each value is
above the one to its left (a "difference hash"). Pictures of different things differ in about half of the bits that
carry something. Where neighbours are equal to within the noise a bit means nothing, so pictures without structure are
left out.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt64
from PIL import Image, UnidentifiedImageError

from clearsight.sources.problems import shown
from clearsight.sources.samples.records import Record

SIDE = 16
WORDS = SIDE * SIDE // 64
PAIRS_AT_ONCE = 400_000
FLAT = 2.0  # grey levels of spread, of 255: below there is no structure to compare
# Of 256 bits. Measured on 292 blood films and 128 photographs: different pictures differ in 65 and more; the same one
# shrunk to half and saved at quality 40 in 6 (at most 35), made brighter in 6, cut by 2% at two sides in 30 (medians).
NEAR = 40


@dataclass(frozen=True, kw_only=True)
class NearPair:
    """Two pictures of different splits as "split: id", and in how many of 256 bits they differ."""

    first: str
    second: str
    bits: int


def near_duplicates(
    records: Mapping[str, Sequence[Record]],
    *,
    most: int = NEAR,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[NearPair, ...]:
    """Pairs of pictures of different splits that differ in at most ``most`` bits, the most alike first.

    Pictures that do not decode are left to others to complain about.
    """
    listed = [(split, record) for split, mine in records.items() for record in mine]
    hashes = np.zeros((len(listed), WORDS), dtype=np.uint64)
    known = np.zeros(len(listed), dtype=bool)
    with ThreadPoolExecutor(4) as pool:
        for index, bits in enumerate(pool.map(lambda one: hashed(one[1]), listed)):
            if bits is not None:
                hashes[index], known[index] = bits, True
            watch(index + 1, len(listed))
    split = np.unique([name for name, _ in listed], return_inverse=True)[1] if listed else np.zeros(0, dtype=int)
    names = [f"{name}: {shown(record.id)}" for name, record in listed]
    pairs = [
        NearPair(first=names[a], second=names[b], bits=int(bits)) for a, b, bits in _close(hashes, split, known, most)
    ]
    return tuple(sorted(pairs, key=lambda pair: (pair.bits, pair.first, pair.second)))


def hashed(record: Record) -> UInt64[np.ndarray, "words"] | None:
    """The bits of a picture; None where it cannot be read or has no structure."""
    try:
        grey = _grey(record)
    except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    return None if grey.std() < FLAT else bits_of(grey)


def bits_of(grey: Float[np.ndarray, "16 17"]) -> UInt64[np.ndarray, "words"]:
    """Whether each value is above its left neighbour, as 256 bits."""
    return np.packbits(grey[:, 1:] > grey[:, :-1]).view(np.uint64)


def _grey(record: Record) -> Float[np.ndarray, "16 17"]:
    if isinstance(record.picture, Path):
        with Image.open(io.BytesIO(record.picture.read_bytes())) as image:
            # A JPEG is decoded at an eighth of its size where that is enough.
            image.draft("L", (8 * SIDE, 8 * SIDE))
            small = image.convert("L")
    else:
        small = Image.fromarray(np.ascontiguousarray(record.decode().permute(1, 2, 0).numpy())).convert("L")
    return np.asarray(small.resize((SIDE + 1, SIDE), Image.Resampling.BOX), dtype=np.float64)


def _close(
    hashes: UInt64[np.ndarray, "n words"], split: Int[np.ndarray, "n"], known: np.ndarray, most: int
) -> Iterator[tuple[int, int, int]]:
    """Index pairs of different splits within ``most`` bits, a bounded number of comparisons at a time."""
    for one in np.unique(split)[:-1]:
        left, right = np.flatnonzero((split == one) & known), np.flatnonzero((split > one) & known)
        columns = [np.ascontiguousarray(hashes[right, word]) for word in (0, 1)]
        step = max(1, PAIRS_AT_ONCE // max(1, len(right)))
        for start in range(0, len(left), step):
            block = left[start : start + step]
            # Half the bits of two pictures nearly always tell them apart; the others are then never looked at.
            bits = np.bitwise_count(hashes[block, 0][:, None] ^ columns[0][None])
            bits += np.bitwise_count(hashes[block, 1][:, None] ^ columns[1][None])
            rows, places = np.nonzero(bits <= most)
            rest = hashes[block[rows], 2:] ^ hashes[right[places], 2:]
            total = bits[rows, places].astype(int) + np.bitwise_count(rest).sum(1)
            for index in np.flatnonzero(total <= most).tolist():
                yield int(block[rows[index]]), int(right[places[index]]), int(total[index])
