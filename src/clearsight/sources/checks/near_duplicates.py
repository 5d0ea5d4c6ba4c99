"""Pictures of two splits that show nearly the same: other sizes or qualities of one picture, or frames of one video.

They are compared by the bits of their ``hashes``, and pairs that are alike so by their fine ``structure``, which tells
copies from pictures of one sort. Pictures in which few bits mean something are left out.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt64

from clearsight.sources.clusters.copies import TELLING
from clearsight.sources.problems import shown
from clearsight.sources.samples.hashes import NEAR as NEAR
from clearsight.sources.samples.hashes import WORDS, looked
from clearsight.sources.samples.records import Record
from clearsight.sources.samples.structure import SAME, Structure, agreement, structure

PAIRS_AT_ONCE = 400_000
KEPT_AT_MOST = 4096  # structures, of 32 kB each


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
    """Pairs of pictures of different splits that differ in at most ``most`` bits and agree in structure, alike first.

    Pictures that do not decode are left to others to complain about.
    """
    listed = [(split, record) for split, mine in records.items() for record in mine]
    hashes = np.zeros((len(listed), WORDS), dtype=np.uint64)
    known = np.zeros(len(listed), dtype=bool)
    with ThreadPoolExecutor(4) as pool:
        for index, look in enumerate(pool.map(lambda one: looked(one[1]), listed)):
            if look is not None and look.telling >= TELLING:
                hashes[index], known[index] = look.bits, True
            watch(index + 1, len(listed))
    split = np.unique([name for name, _ in listed], return_inverse=True)[1] if listed else np.zeros(0, dtype=int)
    names = [f"{name}: {shown(record.id)}" for name, record in listed]
    fine = functools.lru_cache(KEPT_AT_MOST)(lambda index: structure(listed[index][1]))
    pairs = [
        NearPair(first=names[a], second=names[b], bits=int(bits))
        for a, b, bits in _close(hashes, split, known, most)
        if _confirmed(fine(a), fine(b))
    ]
    return tuple(sorted(pairs, key=lambda pair: (pair.bits, pair.first, pair.second)))


def _confirmed(first: Structure | None, second: Structure | None) -> bool:
    return first is not None and second is not None and agreement(first, second) >= SAME


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
