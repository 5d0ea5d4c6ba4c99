"""Trains a generator of two players with the loop alone, writes grids of its pictures, and prints one JSON line.

    python benchmarks/generators.py gan --data mnist/train.parquet --minutes 3 --out trial/ --set width=16

The grid ``NAME.png`` is made of the averaged weights. ``--parzen`` adds the log-likelihood by a Parzen window after
the protocol of Goodfellow et al. 2014 (history, see ``clearsight.metrics.parzen``); its test pictures are the second
half of those held out. ``--weights`` also stores the averaged weights and 10,000 pictures. ``--steps`` instead of
``--minutes`` trains so many steps, for comparisons on a machine with other work: ``processor_s`` is what they took.
"""

import argparse
import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from clearsight import catalogue, settings
from clearsight.energy.meter import Meter
from clearsight.generation.collapse import collapse_warning
from clearsight.inference.allocation import keep_freed_memory
from clearsight.loading.data import Gathered, gather
from clearsight.metrics.parzen import parzen_likelihood
from clearsight.sources.batches.small_pictures import SmallBatches
from clearsight.sources.batches.views import at_once
from clearsight.training.adversarial import fit_players, updates_per_step
from clearsight.training.budget import Budget, Clock
from clearsight.training.session import Hooks, Moment
from clearsight.types import Training

SIDE = 10  # pictures of a grid, each way
LINE_EVERY_S = 15.0


def built(name: str, words: list[str], gathered: Gathered) -> tuple[Any, Training]:
    """The network for these data, and how it is trained."""
    kind = catalogue.find("generators", name).load()
    images = gathered.cached["train"].stack()
    grey = bool((images[:1000, :1] == images[:1000]).all())
    config = dataclasses.replace(kind.config_type(), size=(images.shape[2], images.shape[3]), channels=1 if grey else 3)
    config, training = settings.choose(settings.parse(words), config, kind.training_defaults)
    config = kind.fitted(config, gathered.truths("train"), gathered.source.class_names)
    return kind(config, gathered.source.class_names), training


def sampled(network: Any, count: int, classes: int, seed: int = 0, part: int = 500) -> Tensor:
    """So many pictures, of all classes in turn where the network is conditional."""
    latents = network.latents(count, torch.Generator().manual_seed(seed))
    asked = torch.arange(count) % classes if network.config.conditional else None
    rows = range(0, count, part)
    return torch.cat(
        [network.sample(latents[k : k + part], None if asked is None else asked[k : k + part]) for k in rows]
    )


def write_grid(images: Tensor, path: Path, side: int = SIDE) -> None:
    """The first pictures as one, twice as large."""
    rows = images[: side * side].unflatten(0, (side, side)).permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2)
    pixels = (rows * 255).round().byte().repeat_interleave(2, 0).repeat_interleave(2, 1)
    Image.fromarray(pixels.numpy()).save(path)


class Reporter:
    """Prints a line of the losses now and then."""

    def __init__(self) -> None:
        self.spoke = 0.0

    def __call__(self, moment: Moment) -> None:
        """The moment, if it is time."""
        if moment.seconds - self.spoke > LINE_EVERY_S:
            self.spoke = moment.seconds
            losses = "  ".join(f"{name} {value:.3f}" for name, value in moment.losses.items())
            print(f"{moment.seconds:6.0f} s  step {moment.step}  {losses}", flush=True)


def parzen(network: Any, gathered: Gathered, classes: int) -> dict[str, Any]:
    """The figure of 2014, on the pictures held out."""
    held_out = gathered.cached["val"].stack()[:, :1].float().div(255).flatten(1).numpy()
    samples = sampled(network, 10_000, classes)[:, :1].flatten(1).numpy()
    half = len(held_out) // 2
    found = parzen_likelihood(samples, held_out[:half], held_out[half:])
    return {key: round(value, 4) for key, value in dataclasses.asdict(found).items()}


def main() -> None:
    """Train, sample, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="a generator of two players")
    parser.add_argument("--data", required=True)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--steps", type=int, help="train so many steps instead")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", nargs="*", default=[], dest="words")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parzen", action="store_true")
    parser.add_argument("--weights", action="store_true")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    keep_freed_memory()
    gathered = gather(asked.data, 64, enlarge=False)
    classes = len(gathered.source.class_names)
    torch.manual_seed(asked.seed)
    network, training = built(asked.name, asked.words, gathered)
    canvas = network.config.size
    training = dataclasses.replace(training, flips="none")
    batches = SmallBatches(dataset=gathered.cached["train"], training=training, canvas=canvas, seed=asked.seed)
    kept: list[Any] = []

    def stream(make: Any, first: int) -> Iterator[Any]:
        yield from at_once(make, first)

    with Meter() as meter:
        steps = asked.steps or max(1, batches.steps_per_epoch // updates_per_step(network))
        budget = Budget(epochs=1) if asked.steps else Budget(minutes=asked.minutes)
        clock = Clock(budget, steps, meter)
        hooks = Hooks(save=kept.append, watch=Reporter(), save_seconds=1e9)
        fabric = Fabric(accelerator="cpu", devices=1)
        began = time.process_time()
        average: Any = fit_players(network, batches.batch, stream, clock, training, fabric, hooks)
        processor_s = time.process_time() - began
        kwh = meter.kwh_so_far()
    made = sampled(average, 1000, classes)
    write_grid(made, asked.out / f"{asked.name}.png")
    real = gathered.cached["val"].stack()[:1000].float() / 255
    line: dict[str, Any] = {
        "generator": asked.name, "minutes": round(clock.seconds / 60, 2),
        "steps": clock.step, "processor_s": round(processor_s, 1),
        "steps_per_s": round(clock.step / clock.seconds, 2), "kwh": round(kwh, 5),
        "weights": sum(weight.numel() for weight in average.parameters()),
        "warning": collapse_warning(made, real), "settings": asked.words,
    }  # fmt: skip
    if asked.parzen:
        line["parzen"] = parzen(average, gathered, classes)
    if asked.weights:
        tensors = {name: value.contiguous() for name, value in average.state_dict().items()}
        save_file(tensors, asked.out / f"{asked.name}.safetensors")
        np.save(
            asked.out / f"{asked.name}.npy", (sampled(average, 10_000, classes)[:, :1] * 255).round().byte().numpy()
        )
    print(json.dumps(line))


if __name__ == "__main__":
    main()
