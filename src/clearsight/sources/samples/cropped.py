"""Pictures of one size, cut from the middle of pictures of any size: what a generator learns from."""

from collections.abc import Sequence

import torch
from jaxtyping import UInt8
from torch import Tensor

from clearsight.ops import views
from clearsight.sources.samples.cache import CachedDataset
from clearsight.sources.samples.records import Record
from clearsight.types import ClassMap, Sample, Size, Truth


class CroppedDataset:
    """A data set whose pictures are cut to the shape of ``size`` from their middle and resized to it; in memory.

    Class maps are cut and resized with their pictures, by the nearest pixel; ``maps`` are all of them, None where the
    truths are others. Other truths stay as they are, so only those of a whole picture (a class, labels, a number) mean
    what they meant.
    """

    def __init__(self, dataset: CachedDataset, size: Size) -> None:
        self.name, self.split, self.class_names = dataset.name, dataset.split, dataset.class_names
        self.fingerprint, self.symmetries = dataset.fingerprint, dataset.symmetries
        self.records: Sequence[Record] = dataset.records
        self.common_size: Size = size
        self._dataset = dataset
        self.maps: UInt8[Tensor, "n h w"] | None = None
        if dataset.has_maps:
            self.maps = torch.empty((len(dataset), *size), dtype=torch.uint8)
            for index in range(len(dataset)):
                truth = dataset.truth(index)
                assert isinstance(truth, ClassMap)
                self.maps[index] = cropped_map(truth.labels, size)
        if dataset.common_size == size:
            self._stack = dataset.stack()
        else:
            self._stack = torch.empty((len(dataset), 3, *size), dtype=torch.uint8)
            for index in range(len(dataset)):
                self._stack[index] = cropped(dataset.image(index), size)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Sample:
        record = self.records[index]
        return Sample(
            id=record.id, image=self._stack[index], truth=self.truth(index), groups=record.groups,
            cluster=record.cluster,
        )  # fmt: skip

    def truth(self, index: int) -> Truth:
        """The truth of one picture."""
        return self._dataset.truth(index) if self.maps is None else ClassMap(labels=self.maps[index])

    def stack(self) -> UInt8[Tensor, "n 3 h w"]:
        """All pictures, not copied."""
        return self._stack


def cropped(image: UInt8[Tensor, "3 h w"], size: Size) -> UInt8[Tensor, "3 h2 w2"]:
    """The largest part of the shape of ``size`` in the middle of a picture, resized to it with antialiasing."""
    from torchvision.transforms.v2.functional import resize  # here for the reason given in ``ops.views``

    middle = _middle(image, size)
    return middle if tuple(middle.shape[1:]) == size else resize(middle, list(size), antialias=True)


def cropped_map(labels: UInt8[Tensor, "h w"], size: Size) -> UInt8[Tensor, "h2 w2"]:
    """The same part of a class map; each pixel takes the class its centre falls on."""
    middle = _middle(labels[None], size)[0]
    part = (middle.shape[0], middle.shape[1])
    small = views.placed(ClassMap(labels=middle), size, views.Placement(size=part, placed=size))
    assert isinstance(small, ClassMap)
    return small.labels


def _middle(planes: UInt8[Tensor, "k h w"], size: Size) -> UInt8[Tensor, "k h2 w2"]:
    """The largest part of the shape of ``size`` in the middle."""
    from torchvision.transforms.v2.functional import center_crop

    height, width = planes.shape[1:]
    scale = min(height / size[0], width / size[1])
    return center_crop(planes, [max(1, round(side * scale)) for side in size])
