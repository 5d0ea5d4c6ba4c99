"""What a network is trained on: the batches of a data set, their canvas, the views, some pictures to begin from."""

import dataclasses
import statistics
from collections.abc import Mapping, Set
from typing import Any

import torch
import torchvision.transforms.v2.functional as TF
from jaxtyping import Float
from torch import Tensor

from clearsight.loading import trained
from clearsight.ops import views
from clearsight.ops.spread import evenly_spread
from clearsight.sources.batches.small_pictures import SmallBatches
from clearsight.sources.batches.views import Batches
from clearsight.sources.batches.weighting import Weighting
from clearsight.sources.samples.cache import CachedDataset
from clearsight.sources.samples.cropped import CroppedDataset
from clearsight.sources.samples.extended import ExtendedDataset
from clearsight.types import FLIPS, Batch, Dataset, Size, Training

PREPARED_PICTURES = 2000
PREPARED_PX = 64  # of the middle of each


def batches_for(
    dataset: CachedDataset | CroppedDataset | ExtendedDataset,
    training: Training,
    multiple: int,
    seed: int,
    rank: int = 0,
    world: int = 1,
    weighting: Weighting | None = None,
) -> Batches | SmallBatches:
    """The training batches of a data set, by the kind that suits it, drawn alike unless a ``weighting`` is given.

    Sides of pictures come in multiples of ``multiple`` px; ``rank`` of ``world`` processes take their share.
    """
    small = isinstance(dataset, CroppedDataset) or SmallBatches.suits(dataset, training)
    canvas = dataset.common_size if isinstance(dataset, CroppedDataset) else None
    kind: Any = SmallBatches if small else Batches
    return kind(
        dataset=dataset, training=training, canvas=canvas or common_canvas(dataset, training.size_px, multiple),
        seed=seed, rank=rank, world=world, multiple=multiple, weighting=weighting or Weighting(),
    )  # fmt: skip


def largest_batch(
    dataset: CachedDataset | CroppedDataset | ExtendedDataset, training: Training, model: str, seed: int
) -> Batch:
    """The first pictures as the end of a training sees them, which may begin with smaller ones."""
    return batches_for(dataset, training, trained.multiple_of(model), seed).batch(0, progress=1.0)


class Subset:
    """At most so many samples of a data set, evenly spread over it."""

    def __init__(self, dataset: Dataset, most: int) -> None:
        self._dataset = dataset
        self._indices = evenly_spread(len(dataset), most)
        self.name, self.split, self.class_names = dataset.name, dataset.split, dataset.class_names
        self.fingerprint, self.symmetries = dataset.fingerprint, dataset.symmetries

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> Any:
        return self._dataset[self._indices[index]]


def some_of(dataset: Dataset) -> Float[Tensor, "b 3 h w"]:
    """Training pictures evenly spread over the data, as one batch, for a start that depends on the data."""
    subset = Subset(dataset, PREPARED_PICTURES)
    images = [subset[index].image for index in range(len(subset))]
    side = [min(PREPARED_PX, *(image.shape[axis] for image in images)) for axis in (1, 2)]
    return torch.stack([TF.center_crop(image, side) for image in images]).float() / 255


def common_canvas(dataset: Dataset, size_px: int, multiple: int = views.MULTIPLE) -> Size:
    """One canvas for all training pictures: the typical shape where most share it, else a square."""
    sizes = trained.sizes(dataset)
    shape = statistics.median(height / width for height, width in sizes)
    canvas = views.canvas_for((round(1000 * shape), 1000), size_px, multiple)
    fits = sum(
        height <= canvas[0] and width <= canvas[1] for height, width in (views.fitted(size, size_px) for size in sizes)
    )
    return canvas if fits >= 0.9 * len(sizes) else views.canvas_for((1, 1), size_px, multiple)


def answering_as_trained(config: Any, training: Training, symmetries: Set[str], settings: Mapping[str, Any]) -> Any:
    """The config of a network that can answer with a mean over views: over those it is trained on, unless said."""
    views = {"mirrored": "horizontal" in FLIPS.get(training.flips, symmetries), "shifted": training.shift > 0}
    unsaid = {name: wanted for name, wanted in views.items() if hasattr(config, name) and name not in settings}
    return dataclasses.replace(config, **unsaid)
