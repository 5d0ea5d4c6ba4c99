"""What is in the data, before anyone trains on it: counts, sizes, imbalance, groups, clusters, leaks: plain data."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from clearsight.sources.checks.box_sizes import BoxSizes, gathered
from clearsight.sources.checks.few_examples import FewExamples, few_examples
from clearsight.sources.checks.near_duplicates import NearPair
from clearsight.sources.checks.tallies import spread, tallied
from clearsight.sources.samples.clustering import Clustering
from clearsight.sources.samples.records import Record, Source, records_of
from clearsight.types import TRUTHS, Boxes, Instances, Size

# COCO's limits in square pixels.
SMALL = 32**2
MEDIUM = 96**2


@dataclass(frozen=True, kw_only=True)
class SplitDescription:
    """One split in numbers. ``picture_sizes`` counts "640 x 480" (width x height); ``objects_per_picture`` has the
    least, median, mean and most; ``box_areas`` counts COCO's small, medium and large boxes; ``masks`` the objects that
    have a mask. Where the truths are no boxes, ``truths`` holds what is counted of them instead: tables of numbers by
    class, or of one number's spread.
    """

    pictures: int
    without_objects: int
    objects: int
    ignored: int
    clusters: int
    picture_sizes: Mapping[str, int]
    objects_per_class: Mapping[str, int]
    pictures_per_class: Mapping[str, int]
    objects_per_picture: Mapping[str, float]
    box_areas: Mapping[str, int]
    groups: Mapping[str, Mapping[str, int]]
    truths: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    masks: int = 0


@dataclass(frozen=True, kw_only=True)
class SharedClusters:
    """Of a split's ``pictures`` ``seen`` are of clusters that "train" has too; ``left_out`` counts other clusters."""

    pictures: int
    seen: int
    left_out: int


@dataclass(frozen=True, kw_only=True)
class Description:
    """A source in numbers. ``imbalance`` is the most over the least frequent class of the first split that has objects
    of both, infinite where a class has none there; ``shared_clusters`` and ``duplicates`` stand across splits. Of
    truths that are no boxes, pictures are counted instead of objects. ``kind`` says in words what the truths are.
    ``clustering`` tells how clusters came about; ``shared_splits`` has the splits with clusters that "train" has too.
    ``audit`` is a ``data_audit.DataAudit`` where one was made.
    """

    name: str
    format: str
    class_names: tuple[str, ...]
    fingerprint: str
    splits: Mapping[str, SplitDescription]
    imbalance: float
    absent_classes: Mapping[str, tuple[str, ...]]
    shared_clusters: tuple[str, ...] = ()
    shared_splits: Mapping[str, SharedClusters] = field(default_factory=dict)
    clustering: Clustering = field(default_factory=Clustering)
    duplicates: tuple[tuple[str, ...], ...] = ()
    problems: tuple[str, ...] = field(default=())
    kind: str = TRUTHS[Boxes]
    near_duplicates: tuple[NearPair, ...] = ()
    few: tuple[FewExamples, ...] = ()
    box_sizes: BoxSizes | None = None
    likely_problems: tuple[Any, ...] = ()
    problems_page: str = ""
    audit: Any = None

    def as_dict(self) -> dict[str, Any]:
        """The same as nested dicts and lists, for JSON."""
        return asdict(self)


def describe(source: Source, size_px: int = 416) -> Description:
    """Describe every split. No picture is decoded, except of sets that are composed on the fly.

    ``size_px`` is the longer side at which a network would see the pictures.
    """
    records = {split: records_of(dataset) for split, dataset in source.splits.items()}
    splits = {split: _split(mine, source.class_names, source.truth) for split, mine in records.items()}
    return Description(
        name=source.name,
        format=source.format,
        class_names=source.class_names,
        fingerprint=source.fingerprint,
        splits=splits,
        imbalance=_imbalance(next(iter(splits.values()))),
        absent_classes={
            split: absent
            for split, about in splits.items()
            if (absent := tuple(name for name, count in _frequency(about).items() if count == 0))
        },
        kind=TRUTHS.get(source.truth, "no truths"),
        shared_clusters=_shared_clusters(records),
        shared_splits=_shared_splits(records),
        clustering=source.clustering,
        duplicates=_duplicates(records),
        problems=source.problems,
        few=few_examples({split: _frequency(about) for split, about in splits.items()}),
        box_sizes=gathered(_boxes(records), size_px),
    )


