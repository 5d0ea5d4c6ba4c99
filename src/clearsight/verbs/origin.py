"""What pictures and films say of how they came about: made by a model or not, and by which run."""

from collections.abc import Sequence
from pathlib import Path

from clearsight.files.stated_origin import StatedOrigin as StatedOrigin
from clearsight.files.stated_origin import stated_origin


def origin(files: Sequence[str | Path] | str | Path) -> tuple[StatedOrigin, ...]:
    """What each file says of itself in its metadata, in order; without network.

    Args:
        files: PNG, JPEG, GIF or MP4 files, by whomever they were made.

    Raises:
        ValueError: no file, one that is not there, of another kind, or damaged.
    """
    named = [files] if isinstance(files, str | Path) else list(files)
    if not named:
        raise ValueError("no file was named. Expected PNG, JPEG, GIF or MP4 files.")
    return tuple(stated_origin(Path(one)) for one in named)
