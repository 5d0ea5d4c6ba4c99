"""Class maps and restored pictures, of large pictures by sliding windows, blended where these overlap."""

from collections.abc import Iterable, Iterator, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from clearsight.inference.predictor import Picture, Predictor
from clearsight.ops import views
from clearsight.types import ClassProbabilities, Model, Prediction, Segmentation
from clearsight.types import Picture as Restored

OVERLAP = 0.25
MIN_WEIGHT = 0.01  # of a pixel at the very edge of a window: small, but above 0 where no other window covers it


class WindowedPredictor(Predictor):
    """Predicts class maps, or pictures, for pictures of any size, each window of ``window_px`` as one of its own.

    Windows overlap by a quarter; where they do, their probabilities (or colours) are averaged, with less weight towards
    their edges, where a pixel has little context. Only one row of windows is in memory at a time. Windows are of the
    picture that is given; what a network makes ``factor`` times larger is blended at that size.
    """

    keeps_memory = False

    def __init__(
        self,
        model: Model,
        size_px: int,
        *,
        window_px: int,
        batch: int = 4,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ) -> None:
        super().__init__(model, size_px, batch=batch, dtype=dtype, device=device)
        if window_px < 32:
            raise ValueError(f"window_px is {window_px}. Expected 32 px or more.")
        self.window_px = window_px
        self.restores = False  # until the first window shows it

    def __call__(self, images: Iterable[Picture]) -> Iterator[Prediction]:
        """One prediction per picture, in order; pictures that fit into a window are predicted whole."""
        small: list[Picture] = []
        for image in images:
            large = max(image.shape[1:]) > self.window_px
            if not large:
                small.append(image)
            if large or len(small) == self.batch:
                yield from super().__call__(small)
                small = []
            if large:
                yield self.finished(self._by_windows(image), image)
            del image  # the next one is decoded before the name is taken again
        yield from super().__call__(small)

    def _by_windows(self, image: Picture) -> Segmentation | Restored:
        height, width = image.shape[1:]
        sides = (min(self.window_px, height), min(self.window_px, width))
        tops, lefts = starts(height, sides[0]), starts(width, sides[1])
        weight = hat(sides[0] * self.factor)[:, None] * hat(sides[1] * self.factor)[None]
        strips: list[tuple[Tensor, ...]] = []
        waiting: tuple[Tensor, Tensor] | None = None  # sums and weights of rows that the next windows add to
        for number, top in enumerate(tops):
            total, weights = self._row(image[:, top : top + sides[0]], lefts, sides[1], weight)
            if waiting is not None:
                overlap = waiting[0].shape[1]
                total[:, :overlap] += waiting[0]
                weights[:overlap] += waiting[1]
            done = self.factor * (tops[number + 1] - top if number + 1 < len(tops) else sides[0])
            strips.append(self._strip(total[:, :done] / weights[:done]))
            waiting = (total[:, done:], weights[done:])
        return self._joined(strips)

    def _strip(self, maps: Float[Tensor, "c h w"]) -> tuple[Tensor, ...]:
        """What is kept of finished rows: labels and confidence of class maps, and pictures as they are."""
        if self.restores:
            return (maps.cpu(),)
        best = maps.max(0)
        return (best.indices.to(torch.uint8).cpu(), best.values.cpu())

    def _joined(self, strips: Sequence[tuple[Tensor, ...]]) -> Segmentation | Restored:
        if self.restores:
            return Restored(image=torch.cat([image for (image,) in strips], 1))
        labels, confidence = zip(*strips, strict=True)
        return Segmentation(labels=torch.cat(labels), confidence=torch.cat(confidence))

    def _row(self, strip: Picture, lefts: Sequence[int], side: int, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The sum of the windows' weighted probabilities, ``c h w``, and the sum of their weights, ``h w``."""
        total: Tensor | None = None
        weight = weight.to(self.device)
        size = (strip.shape[1] * self.factor, strip.shape[2] * self.factor)
        weights = weight.new_zeros(size)
        for first in range(0, len(lefts), self.batch):
            chosen = lefts[first : first + self.batch]
            found = self._probabilities([strip[:, :, left : left + side] for left in chosen])
            if total is None:
                total = found.new_zeros(found.shape[1], *size)
            for left, one in zip(chosen, found, strict=True):
                columns = slice(left * self.factor, (left + side) * self.factor)
                total[:, :, columns] += one * weight
                weights[:, columns] += weight
        assert total is not None
        return total, weights

    def _probabilities(self, windows: list[Tensor]) -> Float[Tensor, "b c h w"]:
        """Class probabilities, or colours, of windows of one size, at their own size or ``factor`` times that."""
        batch, (at, *_) = self.laid(windows)
        at = views.enlarged(at, self.factor)
        size, placed = at.size, at.placed
        with torch.inference_mode():
            found = self.model.predict(batch)  # type: ignore[operator]
            self.restores = isinstance(found[0], Restored)
            maps = torch.stack([_map_of(one)[:, : placed[0], : placed[1]].float() for one in found])
            return maps if placed == size else F.interpolate(maps, size=size, mode="bilinear", align_corners=False)


def _map_of(found: Prediction) -> Float[Tensor, "c h w"]:
    """Numbers for every pixel, which windows can be blended by: probabilities of classes, or colours."""
    assert isinstance(found, ClassProbabilities | Restored)
    return found.image if isinstance(found, Restored) else found.probabilities


def starts(side: int, window: int, overlap: float = OVERLAP) -> list[int]:
    """The starts of windows that cover a side, overlap by that share or more, and lie within it."""
    if side <= window:
        return [0]
    count = 1 + -(-(side - window) // max(1, round(window * (1 - overlap))))
    return [round(k * (side - window) / (count - 1)) for k in range(count)]


def hat(side: int) -> Float[Tensor, "side"]:
    """The blending weight of each pixel of a window: 1 in the middle, falling linearly towards both ends."""
    centre = (torch.arange(side) + 0.5) / side
    return (1 - (2 * centre - 1).abs()).clamp(min=MIN_WEIGHT)
