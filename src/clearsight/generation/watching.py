"""A generator looked at while it learns: a score, a sheet of the same noise again and again, and an alarm.

The score is minus the Fréchet distance to training pictures in the features of random networks. It chooses the best
snapshot of two players, so it uses neither the held-out pictures nor the first extractor, which judge the result.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from clearsight.generation.collapse import FEWEST, collapse_warning
from clearsight.generation.networks import RandomEnsemble
from clearsight.generation.pictures import Resizer
from clearsight.generation.sampling import sampled
from clearsight.generation.sheets import grid, png
from clearsight.metrics.frechet import distance, moments
from clearsight.ops.spread import evenly_spread
from clearsight.run import Run

SCORED = 1000  # pictures of either kind
SHOWN = 36
SEED = 2**20  # of the noise on the sheets and of the score: not that of any picture sampled later by default
BATCH = 250
PARTS = 64  # principal components of the features: far fewer than pictures
SHEETS = "snapshots"


class Watcher:
    """Scores and pictures of the averaged network of a run, each a function of its weights."""

    def __init__(
        self,
        run: Run,
        training: UInt8[Tensor, "n 3 h w"],
        classes: int,
        seed: int,
        conditions: UInt8[Tensor, "n ..."] | None = None,
    ) -> None:
        """``training`` are all training pictures; ``classes`` how many a conditional generator makes, 0 for none.

        ``conditions`` are what pictures like these would be made from, None where from noise alone.
        """
        self.run, self.classes = run, classes
        place = evenly_spread(len(training), SCORED)
        self.real = training[place]
        self._conditions = None if conditions is None else conditions[place]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + SEED)
            self._network, self._resizer = RandomEnsemble().eval(), Resizer()
        seen = self._seen(self.real)
        self._mean = seen.mean(0)
        _, _, axes = np.linalg.svd(seen - self._mean, full_matrices=False)
        self._axes = axes[:PARTS].T
        self._moments = moments(self._projected(seen), np.ones((1, len(seen))))

    def look(self, model: Any, step: int) -> tuple[float, str | None]:
        """Keep a sheet of what the same noise makes now; the score, 0 at best, and a warning where all looks alike.

        The score is minus the Fréchet distance of 1,000 pictures to as many training pictures.
        """
        count = len(self.real)
        classes = [k % self.classes for k in range(count)] if self.classes else None
        made = sampled(model, count, SEED, classes=classes, condition=self._conditions)
        about = {"generated": True, "run": self.run.name, "step": step}
        self.run.write_file(f"{SHEETS}/{step:08d}.png", png(grid(made[:SHOWN]), about))
        found = moments(self._projected(self._seen(made)), np.ones((1, count)))
        return -float(distance(self._moments, found)[0]), self._alarm(made[:SHOWN])

    def _alarm(self, made: UInt8[Tensor, "n 3 h w"]) -> str | None:
        if len(made) < FEWEST:
            return None
        real = self.real[:: len(self.real) // len(made)][: len(made)]
        return collapse_warning(made.float() / 255, real.float() / 255)

    @torch.no_grad()
    def _seen(self, images: UInt8[Tensor, "n 3 h w"]) -> np.ndarray:
        parts = [self._network(self._resizer(some)) for some in images.split(BATCH)]
        return torch.cat(parts).double().numpy()

    def _projected(self, seen: np.ndarray) -> np.ndarray:
        return (seen - self._mean) @ self._axes
