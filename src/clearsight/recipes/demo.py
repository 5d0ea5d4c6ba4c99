"""The whole path on embedded data: train, evaluate, audit, report, with no download."""

from pathlib import Path

from clearsight.run import Run
from clearsight.verbs.train import train


def demo(
    *, out: Path | str | None = None, zone: str | None = None, seed: int = 0, minutes: float = 2.25, quiet: bool = False
) -> Run:
    """Find handwritten digits in dark and faint ink with a small YOLO, from scratch.

    It trains for so many ``minutes`` on any processor; judging, audits and the report follow in about half a minute.
    Fewer steps fit in on a slower or a busy processor, and the score is lower then.
    """
    return train(
        "yolo", "digits", minutes=minutes, by=["ink"], zone=zone, out=out, seed=seed, quiet=quiet,
        settings={"size_px": 160, "width": 64, "backbone": "regnetx_002", "optimizer": "muon", "batch_size": 8},
    )  # fmt: skip
