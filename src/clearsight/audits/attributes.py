"""The attributes by which pictures are grouped: which groups can be judged, and by what."""

import difflib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from clearsight.metrics.grouping import ComparableByGroup, coded
from clearsight.types import UNKNOWN, Evidence, Metric, Request

PICTURES_AT_LEAST = 30
POSITIVES_AT_LEAST = 5
CLUSTERS_AT_LEAST = 5


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """One attribute with its groups: those large enough to judge, and those that are not.

    ``names`` are all its values, the unknown one among them; ``codes`` the place of each picture's value there.
    """

    name: str
    names: tuple[str, ...]
    codes: Int[np.ndarray, "images"]
    large: tuple[str, ...]
    small: tuple[str, ...]

    def rows(self, group: str) -> Bool[np.ndarray, "images"]:
        """Which pictures are in the group."""
        return self.codes == self.names.index(group)

    @property
    def known(self) -> Bool[np.ndarray, "images"]:
        """Which pictures are in any group."""
        return (
            self.codes != self.names.index(UNKNOWN) if UNKNOWN in self.names else np.ones(len(self.codes), dtype=bool)
        )


def attribute_names(request: Request) -> tuple[str, ...]:
    """The attributes asked for, or all; raises ValueError with the nearest names for one that is not there."""
    known = tuple(request.evidence.groups)
    for name in request.by:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
            hint = f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(known) or 'none'}."
            raise ValueError(
                f"these pictures have no attribute {name!r}. Expected a column of their attribute table. {hint}"
            )
    return request.by or known


def attribute_of(evidence: Evidence, name: str) -> Attribute:
    """The attribute of that name with its groups, large enough or not."""
    names, codes = coded(np.asarray(evidence.groups[name]).astype(str))
    large: list[str] = []
    small: list[str] = []
    for code, group in enumerate(names.tolist()):
        if group != UNKNOWN:
            (large if enough(evidence, codes == code) else small).append(group)
    return Attribute(name=name, names=tuple(names.tolist()), codes=codes, large=tuple(large), small=tuple(small))


def enough(evidence: Evidence, rows: Bool[np.ndarray, "images"]) -> bool:
    """Whether so many pictures, clusters and objects can be judged at all."""
    objects = positives(evidence, rows)
    return (
        int(rows.sum()) >= PICTURES_AT_LEAST
        and _clusters_at_least(evidence.clusters[rows], CLUSTERS_AT_LEAST)
        and (objects is None or objects >= POSITIVES_AT_LEAST)
    )


def _clusters_at_least(clusters: Int[np.ndarray, "n"], least: int) -> bool:
    # Mostly the first few already show it, and sorting a million numbers for nothing takes longer than the audit.
    return any(len(np.unique(part)) >= least for part in (clusters[: 20 * least], clusters))


def positives(evidence: Evidence, rows: Bool[np.ndarray, "images"]) -> int | None:
    """How many objects the pictures hold; None where the statistics do not count any."""
    statistics = evidence.statistics
    return int(statistics.positives()[rows].sum()) if isinstance(statistics, ComparableByGroup) else None


def group_metrics(evidence: Evidence) -> tuple[Metric, ...]:
    """The metrics groups are compared by: those the statistics call fair, else the headline."""
    statistics = evidence.statistics
    return statistics.for_groups() if isinstance(statistics, ComparableByGroup) else statistics.metrics()[:1]


def group_rule(evidence: Evidence) -> str:
    """To which group an error is charged."""
    statistics = evidence.statistics
    if isinstance(statistics, ComparableByGroup):
        return statistics.group_rule()
    return "An error is charged to the group of the picture it is in."
