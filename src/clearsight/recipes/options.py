"""What every recipe lets be chosen."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict


class Options(TypedDict, total=False):
    """As in ``train``: minutes (10 unless the recipe says otherwise), attributes to audit by, zone, folder, seed."""

    minutes: float
    by: Sequence[str]
    zone: str | None
    out: Path | str | None
    seed: int
    quiet: bool