def _boxes(records: Mapping[str, tuple[Record, ...]]) -> Iterator[tuple[np.ndarray, Size]]:
    """The boxes of every picture whose size is known, with that size."""
    for mine in records.values():
        for record in mine:
            if isinstance(record.truth, Boxes) and record.size is not None and len(record.truth):
                yield record.truth.xyxy.numpy(), record.size


def _split(records: tuple[Record, ...], class_names: tuple[str, ...], kind: type) -> SplitDescription:
    truths = [record.boxes() for record in records] if issubclass(kind, Boxes) else []
    tally = tallied((record.answer() for record in records), class_names, kind)
    objects: Counter[int] = Counter()
    holding: Counter[int] = Counter()
    areas: Counter[str] = Counter()
    for truth in truths:
        labels = truth.labels.tolist() if truth else []
        objects.update(labels)
        holding.update(set(labels))
        areas.update(_area(area) for area in (truth.areas.tolist() if truth else []))
    counts = sorted(len(truth) if truth else 0 for truth in truths)
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        for attribute, value in record.groups.items():
            groups[attribute][value] += 1
    sizes = Counter(f"{record.size[1]} x {record.size[0]}" if record.size else "unknown" for record in records)
    return SplitDescription(
        pictures=len(records),
        without_objects=counts.count(0),
        objects=sum(counts),
        ignored=sum(int(truth.ignored.sum()) for truth in truths if truth),
        clusters=len({record.cluster or f"alone {index}" for index, record in enumerate(records)}),
        picture_sizes=dict(sizes.most_common()),
        objects_per_class={name: objects[label] for label, name in enumerate(class_names)},
        pictures_per_class=tally.pictures
        if not issubclass(kind, Boxes)
        else {name: holding[label] for label, name in enumerate(class_names)},
        objects_per_picture=spread(counts),
        box_areas={name: areas[name] for name in ("small", "medium", "large")},
        groups={attribute: dict(values.most_common()) for attribute, values in groups.items()},
        truths=tally.tables,
        masks=sum(counts) if kind is Instances else 0,
    )


def _frequency(split: SplitDescription) -> Mapping[str, int]:
    return split.pictures_per_class if split.truths else split.objects_per_class


def _area(area: float) -> str:
    return "small" if area < SMALL else "medium" if area < MEDIUM else "large"


def _imbalance(split: SplitDescription) -> float:
    counts = _frequency(split).values()
    if not counts or not max(counts):
        return 1.0
    return max(counts) / min(counts) if min(counts) else float("inf")


def _shared_clusters(records: Mapping[str, tuple[Record, ...]]) -> tuple[str, ...]:
    splits: dict[str, set[str]] = defaultdict(set)
    for split, mine in records.items():
        for record in mine:
            if record.cluster:
                splits[record.cluster].add(split)
    return tuple(sorted(cluster for cluster, where in splits.items() if len(where) > 1))


def _shared_splits(records: Mapping[str, tuple[Record, ...]]) -> dict[str, SharedClusters]:
    trained_on = {record.cluster for record in records.get("train", ()) if record.cluster}
    found = {}
    for split, mine in records.items():
        seen = sum(record.cluster in trained_on for record in mine)
        if split != "train" and seen:
            left_out = {record.cluster or record.id for record in mine if record.cluster not in trained_on}
            found[split] = SharedClusters(pictures=len(mine), seen=seen, left_out=len(left_out))
    return found


def _duplicates(records: Mapping[str, tuple[Record, ...]]) -> tuple[tuple[str, ...], ...]:
    """Files equal byte for byte that stand in more than one split, as "split: id"."""
    same: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for split, mine in records.items():
        for record in mine:
            if record.digest:
                same[record.digest].append((split, record.id))
    across = [found for found in same.values() if len({split for split, _ in found}) > 1]
    return tuple(tuple(f"{split}: {id}" for split, id in found) for found in across)
