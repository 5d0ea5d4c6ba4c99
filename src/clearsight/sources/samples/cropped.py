"""Pictures of one size, cut from the middle of pictures of any size: what a generator learns from."""

from collections.abc import Sequence

import torch
from jaxtyping import UInt8
from torch import Tensor

from clearsight.sources.samples.cache import CachedDataset
from clearsight.sources.samples.records import Record
from clearsight.types import Sample, Size, Truth


class CroppedDataset:
    """A data set whose pictures are cut to the shape of ``size`` from their middle and resized to it; in memory.

    Truths stay as they are, so only those of a whole picture (a class, labels, a number) mean what they meant.
    """

    def __init__(self, dataset: CachedDataset, size: Size) -> None:
        self.name, self.split, self.class_names = dataset.name, dataset.split, dataset.class_names
        self.fingerprint, self.symmetries = dataset.fingerprint, dataset.symmetries
        self.records: Sequence[Record] = dataset.records
        self.common_size: Size = size
        self._dataset = dataset
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
        return self._dataset.truth(index)

    def stack(self) -> UInt8[Tensor, "n 3 h w"]:
        """All pictures, not copied."""
        return self._stack


def cropped(image: UInt8[Tensor, "3 h w"], size: Size) -> UInt8[Tensor, "3 h2 w2"]:
    """The largest part of the shape of ``size`` in the middle of a picture, resized to it with antialiasing."""
    from torchvision.transforms.v2.functional import center_crop, resize  # here for the reason given in ``ops.views``

    height, width = image.shape[1:]
    scale = min(height / size[0], width / size[1])
    part = [max(1, round(side * scale)) for side in size]
    middle = center_crop(image, part)
    return middle if tuple(part) == size else resize(middle, list(size), antialias=True)
