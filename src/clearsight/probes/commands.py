"""Systems that are commands: one that runs throughout and answers line by line, or one run for each message."""

import contextlib
import os
import queue
import shlex
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from typing import IO, Self

from clearsight.probes.asking import SystemFailed, excerpt

MOST_BYTES = 1_000_000


def split_command(command: str | Sequence[str]) -> list[str]:
    """The words of a command, as a shell would split them; no shell runs it. Raises ValueError where there are none."""
    try:
        words = (
            shlex.split(command, posix=os.name != "nt") if isinstance(command, str) else [str(one) for one in command]
        )
    except ValueError as error:
        raise ValueError(
            f"the command {excerpt(command)!r} cannot be read: {error}. Check its quotation marks."
        ) from error
    if not words:
        raise ValueError("the command is empty. Expected a program and its arguments, in quotation marks.")
    return words


def _not_started(words: Sequence[str], error: OSError) -> SystemFailed:
    return SystemFailed(
        f"the command {excerpt(words[0])!r} cannot be run: {error.strerror or error}. Expected a program on the PATH, "
        "or the path of one that may be executed."
    )


def _text(content: bytes, asked: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SystemFailed(
            f"the reply of the command to {excerpt(asked)!r} is not UTF-8 text. Let it write UTF-8, or ASCII."
        ) from error


class TemplateCommand:
    """A command run once for each message, which stands in its arguments for ``{text}``; it prints the reply."""

    def __init__(self, words: Sequence[str], timeout_s: float) -> None:
        self.words, self.timeout_s = words, timeout_s

    def __call__(self, text: str) -> str:
        """What the command prints; raises SystemFailed where it fails, prints no text, or takes too long."""
        words = [word.replace("{text}", text) for word in self.words]
        try:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=self.timeout_s)
        except subprocess.TimeoutExpired as error:
            raise SystemFailed(
                f"the command took longer than {self.timeout_s:g} s for {excerpt(text)!r}. Allow more with --timeout."
            ) from error
        except OSError as error:
            raise _not_started(words, error) from error
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise SystemFailed(
                f"the command ended with exit status {done.returncode} on {excerpt(text)!r}"
                + (f", saying {excerpt(said[-1], 160)!r}" if said else "")
                + ". Expected status 0 and the reply on standard output."
            )
        return _text(done.stdout, text)


class LineCommand:
    """A command that runs throughout: it reads one line for each message and writes one line for each reply.

    Line breaks within a message become blanks. What it writes to standard error is told where it ends too early.
    """

    def __init__(self, words: Sequence[str], timeout_s: float) -> None:
        self.words, self.timeout_s = words, timeout_s
        self.lines: queue.Queue[bytes] = queue.Queue()

    def __enter__(self) -> Self:
        """Start the command; raises SystemFailed where it cannot be."""
        self.said: IO[bytes] = tempfile.TemporaryFile()
        try:
            self.process = subprocess.Popen(
                self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, bufsize=0
            )
        except OSError as error:
            self.said.close()
            raise _not_started(self.words, error) from error
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        return self

    def __exit__(self, *error: object) -> None:
        """End the command."""
        with contextlib.suppress(OSError):
            assert self.process.stdin is not None
            self.process.stdin.close()
        try:
            self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join(timeout=1)
        if not self.reader.is_alive():  # a child of the command may still hold the pipe
            assert self.process.stdout is not None
            self.process.stdout.close()
        self.said.close()

    def __call__(self, text: str) -> str:
        """The next line that the command writes; raises SystemFailed where it ends, is silent, or writes no text."""
        assert self.process.stdin is not None
        if not self.lines.empty():
            early = self.lines.get()
            if not early.endswith(b"\n"):
                raise self._ended(text, early)
            raise SystemFailed(
                f"the command wrote {excerpt(early.decode('utf-8', 'replace'))!r} before it was asked "
                f"{excerpt(text)!r}. Expected one line for each line it reads, and no others. Let it write all else to "
                "standard error."
            )
        with contextlib.suppress(OSError):  # an ended command is told below
            self.process.stdin.write(" ".join(text.splitlines()).encode("utf-8") + b"\n")
        try:
            line = self.lines.get(timeout=self.timeout_s)
        except queue.Empty:
            raise SystemFailed(
                f"the command wrote no line within {self.timeout_s:g} s after {excerpt(text)!r}. Expected one line for "
                "each line it reads. Let it flush its output after each (python -u), or allow more with --timeout; a "
                "command that answers once needs {text} in its arguments."
            ) from None
        if not line.endswith(b"\n"):
            raise self._ended(text, line)
        return _text(line, text)

    def _read(self) -> None:
        assert self.process.stdout is not None
        buffered = b""
        while chunk := self.process.stdout.read(65536):
            *lines, buffered = (buffered + chunk).split(b"\n")
            for line in lines:
                self.lines.put(line + b"\n")
            if len(buffered) > MOST_BYTES:
                break
        self.lines.put(buffered)  # without a line break at its end: there is no more

    def _ended(self, text: str, rest: bytes) -> SystemFailed:
        if len(rest) > MOST_BYTES:
            return SystemFailed(f"the command wrote over {MOST_BYTES:,} bytes without a line break. Expected lines.")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=1)
        self.said.seek(0)
        lines = self.said.read().decode("utf-8", "replace").strip().splitlines()
        return SystemFailed(
            f"the command ended (exit status {self.process.poll()}) when asked {excerpt(text)!r}"
            + (f", saying {excerpt(lines[-1], 160)!r}" if lines else "")
            + ". Expected it to read a line and write a line until its input ends; a command that answers once needs "
            "{text} in its arguments."
        )
