"""A picture, or a frame of a video, that was looked at: what it is called in rows and files of predictions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A picture, or a frame of a video, with predictions: its number from 1, its file, its (height, width) in px.

    ``name`` is unique and names its output files, "clip/000012" for a frame; ``frame`` counts from 0. ``note`` says
    what was done to the picture first, None where nothing ever is.
    """

    image_id: int
    file_name: str
    size: tuple[int, int]
    name: str
    frame: int | None = None
    time_s: float | None = None
    note: str | None = None

    @property
    def clip(self) -> str | None:
        """The name of the video that it is a frame of; None for a picture."""
        return None if self.frame is None else self.name.rpartition("/")[0]

    def row(self) -> dict[str, Any]:
        """The first cells of each of its rows."""
        row: dict[str, Any] = {"image_id": self.image_id, "file_name": self.file_name}
        if self.frame is not None:
            row |= {"frame": self.frame, "time_s": self.time_s}
        return row if self.note is None else row | {"note": self.note}
