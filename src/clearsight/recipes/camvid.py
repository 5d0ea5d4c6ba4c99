"""An encoder-decoder on street scenes: sky, road, cars, people, one class for every pixel."""

from pathlib import Path
from typing import Unpack

from clearsight.recipes.options import Options
from clearsight.run import Run
from clearsight.verbs.train import train


def camvid_encoder_decoder(data: Path | str, **options: Unpack[Options]) -> Run:
    """Say of every pixel of the CamVid frames (pictures beside masks) what it shows, from scratch, in 10 minutes."""
    return train("encoder-decoder", data, **options)
