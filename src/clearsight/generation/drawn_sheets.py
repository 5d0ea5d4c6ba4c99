"""Sheets of what was drawn from inputs: several pictures of each, and where they differ."""

from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from clearsight.generation.pictures import quantised
from clearsight.generation.sheets import grid, png
from clearsight.loading.made_by import made_by
from clearsight.ops.spread import evenly_spread
from clearsight.run import Run
from clearsight.types import Example

INPUTS, DRAWS = 8, 8  # that are shown
SPREAD_DRAWS = 16  # that a map of the spread is of
WHITE = 64.0  # grey levels of standard deviation that a map shows as white


def sheets_of(
    run: Run, network: Any, given: UInt8[Tensor, "n 3 h2 w2"], true: UInt8[Tensor, "n 3 h w"]
) -> tuple[Example, ...]:
    """Two sheets in the run folder: inputs with pictures drawn from them, and the maps of the spread of the draws."""
    rows = evenly_spread(len(given), INPUTS)
    inputs, truths = given[rows], true[rows]
    draws = drawn(network, inputs, SPREAD_DRAWS)
    large = repeated(inputs, network.factor)
    about = made_by(run, seed=network.config.draw_seed, temperature=network.config.temperature)
    shown = torch.cat([large[:, None], truths[:, None], draws[:, :DRAWS]], 1)
    mean = draws.float().mean(1).round().to(torch.uint8)
    maps = torch.stack([large, truths, mean, spread_map(draws)], 1)
    sheets = {
        "drawn": (
            shown,
            f"{len(rows)} inputs, not chosen, a row each: what it was given, the true picture, and {DRAWS} pictures "
            "drawn from that input. What differs between them is invented",
        ),
        "spread": (
            maps,
            f"The same inputs: what it was given, the true picture, the mean of {SPREAD_DRAWS} draws, and how far the "
            f"draws differ at each pixel (white: a standard deviation of {WHITE:.0f} grey levels or more)",
        ),
    }
    examples = []
    for name, (pictures, caption) in sheets.items():
        path = f"examples/{name}.png"
        run.write_file(path, png(grid(pictures.flatten(0, 1), pictures.shape[1]), about))
        examples.append(Example(path=path, caption=caption, kind="made"))
    return tuple(examples)


def drawn(
    network: Any,
    given: UInt8[Tensor, "n 3 h2 w2"],
    count: int,
    seed: int | None = None,
    temperature: float | None = None,
) -> UInt8[Tensor, "n count 3 h w"]:
    """So many pictures of each input; the number k of a seed is the same however many are drawn, of whichever inputs.

    The seed and the temperature are those of the network unless said.
    """
    seed = network.config.draw_seed if seed is None else seed
    images = given.float() / 255
    noise = torch.stack([network.noise_for(images, seed, k) for k in range(count)], 1)
    device = next(network.parameters()).device
    inputs = images.repeat_interleave(count, 0).to(device)
    found = network.draw(inputs, noise.flatten(0, 1).to(device), temperature or network.config.temperature)
    return quantised(found).cpu().unflatten(0, (len(given), count))


def spread_map(draws: UInt8[Tensor, "n count 3 h w"]) -> UInt8[Tensor, "n 3 h w"]:
    """The standard deviation over the draws at each pixel, as grey: the mean over channels of the variance, rooted."""
    spread: Float[Tensor, "n 1 h w"] = draws.double().var(1).mean(1, keepdim=True).sqrt()
    return (255 * spread / WHITE).clamp(0, 255).round().to(torch.uint8).expand(-1, 3, -1, -1)


def repeated(images: UInt8[Tensor, "n 3 h w"], factor: int) -> UInt8[Tensor, "n 3 h2 w2"]:
    """Every pixel as a square of ``factor`` by ``factor``, so that a small picture can be seen for what it holds."""
    return images.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
