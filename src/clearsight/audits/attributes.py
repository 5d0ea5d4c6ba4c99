"""The attributes by which pictures are grouped: which groups can be judged, and by what."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Int

from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.grouping import ComparableByGroup, coded
from clearsight.suggestions import did_you_mean
from clearsight.types import UNKNOWN, Evidence, Metric, Request

PICTURES_AT_LEAST = 30
POSITIVES_AT_LEAST = 5
CLUSTERS_AT_LEAST = 5
TIMES = " × "
TRUE_CLASS = "class"


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
    _rows: dict[str, Bool[np.ndarray, "images"]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def rows(self, group: str) -> Bool[np.ndarray, "images"]:
        """Which pictures are in the group."""
        if group not in self._rows:
            self._rows[group] = self.codes == self.names.index(group)
        return self._rows[group]

    @property
    def crossed(self) -> bool:
        """Whether it is an intersection of several attributes."""
        return TIMES in self.name

    @property
    def known(self) -> Bool[np.ndarray, "images"]:
        """Which pictures are in any group."""
        return (
            self.codes != self.names.index(UNKNOWN) if UNKNOWN in self.names else np.ones(len(self.codes), dtype=bool)
        )


def attribute_names(request: Request) -> tuple[str, ...]:
    """The attributes asked for with every intersection of two, or all attributes of the evidence where none are.

    ``race*age`` asks for an intersection, of three or more too. Raises ValueError, with the nearest names, for an
    attribute that is not there.
    """
    if not request.by:
        return tuple(request.evidence.groups)
    known = known_names(request.evidence)
    asked = [TIMES.join(crossed(word)) for word in request.by]
    for name in dict.fromkeys(part for word in request.by for part in crossed(word)):
        if name not in known:
            hint = did_you_mean(name, known, f"Known: {', '.join(known) or 'none'}.", cutoff=0.4)
            raise ValueError(
                f"these pictures have no attribute {name!r}. Expected a column of their attribute table. {hint}"
            )
    pairs = [TIMES.join(pair) for pair in combinations([name for name in asked if TIMES not in name], 2)]
    sets = {frozenset(name.split(TIMES)): name for name in reversed([*asked, *pairs])}
    return tuple(dict.fromkeys(sets[frozenset(name.split(TIMES))] for name in (*asked, *pairs)))


def crossed(word: str) -> list[str]:
    """The attributes whose intersection a word asks for: ``race*age`` as ["race", "age"]; mostly one."""
    return [part.strip() for part in word.replace(TIMES.strip(), "*").split("*") if part.strip()]


def known_names(evidence: Evidence) -> tuple[str, ...]:
    """The attributes that can be asked for: those of the pictures, and the true class, by its column's name."""
    return (*evidence.groups, *(name for name in _names_of_truth(evidence) if name not in evidence.groups))


def _names_of_truth(evidence: Evidence) -> tuple[str, ...]:
    if not isinstance(evidence.statistics, ClassificationStatistics):
        return ()
    return tuple(dict.fromkeys(name for name in (evidence.about.get("target", ""), TRUE_CLASS) if name))


def attributes_of(request: Request) -> list[Attribute]:
    """The attributes to compare groups by; each column is read once, whatever it is crossed with."""
    evidence, read = request.evidence, dict[str, tuple[np.ndarray, np.ndarray]]()
    found = []
    for name in attribute_names(request):
        parts = [name] if name in evidence.groups else name.split(TIMES)
        for part in parts:
            if part not in read:
                read[part] = _column(evidence, part)
        names, codes = read[parts[0]] if len(parts) == 1 else _intersection([read[part] for part in parts])
        found.append(_sorted_out(evidence, name, names, codes))
    return found


def _column(evidence: Evidence, name: str) -> tuple[np.ndarray, Int[np.ndarray, "images"]]:
    if name not in evidence.groups:
        statistics = evidence.statistics
        return np.array(statistics.class_names), np.asarray(statistics.truth, dtype=np.int64)
    return coded(np.asarray(evidence.groups[name]).astype(str))


