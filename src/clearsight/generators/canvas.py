"""What a generator's pictures are: their size, their colours, and whether a class is asked for."""

from collections.abc import Iterable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from clearsight.types import Label, Size, Truth


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """The pictures of a generator: every config of this room begins with these fields.

    ``size`` is their height and width in px, () for that of the training pictures; ``channels`` is 1 for grey and 3
    for colour, 0 for what the training pictures need. With ``conditional`` pictures of a class can be asked for, which
    needs training pictures with one class each.
    """

    size: tuple[int, ...] = ()
    channels: int = 0
    conditional: bool = False

    @property
    def made_from(self) -> type | None:
        """What a picture is made from beside noise and class: ``ClassMap``, ``Picture``, or None for nothing."""
        return None

    def __post_init__(self) -> None:
        if self.size and (len(self.size) != 2 or min(self.size) < 8):
            raise ValueError(f"size is {self.size}. Expected a height and a width of at least 8 px, such as 32,32.")
        if self.channels not in (0, 1, 3):
            raise ValueError(f"channels is {self.channels}. Expected 1 (grey), 3 (colour), or 0 for that of the data.")


def check_labels(canvas: Canvas, truths: Iterable[Truth]) -> None:
    """Raise ValueError where a class is to be asked for and the training pictures name none."""
    if canvas.conditional and not all(isinstance(truth, Label) for truth in truths):
        raise ValueError(
            "conditional is set, and these data do not name one class per picture. Expected class folders, or a table "
            "with --target. Leave conditional out to learn without classes."
        )


def check_built(canvas: Canvas) -> Size:
    """The size a network of this room is built for; raises ValueError where it or the channels are not known yet."""
    if not canvas.size or not canvas.channels:
        raise ValueError(
            f"size is {canvas.size or 'not set'} and channels is {canvas.channels or 'not set'}. Expected both before "
            "the network is built. Expected those of the training pictures, or --set size=32,32 --set channels=3."
        )
    height, width = canvas.size
    return int(height), int(width)


def in_channels(images: Float[Tensor, "b 3 h w"], channels: int) -> Float[Tensor, "b c h w"]:
    """Pictures as a network of so many channels takes them: the mean of all three for grey."""
    return images.mean(1, keepdim=True) if channels == 1 else images


def in_colour(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 3 h w"]:
    """Pictures of a network of one or three channels as RGB."""
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
