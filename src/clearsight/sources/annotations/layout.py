"""What every data format offers, what it gives to be checked, and what a user asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from clearsight.sources.annotations.class_maps import Shape
from clearsight.sources.samples.clustering import AUTO
from clearsight.sources.samples.pictures import EmbeddedPicture
from clearsight.sources.samples.records import SPLIT_WORDS, MaskFile, Source
from clearsight.types import Size, Truth


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to read and how: see ``clearsight.sources.read``. ``folder`` is None for the embedded sets, and a
    file where the format is a ``FileFormat``.

    ``wanted`` are the kinds of truth that are of use, best first; empty where any is. ``target`` names the column of
    the truth where the layout is a table. ``cluster`` is "auto", "none" or the column of the clusters; with ``resplit``
    the layout's own splits are not kept. ``by`` are attributes asked for: one of many numbers is put into bins.
    """

    folder: Path | None
    wanted: tuple[type, ...] = ()
    target: str | None = None
    attributes: Path | None = None
    skip_bad: bool = False
    seed: int = 0
    held_out: float = 0.2
    cluster: str = AUTO
    resplit: bool = False
    by: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Objects:
    """The boxes of one picture as its annotation says, unchecked: corners ``x1 y1 x2 y2``, class ids.

    ``relative`` corners are shares of the width and height instead of pixels. ``areas`` are square pixels (shares of
    the picture where relative); NaN where nothing is said.
    """

    corners: Float[np.ndarray, "n 4"]
    labels: Int[np.ndarray, "n"]
    ignored: Bool[np.ndarray, "n"]
    areas: Float[np.ndarray, "n"]
    relative: bool = False

    @classmethod
    def of(cls, rows: "list[Row]", relative: bool = False) -> "Objects":
        """Objects from rows of corners, class id, ignored and area."""
        return cls(
            corners=np.array([row.corners for row in rows], dtype=np.float64).reshape(-1, 4),
            labels=np.array([row.label for row in rows], dtype=np.int64),
            ignored=np.array([row.ignored for row in rows], dtype=bool),
            areas=np.array([row.area for row in rows], dtype=np.float64),
            relative=relative,
        )


@dataclass(frozen=True, kw_only=True)
class Row:
    """One object as the annotation says."""

    corners: tuple[float, float, float, float]
    label: int
    ignored: bool = False
    area: float = float("nan")


@dataclass(frozen=True, kw_only=True)
class Outlined:
    """The objects of one picture with their outlines, unchecked, from which truths of a kind are drawn.

    Outlines are in the unit of the objects' corners; None stands for one that could not be read.
    """

    objects: Objects
    shapes: tuple[Shape | None, ...]
    kind: type


@dataclass(frozen=True, kw_only=True)
class Draft:
    """One annotated picture before it is checked; ``where`` names its annotation in messages.

    ``size`` is what the annotation says the picture has; ``within`` is the folder the picture file may not leave.
    ``groups`` and ``cluster`` are what the layout itself says; a sidecar table may say more.
    ``truth`` is unchecked objects, with outlines or without, or a truth, or a function that reads one.
    """

    id: str
    picture: Path | EmbeddedPicture
    within: Path
    split: str | None
    truth: Objects | Outlined | Truth | MaskFile
    where: str
    size: Size | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    cluster: str = ""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """All that a format found, unchecked. ``name`` is what the data are called where the folder's name is not it.

    ``ungrouped`` are the columns of its table with too many values to be attributes, and how many.
    """

    drafts: list[Draft] = field(default_factory=list)
    class_names: tuple[str, ...] = ()
    name: str = ""
    ungrouped: Mapping[str, int] = field(default_factory=dict)


@runtime_checkable
class Format(Protocol):
    """One way data can lie in a folder. Each format is one file of this room, registered in its ``__init__``.

    ``looked_for`` completes the sentence "Looked for: ..."; ``embedded`` sets need no folder and recognise none.
    ``offers`` are the kinds of truth it can give, its own first; it reads the first of them that is wanted.
    """

    @property
    def embedded(self) -> bool:
        """Whether it is a set of its own, without a folder."""
        ...

    @property
    def offers(self) -> tuple[type, ...]:
        """The kinds of truth, its own first."""
        ...

    @property
    def looked_for(self) -> str:
        """What a folder of this layout holds, in words."""
        ...

    def recognises(self, folder: Path) -> bool:
        """Whether the folder is laid out this way; cheap, and never raises on strange files."""
        ...

    def read(self, request: Request) -> Source:
        """The data; raises DataError with all that is wrong with them."""
        ...


@runtime_checkable
class FileFormat(Protocol):
    """A format that is also one file, such as a table."""

    def recognises_file(self, path: Path) -> bool:
        """Whether the file is of this format; cheap, and never raises on strange files."""
        ...


def split_of(word: str) -> str | None:
    """The canonical split a folder or file is named after: "train2017" -> "train", "valid" -> "val", else None."""
    for part in word.lower().replace("-", "_").replace(".", "_").split("_"):
        if part.rstrip("0123456789") in SPLIT_WORDS:
            return SPLIT_WORDS[part.rstrip("0123456789")]
    return None


def kind_of(format: Format, request: Request) -> type:
    """The kind of truth to read: the first wanted that the format offers, else its own."""
    return next((kind for kind in request.wanted if kind in format.offers), format.offers[0])
