"""A log whose lines hang together: each is JSON with its number, the hash of the line before it, and its own.

    {"number": 2, ..., "previous": "<hash of line 1>", "hash": "<SHA-256 of this line without this field>"}

Beside ``LOG`` lies ``LOG.head``: how many lines there are and the hash of the last, replaced after each line. So a
changed line does not fit its own hash; one that was changed with its hash, taken out, put in or moved does not fit its
neighbour; and lines taken from the end are missed by the head. Whoever can write both files can make a new chain of
other lines: that is only found by a copy of the head that was kept elsewhere, or signed (``signatures.signed_log``).

Several processes may append: a lock file, ``.LOG.lock``, lets one at a time. A line is on the disk before the head is
replaced, and before ``append`` returns. Of a writer that is killed there remains an unfinished line, which the next
writer removes and says so in its own, or a finished one that the head does not know yet.
"""

import hashlib
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from clearsight.files import durable

BEGINNING = "0" * 64
WAIT_S = 60
OWN = ("number", "removed_bytes", "previous", "hash")
_END = re.compile(rb', "hash": "([0-9a-f]{64})"\}')
_END_BYTES = len(b', "hash": ""}') + 64


@dataclass(frozen=True)
class Head:
    """How many lines a log has, and the hash of the last (of no line: zeros)."""

    lines: int
    hash: str


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A log that was read from end to end: its head as it is, the first thing wrong with it, and hashes by line number.

    ``problem`` is "" where nothing is, and ``line`` the first bad line, 0 where it is none of them. ``notes`` are
    traces of writers that were killed.
    """

    head: Head
    problem: str = ""
    line: int = 0
    notes: tuple[str, ...] = ()
    hashes: Mapping[int, str]


def head_file(path: Path) -> Path:
    """Where the head of a log is kept."""
    return path.with_name(path.name + ".head")


def append(path: Path, record: Mapping[str, Any]) -> Head:
    """Append one line to a log, made where there is none, and return the new head.

    Raises:
        ValueError: the log was changed since its last line was written, cannot be written, or is locked for a minute.
    """
    if reserved := [name for name in OWN if name in record]:
        raise ValueError(f"{reserved[0]} is a field that the log writes itself. Choose another name.")
    with _alone(path):
        last, whole, torn = _last(path)
        _check_end(path, last, torn)
        removed = {"removed_bytes": torn} if torn else {}
        content = {"number": last.lines + 1, **record, **removed, "previous": last.hash}
        line, own = _line(content)
        try:
            _write(path, line, whole, torn)
        except OSError as error:
            raise ValueError(durable.failure(path, error)) from error
        head = Head(last.lines + 1, own)
        _write_head(path, head)
    return head


def check(path: Path, at: Collection[int] = ()) -> Checked:
    """Read a log from end to end and say the first thing that is wrong; ``at`` names lines whose hashes are wanted.

    Raises ValueError where there is no such log, or it cannot be read.
    """
    hashes: dict[int, str] = {}
    last, known = Head(0, BEGINNING), _read_head(path)
    wanted = {*at, *([known.lines] if known else [])}
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return _ended(last, known, hashes, torn=len(line))
                problem, own = _problem(line[:-1], number, last.hash)
                if problem:
                    return Checked(head=last, problem=problem, line=number, hashes=hashes)
                last = Head(number, own)
                if number in wanted:
                    hashes[number] = own
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}.") from error
    return _ended(last, known, hashes, torn=0)


def _ended(last: Head, known: Head | None, hashes: Mapping[int, str], torn: int) -> Checked:
    """What the head says of a log whose finished lines fit each other."""
    problem, line, notes = "", 0, []
    if known is None and last.lines > 1:
        problem = "its head is missing: nobody can say whether lines are missing at the end. Restore the file."
    elif known is not None and known.lines > last.lines:
        line = last.lines + 1
        problem = f"line {line} is missing: the head knows {known.lines} lines, and {last.lines} are there."
    elif known is not None and known.lines and hashes[known.lines] != known.hash:
        line, problem = known.lines, f"line {known.lines} is not the one that the head knows: it was written anew."
    else:
        if last.lines > (ends := known.lines if known else 0):
            notes.append(f"The head ends at line {ends}: what follows was written, and then its writer was killed.")
        if torn:
            notes.append(f"An unfinished line of {torn} bytes is at the end: a writer was killed. The next removes it.")
    return Checked(head=last, problem=problem, line=line, notes=tuple(notes), hashes=hashes)


def _problem(line: bytes, number: int, previous: str) -> tuple[str, str]:
    """What is wrong with a line, "" where nothing is, and its hash."""
    end = _END.fullmatch(line[-_END_BYTES:])
    if end is None:
        return f"line {number} was changed: it does not end in its hash.", ""
    body, own = line[:-_END_BYTES] + b"}", end[1].decode()
    if hashlib.sha256(body).hexdigest() != own:
        return f"line {number} was changed: it does not fit its hash.", ""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        return f"line {number} is no JSON object.", ""
    if content.get("number") != number:
        said = f"line {number} bears the number {content.get('number')}"
        return f"{said}: lines before it were taken out, put in, or moved.", ""
    if content.get("previous") != previous:
        return f"line {number} does not follow on line {number - 1}: one of the two was replaced.", ""
    return "", own


def _line(content: Mapping[str, Any]) -> tuple[bytes, str]:
    """The bytes of a line, its end included, and its hash."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    # Names of files may hold lone surrogates, which UTF-8 cannot encode; so they become JSON's own escapes.
    body = text.encode("utf-8", "backslashreplace")
    own = hashlib.sha256(body).hexdigest()
    return body[:-1] + f', "hash": "{own}"}}\n'.encode(), own


