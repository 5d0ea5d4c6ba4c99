"""Samples whose pictures are not decoded yet, data sets of them, and the Source that reading gives."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import UInt8
from torch import Tensor

from clearsight.sources.problems import DataError, shown
from clearsight.sources.samples import pictures
from clearsight.sources.samples.clustering import Clustering
from clearsight.sources.samples.outlines import DrawnInstances
from clearsight.suggestions import did_you_mean
from clearsight.types import (
    IGNORE,
    Boxes,
    ClassMap,
    Dataset,
    Label,
    Labels,
    Sample,
    Size,
    State,
    Truth,
)

SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


@runtime_checkable
class MaskFile(Protocol):
    """A truth as large as its picture that is read when it is asked for; ``digest`` is a hash of all it is made of."""

    @property
    def digest(self) -> str:
        """Equal for equal truths."""
        ...

    def __call__(self) -> Truth:
        """Read it; raises ValueError naming the file if it is broken."""
        ...


@dataclass(frozen=True, kw_only=True)
class Record:
    """A Sample whose picture is not decoded: a file, or a function that gives the picture.

    ``size`` is that of the picture after EXIF rotation, where known; ``digest`` a hash of the picture's bytes;
    ``captured`` the camera and the second it was taken, where EXIF says so. ``inferred`` tells a cluster that nobody
    gave. A truth as large as the picture may be a function too: ``answer`` gives it.
    """

    id: str
    picture: Path | Callable[[], UInt8[Tensor, "3 h w"]]
    size: Size | None
    truth: Truth | MaskFile
    groups: Mapping[str, str] = field(default_factory=dict)
    cluster: str = ""
    split: str | None = None
    digest: str = ""
    inferred: bool = False
    captured: tuple[str, float] | None = None

    def answer(self) -> Truth:
        """The truth, read now where it is in a file; raises ValueError naming the file if it is broken."""
        return self.truth() if isinstance(self.truth, MaskFile) else self.truth

    def boxes(self) -> Boxes | None:
        """The objects, with their masks where these are at hand; no mask is drawn. None where the truth is another."""
        truth = self.truth.boxes if isinstance(self.truth, DrawnInstances) else self.truth
        return truth if isinstance(truth, Boxes) else None

    def decode(self, size_px: int | None = None) -> UInt8[Tensor, "3 h w"]:
        """The picture, its longer side ``size_px`` where given; raises ValueError naming the file if it is broken."""
        if isinstance(self.picture, Path):
            try:
                return pictures.decode(self.picture, size_px)
            except pictures.PictureError as error:
                raise DataError(
                    f"{shown(self.picture)}: {error}. It was whole, or looked so, when the data were read. "
                    "Restore the file and start again, or leave bad pictures out with --skip-bad (skip_bad=True)."
                ) from error
        image = self.picture()
        return image if size_px is None else pictures.resize(image, size_px)


@dataclass(kw_only=True, eq=False)
class PictureDataset:
    """The records of one split as a ``types.Dataset``; each access decodes one picture."""

    name: str
    split: str
    class_names: tuple[str, ...]
    records: tuple[Record, ...]
    fingerprint: str
    symmetries: frozenset[str] = frozenset({"horizontal"})

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Sample:
        record = self.records[index]
        return Sample(
            id=record.id, image=record.decode(), truth=record.answer(), groups=record.groups, cluster=record.cluster
        )


@dataclass(frozen=True, kw_only=True)
class Source:
    """Data as read: the splits found or made, and what was skipped, clipped or decided on the way (``problems``).

    ``truth`` is the kind of truth its samples have, or ``Picture`` where they may have any, or none, and only the
    pictures are of use; ``clustering`` tells how their clusters came about. ``ungrouped`` are the columns of their
    table with too many values to be attributes, and how many.
    """

    name: str
    format: str
    class_names: tuple[str, ...]
    splits: Mapping[str, Dataset]
    problems: tuple[str, ...]
    fingerprint: str
    truth: type = Boxes
    clustering: Clustering = field(default_factory=Clustering)
    ungrouped: Mapping[str, int] = field(default_factory=dict)

    def split(self, name: str) -> Dataset:
        """The data set of that split; "valid" and "validation" mean "val". Raises DataError with the nearest names."""
        wanted = SPLIT_WORDS.get(name.lower(), name)
        if wanted in self.splits:
            return self.splits[wanted]
        hint = did_you_mean(wanted, self.splits, cutoff=0.4)
        raise DataError(
            f"{shown(self.name)} has no split {shown(name)!r}. It has: {', '.join(self.splits)}. {hint}".rstrip()
        )

    def aligned(self, class_names: Sequence[str]) -> "Source":
        """The same data with class ids that count in ``class_names``, such as a trained model's.

        Class ids depend on what else is in a folder; names do not. Raises DataError for a class that is not listed.
        """
        if tuple(class_names) == self.class_names:
            return self
        unknown = [name for name in self.class_names if name not in class_names]
        if unknown:
            raise DataError(
                f"{shown(self.name)} has classes that are not expected here: {', '.join(map(shown, unknown[:10]))}. "
                f"Expected only: {', '.join(map(shown, class_names[:20]))}. Remove or rename the others."
            )
        table = torch.tensor([list(class_names).index(name) for name in self.class_names], dtype=torch.long)
        splits = {split: _relabelled(dataset, table, tuple(class_names)) for split, dataset in self.splits.items()}
        return replace(self, class_names=tuple(class_names), splits=splits)


def records_of(dataset: Dataset) -> tuple[Record, ...]:
    """The records of any data set; of one that is not made of them, every sample is looked at once."""
    if isinstance(dataset, PictureDataset):
        return dataset.records
    records = []
    for index in range(len(dataset)):
        sample = dataset[index]
        records.append(
            Record(
                id=sample.id,
                picture=functools.partial(_image, dataset, index),
                size=sample.size,
                truth=sample.truth,
                groups=sample.groups,
                cluster=sample.cluster,
                split=dataset.split,
            )
        )
    return tuple(records)


def _image(dataset: Dataset, index: int) -> Tensor:
    return dataset[index].image


def _relabelled(dataset: Dataset, table: Tensor, class_names: tuple[str, ...]) -> Dataset:
    if not isinstance(dataset, PictureDataset):
        raise DataError(f"the classes of {dataset.name} are fixed: {', '.join(dataset.class_names)}.")
    records = tuple(
        replace(record, truth=_renumbered(record.truth, table, len(class_names))) for record in dataset.records
    )
    return replace(dataset, records=records, class_names=class_names)


def _renumbered(truth: Truth | MaskFile, table: Tensor, classes: int) -> Truth | MaskFile:
    """The truth with class id i become ``table[i]``, of ``classes``."""
    if isinstance(truth, DrawnInstances):
        return replace(truth, boxes=replace(truth.boxes, labels=table[truth.boxes.labels]))
    if isinstance(truth, MaskFile):
        return _Renumbered(truth, table, truth.digest)
    if isinstance(truth, Label):
        return Label(index=int(table[truth.index]))
    if isinstance(truth, Labels):
        states = torch.full((classes,), State.UNREAD, dtype=truth.states.dtype)
        states[table] = truth.states
        return Labels(states=states)
    return replace(truth, labels=table[truth.labels]) if isinstance(truth, Boxes) else truth


@dataclass(frozen=True)
class _Renumbered:
    """A class map whose class ids are exchanged when it is read."""

    mask: MaskFile
    table: Tensor
    digest: str

    def __call__(self) -> ClassMap:
        whole = torch.full((256,), IGNORE, dtype=torch.uint8)
        whole[: len(self.table)] = self.table.to(torch.uint8)
        mask = self.mask()
        assert isinstance(mask, ClassMap)
        return ClassMap(labels=whole[mask.labels.long()])
