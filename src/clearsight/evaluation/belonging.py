"""Which judged pictures belong together, and to clusters that were trained on: said in the evidence for every audit."""

from collections import Counter
from dataclasses import replace

import numpy as np

from clearsight.sources import Source, records_of
from clearsight.sources.samples.clustering import STATED
from clearsight.types import Evidence


def with_clusters(evidence: Evidence, source: Source, *, trained_here: bool) -> Evidence:
    """The evidence with what is known of its clusters; ``trained_here`` where the source's "train" was trained on."""
    records = records_of(source.split(evidence.about["split"]))
    seen = None
    if trained_here and "train" in source.splits and evidence.about["split"] != "train":
        trained_on = {record.cluster for record in records_of(source.split("train")) if record.cluster}
        seen = np.array([record.cluster in trained_on for record in records], dtype=bool)
    sizes = Counter(record.cluster for record in records if record.cluster)
    said = clusters_said(sizes, len(records), evidence.unit, source.clustering.origin or STATED)
    return replace(evidence, seen=seen, about={**evidence.about, "clusters": said})


def clusters_said(sizes: Counter[str], pictures: int, unit: str, origin: str) -> str:
    """The clusters of judged pictures in words, such as "101 pictures of 1 cluster, inferred from file names"."""
    if not sizes:
        return f"none known: each of the {pictures} {unit} stands for itself"
    grouped = sum(sizes.values())
    alone = f", {pictures - grouped} of none" if grouped < pictures else ""
    several = "s" if len(sizes) > 1 else ""
    name = sizes.most_common(1)[0][0]
    return f"{grouped} {unit} of {len(sizes)} cluster{several}{alone}, {origin} (such as {name})"
