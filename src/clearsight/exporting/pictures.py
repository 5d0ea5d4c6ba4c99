"""Pictures that an export needs: to check the model with, and to calibrate 8-bit integers with."""

import sys
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from clearsight import sources
from clearsight.inference.predictor import Predictor
from clearsight.loading import data, trained
from clearsight.run import Run
from clearsight.sources import Source
from clearsight.types import Dataset

CHECKED = 16

Picture = UInt8[Tensor, "3 h w"]


def read(run: Run, needed: bool) -> Source | None:
    """The data of the run; None, and a word on stderr, where they cannot be read and are not ``needed``.

    Raises:
        ValueError: they cannot be read, and are needed.
    """
    attributes = run.config.settings.get("attributes")
    try:
        return sources.read(
            run.config.data,
            attributes=None if attributes is None else Path(attributes),
            skip_bad=bool(run.config.settings.get("skip_bad")),
            seed=data.SPLIT_SEED,
            wanted=(trained.task_of(run.config).truth_type,),
        )
    except ValueError as error:
        if needed:
            raise ValueError(
                f"int8 is calibrated and judged on the data of the run, which cannot be read: {error} "
                "Leave --precision out, or put the data back."
            ) from error
        print(f"the data of the run cannot be read, so made-up pictures are used: {error}", file=sys.stderr)
        return None


def held_out(source: Source) -> Dataset:
    """The pictures that the run was validated on, or where there are none, those of the first split."""
    return source.splits.get("val") or next(iter(source.splits.values()))


def checked(source: Source | None, run: Run, multiple: int) -> tuple[list[Picture], str]:
    """Pictures to check with, one of them turned so that the canvas is another, and where they are from in words."""
    if source is not None:
        dataset = held_out(source)
        pictures = _spread(dataset, CHECKED)
        origin = f"{len(pictures)} pictures of the split {dataset.split} of {run.config.data_name}"
    else:
        random = torch.Generator().manual_seed(0)
        coarse = [torch.rand(1, 3, 6, 8, generator=random) for _ in range(4)]
        pictures = [(nn.functional.interpolate(one, scale_factor=40)[0] * 255).to(torch.uint8) for one in coarse]
        origin = f"{len(pictures)} made-up pictures, since the data of the run cannot be read"
    wide = pictures[0][:, : max(1, pictures[0].shape[1] - multiple)]
    return [*pictures, wide.transpose(1, 2).contiguous()], f"{origin}, and one of them cut and turned"


def training(source: Source | None, run: Run, predictor: Predictor, count: int) -> list[np.ndarray]:
    """So many training pictures, evenly spread, on their canvases; raises ValueError where the data have none."""
    if source is None or not len(source.splits.get("train", ())):
        raise ValueError(
            f"int8 is calibrated on training pictures, and {run.config.data_name} has none. Leave --precision out."
        )
    return [canvas(predictor, picture) for picture in _spread(source.split("train"), count)]


def canvas(predictor: Predictor, picture: Picture) -> UInt8[np.ndarray, "1 ch cw 3"]:
    """The picture as the run's own network sees it, in bytes."""
    laid, _ = predictor.laid([picture])
    return np.ascontiguousarray((laid * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy())


def _spread(dataset: Dataset, count: int) -> list[Picture]:
    count = min(count, len(dataset))
    return [dataset[index * len(dataset) // count].image for index in range(count)]
