"""Groups of objects instead of pictures: evidence whose rows are the true objects of a detector's evidence.

A group of objects (people with dark skin among others in one picture) has missed objects of its own, but no false
positives: a box that meets nothing is nobody's. Charged to every group, false positives weigh heaviest on the smallest:
two equal groups of 900 and 100 objects beside 600 false boxes then differ by 30 points of average precision. So what is
compared is what can be attributed, whether each object was found at the deployed threshold; false positives are told of
pictures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from clearsight.metrics.additive import Additive, Columns, Sums, beside_one, mean_of, ratio
from clearsight.metrics.detection import ALL, DetectionStatistics
from clearsight.types import Evidence, Metric, Values


@dataclass(frozen=True, kw_only=True)
class ObjectStatistics:
    """Of each true object its class, and whether it was found; rows ("images") are objects."""

    class_names: tuple[str, ...]
    label: Int[np.ndarray, "images"]
    found: Bool[np.ndarray, "images"]

    @property
    def images(self) -> int:
        """How many objects: the length of a row of weights."""
        return len(self.label)

    def metrics(self) -> tuple[Metric, ...]:
        """The recall."""
        return (RECALL,)

    def by_class(self) -> Mapping[str, "ObjectStatistics"]:
        """The objects of one class each; weights would not fit them, so none."""
        return {}

    def confidences(self) -> None:
        """None: a true object claims nothing."""
        return None

    def each(self) -> tuple[str, Float[np.ndarray, "images"]]:
        """Whether each object was found."""
        return "whether it was found", self.found.astype(np.float64)

    def with_options(self, **options: Any) -> "ObjectStatistics":
        """The same: what was settled is in ``found`` already. Raises ValueError for any option."""
        if options:
            raise ValueError(f"evidence of objects has no option {', '.join(options)}. Expected none.")
        return self

    @classmethod
    def joined(cls, parts: Sequence["ObjectStatistics"]) -> "ObjectStatistics":
        """All objects of the parts, in order."""
        label, found = (np.concatenate([getattr(part, name) for part in parts]) for name in ("label", "found"))
        return replace(parts[0], label=label, found=found)

    def for_groups(self) -> tuple[Metric, ...]:
        """The recall at one balance of the classes."""
        return (RECALL_ALIKE if len(self.class_names) > 1 else RECALL,)

    def positives(self) -> Int[np.ndarray, "images"]:
        """One object in each row."""
        return np.ones(self.images, dtype=np.int64)

    def strata(self) -> Int[np.ndarray, "images"]:
        """The class of each object."""
        return self.label

    def group_rule(self) -> str:
        """To which group an error is attributed."""
        return (
            "A missed object counts towards its own group. A false positive is no object's, so it counts towards none: "
            "false positives are told of pictures."
        )


def object_rows(statistics: DetectionStatistics) -> Int[np.ndarray, "objects 2"]:
    """The picture and the class of each object that is not ignored, picture by picture and class by class.

    Groups of objects come in this order (``ops.error_causes.judged_order``).
    """
    counts = statistics.truths[:, :, ALL]
    cell = np.repeat(np.arange(counts.size), counts.reshape(-1))
    return np.stack([cell // counts.shape[1], cell % counts.shape[1]], axis=1)


def of_objects(evidence: Evidence, groups: Mapping[str, np.ndarray]) -> Evidence:
    """The evidence of a detector as evidence of its objects, with a word per object for each attribute in ``groups``.

    Objects of one cluster of pictures are one cluster. Raises ValueError where the evidence does not say which object
    a box met, or the groups are not one word per object.
    """
    statistics = evidence.statistics
    if not isinstance(statistics, DetectionStatistics) or statistics.met is None:
        raise ValueError(
            "this evidence does not say which object each box met. Expected that of a detector. Evaluate the run again."
        )
    place = object_rows(statistics)
    for name, values in groups.items():
        if len(values) != len(place):
            raise ValueError(
                f"{name} has {len(values)} values for {len(place)} objects. Expected one for each object that is not "
                "ignored, in the order of object_rows."
            )
    hit = statistics.matched[ALL, 0] & (statistics.score >= statistics.threshold) & (statistics.met >= 0)
    found = np.zeros(len(place), dtype=bool)
    found[statistics.met[hit]] = True
    row = place[:, 0]
    return Evidence(
        task=evidence.task,
        statistics=ObjectStatistics(class_names=statistics.class_names, label=place[:, 1], found=found),
        ids=tuple(f"{evidence.ids[picture]}, object {number}" for number, picture in enumerate(row.tolist(), 1)),
        clusters=evidence.clusters[row],
        groups=dict(groups),
        about={**evidence.about, "unit": "objects"},
    )


def _found_by_class(statistics: ObjectStatistics) -> Columns:
    own = np.eye(len(statistics.class_names))[statistics.label]
    return np.concatenate([own * statistics.found[:, None], own], axis=1)


def _alike(statistics: ObjectStatistics, sums: Sums) -> Values:
    """The recalls weighted by each class's share of all objects, over the classes that have weight."""
    found, true = np.split(sums, 2, axis=1)
    shares = np.bincount(statistics.label, minlength=true.shape[1]) / max(1, statistics.images)
    there = true > 0
    return ratio(np.divide(found, true, out=np.zeros_like(found), where=there) @ shares, there @ shares)


RECALL = Metric(
    name="recall at the deployed threshold",
    compute=mean_of(lambda statistics: beside_one(statistics.found)),
    meaning="the share of the objects that it finds",
)
RECALL_ALIKE = Metric(
    name="recall at equal class balance",
    compute=Additive(_found_by_class, _alike),
    meaning="the share of the objects that it finds, at an equal balance of the classes",
)
