"""Batches of pictures of one size, vectorised: for hundreds of thousands of small ones, from memory."""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from clearsight.ops import views
from clearsight.sources.batches.augmentation import colour_jitter_from, mixup, recolour
from clearsight.sources.batches.order import drawn_at, stage_of
from clearsight.sources.batches.weighting import Weighting
from clearsight.sources.samples.cache import CachedDataset
from clearsight.sources.samples.cropped import CroppedDataset
from clearsight.sources.samples.extended import ExtendedDataset
from clearsight.types import FLIPS, Batch, ClassMap, Label, Labels, Size, Training, Truth, Value


@dataclass(frozen=True, kw_only=True)
class SmallBatches:
    """The training batches of a data set whose pictures have one size, and truths without coordinates or class maps.

    Pictures are translated by up to ``training.shift`` of their side with reflection padding, flipped, and colour
    jittered. A picture is flipped every other time it is shown rather than at random, so that two epochs show both
    versions (Jordan 2024). All draws are functions of the seed and the step; ``rank`` of ``world`` processes take their
    share.
    """

    dataset: CachedDataset | CroppedDataset | ExtendedDataset
    training: Training
    canvas: Size
    seed: int = 0
    rank: int = 0
    world: int = 1
    multiple: int = 1
    weighting: Weighting = field(default_factory=Weighting)

    def __post_init__(self) -> None:
        self.weighting.check(len(self.dataset))
        assert self._maps() is None or not self.training.small_share, "class maps have one size for the whole run"

    @staticmethod
    def suits(dataset: CachedDataset | CroppedDataset | ExtendedDataset, training: Training) -> bool:
        """Whether a data set can be trained on this way."""
        whole_picture = len(dataset) > 0 and isinstance(dataset.truth(0), Label | Labels | Value | None)
        return whole_picture and dataset.common_size is not None and training.zoom == (1.0, 1.0)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch, which shows every sample once unless weighted; the last is filled up from the next."""
        return -(-self.weighting.length(len(self.dataset)) // self.training.batch_size)

    def batch(self, step: int, progress: float) -> Batch:
        """The batch of a step; ``progress`` in [0, 1] is that of the run."""
        generator = torch.Generator().manual_seed((self.seed * 1_000_000_007 + step) % 2**63)
        first = step * self.training.batch_size
        places = range(first, first + self.training.batch_size)
        indices, turns = drawn_at(places, len(self.dataset), self.seed, self.weighting)
        mine = slice(self.rank, None, self.world)
        draws = torch.rand(6, len(indices), generator=generator)[:, mine]
        indices, turns = indices[mine], turns[mine]
        images, maps = self.dataset.stack()[indices].float().div_(255), self._maps()
        if maps is not None:  # a fourth plane, so that each map moves with its picture
            images = torch.cat([images, maps[indices][:, None].float()], 1)
        images = self._translated(self._flipped(images, indices + turns), draws[:2])
        moved = None if maps is None else images[:, 3].to(torch.uint8)
        images = images[:, :3]
        images = colour_jitter_from(images, self.training.brightness, draws[2:])
        if self.training.colour:
            draws = torch.rand(len(draws[0]) * self.world, 5, generator=generator)[mine]
            images = recolour(images, self.training.colour, draws)
        images = self._sized(images, progress).contiguous(memory_format=torch.channels_last)
        rows = indices.tolist()
        truths: list[Truth] = [self.dataset.truth(row) for row in rows]
        if moved is not None:
            truths = [ClassMap(labels=labels) for labels in moved]
        batch = Batch(
            images=images,
            truths=truths,
            ids=[self.dataset.records[row].id for row in rows],
            progress=progress,
            weights=self.weighting.loss_weights(rows, truths),
        )
        return mixup(batch, self.training.mixup, generator)

    def _maps(self) -> UInt8[Tensor, "n h w"] | None:
        """The class maps, where that is what the truths are."""
        return self.dataset.maps if isinstance(self.dataset, CroppedDataset) else None

    def _flipped(self, images: Tensor, turn: Int[Tensor, "b"]) -> Tensor:
        symmetries = FLIPS.get(self.training.flips, self.dataset.symmetries)
        for axis, way in ((3, "horizontal"), (2, "vertical")):
            if way in symmetries:
                images = torch.where((turn % 2 == 0)[:, None, None, None], images.flip(axis), images)
                turn = turn // 2
        return images

    def _translated(self, images: Tensor, draws: Float[Tensor, "2 b"]) -> Tensor:
        height, width = images.shape[2:]
        limit = round(self.training.shift * max(height, width))
        if not limit:
            return images
        mode = "reflect" if limit < min(height, width) else "replicate"
        padded = F.pad(images, (limit, limit, limit, limit), mode)
        down, right = (draws * (2 * limit + 1)).long().clamp_(max=2 * limit)
        rows = (down[:, None] + torch.arange(height))[:, :, None]
        columns = (right[:, None] + torch.arange(width))[:, None, :]
        return padded.permute(0, 2, 3, 1)[torch.arange(len(images))[:, None, None], rows, columns].permute(0, 3, 1, 2)

    def _sized(self, images: Tensor, progress: float) -> Tensor:
        """The pictures at the size of this part of the run."""
        canvas, _ = stage_of(self.training, self.canvas, progress, self.multiple)
        if canvas != self.canvas:
            side = max(canvas) / max(self.canvas)
            small = (max(1, round(images.shape[2] * side)), max(1, round(images.shape[3] * side)))
            images = F.interpolate(images, size=small, mode="bilinear", antialias=True)
        grown = (canvas[1] - images.shape[3], canvas[0] - images.shape[2])
        return F.pad(images, (0, grown[0], 0, grown[1]), value=views.FILL / 255) if any(grown) else images
