"""An encoder-decoder on street scenes: sky, road, cars, people, one class for every pixel."""

from collections.abc import Sequence
from pathlib import Path

from clearsight.run import Run
from clearsight.verbs.train import train


def camvid_encoder_decoder(
    data: Path | str,
    *,
    minutes: float = 10,
    by: Sequence[str] = (),
    zone: str | None = None,
    out: Path | str | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Run:
    """Say of every pixel of the CamVid frames (pictures beside masks) what it shows, from scratch."""
    return train("encoder-decoder", data, minutes=minutes, by=by, zone=zone, out=out, seed=seed, quiet=quiet)
