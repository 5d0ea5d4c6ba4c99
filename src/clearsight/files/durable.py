"""Durable files: written atomically, appended line by line, and locked against a second writer.

A reader sees either the former file or the new one, whatever kills the writer, and whenever.
"""

import contextlib
import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

UNFINISHED = ".unfinished"

_held: set[int] = set()


def write_atomically(path: Path, write: Callable[[Path], None], mode: int = 0o666) -> None:
    """Replace ``path`` by what ``write`` puts into the temporary file it is given, in one step.

    The file is made with ``mode``, less the user's mask, before anything is written into it: 0o600 for a secret.

    The temporary file lies in the same folder, is flushed to the disk before it takes the name, and is removed when
    anything fails: the former file then stays as it was. A symbolic link is replaced, never written through.

    Raises:
        ValueError: the folder is missing, not writable, or the disk is full.
    """
    unfinished = path.parent / f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{UNFINISHED}"
    try:
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
        mode = unfinished.stat().st_mode  # as the user's mask has it; some writers make a file of their own
        try:
            write(unfinished)
            unfinished.chmod(mode)
            flush(unfinished)
            os.replace(unfinished, path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        flush(path.parent)
    except (OSError, SafetensorError) as error:
        raise ValueError(failure(path, error)) from error


def write_bytes(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Replace a file by these bytes, in one step; ``mode`` and ValueErrors are those of ``write_atomically``."""

    def write(unfinished: Path) -> None:
        unfinished.write_bytes(content)

    write_atomically(path, write, mode)


def write_named(path: Path, content: bytes) -> None:
    """The same at a place that a user named: the folders above it are made where they are missing."""
    make_folder(path.parent, path)
    write_bytes(path, content)


def make_folder(folder: Path, for_file: Path | None = None) -> None:
    """Make a folder and those above it where they are missing.

    Raises ValueError where that cannot be done, which names the file that the folder is made for, if there is one.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(failure(for_file or folder, error)) from error


def write_json(path: Path, content: Any) -> None:
    """Replace a file by readable JSON, in one step; numbers that JSON lacks (NaN, infinity) are refused."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, _encoded(text))


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object of a file; raises ValueError where it cannot be read or holds something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: it is not JSON ({error}). Restore it from a copy.") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} is damaged: expected a JSON object, found a {type(content).__name__}.")
    return content


def _encoded(text: str) -> bytes:
    # File names may hold lone surrogates, which UTF-8 cannot encode; replaced like this, they are JSON's own escapes.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def flush(path: Path) -> None:
    """Force a file, or the names in a folder, onto the disk."""
    if sys.platform == "win32" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def failure(path: Path, error: Exception) -> str:
    """The message of a failed write: the file, the reason, the free space, and what to do."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    try:
        room = f"{shutil.disk_usage(path.parent).free / 1e6:,.1f} MB are free in {path.parent}"
    except OSError:
        room = f"{path.parent} does not exist or cannot be read"
    return (
        f"could not write {path.name}: {reason}; {room}. "
        "What was there before is unharmed. Free some space or choose a folder that can be written to."
    )


def remove_unfinished(folder: Path) -> None:
    """Remove the temporary files of killed writers from a folder; only for the holder of its lock."""
    for path in folder.glob(f".*{UNFINISHED}"):
        path.unlink(missing_ok=True)


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Append one JSON line and flush it to the disk; a torn last line of a killed writer is ended first.

    A partly written line is removed. Raises ValueError where the file cannot be written.
    """
    line = _encoded(json.dumps(record, ensure_ascii=False, allow_nan=False))
    try:
        with open(path, "a+b", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            if end:
                file.seek(end - 1)
                line = line if file.read(1) == b"\n" else b"\n" + line
            try:
                while line:
                    line = line[file.write(line) :]
                os.fsync(file.fileno())
            except OSError:
                file.truncate(end)
                raise
    except OSError as error:
        raise ValueError(failure(path, error)) from error


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON lines of a file, oldest first, without those that a killed writer left torn; empty where there is none.

    Raises ValueError where the file cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}.") from error
    records = []
    for line in content.split(b"\n"):
        with contextlib.suppress(ValueError, RecursionError):
            record = json.loads(line)
            if isinstance(record, dict):
                records.append(record)
    return records


@contextlib.contextmanager
def locked(path: Path, refusal: str) -> Iterator[None]:
    """Hold a lock for a block; it is released however the process dies.

    The file keeps the number of the holder's process. A forked child does not hold its parent's lock.

    Raises:
        ValueError: ``refusal``, with the holder's number in place of ``{pid}``, where another process holds it.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o666)
    except OSError as error:
        raise ValueError(failure(path, error)) from error
    _held.add(descriptor)
    try:
        _lock(descriptor, path, refusal)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        if descriptor in _held:
            _held.discard(descriptor)
            os.close(descriptor)


def _lock(descriptor: int, path: Path, refusal: str) -> None:
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, 1 << 30, os.SEEK_SET)  # a locked byte cannot be read, so none of the number's
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        os.lseek(descriptor, 0, os.SEEK_SET)
        holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
        raise ValueError(refusal.format(pid=holder)) from error
    except OSError as error:
        raise ValueError(failure(path, error)) from error


def _release_in_child() -> None:
    """In a forked child: its copies of the locks' descriptors would keep them locked after the parent's death."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release_in_child)
