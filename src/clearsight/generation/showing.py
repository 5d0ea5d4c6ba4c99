"""The pictures of a generator's report: what it makes, the way between two, how it learnt, and its nearest copies."""

import io
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from clearsight.generation.conditions import conditions, drawn
from clearsight.generation.evidence import Reference
from clearsight.generation.pictures import Pictures
from clearsight.generation.sampling import path_between, sampled
from clearsight.generation.sheets import animation, grid, png
from clearsight.generation.watching import SHEETS
from clearsight.ops.spread import evenly_spread
from clearsight.run import Run
from clearsight.types import Example

SHOWN = 64
FRAMES = 60  # of the animation at most
STOPS, STEPS = 6, 8
ROWS, FEW_ROWS, SEVERAL = 8, 4, 5
SAMPLES = "examples/samples.png"  # what it makes, not chosen


def examples_of(
    run: Run, network: Any, generated: Pictures, reference: Reference, pairs: list[tuple[int, int]]
) -> list[Example]:
    """The pictures of a report, written into the run folder."""
    about = {"generated": True, "run": run.name, "model": run.config.model, "seed": run.config.seed}
    given, train = conditions(network.config.made_from, reference.real.images, reference.real.maps), reference.train
    if given is None:
        made = [
            _kept(run, SAMPLES, png(grid(generated.images[:SHOWN]), about), "made",
                  f"{min(SHOWN, len(generated))} pictures it made, not chosen: the first of seed {run.config.seed}"),
        ]  # fmt: skip
    else:
        made = [
            _kept(run, SAMPLES, png(_beside(network, given, generated, reference.real, run), about), "made",
                  "Held-out pictures, evenly spread: what it was made from, the generated picture, the real one"),
            _kept(run, "examples/several.png", png(_several(network, given, run), about), "made",
                  f"What pictures were made from, and {SEVERAL} pictures made from each: only the noise differs"),
        ]  # fmt: skip
    label = 0 if network.config.conditional else None
    first = None if given is None else given[0]
    path = path_between(network, run.config.seed, STOPS, STEPS, label=label, condition=first)
    same = "" if given is None else "All from one label map or picture. "
    made.append(
        _kept(run, "examples/interpolation.png", png(grid(path, STEPS), about), "made",
              f"{same}From one picture to the next, row by row, in {STEPS} steps: each row goes on where the last "
              "ended")
    )  # fmt: skip
    frames = _frames(run)
    if len(frames) > 1:
        made.append(
            _kept(run, "examples/learning.gif", animation(frames, about), "made",
                  f"The same noise at {len(frames)} moments of the training, in order; the last stays for a while")
        )  # fmt: skip
    if pairs:
        rows = torch.cat([torch.stack([generated.images[row], train.images[near]]) for row, near in pairs])
        made.append(
            _kept(run, "examples/nearest.png", png(grid(rows, 8), about), "copied",
                  f"{len(pairs)} pairs: each generated picture, and right of it the training picture it is most like")
        )  # fmt: skip
    return made


def _beside(network: Any, given: Tensor, generated: Pictures, real: Pictures, run: Run) -> Image.Image:
    """Rows of what was given, what was made of it, and the real picture."""
    place = evenly_spread(len(real), ROWS)
    seen = drawn(network, given[place], run.config.class_names)
    rows = torch.stack([seen, generated.images[place], real.images[place]], 1)
    return grid(rows.flatten(0, 1), 3)


def _several(network: Any, given: Tensor, run: Run) -> Image.Image:
    """Rows of what was given, and several pictures made of it with the first latents of the run's seed."""
    place = evenly_spread(len(given), FEW_ROWS)
    some = given[place]
    images = sampled(
        network, len(some) * SEVERAL, run.config.seed, condition=some.repeat_interleave(SEVERAL, 0),
        classes=[0] * len(some) * SEVERAL if network.config.conditional else None,
        numbers=list(range(SEVERAL)) * len(some),
    )  # fmt: skip
    seen = drawn(network, some, run.config.class_names)
    rows = torch.cat([seen[:, None], images.unflatten(0, (len(some), SEVERAL))], 1)
    return grid(rows.flatten(0, 1), 1 + SEVERAL)


def _kept(run: Run, path: str, content: bytes, kind: Any, caption: str) -> Example:
    run.write_file(path, content)
    return Example(path=path, caption=caption, kind=kind)


def _frames(run: Run) -> list[Image.Image]:
    """The sheets kept while it learnt, at most 60 of them, evenly spread."""
    files = sorted((run.path / SHEETS).glob("*.png"))
    chosen = [files[k] for k in evenly_spread(len(files), FRAMES)]
    return [Image.open(io.BytesIO(file.read_bytes())).convert("RGB") for file in chosen]
