"""Which judged pictures belong together, and to clusters that were trained on: said in the evidence for every audit."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from clearsight.evaluation.alike import far_more_alike
from clearsight.sources import Record, Source, records_of
from clearsight.sources.samples.clustering import AUTO, STATED
from clearsight.types import Evidence, Label

FEATURES = "inferred from features of the run itself"


def with_clusters(
    evidence: Evidence, source: Source, features: Sequence[Tensor] = (), *, trained_here: bool
) -> Evidence:
    """The evidence with ``features`` (of its pictures, in batches) and with what is known of its clusters.

    ``trained_here`` where the source's "train" was trained on. Where nothing else is known of clusters and the user did
    not refuse it, the features are looked at for repeats.
    """
    records = records_of(source.split(evidence.about["split"]))
    seen = np.ones(len(records), dtype=bool) if trained_here and evidence.about["split"] == "train" else None
    pooled = torch.cat(list(features)).numpy() if features else np.zeros((0, 0))
    complete = len(pooled) == len(records)
    evidence = replace(evidence, seen=seen, features=pooled if complete else None)
    if source.clustering.choice == AUTO and not any(each.cluster for each in records) and complete:
        return _by_features(evidence, pooled, records)
    if trained_here and "train" in source.splits and evidence.about["split"] != "train":
        trained_on = {record.cluster for record in records_of(source.split("train")) if record.cluster}
        seen = np.array([record.cluster in trained_on for record in records], dtype=bool)
    sizes = Counter(record.cluster for record in records if record.cluster)
    said = clusters_said(sizes, len(records), evidence.unit, source.clustering.origin or STATED)
    return replace(evidence, seen=seen, about={**evidence.about, "clusters": said})


def _by_features(evidence: Evidence, pooled: np.ndarray, records: Sequence[Record]) -> Evidence:
    labels = [record.truth.index for record in records if isinstance(record.truth, Label)]
    found = far_more_alike(pooled, np.array(labels) if len(labels) == len(records) else None)
    numbers, sizes = np.unique(found, return_counts=True)
    several = Counter({evidence.ids[n]: int(size) for n, size in zip(numbers, sizes, strict=True) if size > 1})
    said = clusters_said(several, len(records), evidence.unit, FEATURES)
    clusters = found if several else evidence.clusters
    return replace(evidence, clusters=clusters, about={**evidence.about, "clusters": said})


def clusters_said(sizes: Counter[str], pictures: int, unit: str, origin: str) -> str:
    """The clusters of judged pictures in words, such as "101 pictures of 1 cluster, inferred from file names"."""
    if not sizes:
        return f"none known: each of the {pictures} {unit} stands for itself"
    grouped = sum(sizes.values())
    alone = f", {pictures - grouped} of none" if grouped < pictures else ""
    several = "s" if len(sizes) > 1 else ""
    name = sizes.most_common(1)[0][0]
    return f"{grouped} {unit} of {len(sizes)} cluster{several}{alone}, {origin} (such as {name})"
