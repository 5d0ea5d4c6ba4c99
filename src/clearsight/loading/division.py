"""Held-out pictures divided once more: some to fit on, some to choose by, and some for final figures alone.

Where the data have a test split, that is for the figures, and the validation split is divided in two. A run that was
fitted on part of its held-out pictures keeps the division in its folder, so that whoever judges it on its own data
judges it on pictures that it has not seen: those it was fitted on count as trained on, those it was chosen by are its
validation split, the rest is its test split.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Int

from clearsight.files import durable
from clearsight.files.records import from_json, to_json
from clearsight.run import Run
from clearsight.sources import PictureDataset, Record, Source, records_of
from clearsight.sources.samples.fingerprint import of_splits, of_words
from clearsight.types import Dataset

FILE = "division.json"
FIT, CHOOSE, FIGURES = 0.35, 0.2, 0.45  # of a validation split that is all there is
FIT_BESIDE_TEST = 0.65
PARTS = ("fit", "choose", "figures")


@dataclass(frozen=True, kw_only=True)
class Division:
    """The ids of the held-out pictures to fit on, to choose by, and for the final figures."""

    fit: tuple[str, ...]
    choose: tuple[str, ...]
    figures: tuple[str, ...]


def division_of(source: Source, cells: Mapping[str, Int[np.ndarray, "n"]], seed: int) -> Division:
    """A division by whole clusters with every cell in all parts where it is large enough; a function of the seed.

    ``cells`` numbers the group of each picture, by split. Raises ValueError where nothing is held out.
    """
    if "val" not in source.splits:
        raise ValueError(
            f"{source.name} has no validation pictures. A mitigation is fitted and chosen on pictures that were not "
            "trained on. Train with some set aside, such as --set held_out=0.3, and mitigate that run."
        )
    tested = "test" in source.splits
    shares = (FIT_BESIDE_TEST, 1 - FIT_BESIDE_TEST, 0.0) if tested else (FIT, CHOOSE, FIGURES)
    records = records_of(source.split("val"))
    part = dealt([record.cluster or record.id for record in records], cells["val"], shares, seed)
    ids = [tuple(r.id for r, own in zip(records, part.tolist(), strict=True) if own == k) for k in range(3)]
    figures = tuple(record.id for record in records_of(source.split("test"))) if tested else ids[2]
    return Division(fit=ids[0], choose=ids[1], figures=figures)


def dealt(
    clusters: Sequence[str], cells: Int[np.ndarray, "n"], shares: Sequence[float], seed: int
) -> Int[np.ndarray, "n"]:
    """The part of each picture: whole clusters in a random order, each to the part that most lacks its rarest cell."""
    names, cluster = np.unique(np.array(clusters), return_inverse=True)
    wanted = np.array(shares)
    kinds = int(cells.max(initial=-1)) + 2  # the first for pictures of no known group
    sizes = np.zeros((len(names), kinds))
    np.add.at(sizes, (cluster, cells + 1), 1)
    total = sizes.sum(0)
    rarest = [int(min(np.flatnonzero(row), key=lambda kind: total[kind])) for row in sizes]
    order = np.random.default_rng(seed).permutation(len(names)).tolist()
    held = np.zeros((len(shares), kinds))
    part = np.zeros(len(names), dtype=np.int64)
    # Clusters of rare cells first, while every part still lacks pictures; large ones before small ones.
    for one in sorted(order, key=lambda one: (total[rarest[one]], -sizes[one].sum())):
        lack = wanted * total[rarest[one]] - held[:, rarest[one]]
        part[one] = int(np.where(wanted > 0, lack, -np.inf).argmax())
        held[part[one]] += sizes[one]
    return part[cluster]


def divided(source: Source, division: Division) -> Source:
    """The source with the divided pictures where they belong: "train", "val" and "test".

    Raises ValueError where pictures of the division are no longer held out in the data.
    """
    held_out = [one for name in ("val", "test") if name in source.splits for one in records_of(source.split(name))]
    by_id = {record.id: record for record in held_out}
    for part in PARTS:
        if missing := [id for id in getattr(division, part) if id not in by_id]:
            raise ValueError(
                f"{source.name} has changed: {len(missing)} pictures that were held out when a mitigation was fitted "
                f"are no longer there, the first {missing[0]}. Restore the data, or mitigate the original run again."
            )
    fit, choose, figures = ([by_id[id] for id in getattr(division, part)] for part in PARTS)
    train = source.split("train")
    splits: dict[str, Dataset] = {
        "train": _of(train, (*records_of(train), *fit), "train"),
        "val": _of(source.split("val"), choose, "val"),
        "test": source.split("test") if "test" in source.splits else _of(source.split("val"), figures, "test"),
    }
    return replace(
        source, splits=splits, fingerprint=of_splits({name: one.fingerprint for name, one in splits.items()})
    )


def part_of(source: Source, ids: Sequence[str], split: str) -> Dataset:
    """The pictures of a split with these ids, as a data set of their own."""
    wanted = set(ids)
    dataset = source.split(split)
    return _of(dataset, [record for record in records_of(dataset) if record.id in wanted], split)


def _of(dataset: Dataset, records: Sequence[Record], split: str) -> PictureDataset:
    return PictureDataset(
        name=dataset.name,
        split=split,
        class_names=dataset.class_names,
        records=tuple(records),
        fingerprint=of_words([dataset.fingerprint, split, *(record.id for record in records)]),
        symmetries=dataset.symmetries,
    )


def keep(run: Run, division: Division) -> None:
    """Write the division into the run folder."""
    run.write_file(FILE, json.dumps(to_json(division), ensure_ascii=False))


def kept(run: Run) -> Division | None:
    """The division in the run folder; None where there is none. Raises ValueError where it is damaged."""
    path = run.path / FILE
    if not path.is_file():
        return None
    content: Any = durable.read_json(path)
    return from_json(Division, content, FILE)


def as_divided(source: Source, run: Run) -> Source:
    """The run's own data as they are for it: divided where it was fitted on part of what was held out."""
    division = kept(run)
    return source if division is None else divided(source, division)