def _intersection(
    columns: Sequence[tuple[np.ndarray, Int[np.ndarray, "images"]]],
) -> tuple[np.ndarray, Int[np.ndarray, "images"]]:
    """The values that occur together, and which of them each picture has; unknown where a part is."""
    cell = np.zeros(len(columns[0][1]), dtype=np.int64)
    unknown = np.zeros(len(cell), dtype=bool)
    labels = [""]
    for names, codes in columns:
        cell = cell * len(names) + codes
        unknown |= (names == UNKNOWN)[codes]
        labels = [f"{before}{TIMES}{name}" if before else str(name) for before in labels for name in names.tolist()]
    cell = np.where(unknown, len(labels), cell)
    held = np.flatnonzero(np.bincount(cell, minlength=len(labels) + 1))
    place = np.zeros(len(labels) + 1, dtype=np.int64)
    place[held] = np.arange(len(held))
    return np.array([*labels, UNKNOWN])[held], place[cell]


def _sorted_out(evidence: Evidence, name: str, names: np.ndarray, codes: Int[np.ndarray, "images"]) -> Attribute:
    """The attribute with its groups, large enough or not."""
    large: list[str] = []
    small: list[str] = []
    counts = np.bincount(codes, minlength=len(names))
    held = _objects(evidence)
    objects = None if held is None else np.bincount(codes, weights=held, minlength=len(names))
    for code, group in enumerate(names.tolist()):
        if group != UNKNOWN and counts[code]:
            judged = counts[code] >= PICTURES_AT_LEAST and (objects is None or objects[code] >= POSITIVES_AT_LEAST)
            judged = judged and _clusters_at_least(evidence.clusters, codes == code)
            (large if judged else small).append(group)
    return Attribute(name=name, names=tuple(names.tolist()), codes=codes, large=tuple(large), small=tuple(small))


def enough(evidence: Evidence, rows: Bool[np.ndarray, "images"]) -> bool:
    """Whether so many pictures, clusters and objects can be judged at all."""
    if int(np.count_nonzero(rows)) < PICTURES_AT_LEAST or not _clusters_at_least(evidence.clusters, rows):
        return False
    objects = positives(evidence, rows)
    return objects is None or objects >= POSITIVES_AT_LEAST


def _clusters_at_least(clusters: Int[np.ndarray, "images"], rows: Bool[np.ndarray, "images"]) -> bool:
    # Mostly the first few already show it, and sorting a million numbers for nothing takes longer than the audit.
    own = np.flatnonzero(rows)
    return any(len(np.unique(clusters[part])) >= CLUSTERS_AT_LEAST for part in (own[: 20 * CLUSTERS_AT_LEAST], own))


def positives(evidence: Evidence, rows: Bool[np.ndarray, "images"]) -> int | None:
    """How many objects the pictures hold; None where the statistics do not count any."""
    held = _objects(evidence)
    return None if held is None else int(held[rows].sum())


def _objects(evidence: Evidence) -> Int[np.ndarray, "images"] | None:
    statistics = evidence.statistics
    return statistics.positives() if isinstance(statistics, ComparableByGroup) else None


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


def of_one_truth(evidence: Evidence, attribute: Attribute) -> bool:
    """Whether all pictures of each group have the same truth, as where the true class is a part of the attribute."""
    statistics = evidence.statistics
    if not isinstance(statistics, ComparableByGroup) or len(np.unique(statistics.strata())) < 2:
        return False
    strata, known = np.asarray(statistics.strata()), attribute.known
    pairs = np.unique(strata[known].astype(np.int64) * len(attribute.names) + attribute.codes[known])
    return len(pairs) == len(np.unique(pairs % len(attribute.names)))


def truths_within(evidence: Evidence, attribute: Attribute) -> Int[np.ndarray, "images"] | None:
    """Strata of equal truth within which group labels can be permuted; None where there are none.

    There are none where the group says what the truth is, as where groups are the classes themselves.
    """
    statistics = evidence.statistics
    if not isinstance(statistics, ComparableByGroup):
        return None
    strata, known = np.asarray(statistics.strata()), attribute.known
    pairs = np.unique(strata[known].astype(np.int64) * len(attribute.names) + attribute.codes[known])
    return None if len(pairs) == len(np.unique(pairs // len(attribute.names))) else strata
