"""Pictures for a network that restores them: brought to what it learnt to be given, and frames of a video held steady.

What is to be done follows from what the network is given (``Degradation``); mostly it is nothing.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import singledispatch

import torch
from jaxtyping import UInt8
from torch import Tensor

from clearsight.ops.colour_measures import is_grey
from clearsight.ops.degradations import Grey
from clearsight.ops.lab import lab_of, rgb_of
from clearsight.ops.steady_colours import held_steady
from clearsight.prediction.inputs import View
from clearsight.sources.samples.picture_pairs import degraded
from clearsight.types import Degradation, Picture, Prediction

Bytes = UInt8[Tensor, "3 h w"]
Steady = Callable[[Bytes, Picture], Picture]
MADE_GREY = "was in colour, and was made grey first"


class Restoring:
    """What is done to pictures before a network that is ``given`` something sees them, and to its answers after."""

    def __init__(self, given: Degradation | None) -> None:
        self.given = given
        self.clip = ""
        self.steady: Steady = _unchanged

    def brought(self, view: View) -> View:
        """The picture as the network is to be given it; where it had to be changed, its name says so."""
        image, note = brought(self.given, view.image)
        return view if note is None else View(seen=replace(view.seen, note=note), image=image)

    def __call__(self, view: View, prediction: Prediction) -> Prediction:
        """The answer; that to a frame is held steady with the frames of its video before it."""
        clip = view.seen.clip
        if clip is None or not isinstance(prediction, Picture):
            return prediction
        if clip != self.clip:
            self.clip, self.steady = clip, steadied(self.given)
        return self.steady(view.image, prediction)


@singledispatch
def brought(given: Degradation | None, image: Bytes) -> tuple[Bytes, str | None]:
    """The picture as it is to be given, and what was done to it in words; None where nothing is ever done."""
    return image, None


@brought.register
def _(given: Grey, image: Bytes) -> tuple[Bytes, str | None]:
    step = max(1, max(image.shape[1:]) // 512)  # of a large picture some pixels show whether it has colours
    grey = bool(is_grey(image[None, :, ::step, ::step].float() / 255)[0])
    return (image, "") if grey else (degraded(image, given), MADE_GREY)


@singledispatch
def steadied(given: Degradation | None) -> Steady:
    """What holds the frames of one video steady, from the first on."""
    return _unchanged


@steadied.register
def _(given: Grey) -> Steady:
    return SteadyColours()


def _unchanged(image: Bytes, found: Picture) -> Picture:
    return found


class SteadyColours:
    """The colours of frames in their order: each pixel keeps its own while its lightness stays (see ``ops``)."""

    def __init__(self) -> None:
        self.held: tuple[Tensor, Tensor] | None = None

    def __call__(self, image: Bytes, found: Picture) -> Picture:
        """The frame with steady colours; a frame of another size begins anew."""
        lightness, ab = lab_of(image[None].float() / 255)[0, 0], lab_of(found.image[None])[0, 1:]
        if self.held is not None and self.held[1].shape == lightness.shape:
            ab = held_steady(ab, lightness, *self.held)
        self.held = (ab, lightness)
        return replace(found, image=rgb_of(torch.cat([lightness[None], ab])[None])[0])
