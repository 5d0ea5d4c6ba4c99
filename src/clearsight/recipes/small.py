"""The small pictures every course begins with: handwritten digits and CIFAR-10, with a plain convolutional network."""

from pathlib import Path
from typing import Unpack

from clearsight.recipes.options import Options
from clearsight.run import Run
from clearsight.verbs.train import train


def mnist_cnn(data: Path | str, **options: Unpack[Options]) -> Run:
    """Read handwritten digits, in a minute. A mirrored digit is no digit, so none is mirrored."""
    options.setdefault("minutes", 1)
    return train("cnn", data, settings={"flips": "none"}, **options)


def cifar10_cnn(data: Path | str, **options: Unpack[Options]) -> Run:
    """Tell aeroplanes, cats, ships and seven more apart, from scratch, in 10 minutes."""
    return train("cnn", data, **options)
