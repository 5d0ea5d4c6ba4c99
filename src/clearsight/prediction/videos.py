"""Videos and cameras, a frame at a time, and videos of overlays. OpenCV reads and writes them."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from clearsight.prediction import writing
from clearsight.sources.problems import DataError, shown

SUFFIXES = writing.VIDEOS
COUNTED = frozenset({".avi", ".m4v", ".mov", ".mp4"})  # their headers count frames; others state a duration at best
RATE_FROM = 16  # drawn frames from whose times the rate of a drawn video is computed


@dataclass(frozen=True)
class Camera:
    """A camera by its number in the system."""

    number: int

    def __str__(self) -> str:
        return f"camera:{self.number}"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Which frames are read: each ``every``-th, at most ``frames`` of them, within the first ``seconds``."""

    every: int = 1
    frames: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every is {self.every}. Expected 1 for all frames, 10 for each tenth.")
        if self.frames is not None and self.frames < 1:
            raise ValueError(f"frames is {self.frames}. Expected at least 1.")
        if self.seconds is not None and not self.seconds > 0:
            raise ValueError(f"seconds is {self.seconds}. Expected a number above 0.")

    def check(self, moving: bool) -> None:
        """Raises ValueError for limits without a video or camera."""
        if self != Limits() and not moving:
            raise ValueError("--every, --frames and --seconds are for videos and cameras, and none was named.")


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A picture of a video or camera: its number from 0, its time from the start in seconds."""

    index: int
    time_s: float
    image: UInt8[Tensor, "3 h w"]


def opencv() -> Any:
    """The module cv2, with its warnings silenced; raises ValueError where it is not installed."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        import cv2
    except ImportError as error:
        raise ValueError(
            "videos and cameras need OpenCV, which is not installed. In the folder of clearsight's source: "
            "pip install '.[video]'."
        ) from error
    with contextlib.suppress(AttributeError):  # builds without the logging module have no messages either
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2


def fault(source: Path | Camera) -> str | None:
    """Why a video or camera gives no picture at all; None where it gives one."""
    capture = opencv().VideoCapture(source.number if isinstance(source, Camera) else str(source))
    try:
        if capture.isOpened() and capture.read()[0]:
            return None
    finally:
        capture.release()
    return "no picture comes from it" if isinstance(source, Camera) else "not a video, or cut off at once"


def count(source: Path | Camera, limits: Limits) -> int | None:
    """How many frames will be read, by the header; None where it does not state it."""
    if isinstance(source, Camera):
        return limits.frames
    cv2 = opencv()
    capture = cv2.VideoCapture(str(source))
    total, rate = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    if total <= 0:
        return limits.frames
    if limits.seconds is not None and rate > 0:
        total = min(total, np.ceil(limits.seconds * rate))
    selected = -(-int(total) // limits.every)
    return selected if limits.frames is None else min(selected, limits.frames)


def frames(source: Path | Camera, limits: Limits, stop: Callable[[], bool] = lambda: False) -> Iterator[Frame]:
    """The frames of a video or camera until it ends, a limit is reached, or ``stop`` says so.

    Raises:
        DataError: nothing can be read, or frames stop before the end that the header promises.
    """
    cv2 = opencv()
    camera = isinstance(source, Camera)
    capture = cv2.VideoCapture(source.number if isinstance(source, Camera) else str(source))
    begun, index, taken, time_s = time.monotonic(), -1, 0, 0.0
    try:
        while not stop() and (limits.frames is None or taken < limits.frames):
            if not capture.grab():
                _check_end(cv2, capture, source, index, time_s)
                return
            index += 1
            time_s = time.monotonic() - begun if camera else _time(cv2, capture, index)
            if limits.seconds is not None and time_s >= limits.seconds:
                return
            if index % limits.every:
                continue
            whole, picture = capture.retrieve()
            if not whole:
                raise DataError(_stopped(source, index - 1, time_s, "the next frame cannot be decoded"))
            taken += 1
            pixels = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
            image = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
            yield Frame(index=index, time_s=round(time_s, 3), image=image)
    finally:
        capture.release()


def _time(cv2: Any, capture: Any, index: int) -> float:
    """When the frame just read is shown, from its time stamp, else from the rate."""
    stamp, rate = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, capture.get(cv2.CAP_PROP_FPS)
    return float(stamp) if stamp > 0 or index == 0 or rate <= 0 else index / rate


def _check_end(cv2: Any, capture: Any, source: Path | Camera, last: int, time_s: float) -> None:
    """Raise where no frame came, or fewer than the header promises."""
    if last < 0:
        problem = fault(source) or "no picture comes from it"
        raise DataError(f"{shown(str(source))}: {problem}. Expected a video or camera that OpenCV can read.")
    if isinstance(source, Camera):
        raise DataError(_stopped(source, last, time_s, "no more pictures come from it"))
    total, rate = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
    if total <= 0 or rate <= 0:
        return
    # Where frames are of unequal length, time is more reliable than their number; a sound track may be a little longer.
    slack = 1.5 if source.suffix.lower() in COUNTED else max(2.0, rate)
    if last + 1 < total and time_s * rate + slack < total:
        promised = f"its header promises {int(total)} frames ({total / rate:.2f} s)"
        raise DataError(_stopped(source, last, time_s, promised))


def _stopped(source: Path | Camera, last: int, time_s: float, why: str) -> str:
    return (
        f"{shown(str(source))} stops after frame {last} ({time_s:.2f} s), and {why}. Expected a whole video. "
        "Get a whole copy, or keep what was found until then with --skip-bad."
    )


class DrawnVideo:
    """A video of pictures of one size, written as they come and verified at the end."""

    def __init__(self, path: Path) -> None:
        self.path, self.cv2, self.written = path, opencv(), 0
        self.waiting: list[tuple[float, Image.Image]] = []
        self.writer: Any = None

    def add(self, time_s: float, picture: Image.Image) -> None:
        """Add a frame; the first few wait until the rate can be computed from their times."""
        self.waiting.append((time_s, picture))
        if self.writer is not None or len(self.waiting) >= RATE_FROM:
            self._write()

    def _write(self) -> None:
        if self.writer is None:
            seconds = self.waiting[-1][0] - self.waiting[0][0]
            rate = round(min(240.0, max(0.1, (len(self.waiting) - 1) / seconds)), 2) if seconds > 0 else 1.0
            code = self.cv2.VideoWriter_fourcc(*"mp4v")
            self.size = self.waiting[0][1].size
            self.writer = self.cv2.VideoWriter(str(self.path), code, rate, self.size)
            if not self.writer.isOpened():
                raise ValueError(
                    f"could not write {self.path.name}: this OpenCV has no MPEG-4 encoder. "
                    "Install opencv-python-headless, or leave the drawings out with --no-overlays."
                )
        for _, picture in self.waiting:
            same = picture if picture.size == self.size else picture.resize(self.size)
            self.writer.write(self.cv2.cvtColor(np.asarray(same), self.cv2.COLOR_RGB2BGR))
            self.written += 1
        self.waiting = []

    def close(self) -> None:
        """End the file; raises ValueError where not all frames can be read again, as on a full disk."""
        if self.waiting:
            self._write()
        if self.writer is None:
            return
        self.writer.release()
        capture, read = self.cv2.VideoCapture(str(self.path)), 0
        while capture.grab():
            read += 1
        capture.release()
        if read != self.written:
            raise ValueError(
                f"could not write {self.path.name}: of {self.written} frames {read} can be read again. "
                "Is the disk full? Free some space or choose another folder with --out."
            )
