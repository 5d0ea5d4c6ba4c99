"""The place of the picture cache on disk: its folder, bound, locks and entries, and the map of one into memory.

The folder is the user's cache folder or ``CLEARSIGHT_CACHE``; the bound is 20 GB or ``CLEARSIGHT_CACHE_GB``.
"""

import contextlib
import errno
import json
import mmap
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock
import platformdirs
import torch
from jaxtyping import UInt8
from torch import Tensor

from clearsight.sources.problems import DataError, shown
from clearsight.types import Size

DEFAULT_GB = 20.0
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Copy-on-write pages need no swap behind them; Python names the flag only from 3.13 on.
NO_RESERVE = 0x4000 if sys.platform == "linux" else 0


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What lies in the cache: the file of pixels, the size of each picture there, and the pictures left out.

    A picture has three planes of bytes, red, green and blue, and a fourth where its truth is a class map.
    """

    pixels: Path
    kept: tuple[int, ...]
    sizes: tuple[Size, ...]
    bad: tuple[tuple[int, str, str], ...]
    planes: int = 3

    @property
    def bytes(self) -> int:
        """How many bytes its pictures take."""
        return sum(self.planes * height * width for height, width in self.sizes)


def root() -> Path:
    """The folder of everything that is cached: ``CLEARSIGHT_CACHE``, else the user's cache folder."""
    named = os.environ.get("CLEARSIGHT_CACHE")
    return Path(named).expanduser() if named else platformdirs.user_cache_path("clearsight")


def folder() -> Path:
    """Where cached pictures lie."""
    return root() / "pictures"


def limit_bytes() -> int:
    """How much the cache may hold; raises DataError where ``CLEARSIGHT_CACHE_GB`` is not a positive number."""
    words = os.environ.get("CLEARSIGHT_CACHE_GB", str(DEFAULT_GB))
    try:
        gigabytes = float(words)
    except ValueError:
        gigabytes = -1.0
    if not 0 < gigabytes < 1e9:
        raise DataError(f"CLEARSIGHT_CACHE_GB is {shown(words)!r}. Expected a number of gigabytes, such as 20.")
    return int(gigabytes * 1e9)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Failures of the disk in words a user can act on."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise DataError(
                f"the disk of the cache is full: {shown(folder())}. Nothing half-written was kept. Free some space, "
                "name another folder in CLEARSIGHT_CACHE, or use smaller pictures."
            ) from error
        raise DataError(
            f"the cache cannot be used: {shown(error)}. Expected a writable folder at {shown(folder())}. "
            "Correct its permissions or name another in CLEARSIGHT_CACHE."
        ) from error


@contextlib.contextmanager
def locked(key: str) -> Iterator[None]:
    """Alone with this entry: other processes wait; the lock of one that dies is free at once."""
    folder().mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder() / f"{key}.lock"):
        yield


def opened(key: str) -> Entry | None:
    """The entry, or None where there is none or it is not whole."""
    place = folder() / key
    try:
        index = json.loads((place / "index.json").read_bytes())
        entry = Entry(
            pixels=place / "pixels.bin",
            kept=tuple(index["kept"]),
            sizes=tuple((height, width) for height, width in index["sizes"]),
            bad=tuple((number, where, why) for number, where, why in index["bad"]),
            planes=int(index["planes"]),
        )
        whole = entry.pixels.stat().st_size == entry.bytes
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return entry if whole else None


def make_room(key: str, wanted: int) -> None:
    """Remove entries, least recently used first, until ``wanted`` bytes fit; those in use elsewhere stay."""
    limit = limit_bytes()
    if wanted > limit:
        raise DataError(
            f"the resized pictures take {wanted / 1e9:.1f} GB, the cache may hold {limit / 1e9:.1f} GB. "
            "Raise CLEARSIGHT_CACHE_GB or use smaller pictures."
        )
    free = shutil.disk_usage(folder()).free
    if wanted > free:
        raise OSError(errno.ENOSPC, f"{wanted / 1e9:.1f} GB wanted, {free / 1e9:.1f} GB free")
    entries = sorted((path for path in folder().iterdir() if path.is_dir()), key=_used)
    sizes = {path: _bytes(path) for path in entries}
    total = sum(sizes.values()) + wanted
    for path in entries:
        if total <= limit or path.name == key:
            continue
        lock = filelock.FileLock(folder() / f"{path.name.removesuffix('.building')}.lock")
        with contextlib.suppress(filelock.Timeout), lock.acquire(timeout=0):
            shutil.rmtree(path, ignore_errors=True)
            total -= sizes[path]


def _bytes(path: Path) -> int:
    try:
        return sum(file.stat().st_size for file in path.iterdir())
    except FileNotFoundError:
        # Another process removed it meanwhile.
        return 0


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()


def mapped(entry: Entry) -> UInt8[Tensor, "bytes"]:
    """All pixels of an entry as one tensor, private to this process and not copied."""
    if not entry.sizes:
        return torch.empty(0, dtype=torch.uint8)
    with entry.pixels.open("rb") as file:
        if sys.platform == "win32":
            view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        else:
            # Private and writable: torch wants a writable buffer, and no write may reach the file.
            flags = mmap.MAP_PRIVATE | NO_RESERVE
            view = mmap.mmap(file.fileno(), 0, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    return torch.frombuffer(view, dtype=torch.uint8)
