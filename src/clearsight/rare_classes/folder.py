"""The folder of an experiment: what was asked, each finished training as it ends, and the results.

    design.json                  what was asked: a ``Design``
    generator/                   the run of the generator, where it was trained for this
    generated/SEED.safetensors   the pictures of each seed, without copies
    trainings/SEED-ARM.safetensors    what each finished training says of the held-out pictures
    log.jsonl                    what it has cost so far
    results.json, report.html, examples/    the results

Every file is written whole or not at all, so an interrupted experiment goes on where it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from clearsight.files import durable
from clearsight.files.design_folder import DesignFolder
from clearsight.files.records import from_json, to_json
from clearsight.files.tree import load_tree, save_tree
from clearsight.generation.sifting import Sifted
from clearsight.rare_classes.arms import Arm
from clearsight.types import Cost


@dataclass(frozen=True, kw_only=True)
class Design:
    """What was asked, in plain values, so that an experiment goes on as it began.

    ``run`` is the folder of a generator that was trained already; without it ``model`` is trained by its ``settings``
    and budget. ``epochs`` or ``minutes`` are those of each training of a classifier.
    """

    data: str
    class_name: str
    run: str | None
    model: str | None
    settings: Mapping[str, Any]
    generator_minutes: float | None
    generator_epochs: float | None
    ratios: tuple[float, ...]
    seeds: int
    classifier: str
    classifier_settings: Mapping[str, Any]
    minutes: float | None
    epochs: float | None
    seed: int = 0
    attributes: str | None = None
    target: str | None = None
    cluster: str = "auto"
    resplit: bool = False
    skip_bad: bool = False
    zone: str | None = None


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What one finished training left: the probabilities it gives the held-out pictures, its steps, its precision."""

    probabilities: Float[np.ndarray, "images classes"]
    steps: int
    precision: str
    fingerprint: str


@dataclass(frozen=True)
class Folder(DesignFolder[Design]):
    """An experiment's folder."""

    kind: ClassVar[str] = "experiment"
    made_by: ClassVar[str] = "clearsight augment"
    file: ClassVar[str] = "design.json"
    design_type: ClassVar[type] = Design
    rooms: ClassVar[tuple[str, ...]] = ("trainings", "generated")

    def trained(self, arm: Arm, seed: int) -> Trained | None:
        """What a training left, if it was finished."""
        path = self._training(arm, seed)
        return Trained(**load_tree(path)) if path.is_file() else None

    def keep(self, arm: Arm, seed: int, result: Trained, cost: Cost) -> None:
        """Keep a finished training, and what all has cost so far."""
        save_tree(self._training(arm, seed), dict(vars(result)))
        self.log_cost(cost)

    def log_cost(self, cost: Cost) -> None:
        """Note what all has cost so far."""
        durable.append_line(self.path / "log.jsonl", {"cost": to_json(cost)})

    def cost(self) -> Cost | None:
        """What the former sittings have cost."""
        rows = [row for row in durable.read_lines(self.path / "log.jsonl") if "cost" in row]
        return from_json(Cost, rows[-1]["cost"], "log.jsonl") if rows else None

    def generated(self, seed: int) -> Sifted | None:
        """The pictures of a seed, if they were made."""
        path = self.path / "generated" / f"{seed}.safetensors"
        return Sifted(**load_tree(path)) if path.is_file() else None

    def keep_generated(self, seed: int, pictures: Sifted) -> None:
        """Keep the pictures of a seed."""
        save_tree(self.path / "generated" / f"{seed}.safetensors", dict(vars(pictures)))

    def _training(self, arm: Arm, seed: int) -> Path:
        return self.path / "trainings" / f"{seed}-{arm.key}.safetensors"
