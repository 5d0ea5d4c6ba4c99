"""Generated pictures of one class without those that copy a training or a held-out picture.

A picture is taken for a copy of a training picture where it is nearer to one, relative to its other neighbours, than
the nearest hundredth of held-out pictures, which saw nothing of the training (see ``generation.copying``). The same
search looks for held-out pictures, with training pictures to compare by: a generator that was not trained on these
cannot copy them, unless the splits share pictures. One in a hundred innocent pictures is removed by each search.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from clearsight.generation.copying import Seen, nearest_training
from clearsight.generation.extractors import Extractor
from clearsight.generation.sampling import CHUNK, latents_of, made_of
from clearsight.metrics.copies import REAL_AT_LEAST, copy_threshold
from clearsight.ops.spread import evenly_spread

DRAWN_AT_MOST = 4  # times as many as are wanted
COMPARED_BY = 2000  # real pictures of either kind
Watch = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Sifted:
    """Pictures that copy nothing, and how many were made for them.

    Of these some copied a training picture, some a held-out picture only; ``copies`` pairs each with what it copied.
    """

    images: UInt8[Tensor, "n 3 h w"]
    made: int
    of_training: int
    of_held_out: int
    copies: UInt8[Tensor, "k 2 3 h w"]


@dataclass(frozen=True, kw_only=True)
class Copies:
    """Whether each picture copies a training or a held-out picture, and the one it is nearest to of the kind copied."""

    of_training: Bool[np.ndarray, "n"]
    of_held_out: Bool[np.ndarray, "n"]
    nearest: UInt8[Tensor, "n 3 h w"]


class Sieve:
    """Tells copies of training and of held-out pictures; the pictures are of one size."""

    def __init__(
        self, train: UInt8[Tensor, "n 3 h w"], held_out: UInt8[Tensor, "m 3 h w"], extractor: Extractor
    ) -> None:
        """Raises ValueError with fewer than 100 pictures of either kind, which the other is compared by."""
        if min(len(train), len(held_out)) < REAL_AT_LEAST:
            raise ValueError(
                f"there are {len(train)} training and {len(held_out)} held-out pictures. Expected at least "
                f"{REAL_AT_LEAST} of each: what counts as a copy is told by how near real pictures come to each other."
            )
        self._extractor = extractor
        self._pools = tuple(Seen(images=images, features=extractor(images)) for images in (train, held_out))
        # Each kind of real picture is innocent of copying the other.
        innocent = [nearest_training(_some_of(self._pools[1 - k]), self._pools[k]).relative for k in range(2)]
        self._thresholds = [_threshold(each) for each in innocent]

    def copies(self, images: UInt8[Tensor, "n 3 h w"]) -> "Copies":
        """Which of the pictures are copies, and of what."""
        seen = Seen(images=images, features=self._extractor(images))
        found = [nearest_training(seen, pool) for pool in self._pools]
        copied = [near.relative < limit for near, limit in zip(found, self._thresholds, strict=True)]
        nearest = [pool.images[torch.from_numpy(near.index)] for pool, near in zip(self._pools, found, strict=True)]
        held_out_only = torch.from_numpy(copied[1] & ~copied[0])[:, None, None, None]
        return Copies(
            of_training=copied[0], of_held_out=copied[1], nearest=torch.where(held_out_only, nearest[1], nearest[0])
        )


def _some_of(pool: Seen) -> Seen:
    """At most 2,000 pictures of a pool: plenty to find the nearest hundredth."""
    place = evenly_spread(len(pool.images), COMPARED_BY)
    return Seen(images=pool.images[place], features=pool.features[place])


def _threshold(relative: np.ndarray) -> float:
    return float(copy_threshold(relative, np.zeros(len(relative), dtype=bool), np.ones((1, len(relative))))[0])


def sifted(
    network: Any,
    sieve: Sieve,
    count: int,
    label: int,
    seed: int,
    watch: Watch = lambda done, total: None,
) -> Sifted:
    """``count`` pictures of the class that copy nothing, a function of the network and the seed.

    Raises ValueError where four times as many hold too few that are no copies.
    """
    kept: list[Tensor] = []
    copied: list[Tensor] = []
    chunk = made = of_training = of_held_out = 0
    while (have := sum(map(len, kept))) < count:
        chunks = range(chunk, chunk - (have - count) // CHUNK)
        if chunks.stop * CHUNK > max(DRAWN_AT_MOST * count, 2 * CHUNK):
            raise ValueError(_nearly_all_copies(made, of_training, of_held_out, count))
        asked = torch.full((CHUNK,), label)
        drawn = torch.cat([made_of(network, latents_of(network, seed, k), asked) for k in chunks])
        found = sieve.copies(drawn)
        copies = torch.from_numpy(found.of_training | found.of_held_out)
        kept.append(drawn[~copies])
        copied.append(torch.stack([drawn[copies], found.nearest[copies]], dim=1))
        chunk, made = chunks.stop, made + len(drawn)
        of_training += int(found.of_training.sum())
        of_held_out += int((found.of_held_out & ~found.of_training).sum())
        watch(min(sum(map(len, kept)), count), count)
    return Sifted(
        images=torch.cat(kept)[:count], made=made, of_training=of_training, of_held_out=of_held_out,
        copies=torch.cat(copied),
    )  # fmt: skip


def _nearly_all_copies(made: int, of_training: int, of_held_out: int, count: int) -> str:
    return (
        f"of {made} pictures that the generator made, {of_training + of_held_out} copy a real one and were removed "
        f"({of_training} copy a training picture, {of_held_out} a held-out one), so there are not {count} to add. "
        "Train a generator that copies less (on more pictures, or for a shorter time), or ask for fewer pictures."
    )
