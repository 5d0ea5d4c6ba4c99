"""The classes that pictures are made of: those of a batch in training, those asked for in sampling."""

import torch
from jaxtyping import Int
from torch import Tensor

from clearsight.generators.canvas import Canvas
from clearsight.types import Batch, Label


def of_batch(canvas: Canvas, batch: Batch) -> Int[Tensor, "b"] | None:
    """The class of each real picture, on the pictures' device; None where none is asked for."""
    if not canvas.conditional:
        return None
    assert all(isinstance(truth, Label) for truth in batch.truths)
    return torch.tensor([truth.index for truth in batch.truths if isinstance(truth, Label)], device=batch.images.device)


def checked(canvas: Canvas, classes: Int[Tensor, "n"] | None, count: int, names: int) -> Int[Tensor, "n"] | None:
    """The classes asked for of ``count`` pictures; raises ValueError where they do not fit the network."""
    if not canvas.conditional:
        if classes is not None:
            raise ValueError(
                "a class was asked for, and this network was trained without classes. Expected none. Train another "
                "with --set conditional=yes."
            )
        return None
    if classes is None:
        raise ValueError(
            f"no class was asked for, and this network makes pictures of a class. Expected one of {names} for each "
            "picture."
        )
    if classes.shape != (count,) or bool(((classes < 0) | (classes >= names)).any()):
        raise ValueError(
            f"classes {classes.tolist()[:10]} were asked for of {count} pictures. Expected one for each, from 0 to "
            f"{names - 1}."
        )
    return classes.long()
