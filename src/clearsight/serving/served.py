"""What a served model must give: its facts, and answers on pictures or rows, or pictures; nothing here needs torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8
from PIL import Image

Pixels = UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True, kw_only=True)
class Warned:
    """A warning that applies to one picture or row: what it is about in a word, and a sentence."""

    kind: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a model says of one picture or row.

    ``rows`` are those that `predict` writes; ``said`` is the answer in words and ``confidence`` how sure it is;
    ``drawings`` make pictures of it by name: "overlay", and "mask" or "picture" where the task has one; ``shown`` the
    one for a page, which has the words beside it. ``made_by`` is what files of these say where they show a picture that
    the model made, and empty elsewhere.
    """

    rows: tuple[Mapping[str, Any], ...]
    said: str
    confidence: str = ""
    warnings: tuple[Warned, ...] = ()
    drawings: Mapping[str, Callable[[], Image.Image]] = field(default_factory=dict)
    shown: Callable[[], Image.Image] | None = None
    made_by: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class About:
    """The facts of a served model: ``card`` is its report as JSON, empty where it has none."""

    name: str
    path: Path
    model: str
    task: str
    class_names: tuple[str, ...]
    summary: str = ""
    warnings: tuple[str, ...] = ()
    promise: str = ""
    card: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class AnswersPictures(Protocol):
    """A model of pictures. ``look`` is called by one thread, with up to ``batch`` pictures; ``answer`` by any."""

    about: About
    batch: int

    def look(self, pictures: Sequence[Pixels]) -> list[Any]:
        """What the network finds in each picture."""
        ...

    def answer(self, picture: Pixels, found: Any) -> Answer:
        """What is said of a picture by what was found in it."""
        ...

    def log(self, name: str, content: bytes, answer: Answer) -> None:
        """Append the answer on a file of this name to the log of decisions, where there is one."""
        ...


@dataclass(frozen=True, kw_only=True)
class Field:
    """One column of a table, to be filled in: numbers from ``least`` to ``most`` in training, or one of ``levels``."""

    name: str
    levels: tuple[str, ...] = ()
    least: float = 0.0
    most: float = 0.0


@runtime_checkable
class AnswersRows(Protocol):
    """A model of the rows of a table; ``answer_rows`` raises ValueError for rows that do not fit."""

    about: About
    fields: tuple[Field, ...]
    target: str

    def answer_rows(self, rows: Sequence[Mapping[str, Any]]) -> list[Answer]:
        """What is said of each row, given by column; a column that is left out is missing."""
        ...


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a generator is asked for; ``label`` is the name of a class, "" for all in turn."""

    seed: int = 0
    truncation: float = 1.0
    label: str = ""
    count: int = 9


@runtime_checkable
class MakesPictures(Protocol):
    """A generator; ``asks_classes`` says whether it can be asked for a class. ``make`` is called by one thread."""

    about: About
    asks_classes: bool

    def make(self, wish: Wish) -> bytes:
        """A PNG file of the pictures side by side, which says that they are generated; ValueError for a bad wish."""
        ...


Served = AnswersPictures | AnswersRows | MakesPictures
