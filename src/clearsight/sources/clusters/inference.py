"""The clusters of pictures where none are given: what names, times and bytes say, joined."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import PurePath

from clearsight.sources.clusters import copies, likeness, names
from clearsight.sources.clusters.links import Links
from clearsight.sources.samples.clustering import AUTO, STATED, Clustering
from clearsight.sources.samples.records import Record
from clearsight.types import Label

NAMES, IDENTICAL, NEARLY, TIMES = "file names", "identical files", "nearly identical pictures", "camera and time"
SERIES_AT_MOST = 20  # of numbered pictures, the longest first: each is looked into
BURST_S = 15.0  # between two pictures of one camera

Classes = Callable[[Record], frozenset[int]]


def clustered(
    records: Sequence[Record], choice: str, classes: Classes, class_names: Sequence[str] = ()
) -> tuple[list[Record], Clustering]:
    """The records with their clusters, and how these came about; given clusters are taken as they are.

    ``choice`` is "auto" (infer where none are given), "none" or the column that was taken. What names propose has to
    be confirmed by the pictures, of which at most 400 are read for it, and all of a series of frames.
    """
    if choice != AUTO or any(record.cluster for record in records):
        return list(records), _stated(records, choice)
    links = Links(len(records))
    for mine in copies.identical(records):
        links.join(mine, IDENTICAL)
    for mine in _by_names(records, classes, class_names):
        links.join(mine, NAMES)
    for pair in likeness.bursts(records, _close_in_time(records)):
        links.join(pair, TIMES)
    return _named(records, links)


def together(records: Sequence[Record], choice: str) -> list[str]:
    """What a split must keep on one side: each picture's cluster, joined with those of its near-duplicates.

    Every picture is read. With the choice "none", nothing is looked at and clusters are what they are.
    """
    if choice == "none":
        return [record.cluster for record in records]
    links = Links(len(records))
    members: dict[str, list[int]] = defaultdict(list)
    for index, record in enumerate(records):
        if record.cluster:
            members[record.cluster].append(index)
    for mine in (*members.values(), *copies.identical(records), *copies.near(records)):
        links.join(mine, "")
    found = [""] * len(records)
    for first, mine in links.groups().items():
        for index in mine:
            found[index] = records[first].cluster or records[first].id
    return found


def _stated(records: Sequence[Record], choice: str) -> Clustering:
    sizes = Counter(record.cluster for record in records if record.cluster)
    return _described(records, sizes, {STATED: sum(sizes.values())} if sizes else {}, choice)


def _by_names(records: Sequence[Record], classes: Classes, class_names: Sequence[str]) -> Iterable[list[int]]:
    """Groups that names propose and pictures confirm."""
    shown = [classes(record) for record in records]
    found = names.proposal([_path(record) for record in records], shown, class_names)
    if found.stated:
        return list(found.stated.values())
    one_class = all(isinstance(record.truth, Label) for record in records)
    if found.stems and likeness.stems_confirmed(records, found.stems, shown if one_class else None):
        return list(found.stems.values())
    largest = sorted(found.series, key=lambda one: -len(one[0]))[:SERIES_AT_MOST]
    links = [likeness.neighbours(records, ordered, numbers) for ordered, numbers in largest]
    return [list(pair) for some in links for pair in some]


def _path(record: Record) -> str:
    """The id without an ending, which ids of pictures with equal stems keep."""
    path = PurePath(record.id)
    return path.with_suffix("").as_posix() if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".bmp") else record.id


def _close_in_time(records: Sequence[Record]) -> list[tuple[int, int]]:
    """Neighbours in time of one camera, within 15 seconds."""
    taken: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for index, record in enumerate(records):
        if record.captured is not None:
            camera, second = record.captured
            taken[camera].append((second, index))
    return [
        (one, other)
        for mine in taken.values()
        for (before, one), (after, other) in zip(sorted(mine), sorted(mine)[1:], strict=False)
        if after - before <= BURST_S
    ]


def _named(records: Sequence[Record], links: Links) -> tuple[list[Record], Clustering]:
    """The records with a name for each group: what its pictures' names have in common, else its first picture's."""
    found = list(records)
    taken = {record.id for record in records}
    ties = links.signs()
    signs: Counter[str] = Counter()
    for first, mine in links.groups().items():
        name = _common([_path(records[index]) for index in mine]) or records[first].id
        while name in taken:
            name += "*"
        taken.add(name)
        for index in mine:
            found[index] = replace(records[index], cluster=name, inferred=True)
        signs.update(dict.fromkeys(ties[first], len(mine)))
    sizes = Counter(record.cluster for record in found if record.cluster)
    return found, _described(found, sizes, dict(signs.most_common()), AUTO)


def _common(paths: Sequence[str]) -> str:
    """The part before the number, where all names share it."""
    stems = {found[0] if (found := names.parted(path)) else path for path in paths}
    return stems.pop() if len(stems) == 1 else ""


def _described(records: Sequence[Record], sizes: Counter[str], signs: dict[str, int], choice: str) -> Clustering:
    several = {name: count for name, count in sizes.items() if count > 1}
    example: tuple[str, ...] = ()
    if several:
        largest = max(several, key=lambda name: several[name])
        example = (largest, *[record.id for record in records if record.cluster == largest][:2])
    return Clustering(
        choice=choice, clusters=len(several), pictures=sum(several.values()), signs=signs, example=example
    )
