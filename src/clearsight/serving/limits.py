"""How much a server takes on: bytes, pictures, pixels, seconds, and how many may wait."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from clearsight.web.bodies import MIB, BodyLimits

MOST_MEGAPIXELS = 89  # beyond, Pillow takes a picture for an attack


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Of a request: ``mib`` it may send, ``files`` in it, ``megapixels`` of each picture, ``seconds`` to its answer.

    ``waiting`` pictures may be under way or wait for a model; further ones are refused with 503.
    """

    mib: float = 32
    files: int = 16
    megapixels: float = 50
    seconds: float = 30
    waiting: int = 64

    def __post_init__(self) -> None:
        for name, least, most in (
            ("mib", 0.01, 2048), ("files", 1, 1000), ("megapixels", 0.01, MOST_MEGAPIXELS), ("seconds", 0.1, 3600),
            ("waiting", 1, 10_000),
        ):  # fmt: skip
            if not least <= getattr(self, name) <= most:
                option = "max-mib" if name == "mib" else f"max-{name}"
                raise ValueError(f"--{option} is {getattr(self, name):g}. Expected {least:g} to {most:g}.")
        if self.files > self.waiting:
            raise ValueError(
                f"--max-files is {self.files} and --max-waiting {self.waiting}: a request of so many pictures would "
                "never be answered. Let at least as many wait as a request may hold."
            )

    @property
    def pixels(self) -> int:
        """The most pixels of a picture."""
        return int(self.megapixels * 1e6)

    @property
    def bodies(self) -> BodyLimits:
        """The limits of what is sent: of all requests together eight times those of one."""
        return BodyLimits(request_bytes=int(self.mib * MIB), all_bytes=int(8 * self.mib * MIB), seconds=self.seconds)


class TooMuch(Exception):
    """More pixels are under way than the server keeps in memory."""


class Pixels:
    """The pixels of decoded pictures under way, at most ``most``: four of the largest pictures."""

    def __init__(self, limits: Limits) -> None:
        self.most, self.held, self.lock = 4 * limits.pixels, 0, threading.Lock()

    @contextmanager
    def reserved(self, pixels: int) -> Iterator[None]:
        """Hold so many for a block; raises TooMuch where there is no room now."""
        with self.lock:
            if self.held + pixels > self.most:
                raise TooMuch
            self.held += pixels
        try:
            yield
        finally:
            with self.lock:
                self.held -= pixels
