"""Decoded pictures, made once: every picture resized, as raw bytes in one file that is mapped into memory.

The cache lies in the user's cache folder (``CLEARSIGHT_CACHE`` names another) and holds at most 20 GB
(``CLEARSIGHT_CACHE_GB``); the sets used least recently make room. An entry is built in a folder of its own and renamed
when complete, under a lock the system gives up when its holder dies: a killed builder neither blocks nor harms the
next, and two builders of one set share the work of the first.
"""

import hashlib
import json
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor

from clearsight.ops import views
from clearsight.sources.problems import DataError, Problem, message, shown
from clearsight.sources.samples import cache_folder, fingerprint, pictures
from clearsight.sources.samples.outlines import DrawnInstances
from clearsight.sources.samples.records import MaskFile, Record, records_of
from clearsight.types import IGNORE, Boxes, ClassMap, Dataset, Instances, Sample, Size, Truth

Progress = Callable[[int, int], None]

VERSION = 2


class CachedDataset:
    """A data set whose pictures, and class maps, are resized and mapped from disk; boxes are scaled with them.

    Masks of objects are compact: they stay in memory as they are, and are scaled when they are asked for.

    ``records`` are the samples as they were before resizing: their truths and sizes are those of the original picture.
    Images are views of the map, private to this process: writing to one does not reach the disk. ``fingerprint`` is
    that of the data before resizing, unless pictures were left out.
    """

    def __init__(self, dataset: Dataset, records: Sequence[Record], entry: cache_folder.Entry, size_px: int) -> None:
        self.name = dataset.name
        self.split = dataset.split
        self.class_names = dataset.class_names
        self.symmetries = dataset.symmetries
        self.size_px = size_px
        self.records = tuple(records[index] for index in entry.kept)
        self.problems = tuple(f"left out: {shown(where)}: {why}" for _, where, why in entry.bad)
        left_out = json.dumps([index for index, _, _ in entry.bad])
        self.fingerprint = _hashed(dataset.fingerprint, left_out) if entry.bad else dataset.fingerprint
        self._entry = entry
        self._starts = _starts(entry)
        self._truths = [
            None if isinstance(record.truth, MaskFile | Instances) else _scaled(record.truth, record, size)
            for record, size in zip(self.records, entry.sizes, strict=True)
        ]
        self._pixels = cache_folder.mapped(entry)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Sample:
        record = self.records[index]
        return Sample(
            id=record.id,
            image=self.image(index),
            truth=self.truth(index),
            groups=record.groups,
            cluster=record.cluster,
        )

    def image(self, index: int) -> UInt8[Tensor, "3 h w"]:
        """One resized picture, not copied."""
        return self._planes(index)[:3]

    def truth(self, index: int) -> Truth:
        """The truth of one resized picture; a class map is not copied."""
        if self.has_maps:
            return ClassMap(labels=self._planes(index)[3])
        record = self.records[index]
        if isinstance(record.truth, Instances | DrawnInstances):
            return _scaled(record.answer(), record, self._entry.sizes[index])
        return self._truths[index]

    @cached_property
    def common_size(self) -> Size | None:
        """The size of every resized picture; None where they differ, or there are none."""
        sizes = set(self._entry.sizes)
        return sizes.pop() if len(sizes) == 1 else None

    def stack(self) -> UInt8[Tensor, "n 3 h w"]:
        """All pictures of a data set whose pictures have one size, not copied."""
        assert self.common_size is not None
        return self._pixels.view(len(self), self._entry.planes, *self.common_size)[:, :3]

    @property
    def has_maps(self) -> bool:
        """Whether the truths are class maps."""
        return self._entry.planes == 4

    def _planes(self, index: int) -> UInt8[Tensor, "planes h w"]:
        height, width = self._entry.sizes[index]
        start = self._starts[index]
        return self._pixels[start : start + self._entry.planes * height * width].view(-1, height, width)

    def scale(self, index: int) -> tuple[float, float]:
        """Resized over original size, vertically and horizontally: divide a box by it to return to the original."""
        height, width = _known(self.records[index])
        return (self._entry.sizes[index][0] / height, self._entry.sizes[index][1] / width)

    def __getstate__(self) -> dict[str, Any]:
        # Another process maps the file itself rather than being sent all its pixels.
        return {name: value for name, value in self.__dict__.items() if name != "_pixels"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._pixels = cache_folder.mapped(self._entry)


def cached(
    dataset: Dataset, size_px: int, progress: Progress | None = None, *, skip_bad: bool = False
) -> CachedDataset:
    """The data set with its pictures resized (longer side ``size_px`` px), from the cache, which is filled if need be.

    ``progress`` is called with how many pictures are done, of how many. Raises DataError with every picture that cannot
    be decoded, unless bad ones are to be skipped, and where the disk or the cache is too small.
    """
    if size_px < 1:
        raise DataError(f"pictures cannot be {size_px} px large. Expected a size from 1 px.")
    records = records_of(dataset)
    key = _hashed(str(VERSION), dataset.fingerprint, str(size_px))
    with cache_folder.told(), cache_folder.locked(key):
        entry = cache_folder.opened(key)
        if entry is None or (entry.bad and not skip_bad):
            cache_folder.make_room(key, _expected(records, size_px))
            entry = _built(key, records, size_px, progress, dataset.name, skip_bad)
        os.utime(entry.pixels.parent)
        return CachedDataset(dataset, records, entry, size_px)


def _built(
    key: str, records: Sequence[Record], size_px: int, progress: Progress | None, name: str, skip_bad: bool
) -> cache_folder.Entry:
    place, building = cache_folder.folder() / key, cache_folder.folder() / f"{key}.building"
    for leftover in (place, building):
        shutil.rmtree(leftover, ignore_errors=True)
    building.mkdir()
    planes = _planes(records)
    try:
        kept, sizes, bad = [], [], []
        with (building / "pixels.bin").open("wb") as file:
            for index, image in enumerate(_decoded(records, size_px, planes)):
                if isinstance(image, pictures.PictureError):
                    bad.append((index, _name(records[index]), str(image)))
                else:
                    file.write(image.numpy().tobytes())
                    kept.append(index)
                    sizes.append((image.shape[1], image.shape[2]))
                if progress is not None:
                    progress(index + 1, len(records))
            file.flush()
            os.fsync(file.fileno())
        if bad and not skip_bad:
            raise DataError(message(name, [Problem(kind=why, where=where) for _, where, why in bad]))
        with (building / "index.json").open("w", encoding="utf-8") as index_file:
            json.dump({"kept": kept, "sizes": sizes, "bad": bad, "planes": planes}, index_file)
            index_file.flush()
            os.fsync(index_file.fileno())
        building.rename(place)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return cache_folder.Entry(
        pixels=place / "pixels.bin", kept=tuple(kept), sizes=tuple(sizes), bad=tuple(bad), planes=planes
    )


def _decoded(records: Sequence[Record], size_px: int, planes: int) -> Iterator[Tensor | pictures.PictureError]:
    """The resized pictures in order, decoded a few ahead; what cannot be decoded comes as its error."""
    workers = min(4, os.cpu_count() or 1)
    waiting: deque[Future[Tensor | pictures.PictureError]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for record in records:
                waiting.append(pool.submit(_decode, record, size_px, planes))
                if len(waiting) > 4 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _decode(record: Record, size_px: int, planes: int) -> Tensor | pictures.PictureError:
    image = _picture(record, size_px)
    if planes == 3 or isinstance(image, pictures.PictureError):
        return image
    after = (image.shape[1], image.shape[2])
    try:
        mask = record.answer() or ClassMap(labels=image.new_full(after, IGNORE))
    except ValueError as error:
        return pictures.PictureError("mask changed since it was read", str(error))
    assert isinstance(mask, ClassMap)
    whole = (mask.labels.shape[0], mask.labels.shape[1])
    small = views.placed(mask, after, views.Placement(size=whole, placed=after))
    assert isinstance(small, ClassMap)
    return torch.cat([image, small.labels[None]])


def _picture(record: Record, size_px: int) -> Tensor | pictures.PictureError:
    if not isinstance(record.picture, Path):
        return record.decode(size_px)
    try:
        data = pictures.content(record.picture)
        # Pixels under another content's fingerprint would be silently wrong for as long as the cache lives.
        if record.digest and fingerprint.of_bytes(data) != record.digest:
            raise pictures.PictureError("picture changed since it was read")
        return pictures.decode(data, size_px)
    except pictures.PictureError as error:
        return error


def _expected(records: Sequence[Record], size_px: int) -> int:
    sizes = [pictures.resized(record.size, size_px) for record in records if record.size is not None]
    planes = _planes(records)
    return sum(planes * height * width for height, width in sizes)


def _planes(records: Sequence[Record]) -> int:
    return 4 if any(_is_class_map(record.truth) for record in records) else 3


def _is_class_map(truth: Truth | MaskFile) -> bool:
    return isinstance(truth, MaskFile) and not isinstance(truth, DrawnInstances)


def _starts(entry: cache_folder.Entry) -> list[int]:
    starts = [0]
    for height, width in entry.sizes:
        starts.append(starts[-1] + entry.planes * height * width)
    return starts


def _scaled(truth: Truth, record: Record, after: Size) -> Truth:
    if not isinstance(truth, Boxes):
        return truth
    before = _known(record)
    if before == after:
        return truth
    if isinstance(truth, Instances):
        return views.placed(truth, after, views.Placement(size=before, placed=after))
    down, across = after[0] / before[0], after[1] / before[1]
    edge = torch.tensor([after[1], after[0], after[1], after[0]], dtype=torch.float32)
    xyxy = (truth.xyxy * torch.tensor([across, down, across, down])).minimum(edge)
    return replace(truth, xyxy=xyxy, areas=truth.areas * (down * across))


def _known(record: Record) -> Size:
    if record.size is not None:
        return record.size
    image = record.decode()
    return (image.shape[1], image.shape[2])


def _name(record: Record) -> str:
    return str(record.picture) if isinstance(record.picture, Path) else record.id


def _hashed(*words: str) -> str:
    return hashlib.blake2b(json.dumps(words).encode(), digest_size=16).hexdigest()
