"""A generator looked at while it learns: a score, a sheet of the same noise again and again, and an alarm.

The score is minus the Fréchet distance to training pictures in the features of random networks. It chooses the best
snapshot of two players, so it uses neither the held-out pictures nor the first extractor, which judge the result.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from clearsight.generation.collapse import collapse_warning
from clearsight.generation.networks import RandomEnsemble
from clearsight.generation.pictures import Resizer
from clearsight.generation.sampling import sampled
from clearsight.generation.sheets import grid, png
from clearsight.metrics.frechet import distance, moments
from clearsight.run import Run

SCORED = 1000  # pictures of either kind
SHOWN = 36
SEED = 2**20  # of the noise on the sheets and of the score: not that of any picture sampled later by default
BATCH = 250
PARTS = 64  # principal components of the features: far fewer than pictures
SHEETS = "snapshots"


class Watcher:
    """Scores and pictures of the averaged network of a run, each a function of its weights."""

    def __init__(self, run: Run, training: UInt8[Tensor, "n 3 h w"], classes: int, seed: int) -> None:
        """``training`` are all training pictures; ``classes`` how many a conditional generator makes, 0 for none."""
        self.run, self.classes = run, classes
        place = torch.linspace(0, len(training) - 1, min(len(training), SCORED)).round().long()
        self.real = training[place]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + SEED)
            self._network, self._resizer = RandomEnsemble().eval(), Resizer()
        seen = self._seen(self.real)
        self._mean = seen.mean(0)
        _, _, axes = np.linalg.svd(seen - self._mean, full_matrices=False)
        self._axes = axes[:PARTS].T
        self._moments = moments(self._projected(seen), np.ones((1, len(seen))))

    def score(self, model: Any) -> float:
        """Minus the Fréchet distance of 1,000 pictures to as many training pictures; 0 is the best there can be."""
        made = sampled(model, len(self.real), SEED, classes=self._classes(len(self.real)))
        found = moments(self._projected(self._seen(made)), np.ones((1, len(made))))
        return -float(distance(self._moments, found)[0])

    def sheet(self, model: Any, step: int) -> Path:
        """A picture of what the same noise makes now, kept in the run folder."""
        made = sampled(model, SHOWN, SEED, classes=self._classes(SHOWN))
        about = {"generated": True, "run": self.run.name, "step": step}
        return self.run.write_file(f"{SHEETS}/{step:08d}.png", png(grid(made), about))

    def alarm(self, model: Any) -> str | None:
        """A warning in words where pictures of different noise have become alike."""
        made = sampled(model, SHOWN, SEED, classes=self._classes(SHOWN)).float() / 255
        return collapse_warning(made, self.real[:: len(self.real) // SHOWN][:SHOWN].float() / 255)

    def _classes(self, count: int) -> list[int] | None:
        return [k % self.classes for k in range(count)] if self.classes else None

    @torch.no_grad()
    def _seen(self, images: UInt8[Tensor, "n 3 h w"]) -> np.ndarray:
        parts = [self._network(self._resizer(some)) for some in images.split(BATCH)]
        return torch.cat(parts).double().numpy()

    def _projected(self, seen: np.ndarray) -> np.ndarray:
        return (seen - self._mean) @ self._axes
