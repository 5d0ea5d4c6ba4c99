"""The classes that pictures are made of: those of a batch in training, those asked for in sampling."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from clearsight.generators.canvas import Canvas
from clearsight.types import Batch, Label


def of_batch(canvas: Canvas, batch: Batch) -> Int[Tensor, "b"] | None:
    """The class of each real picture, on the pictures' device; None where none is asked for.

    Raises ValueError where a picture has none and the network is conditional.
    """
    if not canvas.conditional:
        return None
    found = [truth.index for truth in batch.truths if isinstance(truth, Label)]
    if len(found) < len(batch.truths):
        raise ValueError("a picture names no class, and the generator is conditional. Expected a class for each.")
    return torch.tensor(found, device=batch.images.device)


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


def rows_of_batch(canvas: Canvas, batch: Batch, names: int) -> Float[Tensor, "b k"]:
    """The classes of a batch as one-hot rows; of no column where none is asked for, so that they can be appended."""
    return _rows(of_batch(canvas, batch), names, batch.images)


def rows_asked(
    canvas: Canvas, classes: Int[Tensor, "n"] | None, names: int, latents: Float[Tensor, "n ..."]
) -> Float[Tensor, "n k"]:
    """The same of the classes asked for, one for each of the latents; raises ValueError where they do not fit."""
    return _rows(checked(canvas, classes, len(latents), names), names, latents)


def _rows(classes: Int[Tensor, "n"] | None, names: int, like: Tensor) -> Float[Tensor, "n k"]:
    return like.new_zeros(len(like), 0) if classes is None else F.one_hot(classes, names).to(like)
