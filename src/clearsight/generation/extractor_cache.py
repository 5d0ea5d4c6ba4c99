"""Trained extractors in the user's cache folder, beside the pictures: one file each, written in one step.

A file that cannot be read counts as none: it is made again.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

import filelock
from torch import Tensor

from clearsight.files.tree import load_tensors, save_tensors
from clearsight.sources.samples import cache_folder


def folder() -> Path:
    """Where cached extractors lie."""
    return cache_folder.root() / "extractors"


def key_of(*parts: object) -> str:
    """The name of what these parts determine."""
    return hashlib.sha256("\n".join(map(repr, parts)).encode()).hexdigest()[:32]


@contextlib.contextmanager
def locked(key: str) -> Iterator[None]:
    """Alone with this extractor: another process that wants it waits, and then finds it made."""
    with cache_folder.told():
        folder().mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder() / f"{key}.lock")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def read(key: str) -> dict[str, Tensor] | None:
    """The tensors kept under this name; None where there are none, or they are damaged."""
    path = folder() / f"{key}.safetensors"
    if not path.is_file():
        return None
    try:
        return load_tensors(path)
    except ValueError:
        return None


def write(key: str, tensors: dict[str, Tensor]) -> None:
    """Keep tensors under this name, in one step; raises ValueError where the disk does not take them."""
    save_tensors(folder() / f"{key}.safetensors", tensors)
