"""Inputs of a prediction: arguments to files and cameras, and these to a stream of pictures, few at a time."""

import glob
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from jaxtyping import UInt8
from torch import Tensor

from clearsight.prediction import videos, writing
from clearsight.prediction.videos import Camera, Limits
from clearsight.prediction.writing import Seen
from clearsight.sources.problems import DataError, listed, shown
from clearsight.sources.samples import pictures as picture_files
from clearsight.types import Size

AHEAD_PIXELS = 48_000_000  # of pictures decoded before they are needed
LARGE_PIXELS = 24_000_000  # pictures from here on are decoded one by one, when they are needed
Source = Path | Camera


@dataclass(frozen=True, kw_only=True)
class View:
    """A picture to predict on, and its name."""

    seen: Seen
    image: UInt8[Tensor, "3 h w"]


def found_sources(words: Sequence[str | Path]) -> list[Source]:
    """The camera that the words name, or the files; raises ValueError for none, or for a camera with anything else."""
    cameras = [camera for word in words if (camera := _camera(word)) is not None]
    if not cameras:
        return list(found_files(words))
    if len(words) > 1:
        raise ValueError(f"{cameras[0]} was named beside something else. A camera is watched alone.")
    return list(cameras)


def _camera(word: str | Path) -> Camera | None:
    match = re.fullmatch(r"(?:camera:)?(\d{1,4})", str(word))
    return None if match is None or Path(word).exists() else Camera(int(match[1]))


def found_files(words: Sequence[str | Path]) -> list[Path]:
    """The picture and video files that the words name, without repetition, folders and patterns in alphabetic order."""
    found: dict[Path, None] = {}
    for word in words:
        path = Path(word)
        if path.is_dir():
            known = picture_files.SUFFIXES | videos.SUFFIXES
            inside = sorted(file for file in path.rglob("*") if file.suffix.lower() in known and file.is_file())
            if not inside:
                raise DataError(f"there are no pictures in {shown(path)}. Expected files such as .jpg or .png in it.")
            found.update(dict.fromkeys(inside))
        elif path.is_file():
            found[path] = None
        else:
            matches = [match for name in glob.glob(str(word), recursive=True) if (match := Path(name)).is_file()]
            if not matches:
                raise DataError(f"there is no picture {shown(word)}. Give files, folders, or a pattern in quotes.")
            found.update(dict.fromkeys(sorted(matches)))
    return list(found)


def moves(source: Source) -> bool:
    """Whether a source is a video or a camera."""
    return isinstance(source, Camera) or source.suffix.lower() in videos.SUFFIXES


def _still(source: Source) -> TypeGuard[Path]:
    return not moves(source)


def readable(sources: Sequence[Source], skip_bad: bool) -> tuple[dict[Source, Size], tuple[str, ...]]:
    """The sources that can be read, with the size of each picture (0, 0 for videos), and what is wrong with the others.

    Pictures are decoded where bad ones may be skipped; else their headers are read, and all bad ones named at once in
    an error.
    """
    good: dict[Source, Size] = {}
    problems = []
    for source in sources:
        size, problem = _examined(source, skip_bad)
        if problem is None:
            good[source] = size or (0, 0)
        else:
            problems.append(f"{shown(str(source))}: {problem}")
    if len(problems) == len(sources) == 1 and isinstance(sources[0], Camera):
        raise DataError(f"{problems[0]}. Expected a camera that this machine has: camera:0 is usually the first.")
    if problems and not skip_bad:
        what = "pictures or videos" if any(map(moves, sources)) else "pictures"
        raise DataError(
            f"{len(problems)} of {len(sources)} files cannot be read as {what}:\n{listed(problems)}\n"
            "Remove them, or leave them out with --skip-bad."
        )
    if not good:
        raise DataError(f"none of the {len(sources)} files can be read as a picture:\n{listed(problems)}")
    return good, tuple(problems)


def _examined(source: Source, wholly: bool) -> tuple[Size | None, object]:
    if not _still(source):
        return None, videos.fault(source)
    size, problem = picture_files.probe(source)
    if wholly and problem is None:
        try:
            picture_files.decode(source)
        except ValueError as error:
            problem = error  # type: ignore[assignment]
    return size, problem


def unique_names(sources: Sequence[Source]) -> list[str]:
    """The sources' own names without endings; with their number where several would share one."""
    stems = [f"camera-{one.number}" if isinstance(one, Camera) else one.stem for one in sources]
    return writing.unique_names(stems)


class Views:
    """The pictures of all sources in order, frames of videos included; ``cut_short`` lists truncated videos.

    A truncated video raises DataError unless ``skip_bad``. ``total`` is how many pictures there will be, None where
    unknown.
    """

    def __init__(
        self, sources: Mapping[Source, Size], limits: Limits, *, skip_bad: bool, stop: Callable[[], bool]
    ) -> None:
        self.sources, self.limits, self.skip_bad, self.stop = dict(sources), limits, skip_bad, stop
        self.names = dict(zip(self.sources, unique_names(list(self.sources)), strict=True))
        self.cut_short: list[str] = []
        counts = [videos.count(source, limits) if moves(source) else 1 for source in self.sources]
        self.total = None if None in counts else sum(one for one in counts if one is not None)
        self.number = 0

    def __iter__(self) -> Iterator[View]:
        stills: list[Path] = []
        for source in self.sources:
            if _still(source):
                stills.append(source)
                continue
            yield from self._pictures(stills)
            stills = []
            yield from self._frames(source)
        yield from self._pictures(stills)

    def _frames(self, source: Source) -> Iterator[View]:
        try:
            for frame in videos.frames(source, self.limits, self.stop):
                name = f"{self.names[source]}/{frame.index:06d}"
                yield View(seen=self._seen(source, frame.image, name, frame.index, frame.time_s), image=frame.image)
        except DataError as error:
            if not self.skip_bad:
                raise
            self.cut_short.append(str(error).removesuffix(".").replace(", or keep what was found until then", ""))

    def _pictures(self, files: Sequence[Path]) -> Iterator[View]:
        """Decoded a little ahead by threads, since decoders release the interpreter."""
        coming, waiting = deque(files), deque[tuple[Path, Future[Tensor]]]()
        with ThreadPoolExecutor(2, thread_name_prefix="decode") as pool:
            while coming or waiting:
                while coming and self._fits(coming[0], waiting):
                    waiting.append((coming[0], pool.submit(_decoded, coming.popleft())))
                file, future = waiting.popleft()
                yield self._view(file, future)
                del future  # a large picture must go before the next is decoded

    def _fits(self, file: Path, waiting: deque[tuple[Path, Future[Tensor]]]) -> bool:
        if not waiting:
            return True
        areas = [self.sources[one][0] * self.sources[one][1] for one in (file, *(path for path, _ in waiting))]
        return sum(areas) <= AHEAD_PIXELS and max(areas) <= LARGE_PIXELS and len(waiting) < 16

    def _view(self, file: Path, future: Future[Tensor]) -> View:
        image = future.result()
        return View(seen=self._seen(file, image, self.names[file]), image=image)

    def _seen(
        self, source: Source, image: Tensor, name: str, frame: int | None = None, time_s: float | None = None
    ) -> Seen:
        self.number += 1
        size = (image.shape[1], image.shape[2])
        return Seen(image_id=self.number, file_name=str(source), size=size, name=name, frame=frame, time_s=time_s)


def _decoded(file: Path) -> Tensor:
    try:
        return picture_files.decode(file)
    except ValueError as error:
        raise DataError(f"{shown(file)}: {error}. Remove it, or leave it out with --skip-bad.") from error
