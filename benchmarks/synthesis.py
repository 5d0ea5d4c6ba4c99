"""Trains `synthesis` on pictures beside label maps and prints, as a JSON line, what a segmenter finds in its pictures.

    python benchmarks/synthesis.py --data camvid/ --size 96,128 --minutes 30 --out trial/

Wanted on CamVid at 96 x 128 px after 30 minutes on two CPU cores: a mean IoU on generated pictures of at least half of
that on the real ones. All scores stand with their intervals: over clusters, and over single pictures beside these,
since CamVid's validation pictures are frames of one video, of which no interval can be told by clusters.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import clearsight as cs
from clearsight.metrics import resample
from clearsight.metrics.generation import GenerationStatistics
from clearsight.metrics.segmentation import METRICS, SegmentationStatistics
from clearsight.run import Run
from clearsight.settings import parse
from clearsight.types import Evidence

REPLICATES = 1000
SHOWN = ("mean IoU", "pixel accuracy")


def said(found: Any) -> list[float | None]:
    """A value and its interval, rounded."""
    return [round(found.value, 4), *(round(end, 4) for end in found.interval or ())]


def segmented(run: Run, split: str) -> dict[str, Any]:
    """Mean IoU and pixel accuracy on generated and real pictures, and the share of the one in the other."""
    kinds = {name: run.read_evidence(f"segmenter-{name}-{split}", SegmentationStatistics)
             for name in ("generated", "real", "others")}  # fmt: skip
    clusters = kinds["real"].clusters
    scores: dict[str, Any] = {"segmenter": kinds["real"].about["segmenter"], "clusters": len(np.unique(clusters))}
    for unit, numbers in (("clusters", clusters), ("pictures", np.arange(len(clusters)))):
        weights = resample.cluster_weights(numbers, REPLICATES, 0)
        for metric in (one for one in METRICS if one.name in SHOWN):
            found = {
                name: resample.interval(metric, Evidence(task=one.task, statistics=one.statistics, ids=one.ids,
                                                         clusters=numbers), weights)
                for name, one in kinds.items()
            }  # fmt: skip
            made, real = found["generated"], found["real"]
            ends = resample.interval_from(
                made.value / real.value, made.samples / real.samples, made.clusters, bounds=(0.0, float("inf"))
            )
            scores[f"{metric.name} by {unit}"] = {
                **{name: said(one) for name, one in found.items()},
                "share": [round(made.value / real.value, 4), *(round(end, 4) for end in ends or ())],
                "generated less real": said(resample.paired(made, real)),
            }
    return scores


def generated(run: Run, split: str) -> dict[str, Any]:
    """Every score of the pictures by features, each real picture with the one made from its map taken alone."""
    evidence = run.read_evidence(split, GenerationStatistics)
    pairs = np.tile(np.arange(len(evidence.ids) // 2), 2)
    evidence = replace(evidence, clusters=pairs, statistics=replace(evidence.statistics, clusters=pairs))
    weights = resample.cluster_weights(pairs, REPLICATES, 0)
    found = [(metric.name, resample.interval(metric, evidence, weights)) for metric in evidence.statistics.metrics()]
    return {name: said(one) for name, one in found if np.isfinite(one.value)}


def trained(asked: argparse.Namespace) -> Run:
    """The run that was named, or a new one."""
    if asked.run is not None:
        return Run.open(asked.run)
    settings = {"size": asked.size, **parse(asked.set)}
    return cs.train(
        "synthesis", asked.data, minutes=asked.minutes, seed=asked.seed, out=asked.out / "synthesis", settings=settings
    )


def main() -> None:
    """Train, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="pictures beside label maps, such as CamVid")
    parser.add_argument("--size", default="96,128", help="height and width in px")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--out", type=Path, help="a folder for the run")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=Path, help="instead of all these: a run that is trained already")
    asked = parser.parse_args()
    if asked.run is None and (asked.data is None or asked.out is None):
        parser.error("name --data and --out, or a --run")
    run = trained(asked)
    split = "test" if "test" in run.evidence_names else "val"
    steps = max((line["step"] for line in run.read_log() if "step" in line), default=0)
    cost, settings = run.read_card().cost, run.config.settings
    print(
        json.dumps(
            {
                "budget": settings["budget"], "seed": run.config.seed, "model": settings["model"], "steps": steps,
                "precision": settings["precision"], "kwh": None if cost is None else cost.kwh,
                "segmented": segmented(run, split), "scores by pictures": generated(run, split),
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
