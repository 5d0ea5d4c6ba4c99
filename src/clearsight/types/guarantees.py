"""What is promised about new pictures, and on what it was settled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Promise = Literal["decide alone", "prediction set", "missed objects", "box margin", "missed pixels", "interval"]


@dataclass(frozen=True, kw_only=True)
class Guarantee:
    """A limit on an error, settled on pictures that were not trained on; it holds for pictures exchangeable with them.

    ``level`` is the error allowed, a share. With ``delta`` the limit holds with probability ``1 - delta`` over the
    choice of the pictures it was settled on (Learn-then-Test); without, on average over that choice (conformal).
    ``threshold`` is the number that keeps the limit, None where no number was found that does: for "decide alone" the
    uncertainty below which it decides; for "prediction set" the conformal score up to which a class is in the set; for
    "missed objects" the score from which boxes are to be shown; for "box margin" the share of a box's side by which
    each side is moved outwards; for "missed pixels" the confidence below which a pixel is uncertain; for "interval" the
    absolute error. ``n`` counts the ``unit`` it was settled on, one of each cluster where ``clustered``, of the split
    ``split`` of the data with ``fingerprint``. ``of`` is the class, ``attribute`` and ``group`` the group that it is
    about; empty for all.
    """

    promise: Promise
    level: float
    delta: float | None
    threshold: float | None
    n: int
    unit: str = "pictures"
    split: str = "val"
    fingerprint: str = ""
    clustered: bool = False
    of: str = ""
    attribute: str = ""
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether a model may decide on a picture alone, or a person has to; and why, in words.

    ``beside`` holds what else is known by name: the classes that cannot be ruled out, the ends of an interval.
    """

    alone: bool
    reason: str
    beside: Mapping[str, Any] = field(default_factory=dict)

    @property
    def said(self) -> str:
        """The decision in words: "decided" or "to a person"."""
        return "decided" if self.alone else "to a person"

    def cells(self) -> dict[str, Any]:
        """The decision as cells of a row."""
        return {"decision": self.said, "reason": self.reason, **self.beside}
