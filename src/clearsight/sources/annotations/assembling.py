"""From what a format found in a folder to a Source: every picture probed and hashed, every box checked, split made."""

import itertools
import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from clearsight.sources.annotations import attributes
from clearsight.sources.annotations.layout import Draft, Layout, Objects, Outlined, Request
from clearsight.sources.annotations.objects import OVERHANG_PX, checked
from clearsight.sources.annotations.outlined import settled
from clearsight.sources.clusters import copies, inference
from clearsight.sources.problems import DataError, Problems, shown
from clearsight.sources.samples import fingerprint, pictures, splitting
from clearsight.sources.samples.clustering import AUTO, NONE
from clearsight.sources.samples.records import MaskFile, PictureDataset, Record, Source
from clearsight.suggestions import did_you_mean
from clearsight.types import UNKNOWN, Boxes, Dataset, Instances, Label, Labels, Size, State

# Pictures that a thread looks at in one go: handing over a small one takes longer than looking at it.
AT_ONCE = 64
CANONICAL = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What one look at a picture file gave."""

    size: Size | None
    digest: str
    problem: pictures.PictureError | None
    captured: tuple[str, float] | None = None


def assemble(layout: Layout, problems: Problems, request: Request, format: str, truth: type = Boxes) -> Source:
    """The checked, split and fingerprinted Source; raises one DataError with all problems unless they are skipped."""
    assert request.folder is not None
    name = layout.name or request.folder.name
    drafts = named_apart(_once(layout.drafts, problems))
    path = request.attributes or attributes.beside(request.folder)
    table = attributes.read(path, drafts) if path else attributes.Attributes()
    if table.missing and table.names:
        problems.note(f"{table.missing} pictures are not in the table of attributes: their groups are unknown")
    records = _in_column([_grouped(record, table) for record in _records(drafts, problems)], request.cluster)
    records = attributes.in_bins(records, request.by)
    notes = problems.settle(name, request.skip_bad)
    if not records:
        raise DataError(
            f"{shown(name)} holds no usable picture ({len(drafts)} listed). "
            f"Expected pictures with {format} annotations.\n" + "\n".join(notes[:10])
        )
    records, clustering = inference.clustered(records, request.cluster, _classes, layout.class_names)
    if request.resplit:
        records = [replace(record, split=None) for record in records]
    records, decided = _split(records, request)
    splits: dict[str, Dataset] = {}
    for split in sorted({str(record.split) for record in records}, key=_canonical_first):
        splits[split] = _dataset(name, split, layout.class_names, records)
    return Source(
        name=name,
        format=format,
        class_names=layout.class_names,
        splits=splits,
        problems=notes + decided,
        fingerprint=fingerprint.of_splits({split: dataset.fingerprint for split, dataset in splits.items()}),
        truth=truth,
        clustering=clustering,
        ungrouped=layout.ungrouped,
    )


def _dataset(name: str, split: str, class_names: tuple[str, ...], records: Iterable[Record]) -> PictureDataset:
    mine = tuple(record for record in records if record.split == split)
    return PictureDataset(
        name=name,
        split=split,
        class_names=class_names,
        records=mine,
        fingerprint=fingerprint.of_records(mine, class_names, split),
    )


def _once(drafts: list[Draft], problems: Problems) -> list[Draft]:
    """Every picture once: the later of two with one id, or of two annotations of one picture, are problems."""
    seen: dict[tuple[str | None, str], Draft] = {}
    files: dict[Path, Draft] = {}
    for draft in drafts:
        key = (draft.split, draft.id)
        if key in seen:
            problems.add("duplicate id", draft.where, f"{draft.id}, also in {seen[key].where}")
        elif isinstance(draft.picture, Path) and draft.picture in files:
            first = files[draft.picture]
            places = f"{first.split} and {draft.split}" if first.split != draft.split else f"also in {first.where}"
            problems.add("picture listed twice", draft.where, f"{draft.id}, {places}")
        else:
            seen[key] = draft
            if isinstance(draft.picture, Path):
                files[draft.picture] = draft
    return sorted(seen.values(), key=lambda draft: (_canonical_first(str(draft.split)), draft.id))


def named_apart(drafts: list[Draft]) -> list[Draft]:
    """Ids that different pictures of two splits share get the split in front: train/0001, val/0001."""
    counts = Counter(draft.id for draft in drafts)
    return [replace(draft, id=f"{draft.split}/{draft.id}") if counts[draft.id] > 1 else draft for draft in drafts]


def _records(drafts: list[Draft], problems: Problems) -> list[Record]:
    clipped: list[str] = []
    records = []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        parts = [drafts[start : start + AT_ONCE] for start in range(0, len(drafts), AT_ONCE)]
        looks = itertools.chain.from_iterable(pool.map(_all_examined, parts))
        for draft, seen in zip(drafts, looks, strict=True):
            if seen.problem is not None:
                problems.add(seen.problem.kind, _relative(draft), seen.problem.detail)
                continue
            assert seen.size is not None
            if draft.size is not None and draft.size != seen.size:
                mask = isinstance(draft.truth, MaskFile | Instances)
                kind = "mask of another size than its picture" if mask else "size differs from the annotation"
                problems.add(kind, draft.where, _sizes(draft.size, seen.size))
                continue
            truth, overhanging = draft.truth, 0
            if isinstance(truth, Objects):
                truth, _, overhanging = checked(truth, seen.size, draft.where, problems)
            elif isinstance(truth, Outlined):
                assert isinstance(draft.picture, Path)
                truth, overhanging = settled(truth, draft.picture, seen.size, draft.where, problems)
            clipped += [draft.id] * overhanging
            records.append(
                Record(
                    id=draft.id,
                    picture=draft.picture,
                    size=seen.size,
                    truth=truth,
                    groups=draft.groups,
                    cluster=draft.cluster,
                    split=draft.split,
                    digest=seen.digest,
                    captured=seen.captured,
                )
            )
    if clipped:
        problems.note(f"clipped: {len(clipped)} boxes that overhung their picture by at most {OVERHANG_PX:.0f} px")
    return records


def _all_examined(drafts: list[Draft]) -> list[Examined]:
    return [_examined(draft) for draft in drafts]


def _examined(draft: Draft) -> Examined:
    if isinstance(draft.picture, pictures.EmbeddedPicture):
        size, problem = pictures.probe(draft.picture.data)
        digest = fingerprint.of_bytes(draft.picture.data)
        return Examined(size=size, digest=digest, problem=problem, captured=pictures.captured(draft.picture.data))
    if not draft.picture.resolve().is_relative_to(draft.within.resolve()):
        outside = pictures.PictureError("picture outside the data folder", "by a symbolic link")
        return Examined(size=None, digest="", problem=outside)
    try:
        data = pictures.content(draft.picture)
    except pictures.PictureError as error:
        return Examined(size=None, digest="", problem=error)
    size, problem = pictures.probe(data)
    return Examined(size=size, digest=fingerprint.of_bytes(data), problem=problem, captured=pictures.captured(data))


def _grouped(record: Record, table: attributes.Attributes) -> Record:
    if not table.names and not table.clusters:
        return record
    cluster = table.clusters.get(record.id) or record.cluster
    return replace(record, groups={**record.groups, **table.of(record.id)}, cluster=cluster)


def _in_column(records: list[Record], column: str) -> list[Record]:
    """The records with the values of an attribute as their clusters, where one was named."""
    if column in (AUTO, NONE):
        return records
    known = sorted({name for record in records for name in record.groups})
    if column not in known:
        hint = did_you_mean(column, [*known, AUTO, NONE], "Give a table of them with --attributes.", show=shown)
        raise DataError(
            f"there is no attribute {shown(column)} to take clusters from. Expected auto, none or one of: "
            f"{', '.join(map(shown, known)) or 'no attributes are there'}. {hint}"
        )
    found = []
    for record in records:
        groups = dict(record.groups)
        value = groups.pop(column, UNKNOWN)
        found.append(replace(record, groups=groups, cluster="" if value == UNKNOWN else value))
    return found


def _split(records: list[Record], request: Request) -> tuple[list[Record], tuple[str, ...]]:
    """Hold a part out where the layout gives only one; a layout that gives only "val" or "test" stays as it is."""
    given = defaultdict(list)
    for record in records:
        given[record.split].append(record)
    if None not in given and ("val" in given or "train" not in given):
        return records, ()
    ours = [record for record in records if record.split in (None, "train")]
    if request.held_out == 0:
        return [replace(record, split=record.split or "train") for record in records], ()
    labels = [_classes(record) for record in ours]
    together = inference.together(ours, request.cluster)
    out = splitting.held_out(together, labels, request.held_out, request.seed)
    chosen = {record.id for record, held in zip(ours, out, strict=True) if held}
    if not chosen:
        return [replace(record, split=record.split or "train") for record in records], (
            "nothing could be held out: too few pictures or clusters to leave every class in the training part",
        )
    renamed = [replace(record, split="val" if record.id in chosen else record.split or "train") for record in records]
    kind = "whole clusters" if any(together) else "single pictures"
    why = "the layout's splits were not kept" if request.resplit else "the layout gives no validation split"
    return renamed, (
        f"{why}: {len(chosen)} of {len(ours)} pictures were held out as val ({kind}, seed {request.seed})",
        *_not_compared(ours, request),
    )


def _not_compared(records: list[Record], request: Request) -> tuple[str, ...]:
    if request.cluster == NONE or len(records) <= copies.PICTURES_AT_MOST:
        return ()
    return (
        f"near-duplicates were not kept on one side, as there are more than {copies.PICTURES_AT_MOST:,} pictures; "
        "files equal byte for byte were",
    )


def _classes(record: Record) -> frozenset[int]:
    """The classes of a picture, each of which should be on both sides of a split."""
    truth, boxes = record.truth, record.boxes()
    if boxes is not None:
        return frozenset(boxes.labels.tolist())
    if isinstance(truth, Label):
        return frozenset({truth.index})
    if isinstance(truth, Labels):
        return frozenset((truth.states == State.PRESENT).nonzero().flatten().tolist())
    return frozenset()


def _canonical_first(split: str) -> tuple[int, str]:
    return (CANONICAL.index(split) if split in CANONICAL else len(CANONICAL), split)


def _relative(draft: Draft) -> str:
    if isinstance(draft.picture, pictures.EmbeddedPicture):
        return draft.where
    inside = draft.picture.is_relative_to(draft.within)
    return str(draft.picture.relative_to(draft.within)) if inside else str(draft.picture)


def _sizes(said: Size, seen: Size) -> str:
    words = f"it says {said[1]} x {said[0]} px, the picture is {seen[1]} x {seen[0]}"
    return words + (" after its EXIF rotation; annotate it as it is seen" if said == seen[::-1] else "")
