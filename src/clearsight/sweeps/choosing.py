"""The best of several configurations, and what it scores once the optimism of choosing it is taken off.

The highest of many noisy scores is too high: it was chosen for the luck of its seeds and of the pictures too. The
bootstrap shows by how much (Efron 1983; Harrell 2001): seeds and clusters of pictures are resampled, the best is chosen
anew on each resample, and what it scores there is more than what it scores on the whole; the mean of that is the
optimism. What resampling does to a metric without any choice (see ``metrics.resample``) is taken off first, and the
resampling of seeds by itself has less spread than seeds have, which is put right.

The interval of the corrected score is that over seeds and pictures (``metrics.crossed``), moved by the optimism.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from clearsight.metrics.crossed import Crossed, interval


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The configuration chosen, its mean score over seeds, the optimism of choosing it, and the score without that.

    ``ends`` are those of the corrected score; None where they are undefined. ``others`` are the configurations that
    were the best in at least one of twenty resamples, with how often.
    """

    configuration: int
    score: float
    optimism: float
    corrected: float
    ends: tuple[float, float] | None
    others: Mapping[int, float]
    candidates: int


def chosen(
    candidates: Mapping[int, Crossed], clusters: int, sign: float = 1.0, confidence: float = 0.95, seed: int = 0
) -> Choice:
    """Choose among configurations, all with the same seeds and resamples of the pictures.

    ``sign`` is 1 where more is better and -1 where less is; ``clusters`` is how many clusters of pictures there are.
    """
    places = list(candidates)
    each = sign * np.stack([candidates[place].each for place in places])  # configurations, seeds
    drawn = sign * np.stack([candidates[place].resampled for place in places])  # configurations, seeds, replicates
    drawn = drawn - (drawn.mean(2) - each)[:, :, None]
    best = int(each.mean(1).argmax())
    optimism, counts = _optimism(each, drawn, np.random.default_rng(seed))
    found = interval(candidates[places[best]], clusters, confidence)
    moved = None if found.ends is None else (found.ends[0] - sign * optimism, found.ends[1] - sign * optimism)
    shares = {places[k]: float(share) for k, share in enumerate(counts) if share >= 0.05 and k != best}
    return Choice(
        configuration=places[best],
        score=found.value,
        optimism=optimism,
        corrected=found.value - sign * optimism,
        ends=moved,
        others=dict(sorted(shares.items(), key=lambda one: -one[1])),
        candidates=len(places),
    )


def _optimism(
    each: Float[np.ndarray, "configurations seeds"],
    drawn: Float[np.ndarray, "configurations seeds replicates"],
    chance: np.random.Generator,
) -> tuple[float, Float[np.ndarray, "configurations"]]:
    """How much better the best of a resample is there than on the whole, and how often each is the best."""
    count, seeds, replicates = drawn.shape
    whole = each.mean(1)
    stretch = np.sqrt(seeds / (seeds - 1)) if seeds > 1 else 1.0
    gains, wins = np.zeros(replicates), np.zeros(count)
    for replicate in range(replicates):
        rows = chance.integers(0, seeds, (count, seeds))
        of_seeds = np.take_along_axis(each, rows, 1).mean(1) - whole
        of_pictures = drawn[:, :, replicate].mean(1) - whole
        scores = whole + stretch * of_seeds + of_pictures
        winner = int(scores.argmax())
        gains[replicate] = scores[winner] - whole[winner]
        wins[winner] += 1
    return float(gains.mean()), wins / replicates
