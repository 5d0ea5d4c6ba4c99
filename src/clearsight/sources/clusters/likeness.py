"""Whether pictures confirm what names or times propose: how alike their thumbnails are, against chance.

Thumbnails are 8 x 8 RGB values, so light and colour count as well as what is shown where. Measured on the 468 frames of
three drives of CamVid, two frames of one drive are more alike than two of different ones in 74% of comparisons, and
neighbours more than two frames at random in 95%; neighbouring numbers of 292 blood films in 57%.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Bool, Float, Int
from PIL import Image, UnidentifiedImageError
from scipy.stats import binom, false_discovery_control, rankdata

from clearsight.sources.clusters.links import Links
from clearsight.sources.samples.hashes import thumbnail
from clearsight.sources.samples.records import Record

SIDE = 8
STEMS_AT_MOST, OF_EACH_STEM, SAMPLE = 40, 10, 400
SHUFFLES = 199
LEVEL = 0.01
STEMS_ALIKE, NEIGHBOURS_ALIKE = 0.65, 0.75  # shares of comparisons, 0.5 by chance
RANDOM_PAIRS = 20_000
LOOKED_AT_FIRST = 100  # neighbours, before all pictures of a series are read
WINDOW = 9
LEAP = 10  # times the usual step between numbers: something else begins
CHANCE_OF_NEIGHBOURS = 0.02

Thumbnails = Float[np.ndarray, "n values"]


def thumbnails(records: Sequence[Record]) -> Thumbnails:
    """A row of values from 0 to 255 for each picture; NaN where it cannot be read."""
    with ThreadPoolExecutor(2) as pool:
        rows = list(pool.map(_thumbnail, records))
    return np.stack(rows) if rows else np.zeros((0, 3 * SIDE * SIDE))


def _thumbnail(record: Record) -> Float[np.ndarray, "values"]:
    try:
        small = thumbnail(record, SIDE, "RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError):
        return np.full(3 * SIDE * SIDE, np.nan)
    return np.asarray(small, dtype=np.float64).ravel()


def stems_confirmed(
    records: Sequence[Record], stems: Mapping[str, list[int]], classes: Sequence[Hashable] | None, seed: int = 0
) -> bool:
    """Whether pictures of one stem are clearly more alike than pictures of two, among at most 400 of them.

    Where every picture has one class (``classes``), only pictures of one class are compared: cats are alike anyway.
    """
    random = np.random.default_rng(seed)
    names = sorted(stems)
    names = [names[i] for i in np.sort(random.permutation(len(names))[:STEMS_AT_MOST])]
    each = max(OF_EACH_STEM, SAMPLE // len(names))
    picked = [(code, int(i)) for code, name in enumerate(names) for i in random.permutation(stems[name])[:each]]
    picked = [picked[i] for i in np.sort(random.permutation(len(picked))[:SAMPLE])]
    stem = np.array([code for code, _ in picked])
    shown = None if classes is None else np.unique([str(classes[i]) for _, i in picked], return_inverse=True)[1]
    return _more_alike(thumbnails([records[i] for _, i in picked]), stem, shown, random)


def _more_alike(
    values: Thumbnails, stem: Int[np.ndarray, "n"], shown: Int[np.ndarray, "n"] | None, random: np.random.Generator
) -> bool:
    """The permutation test: how often a pair of one stem is more alike than a pair of two, and how rare that is."""
    known = ~np.isnan(values).any(1)
    values, stem = values[known], stem[known]
    shown = np.zeros(len(stem), dtype=int) if shown is None else shown[known]
    first, second = np.triu_indices(len(stem), 1)
    comparable = shown[first] == shown[second]
    first, second = first[comparable], second[comparable]
    within = stem[first] == stem[second]
    if min(within.sum(), (~within).sum()) < 20:
        return False
    ranks = rankdata(_distances(values, first, second))
    share = _share_alike(ranks, within)
    if share < STEMS_ALIKE:
        return False
    shuffled = []
    for _ in range(SHUFFLES):
        order = random.permutation(len(stem))
        # Stems change places among pictures of one class only.
        dealt = np.empty_like(stem)
        dealt[np.argsort(shown, kind="stable")] = stem[order[np.argsort(shown[order], kind="stable")]]
        shuffled.append(_share_alike(ranks, dealt[first] == dealt[second]))
    return (1 + sum(other >= share for other in shuffled)) / (1 + SHUFFLES) <= LEVEL


def _share_alike(ranks: Float[np.ndarray, "pairs"], within: Bool[np.ndarray, "pairs"]) -> float:
    """How often a pair within is more alike than a pair across: the area under the curve, 0.5 by chance."""
    inside, across = int(within.sum()), int((~within).sum())
    if not inside or not across:
        return 0.5
    return 1 - (float(ranks[within].sum()) - inside * (inside + 1) / 2) / (inside * across)


def neighbours(
    records: Sequence[Record], ordered: Sequence[int], numbers: Sequence[int], seed: int = 0
) -> Iterable[tuple[int, int]]:
    """The links between neighbours of a numbered series that are alike beyond chance; few pictures are read first.

    Where neighbours are no more alike than the blood films of a microscope, there are none. Else a link holds where the
    links around it are more alike than so many random pairs (by how many are nearer than the median of these, at a
    false discovery rate of 1%; Benjamini and Hochberg 1995) and it is itself no leap.
    """
    random = np.random.default_rng(seed)
    if len(ordered) < WINDOW:
        return ()
    spots = np.sort(random.permutation(len(ordered) - 1)[:LOOKED_AT_FIRST])
    some = np.unique(np.concatenate([spots, spots + 1]))
    values = thumbnails([records[ordered[i]] for i in map(int, some)])
    places = np.searchsorted(some, spots)
    null = _random_distances(values, random)
    if not len(null) or _nearer(_distances(values, places, places + 1), null) < NEIGHBOURS_ALIKE:
        return ()
    values = thumbnails([records[i] for i in ordered])
    null = np.sort(_random_distances(values, random))
    steps = np.arange(len(ordered) - 1)
    rank = np.searchsorted(null, _distances(values, steps, steps + 1)) / len(null)
    gaps = np.diff(np.asarray(numbers))
    leap = (rank > 0.5) | (gaps > LEAP * max(1.0, float(np.median(gaps))))
    held = _held_together(rank) & ~leap
    return [(ordered[i], ordered[i + 1]) for i in np.flatnonzero(held).tolist()]


def _held_together(rank: Float[np.ndarray, "links"]) -> Bool[np.ndarray, "links"]:
    """Which links lie among links nearer than the median of random pairs more often than chance would have it."""
    near = (rank < 0.5).astype(int)
    total = np.concatenate([[0], np.cumsum(near)])
    reach = WINDOW // 2
    low = np.clip(np.arange(len(rank)) - reach, 0, len(rank))
    high = np.clip(np.arange(len(rank)) + reach + 1, 0, len(rank))
    p = binom.sf(total[high] - total[low] - 1, high - low, 0.5)
    return np.asarray(false_discovery_control(p) <= LEVEL)


def bursts(records: Sequence[Record], pairs: Sequence[tuple[int, int]], seed: int = 0) -> Iterable[tuple[int, int]]:
    """The pairs, taken by one camera within seconds, that are more alike than 98% of random pairs of these pictures."""
    if not pairs:
        return ()
    used = sorted({index for pair in pairs for index in pair})
    place = {index: row for row, index in enumerate(used)}
    values = thumbnails([records[index] for index in used])
    first, second = (np.array([place[pair[side]] for pair in pairs]) for side in (0, 1))
    links = Links(len(used))
    for pair in zip(first.tolist(), second.tolist(), strict=True):
        links.join(pair, "")
    chain = np.arange(len(used))
    for start, mine in links.groups().items():
        chain[mine] = start
    one, other = np.random.default_rng(seed).integers(0, len(used), (2, RANDOM_PAIRS))
    apart = chain[one] != chain[other]
    null = _distances(values, one[apart], other[apart])
    null = np.sort(null[~np.isnan(null)])
    if len(null) < 1 / CHANCE_OF_NEIGHBOURS:
        return ()
    rank = np.searchsorted(null, _distances(values, first, second)) / len(null)
    return [pair for pair, one in zip(pairs, rank, strict=True) if one <= CHANCE_OF_NEIGHBOURS]


def _random_distances(values: Thumbnails, random: np.random.Generator) -> Float[np.ndarray, "pairs"]:
    """Distances of random pairs that are no neighbours."""
    first, second = random.integers(0, max(1, len(values)), (2, RANDOM_PAIRS))
    apart = np.abs(first - second) > min(WINDOW, max(1, len(values) // 8))
    found = _distances(values, first[apart], second[apart])
    return found[~np.isnan(found)]


def _nearer(found: Float[np.ndarray, "k"], null: Float[np.ndarray, "pairs"]) -> float:
    """How often one of ``found`` is smaller than one of ``null``."""
    found = found[~np.isnan(found)]
    return float(1 - (np.searchsorted(np.sort(null), found) / len(null)).mean()) if len(found) else 0.5


def _distances(values: Thumbnails, first: Int[np.ndarray, "k"], second: Int[np.ndarray, "k"]) -> Float[np.ndarray, "k"]:
    """Root mean squares of the differences of two thumbnails; NaN where one could not be read."""
    return np.sqrt(((values[first] - values[second]) ** 2).mean(1))
