"""Accuracy by groups of a million classified rows with 1,000 replicates: seconds, memory, and whether intervals cover.

Prints one JSON line. ``seconds`` are those of the whole audit ``clearsight.audits.groups`` (values, intervals, gaps,
both tests of each, Holm's correction, the worst group, the table of scores), the least of several runs: of one
attribute of eight groups, and ``intersections`` of three attributes (2, 5 and 4 groups), every two of them, and all
three together. ``processor_seconds`` are those that the processor worked, for a machine that others use; ``peak_gb`` is
the most memory the process ever held, the evidence included. ``coverage`` is the share of simulated data sets, much
smaller ones, in which the 95% interval of a group's accuracy and of its gap hold the truth, and how often the audit of
groups that are all alike calls any gap real (5% at most, wanted); it is left out with ``--repeats 0``.
"""

import argparse
import json
import resource
import time
from dataclasses import replace

import numpy as np

from clearsight.audits import groups
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.types import Evidence, Finding, Request

GROUPS = 8
CLASSES = 4
RACES = (0.54, 0.15, 0.15, 0.12, 0.04)
AGES = (0.2, 0.45, 0.25, 0.1)
BY = ("sex", "race", "age", "sex*race*age")
SIZES = (0.4, 0.2, 0.1, 0.1, 0.08, 0.06, 0.04, 0.02)


def simulated(rows: int, seed: int, accuracy: np.ndarray) -> Evidence:
    """A classifier that is right in each group with the given probability; groups of unequal size."""
    rng = np.random.default_rng(seed)
    group = rng.choice(GROUPS, rows, p=SIZES)
    truth = rng.integers(0, CLASSES, rows)
    right = rng.random(rows) < accuracy[group]
    answer = np.where(right, truth, (truth + rng.integers(1, CLASSES, rows)) % CLASSES)
    probabilities = rng.random((rows, CLASSES), dtype=np.float32)
    probabilities[np.arange(rows), answer] += 1  # the largest, and different in every image, as those of a network are
    probabilities /= probabilities.sum(1, keepdims=True)
    statistics = ClassificationStatistics(
        class_names=tuple(f"class {index}" for index in range(CLASSES)), truth=truth, probabilities=probabilities
    )
    return Evidence(
        task="classification",
        statistics=statistics,
        ids=tuple(map(str, range(rows))),
        clusters=np.arange(rows),
        groups={
            "group": np.array([f"group {index}" for index in range(GROUPS)])[group],
            "sex": np.array(["female", "male"])[rng.integers(0, 2, rows)],
            "race": np.array(["white", "indian", "asian", "other", "black"])[rng.choice(5, rows, p=RACES)],
            "age": np.array(["under 20", "20 to 39", "40 to 59", "60 and over"])[rng.choice(4, rows, p=AGES)],
        },
    )


def only_groups(rows: int, seed: int, accuracy: np.ndarray) -> Evidence:
    """The same with the eight groups alone."""
    evidence = simulated(rows, seed, accuracy)
    return replace(evidence, groups={"group": evidence.groups["group"]})


def gap_findings(found: tuple[Finding, ...]) -> list[Finding]:
    """The tested gaps among the findings."""
    return [finding for finding in found if finding.metric.startswith("gap in")]


def timed(evidence: Evidence, by: tuple[str, ...], replicates: int, runs: int) -> dict[str, object]:
    """The seconds of each run of the audit by the clock and by the processor, and how many findings it makes."""
    clock, processor = [], []
    for _ in range(runs):
        start, worked = time.perf_counter(), time.process_time()
        found = groups(Request(evidence=evidence, by=by, replicates=replicates))
        clock.append(round(time.perf_counter() - start, 3))
        processor.append(round(time.process_time() - worked, 3))
    return {
        "seconds": min(clock), "runs": clock, "processor_seconds": min(processor), "by": by, "findings": len(found),
    }  # fmt: skip


def covered(repeats: int, rows: int, replicates: int) -> dict[str, float]:
    """How often intervals of groups and of gaps hold the truth, and how often equal groups raise an alarm."""
    accuracy = np.linspace(0.75, 0.95, GROUPS)
    shares = np.array(SIZES)
    held = gaps = alarms = judged = 0
    for repeat in range(repeats):
        found = groups(Request(evidence=only_groups(rows, repeat, accuracy), replicates=replicates, seed=repeat))
        series = found[0].series
        for name, low, high in zip(series["label"][1:], series["low"][1:], series["high"][1:], strict=True):
            held += low <= accuracy[int(name.split()[1])] <= high
        for finding in gap_findings(found):
            index = int(finding.group.split()[-1])
            rest = np.delete(shares, index) @ np.delete(accuracy, index) / (1 - shares[index])
            gaps += finding.interval[0] <= accuracy[index] - rest <= finding.interval[1]
            judged += 1
        alike = only_groups(rows, repeat, np.full(GROUPS, 0.85))
        found = groups(Request(evidence=alike, replicates=replicates, seed=repeat))
        alarms += any("Chance does not explain it" in finding.claim for finding in gap_findings(found))
    return {
        "groups": round(held / (repeats * GROUPS), 4),
        "gaps": round(gaps / judged, 4),
        "false_alarms": round(alarms / repeats, 4),
    }


def main() -> None:
    """Run and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=200, help="simulated data sets for the coverage")
    parser.add_argument("--simulated-rows", type=int, default=3000)
    chosen = parser.parse_args()
    evidence = simulated(chosen.rows, 0, np.linspace(0.75, 0.95, GROUPS))
    alone = timed(evidence, ("group",), chosen.replicates, chosen.runs)
    crossed = timed(evidence, BY, chosen.replicates, chosen.runs)
    print(
        json.dumps(
            {
                "benchmark": "groups",
                **alone,
                "rows": chosen.rows,
                "groups": GROUPS,
                "replicates": chosen.replicates,
                "intersections": crossed,
                "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
                "coverage": covered(chosen.repeats, chosen.simulated_rows, chosen.replicates)
                if chosen.repeats
                else None,
            }
        )
    )


if __name__ == "__main__":
    main()
