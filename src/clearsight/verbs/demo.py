"""The whole path on embedded data: train, judge, audit, report; no download."""

from pathlib import Path

from clearsight.recipes.digits import digits_yolo
from clearsight.run import Run


def demo(*, out: Path | str | None = None, zone: str | None = None, seed: int = 0, quiet: bool = False) -> Run:
    """Train ``yolo`` on scenes of real handwritten digits and report on dark and faint ink; about two minutes."""
    return digits_yolo(out=out, zone=zone, seed=seed, quiet=quiet)
