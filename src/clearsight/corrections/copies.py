"""A copy of a data set that is being changed: what each format's writer is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clearsight.corrections.changes import Change
from clearsight.sources import Record
from clearsight.sources.problems import DataError, shown


@dataclass(frozen=True, kw_only=True)
class Copy:
    """The copy at ``place`` of the data at ``root`` (a folder, or the file of a table), and what is to change in it.

    ``records`` are the pictures of the data as read, by id; ``changes`` those of each picture, in order. ``kind`` is
    the kind of ground truth, ``target`` the column of it where the data are a table that names several.
    """

    root: Path
    place: Path
    kind: type
    class_names: tuple[str, ...]
    records: Mapping[str, Record]
    changes: Mapping[str, list[Change]]
    target: str | None = None

    def copied(self, path: Path) -> Path:
        """Where a file of the data lies in the copy; raises DataError where it lay elsewhere."""
        try:
            return self.place / path.relative_to(self.root)
        except ValueError as error:
            raise DataError(
                f"{shown(path)} lies outside {shown(self.root)}, so a copy of the folder would not hold it. Expected "
                "pictures and labels within one folder. Move them there and correct the data again."
            ) from error

    def picture(self, id: str) -> Path:
        """The copied file of a picture."""
        picture = self.records[id].picture
        assert isinstance(picture, Path), "a picture in a file"
        return self.copied(picture)
