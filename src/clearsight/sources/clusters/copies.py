"""Copies: files equal byte for byte, and pictures that are nearly the same, which one side of a split must keep."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Float, Int, UInt64

from clearsight.sources.clusters.links import Links
from clearsight.sources.samples.hashes import NEAR, SIDE, WORDS, Look, looked
from clearsight.sources.samples.records import Record

# Pictures of which fewer bits mean something, such as digits on black, are alike without being copies.
TELLING = 128
# Of random pairs of photographs, CIFAR's or blood films 1% differ in 93 to 103 bits and fewer; of digits in 20 to 26.
# Where a set is of one sort, as those are, only pairs in half as many bits count, if their grey values agree as well.
ONE_SORT, RANDOM_PAIRS = 80, 20_000
CORRELATION, CORRELATION_OF_ONE_SORT = 0.95, 0.99
PICTURES_AT_MOST = 20_000  # reading and comparing all pairs of more takes longer than all else
PAIRS_AT_ONCE = 100_000
BELIEVED_SHARE = 0.2  # of the pictures in one group of near-duplicates; more is one sort of picture, not one picture


def identical(records: Sequence[Record]) -> Iterator[list[int]]:
    """Groups of pictures whose files are equal byte for byte."""
    same: dict[str, list[int]] = defaultdict(list)
    for index, record in enumerate(records):
        if record.digest:
            same[record.digest].append(index)
    return (mine for mine in same.values() if len(mine) > 1)


def near(records: Sequence[Record]) -> list[tuple[int, int]]:
    """Pairs of pictures that are nearly the same; every picture is read. None where there are over 20,000.

    Two pictures are where they differ in at most 40 of 256 bits, far fewer than random pairs of these pictures, and
    their grey values are correlated by 0.95 or more.
    """
    if not 2 <= len(records) <= PICTURES_AT_MOST:
        return []
    with ThreadPoolExecutor(2) as pool:
        looks = list(pool.map(looked, records))
    known = [index for index, look in enumerate(looks) if look is not None and look.telling >= TELLING]
    hashes = np.zeros((len(known), WORDS), dtype=np.uint64)
    grey = np.zeros((len(known), SIDE * (SIDE + 1)), dtype=np.float32)
    for row, index in enumerate(known):
        look = looks[index]
        assert isinstance(look, Look)
        hashes[row], grey[row] = look.bits, _standardised(look.grey)
    most_bits, correlation = _limits(hashes)
    pairs = [(a, b) for a, b in _close(hashes, most_bits) if float(grey[a] @ grey[b]) >= correlation]
    links = Links(len(known))
    for pair in pairs:
        links.join(pair, "")
    most = max(10.0, BELIEVED_SHARE * len(records))
    chained = {index for mine in links.groups().values() if len(mine) > most for index in mine}
    return [(known[a], known[b]) for a, b in pairs if a not in chained]


def _standardised(grey: Float[np.ndarray, "16 17"]) -> Float[np.ndarray, "values"]:
    centred = grey.ravel() - grey.mean()
    return centred / np.linalg.norm(centred)


def _limits(hashes: UInt64[np.ndarray, "n words"]) -> tuple[int, float]:
    """In how many bits near-duplicates differ at most, and how their grey values are correlated at least."""
    first, second = np.random.default_rng(0).integers(0, max(1, len(hashes)), (2, RANDOM_PAIRS))
    other = first != second
    if not other.any():
        return 0, 1.0
    usual = float(np.quantile(np.bitwise_count(hashes[first[other]] ^ hashes[second[other]]).sum(1), 0.01))
    return (NEAR, CORRELATION) if usual >= ONE_SORT else (int(usual / 2), CORRELATION_OF_ONE_SORT)


def _close(hashes: UInt64[np.ndarray, "n words"], most: int) -> Iterator[tuple[int, int]]:
    """Index pairs within ``most`` bits, each once, a bounded number of comparisons at a time."""
    columns = [np.ascontiguousarray(hashes[:, word]) for word in (0, 1)]
    step = max(1, PAIRS_AT_ONCE // max(1, len(hashes)))
    for start in range(0, len(hashes), step):
        block = hashes[start : start + step]
        # Half the bits of two pictures nearly always tell them apart; the others are then never looked at.
        bits = np.bitwise_count(block[:, 0][:, None] ^ columns[0][None, start + 1 :])
        bits += np.bitwise_count(block[:, 1][:, None] ^ columns[1][None, start + 1 :])
        rows, places = np.nonzero(bits <= most)
        rows, places = _later(rows + start, places + start + 1)
        rest = np.bitwise_count(hashes[rows] ^ hashes[places]).sum(1)
        found = rest <= most
        yield from zip(rows[found].tolist(), places[found].tolist(), strict=True)


def _later(
    first: Int[np.ndarray, "k"], second: Int[np.ndarray, "k"]
) -> tuple[Int[np.ndarray, "m"], Int[np.ndarray, "m"]]:
    keep = second > first
    return first[keep], second[keep]
