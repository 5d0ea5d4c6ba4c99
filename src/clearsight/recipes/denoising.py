"""Denoisers from pictures alone: CIFAR-10, and the embedded scenes of handwritten digits."""

from pathlib import Path
from typing import Unpack

from clearsight.recipes.options import Options
from clearsight.run import Run
from clearsight.verbs.train import train


def cifar10_denoiser(data: Path | str, **options: Unpack[Options]) -> Run:
    """Remove Gaussian noise of a standard deviation of 25 from small colour pictures, from scratch, in 10 minutes."""
    return train("denoiser", data, **options)


def digits_denoiser(data: Path | str = "digits", **options: Unpack[Options]) -> Run:
    """The same from the embedded scenes of digits on paper."""
    return train("denoiser", data, **options)
