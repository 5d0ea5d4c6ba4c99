"""Judged pictures that the run itself finds far more alike than pictures that have nothing to do with one another.

Where neither the data nor names say what belongs together, the pooled features of the network's backbone may: the same
scene again has nearly the same features. Only pairs so near are linked that chance would make one such pair in twenty
data sets: the share of random pairs within a distance grows with a power of it, which is seen between the nearest
hundredth and the nearest tenth of them. Where each picture has one class, pictures of one class are compared, since a
classifier makes these alike. This finds repeats; it does not find patients.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from clearsight.sources.clusters.links import Links
from clearsight.types import LastLayer

PICTURES = (50, 20_000)  # fewer say nothing of what is usual; more take too long
RANDOM_PAIRS = 100_000
NEAREST, NEAR = 0.01, 0.1  # of random pairs
FALSE_LINKS = 0.05  # expected in all of a data set
SHARE = 0.25  # of the distance of the nearest hundredth, at most
BELIEVED_SHARE = 0.2  # of the pictures in one group
ROWS_AT_ONCE = 512

Features = Float[np.ndarray, "images features"]


@contextmanager
def pooled_features(network: object) -> Iterator[list[Tensor]]:
    """Collect, while the network predicts, the mean of its backbone's last feature map, ``b c`` for each batch.

    Of a network without a backbone, what its last layer reads (see ``LastLayer``); of one that has neither, nothing.
    """
    found: list[Tensor] = []

    def keep_mean(module: nn.Module, inputs: tuple, output: list[Tensor]) -> None:
        found.append(output[-1].float().mean((2, 3)).cpu())

    def keep_input(module: nn.Module, inputs: tuple[Tensor]) -> None:
        found.append(inputs[0].float().cpu())

    backbone, last = getattr(network, "backbone", None), getattr(network, "linear", None)
    if isinstance(backbone, nn.Module):
        hook = backbone.register_forward_hook(keep_mean)
    elif isinstance(network, LastLayer) and isinstance(last, nn.Module):
        hook = last.register_forward_pre_hook(keep_input)
    else:
        yield found
        return
    try:
        yield found
    finally:
        hook.remove()


def far_more_alike(
    features: Features, classes: Int[np.ndarray, "images"] | None = None, seed: int = 0
) -> Int[np.ndarray, "images"]:
    """A cluster for each picture: linked are pairs far nearer than chance would have any of them.

    ``classes`` numbers what each picture shows, where it shows one thing; only pictures of one class are compared.
    """
    alone = np.arange(len(features))
    if not PICTURES[0] <= len(features) <= PICTURES[1]:
        return alone
    spread = features.std(0)
    values = (features[:, spread > 0] - features.mean(0)[spread > 0]) / spread[spread > 0]
    shown = np.zeros(len(values), dtype=np.int64) if classes is None else classes
    first, second = np.random.default_rng(seed).integers(0, len(values), (2, RANDOM_PAIRS))
    other = (first != second) & (shown[first] == shown[second])
    if other.sum() < 10 / NEAREST:
        return alone
    apart = np.linalg.norm(values[first[other]] - values[second[other]], axis=1)
    pairs = sum(count * (count - 1) / 2 for count in np.bincount(shown).tolist())
    links = Links(len(values))
    for pair in _within(values, shown, _reach(apart, pairs)):
        links.join(pair, "")
    found = alone.copy()
    for start, mine in links.groups().items():
        if len(mine) <= BELIEVED_SHARE * len(values):
            found[mine] = start
    return found


def _reach(apart: Float[np.ndarray, "pairs"], pairs: float) -> float:
    """The distance within which independent pictures would have a twentieth of a pair among so many."""
    nearest, near = np.quantile(apart, [NEAREST, NEAR])
    if not 0 < nearest < near:
        return 0.0
    power = np.log(NEAR / NEAREST) / np.log(near / nearest)
    return float(nearest * min(SHARE, (FALSE_LINKS / (NEAREST * max(pairs, 1.0))) ** (1 / power)))


def _within(values: Features, shown: Int[np.ndarray, "images"], reach: float) -> Iterator[tuple[int, int]]:
    """Pairs of one class within a distance, each once, some rows at a time."""
    squares = (values**2).sum(1)
    for start in range(0, len(values), ROWS_AT_ONCE):
        block = slice(start, start + ROWS_AT_ONCE)
        apart = squares[block, None] + squares[None] - 2 * values[block] @ values.T
        near: Bool[np.ndarray, "rows images"] = (apart < reach**2) & (shown[block, None] == shown[None])
        for row, column in np.argwhere(near).tolist():
            if column > row + start:
                yield row + start, column
