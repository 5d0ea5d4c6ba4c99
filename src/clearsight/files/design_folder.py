"""A folder that holds what was asked in one file, so that long work in it goes on as it began."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

from clearsight.files import durable
from clearsight.files.records import from_json, to_json

Design = TypeVar("Design")


@dataclass(frozen=True)
class DesignFolder(Generic[Design]):
    """The folder; a subclass says what it holds.

    ``kind`` is what the work is called in messages, ``made_by`` the command that begins it, ``file`` the name of the
    file of the design, ``design_type`` its dataclass, and ``rooms`` are the folders inside.
    """

    kind: ClassVar[str]
    made_by: ClassVar[str]
    file: ClassVar[str]
    design_type: ClassVar[type]
    rooms: ClassVar[tuple[str, ...]]
    path: Path

    @classmethod
    def create(cls, path: Path | str, design: Design) -> Self:
        """A new folder; raises ValueError where there is something already."""
        folder = cls(Path(path))
        if folder.path.exists() and (not folder.path.is_dir() or any(folder.path.iterdir())):
            begun = (folder.path / cls.file).exists()
            hint = f"Go on with the {cls.kind} in it by --resume {path}, or choose" if begun else "Choose"
            raise ValueError(f"{path} is not empty. {hint} a new folder with --out.")
        try:
            for room in cls.rooms:
                (folder.path / room).mkdir(parents=True)
        except OSError as error:
            raise ValueError(durable.failure(folder.path, error)) from error
        durable.write_json(folder.path / cls.file, to_json(design))
        return folder

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """The folder of work that was begun; raises ValueError where there is none."""
        folder = cls(Path(path))
        if not (folder.path / cls.file).is_file():
            raise ValueError(f"{path} holds no {cls.kind} to go on with. Expected a folder that `{cls.made_by}` made.")
        return folder

    @property
    def design(self) -> Design:
        """What was asked."""
        found: Any = from_json(self.design_type, durable.read_json(self.path / self.file), self.file)
        return found  # type: ignore[no-any-return]

    def lock(self) -> AbstractContextManager[None]:
        """Hold the folder, so that no second process goes on with it."""
        return durable.locked(
            self.path / ".lock", f"{self.path} is in use by another process (number {{pid}}). Wait, or stop it."
        )

    def write(self, name: str, content: bytes) -> None:
        """Write a file of the results."""
        (self.path / name).parent.mkdir(exist_ok=True)
        durable.write_bytes(self.path / name, content)
