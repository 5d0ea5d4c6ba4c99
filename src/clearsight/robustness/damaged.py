"""Some pictures of a data set, damaged by a corruption at a severity, at the size at which the network sees them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torchvision.transforms.v2.functional as TF
from jaxtyping import UInt8
from torch import Tensor

from clearsight.corruptions.corruption import Corruption
from clearsight.corruptions.moved_truths import moved
from clearsight.sources.samples import fingerprint, pictures
from clearsight.sources.samples.picture_pairs import CorruptedPicture
from clearsight.sources.samples.records import PictureDataset, Record, records_of
from clearsight.types import Dataset, Size, Truth

Bytes = UInt8[Tensor, "3 h w"]


def drawn(dataset: Dataset, pictures_at_most: int, seed: int, seen_px: int | None) -> PictureDataset:
    """At most so many pictures of a data set, drawn at random and kept in its order, and in memory once decoded.

    They are kept no larger than the network sees them, ``seen_px`` on their longer side (None: in their own pixels).
    """
    records = records_of(dataset)
    chosen = np.arange(len(records))
    if len(records) > pictures_at_most:
        chosen = np.sort(np.random.default_rng(seed).choice(len(records), pictures_at_most, replace=False))
    kept = tuple(replace(records[index], picture=SeenPicture(records[index], seen_px)) for index in chosen)
    return PictureDataset(
        name=dataset.name,
        split=dataset.split,
        class_names=dataset.class_names,
        records=kept,
        fingerprint=dataset.fingerprint,
        symmetries=dataset.symmetries,
    )


def damaged(dataset: PictureDataset, corruption: Corruption | None, severity: int, seed: int) -> PictureDataset:
    """The pictures of ``drawn`` under a corruption, at their own sizes, with their truths moved where it moves them.

    Without a corruption they are as undamaged as those of the others: shrunk to what the network sees, and enlarged.
    """
    return replace(dataset, records=tuple(_damaged(record, corruption, severity, seed) for record in dataset.records))


class SeenPicture:
    """The picture of a record, no larger than the network sees it, kept once it was decoded; ``size`` is its own."""

    def __init__(self, record: Record, seen_px: int | None) -> None:
        self.record, self.seen_px = record, seen_px

    def __call__(self) -> Bytes:
        """The picture; raises ValueError naming the file if it is broken."""
        return self._decoded[0]

    @property
    def size(self) -> Size:
        """Height and width in px before it was shrunk."""
        return self._decoded[1]

    @cached_property
    def _decoded(self) -> tuple[Bytes, Size]:
        image = self.record.decode()
        size = (image.shape[1], image.shape[2])
        shrinks = self.seen_px is not None and max(size) > self.seen_px
        return pictures.resize(image, self.seen_px) if shrinks and self.seen_px else image, size


@dataclass(frozen=True)
class _Damage:
    """A corruption of one picture, which is enlarged to its own size afterwards."""

    seen: SeenPicture
    spoil: Callable[[Bytes], Bytes]

    def __call__(self, image: Bytes) -> Bytes:
        spoiled = self.spoil(image)
        same = self.seen.size == (image.shape[1], image.shape[2])
        return spoiled if same else TF.resize(spoiled, list(self.seen.size), antialias=False)


@dataclass(frozen=True, eq=False)
class _MovedTruth:
    """The truth of a record, moved with the content of its picture, read when it is asked for (a ``MaskFile``)."""

    record: Record
    corruption: Corruption
    severity: int
    seed: int

    @property
    def digest(self) -> str:
        words = [self.record.id, self.corruption.name, str(self.severity), str(self.seed)]
        return fingerprint.of_words([fingerprint.of_truth(self.record.truth), *words])

    def __call__(self) -> Truth:
        assert isinstance(self.record.picture, SeenPicture)
        size = self.record.picture.size
        by = self.corruption.displacements(size, self.severity, self.record.id, self.seed)
        truth = self.record.answer()
        return truth if by is None else moved(truth, by)


def _damaged(record: Record, corruption: Corruption | None, severity: int, seed: int) -> Record:
    assert isinstance(record.picture, SeenPicture)

    def spoil(image: Bytes) -> Bytes:
        return image if corruption is None else corruption(image, severity, record.id, seed)

    picture = CorruptedPicture(record, _Damage(record.picture, spoil))
    if corruption is None or corruption.displace is None:
        return replace(record, picture=picture, digest="")
    return replace(record, picture=picture, truth=_MovedTruth(record, corruption, severity, seed), digest="")
