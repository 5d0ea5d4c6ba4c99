"""Training pictures of one size with further pictures behind them, in memory."""

from collections.abc import Sequence

import torch
from jaxtyping import UInt8
from torch import Tensor

from clearsight.sources.samples.cropped import CroppedDataset
from clearsight.sources.samples.records import Record
from clearsight.types import Label, Sample, Size, Truth


class ExtendedDataset:
    """A data set of one size with ``extra`` pictures of that size, of the classes ``labels``, after its own.

    The fingerprint stays that of the real pictures: what is added is not kept with them.
    """

    def __init__(
        self, dataset: CroppedDataset, extra: UInt8[Tensor, "n 3 h w"], labels: Sequence[int], name: str
    ) -> None:
        """``name`` is what the ids of the extra pictures begin with."""
        self.name, self.split, self.class_names = dataset.name, dataset.split, dataset.class_names
        self.fingerprint, self.symmetries = dataset.fingerprint, dataset.symmetries
        self.common_size: Size = dataset.common_size
        self._dataset, self._labels = dataset, [Label(index=label) for label in labels]
        self._stack = torch.cat([dataset.stack(), extra]) if len(extra) else dataset.stack()
        added = [
            Record(id=f"{name}-{k}", picture=extra[k].clone, size=dataset.common_size, truth=label)
            for k, label in zip(range(len(extra)), self._labels, strict=True)
        ]
        self.records: Sequence[Record] = (*dataset.records, *added)

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
        own = len(self._dataset)
        return self._dataset.truth(index) if index < own else self._labels[index - own]

    def stack(self) -> UInt8[Tensor, "n 3 h w"]:
        """All pictures, not copied."""
        return self._stack
