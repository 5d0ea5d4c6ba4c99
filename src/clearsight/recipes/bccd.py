"""YOLO on blood smears: red cells, white cells and platelets."""

from collections.abc import Sequence
from pathlib import Path

from clearsight.run import Run
from clearsight.verbs.train import train


def bccd_yolo(
    data: Path | str,
    *,
    minutes: float = 10,
    by: Sequence[str] = (),
    zone: str | None = None,
    out: Path | str | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Run:
    """Find the cells of the BCCD smears (Pascal VOC layout, its own splits), from scratch.

    A smear has no up, down, left or right, so pictures are mirrored both ways.
    """
    return train(
        "yolo", data, minutes=minutes, by=by, zone=zone, out=out, seed=seed, quiet=quiet, settings={"flips": "both"}
    )