def _write(path: Path, line: bytes, whole: int, torn: int) -> None:
    """Put a line behind the ``whole`` bytes of finished ones; what a killed or failed writer began is removed."""
    new = not path.exists()
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o666)
    try:
        if torn:
            os.ftruncate(descriptor, whole)
        try:
            rest = line
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, whole)
            raise
    finally:
        os.close(descriptor)
    if new:
        durable.flush(path.parent)


def _write_head(path: Path, head: Head) -> None:
    """Replace the head in one step, for every process at once; it is not forced onto the disk.

    Flushing takes as long again as for the line itself. A head that a power cut sets back lags behind the log, which is
    told and mended with the next line.
    """
    place = head_file(path)
    unfinished = place.with_name(f".{place.name}.{os.getpid()}{durable.UNFINISHED}")
    try:
        unfinished.write_text(json.dumps({"lines": head.lines, "hash": head.hash}) + "\n", encoding="ascii")
        os.replace(unfinished, place)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ValueError(durable.failure(place, error)) from error


def _last(path: Path) -> tuple[Head, int, int]:
    """The last finished line of a log as a head, how many bytes end with it, and how many unfinished ones follow."""
    if not path.exists():
        return Head(0, BEGINNING), 0, 0
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            tail = b""
            while len(tail) < size and tail.count(b"\n") < 2:
                start = max(0, size - max(65_536, 2 * len(tail)))
                file.seek(start)
                tail = file.read(size - start)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}.") from error
    *lines, torn = tail.split(b"\n")
    if not lines:
        return Head(0, BEGINNING), 0, len(torn)
    problem = _own_problem(lines[-1])
    if problem:
        raise ValueError(_refused(path, f"its last line {problem}"))
    content = json.loads(lines[-1])
    return Head(content["number"], content["hash"]), size - len(torn), len(torn)


def _own_problem(line: bytes) -> str:
    """What is wrong with a line by itself."""
    end = _END.fullmatch(line[-_END_BYTES:])
    if end is None or hashlib.sha256(line[:-_END_BYTES] + b"}").hexdigest() != end[1].decode():
        return "does not fit its hash"
    try:
        number = json.loads(line)["number"]
    except (ValueError, KeyError, TypeError, RecursionError):
        number = None
    return "" if isinstance(number, int) else "has no number"


def _check_end(path: Path, last: Head, torn: int) -> None:
    """Refuse to go on with a log whose end is not the one its head knows."""
    known = _read_head(path)
    if known is None:
        if last.lines > 1:
            raise ValueError(_refused(path, f"{head_file(path).name} is missing"))
    elif known.lines > last.lines:
        raise ValueError(_refused(path, f"the head knows {known.lines} lines, and {last.lines} are finished"))
    elif known.lines == last.lines and known.hash != last.hash:
        raise ValueError(_refused(path, "its last line is not the one that the head knows"))


def _refused(path: Path, why: str) -> str:
    return (
        f"nothing is appended to {path}: {why}. See what is wrong with `clearsight verify {path}`, and restore it from "
        "a copy, or begin another log."
    )


def _read_head(path: Path) -> Head | None:
    place = head_file(path)
    if not place.exists():
        return None
    content = durable.read_json(place)
    lines, own = content.get("lines"), content.get("hash")
    if not isinstance(lines, int) or not re.fullmatch(r"[0-9a-f]{64}", str(own)) or set(content) != {"lines", "hash"}:
        raise ValueError(f"{place} is damaged: expected how many lines there are, and the hash of the last.")
    return Head(lines, str(own))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """The block of one writer at a time."""
    place = path.with_name(f".{path.name}.lock")
    try:
        with filelock.FileLock(place, timeout=WAIT_S):
            yield
    except filelock.Timeout as error:
        raise ValueError(
            f"{path} was locked by another process for {WAIT_S} seconds, and nothing was appended. Wait until that "
            "process is done, or stop it."
        ) from error
    except OSError as error:
        raise ValueError(durable.failure(path, error)) from error
