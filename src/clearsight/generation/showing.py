"""The pictures of a generator's report: what it makes, the way between two, how it learnt, and its nearest copies."""

import io
from typing import Any

import torch
from PIL import Image

from clearsight.generation.pictures import Pictures
from clearsight.generation.sampling import path_between
from clearsight.generation.sheets import animation, grid, png
from clearsight.generation.watching import SHEETS
from clearsight.ops.spread import evenly_spread
from clearsight.run import Run
from clearsight.types import Example

SHOWN = 64
FRAMES = 60  # of the animation at most
STOPS, STEPS = 6, 8


def examples_of(
    run: Run, network: Any, generated: Pictures, train: Pictures, pairs: list[tuple[int, int]]
) -> list[Example]:
    """The pictures of a report, written into the run folder."""
    about = {"generated": True, "run": run.name, "model": run.config.model, "seed": run.config.seed}
    made = [
        _kept(run, "examples/samples.png", png(grid(generated.images[:SHOWN]), about), "made",
              f"{min(SHOWN, len(generated))} pictures it made, not chosen: the first of seed {run.config.seed}"),
    ]  # fmt: skip
    label = 0 if network.config.conditional else None
    path = path_between(network, run.config.seed, STOPS, STEPS, label=label)
    made.append(
        _kept(run, "examples/interpolation.png", png(grid(path, STEPS), about), "made",
              f"From one picture to the next, row by row, in {STEPS} steps: each row goes on where the last ended")
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


def _kept(run: Run, path: str, content: bytes, kind: Any, caption: str) -> Example:
    run.write_file(path, content)
    return Example(path=path, caption=caption, kind=kind)


def _frames(run: Run) -> list[Image.Image]:
    """The sheets kept while it learnt, at most 60 of them, evenly spread."""
    files = sorted((run.path / SHEETS).glob("*.png"))
    chosen = [files[k] for k in evenly_spread(len(files), FRAMES)]
    return [Image.open(io.BytesIO(file.read_bytes())).convert("RGB") for file in chosen]
