"""Pairs for restoring pictures: what a network is given, and the picture itself as the truth.

The noise of a picture is a function of the seed, the kind and level of noise, and the pixels alone, so every model and
every baseline is given the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import UInt8
from torch import Tensor

from clearsight.ops import noise
from clearsight.sources.samples import fingerprint
from clearsight.sources.samples.records import PictureDataset, Record, records_of
from clearsight.types import Dataset, Picture


@dataclass(frozen=True, kw_only=True)
class Corruption:
    """What is done to each picture before it is to be restored: a kind of ``ops.noise`` and its level."""

    noise: str
    level: float
    seed: int = 0

    def __post_init__(self) -> None:
        noise.check_noise(self.noise, self.level)

    def __str__(self) -> str:
        kind = noise.NOISES[self.noise]
        return f"{self.noise} noise of level {self.level:g} ({kind.level})"

    def __call__(self, image: UInt8[Tensor, "3 h w"]) -> UInt8[Tensor, "3 h w"]:
        """The picture with this noise, rounded to whole numbers as a file would hold it."""
        words = [self.noise, repr(self.level), str(self.seed), str(tuple(image.shape))]
        digest = fingerprint.of_words([*words, fingerprint.of_bytes(image.contiguous().numpy().tobytes())])
        random = torch.Generator().manual_seed(int(digest[:15], 16))
        spoiled = noise.corrupted(image[None].float() / 255, self.noise, torch.tensor([self.level]), random)[0]
        return (spoiled * 255).round().to(torch.uint8)


def paired(dataset: Dataset, corruption: Corruption | None) -> PictureDataset:
    """The data set whose truths are its own pictures, and whose pictures are corrupted where that is asked for.

    What else is known of a picture stays; its former truth does not. Pictures are read when they are asked for.
    """
    words = ["pairs", dataset.fingerprint, repr(corruption)]
    return PictureDataset(
        name=dataset.name,
        split=dataset.split,
        class_names=dataset.class_names,
        records=tuple(_paired(record, corruption) for record in records_of(dataset)),
        fingerprint=dataset.fingerprint if corruption is None else fingerprint.of_words(words),
        symmetries=dataset.symmetries,
    )


def _paired(record: Record, corruption: Corruption | None) -> Record:
    truth = OriginalPicture(record)
    if corruption is None:
        return replace(record, truth=truth)
    return replace(record, picture=CorruptedPicture(record, corruption), truth=truth, digest="")


@dataclass(frozen=True, eq=False)
class CorruptedPicture:
    """The picture of a record with noise or other damage, as the ``picture`` of another record."""

    record: Record
    corruption: Callable[[UInt8[Tensor, "3 h w"]], UInt8[Tensor, "3 h w"]]

    def __call__(self) -> UInt8[Tensor, "3 h w"]:
        """The corrupted picture; raises ValueError naming the file if it is broken."""
        return self.corruption(self.record.decode())


@dataclass(frozen=True, eq=False)
class OriginalPicture:
    """The picture of a record as a truth that is read when it is asked for (a ``MaskFile``)."""

    record: Record

    @property
    def digest(self) -> str:
        """That of the picture."""
        return self.record.digest or fingerprint.of_bytes(self.record.decode().numpy().tobytes())

    def __call__(self) -> Picture:
        """The picture in [0, 1]; raises ValueError naming the file if it is broken."""
        return Picture(image=self.record.decode().float() / 255)
