"""Pairs for restoring pictures: what a network is given, and the picture itself as the truth.

What is given of a picture is a function of the degradation, the seed and the pixels alone, so every model and every
baseline is given the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import UInt8
from torch import Tensor

from clearsight.sources.problems import DataError
from clearsight.sources.samples import fingerprint
from clearsight.sources.samples.cropped import cropped
from clearsight.sources.samples.records import PictureDataset, Record, records_of
from clearsight.types import Dataset, Degradation, Picture, Size


def paired(dataset: Dataset, degradation: Degradation | None, seed: int = 0) -> PictureDataset:
    """The data set whose truths are its own pictures, and whose pictures are degraded where that is asked for.

    What else is known of a picture stays; its former truth does not. Pictures are read when they are asked for. Where
    what is given is smaller, the last rows and columns of a picture that its factor does not divide are left out.
    """
    words = ["pairs", dataset.fingerprint, repr(degradation), str(seed)]
    return PictureDataset(
        name=dataset.name,
        split=dataset.split,
        class_names=dataset.class_names,
        records=tuple(_paired(record, degradation, seed) for record in records_of(dataset)),
        fingerprint=dataset.fingerprint if degradation is None else fingerprint.of_words(words),
        symmetries=dataset.symmetries,
    )


def _paired(record: Record, degradation: Degradation | None, seed: int) -> Record:
    truth = OriginalPicture(record, degradation)
    if degradation is None:
        return replace(record, truth=truth)
    size = None if record.size is None else (record.size[0] // degradation.factor, record.size[1] // degradation.factor)
    picture = CorruptedPicture(record, lambda image: degraded(image, degradation, seed))
    return replace(record, picture=picture, size=size, truth=truth, digest="")


def cut(dataset: Dataset, size: Size) -> PictureDataset:
    """The data set whose pictures are cut to the shape of ``size`` from their middle and resized to it."""
    records = (
        replace(record, picture=CorruptedPicture(record, lambda image: cropped(image, size)), size=size, digest="")
        for record in records_of(dataset)
    )
    return PictureDataset(
        name=dataset.name,
        split=dataset.split,
        class_names=dataset.class_names,
        records=tuple(records),
        fingerprint=fingerprint.of_words(["cut", dataset.fingerprint, *map(str, size)]),
        symmetries=dataset.symmetries,
    )


@dataclass(frozen=True, eq=False)
class CorruptedPicture:
    """The picture of a record with noise or other damage, as the ``picture`` of another record."""

    record: Record
    corruption: Callable[[UInt8[Tensor, "3 h w"]], UInt8[Tensor, "3 h2 w2"]]

    def __call__(self) -> UInt8[Tensor, "3 h2 w2"]:
        """The corrupted picture; raises ValueError naming the file if it is broken."""
        return self.corruption(self.record.decode())


@dataclass(frozen=True, eq=False)
class OriginalPicture:
    """The picture of a record as a truth that is read when it is asked for (a ``MaskFile``)."""

    record: Record
    degradation: Degradation | None = None

    @property
    def digest(self) -> str:
        """That of the picture."""
        return self.record.digest or fingerprint.of_bytes(self.record.decode().numpy().tobytes())

    def __call__(self) -> Picture:
        """The picture in [0, 1]; raises ValueError naming the file if it is broken."""
        factor = 1 if self.degradation is None else self.degradation.factor
        return Picture(image=divisible(self.record.decode(), factor).float() / 255, degradation=self.degradation)


def degraded(image: UInt8[Tensor, "3 h w"], degradation: Degradation, seed: int = 0) -> UInt8[Tensor, "3 h2 w2"]:
    """What is given of a picture, rounded to whole numbers as a file holds it; the same for the same pixels and seed.

    Raises ValueError where nothing is left of it.
    """
    image = divisible(image, degradation.factor)
    words = [repr(degradation), str(seed), str(tuple(image.shape))]
    digest = fingerprint.of_words([*words, fingerprint.of_bytes(image.contiguous().numpy().tobytes())])
    random = torch.Generator().manual_seed(int(digest[:15], 16))
    return (degradation(image[None].float() / 255, random)[0] * 255).round().to(torch.uint8)


def divisible(image: UInt8[Tensor, "3 h w"], factor: int) -> UInt8[Tensor, "3 h2 w2"]:
    """The picture without the last rows and columns that the factor does not divide.

    Raises ValueError where that is all of it.
    """
    height, width = (side // factor * factor for side in image.shape[1:])
    if not height or not width:
        raise DataError(
            f"a picture is {image.shape[2]} x {image.shape[1]} px, and nothing is left of it when it is made {factor} "
            f"times smaller. Expected pictures of at least {factor} x {factor} px, or a smaller factor."
        )
    return image[:, :height, :width]
