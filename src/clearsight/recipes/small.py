"""The small pictures every course begins with: handwritten digits and CIFAR-10, with a plain convolutional network."""

from collections.abc import Sequence
from pathlib import Path

from clearsight.run import Run
from clearsight.verbs.train import train


def mnist_cnn(
    data: Path | str,
    *,
    minutes: float = 1,
    by: Sequence[str] = (),
    zone: str | None = None,
    out: Path | str | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Run:
    """Read handwritten digits. A mirrored digit is no digit, so none is mirrored."""
    return train(
        "cnn", data, minutes=minutes, by=by, zone=zone, out=out, seed=seed, quiet=quiet, settings={"flips": "none"}
    )


def cifar10_cnn(
    data: Path | str,
    *,
    minutes: float = 10,
    by: Sequence[str] = (),
    zone: str | None = None,
    out: Path | str | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Run:
    """Tell aeroplanes, cats, ships and seven more apart, from scratch."""
    return train(
        "cnn", data, minutes=minutes, by=by, zone=zone, out=out, seed=seed, quiet=quiet, settings={"mirrored": True}
    )
