"""How the clusters of some data came about: stated, inferred, or left alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

AUTO, NONE = "auto", "none"
STATED = "stated in the data"


@dataclass(frozen=True, kw_only=True)
class Clustering:
    """What was asked (``choice``: "auto", "none" or a column) and what came of it.

    ``clusters`` counts clusters of two pictures and more, ``pictures`` the pictures in them. ``signs`` counts the
    pictures by what tied them together ("file names", "identical files", ...), or by "stated in the data".
    ``example`` is a cluster's name and some of its pictures' ids.
    """

    choice: str = AUTO
    clusters: int = 0
    pictures: int = 0
    signs: Mapping[str, int] = field(default_factory=dict)
    example: tuple[str, ...] = ()

    @property
    def stated(self) -> bool:
        """Whether the clusters were given, and nothing was inferred."""
        return STATED in self.signs

    @property
    def origin(self) -> str:
        """Where the clusters come from in words; "" where there are none."""
        if not self.clusters:
            return ""
        if self.stated:
            return STATED if self.choice == AUTO or self.choice == NONE else f"stated in the column {self.choice}"
        return f"inferred from {' and '.join(self.signs)}"
