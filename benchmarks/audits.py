"""All audits of a 10,000-picture classification and of a 5,000-picture, 80-class detection: seconds and memory.

Prints one JSON line for each case, each in a process of its own: ``classification-10`` and ``classification-100`` (so
many classes), ``detection``. The audits are those that ``clearsight audit`` runs, on evidence alone, with guarantees
that were settled on other evidence and with the trivial baseline: groups by two attributes and their intersection,
clusters of one to three pictures, features, 1,000 replicates. ``seconds`` are by the clock and ``processor_seconds``
those that the processor worked; ``peak_gb`` is the most memory that the process held, the evidence included. ``audits``
names the same for each audit: seconds, processor seconds, the most memory in GB while it ran.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from clearsight import catalogue
from clearsight.decisions.settling import settled
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.tasks import Detection
from clearsight.types import Boxes, Detections, Evidence, Request

CASES = ("classification-10", "classification-100", "detection")
BY = ("sex", "age")
CHANNELS = 512
SIDE_PX = (480, 640)
OBJECTS, FALSE = 7.3, 27.0  # in a picture, on average: about those of COCO's validation pictures


def attributes(rng: np.random.Generator, pictures: int) -> dict[str, np.ndarray]:
    """Two attributes, one of them unknown for a few pictures."""
    sex = np.array(["female", "male", "unknown"])[rng.choice(3, pictures, p=[0.45, 0.5, 0.05])]
    ages = np.array(["under 20", "20 to 39", "40 to 59", "60 and over"])
    return {"sex": sex, "age": ages[rng.choice(4, pictures, p=[0.2, 0.45, 0.25, 0.1])]}


def described(task: str, statistics: object, rng: np.random.Generator, features: np.ndarray) -> Evidence:
    """The statistics as evidence of clusters of one to three pictures."""
    pictures = len(features)
    clusters = np.repeat(np.arange(pictures), rng.choice([1, 2, 3], pictures, p=[0.8, 0.15, 0.05]))[:pictures]
    return Evidence(
        task=task,
        statistics=statistics,
        ids=tuple(f"{number:05d}.jpg" for number in range(pictures)),
        clusters=np.unique(clusters, return_inverse=True)[1],
        groups=attributes(rng, pictures),
        about={"data": "simulated", "split": "test", "fingerprint": "0"},
        features=features,
        conditions={"brightness": rng.normal(0.5, 0.1, pictures), "contrast": rng.normal(0.2, 0.05, pictures)},
    )


def classified(pictures: int, classes: int, seed: int) -> tuple[Evidence, Evidence]:
    """A classifier of about 85% accuracy, less for a corner of the feature space; and the trivial baseline."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, pictures)
    middles = np.random.default_rng(1).normal(size=(classes, CHANNELS))
    features = (middles[truth] + rng.normal(size=(pictures, CHANNELS)) * 2).astype(np.float32)
    hard = features[:, 0] > np.quantile(features[:, 0], 0.9)
    logits = rng.normal(size=(pictures, classes)) * np.where(hard, 2.5, 1.2)[:, None]
    logits[np.arange(pictures), truth] += 3 + np.log(classes)
    odds = np.exp(logits - logits.max(1, keepdims=True))
    names = tuple(f"class {index}" for index in range(classes))
    probabilities = (odds / odds.sum(1, keepdims=True)).astype(np.float32)
    statistics = ClassificationStatistics(class_names=names, truth=truth, probabilities=probabilities)
    evidence = described("classification", statistics, rng, features)
    guessed = np.tile((np.bincount(truth, minlength=classes) / pictures).astype(np.float32), (pictures, 1))
    return evidence, replace(evidence, statistics=replace(statistics, probabilities=guessed))


def scene(rng: np.random.Generator, frequency: np.ndarray) -> tuple[Boxes, Detections]:
    """The objects of a picture, of classes as unequally frequent as COCO's, and what a detector finds there."""
    height, width = SIDE_PX
    count = int(rng.poisson(OBJECTS))
    labels = rng.choice(len(frequency), count, p=frequency)
    xyxy = drawn_boxes(rng, count)
    areas = (xyxy[:, 2:] - xyxy[:, :2]).prod(1)
    truth = Boxes(
        xyxy=torch.from_numpy(xyxy).float(), labels=torch.from_numpy(labels), areas=torch.from_numpy(areas).float(),
        ignored=torch.from_numpy(rng.random(count) < 0.01),
    )  # fmt: skip
    seen = rng.random(count) < 0.8
    sides = np.tile(xyxy[seen, 2:] - xyxy[seen, :2], 2)
    found = np.clip(xyxy[seen] + rng.normal(0, 0.07, (int(seen.sum()), 4)) * sides, 0, [width, height] * 2)
    false = int(rng.poisson(FALSE))
    called = np.where(rng.random(len(found)) < 0.93, labels[seen], rng.integers(0, len(frequency), len(found)))
    logit = np.concatenate([rng.normal(0.5, 1.6, len(found)), rng.normal(-3.5, 1.5, false)])
    boxes = np.concatenate([found, drawn_boxes(rng, false)])
    return truth, Detections(
        xyxy=torch.from_numpy(boxes).float(),
        scores=torch.from_numpy(1 / (1 + np.exp(-logit))).float(),
        labels=torch.from_numpy(np.concatenate([called, rng.choice(len(frequency), false, p=frequency)])),
    )


def drawn_boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    """Boxes of all of COCO's sizes."""
    height, width = SIDE_PX
    side = np.exp(rng.normal(4.2, 0.9, (count, 1)) + rng.normal(0, 0.3, (count, 2)))
    side = np.minimum(np.maximum(side, 4), [width, height])
    corner = rng.random((count, 2)) * ([width, height] - side)
    return np.concatenate([corner, corner + side], axis=1)


def detected(pictures: int, classes: int, seed: int) -> tuple[Evidence, Evidence]:
    """A detector with about 34 boxes a picture, and the trivial baseline of its truths."""
    rng = np.random.default_rng(seed)
    frequency = 1 / np.arange(1, classes + 1) ** 0.8
    scenes = [scene(rng, frequency / frequency.sum()) for _ in range(pictures)]
    truths, found = [truth for truth, _ in scenes], [one for _, one in scenes]
    names, task = tuple(f"class {index}" for index in range(classes)), Detection()
    features = rng.normal(size=(pictures, CHANNELS)).astype(np.float32)
    statistics = task.statistics(found, truths, names)
    statistics = statistics.with_options(**task.settle(statistics))
    evidence = described("detection", statistics, rng, features)
    rule = task.baseline(truths, [SIDE_PX] * pictures, names)
    guessed = task.statistics([rule(SIDE_PX) for _ in truths], truths, names, threshold=statistics.threshold)
    return evidence, replace(evidence, statistics=guessed)


def made(case: str, pictures: int | None) -> Request:
    """What ``clearsight audit`` would give the audits."""
    if case == "detection":
        evidence, baseline = detected(pictures or 5000, 80, 0)
        held_out, _ = detected((pictures or 5000) // 5, 80, 1)
        statistics = held_out.statistics.with_options(threshold=evidence.statistics.threshold)
    else:
        classes = int(case.rpartition("-")[2])
        evidence, baseline = classified(pictures or 10_000, classes, 0)
        held_out, _ = classified((pictures or 10_000) // 5, classes, 1)
        statistics = held_out.statistics
    guarantees = settled(replace(held_out, statistics=statistics))
    return Request(evidence=evidence, more={"baseline": baseline}, by=BY, guarantees=guarantees)


def peak_gb() -> float:
    """The most memory that the process held since it was last forgotten, in GB."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def forget_peak() -> None:
    """Begin anew to watch for the most memory, where the system lets us."""
    if Path("/proc/self/clear_refs").is_file():
        Path("/proc/self/clear_refs").write_text("5")


def audited(case: str, pictures: int | None, only: str | None) -> dict[str, object]:
    """Run every audit, in the order of a report; the seconds and memory of each."""
    request = made(case, pictures)
    parts = sorted(catalogue.parts("audits"), key=lambda part: (part.name == "cost", part.name != "scores"))
    audits, findings = {}, 0
    clock, worked, peak = time.perf_counter(), time.process_time(), 0.0
    for part in parts:
        if only is not None and part.name != only:
            continue
        forget_peak()
        began = time.perf_counter(), time.process_time()
        findings += len(part.load()(request))
        seconds = time.perf_counter() - began[0], time.process_time() - began[1], peak_gb()
        audits[part.name] = [round(one, 2) for one in seconds]
        peak = max(peak, seconds[2])
    return {
        "benchmark": "audits",
        "case": case,
        "seconds": round(time.perf_counter() - clock, 1),
        "processor_seconds": round(time.process_time() - worked, 1),
        "peak_gb": round(peak, 2),
        "pictures": len(request.evidence.ids),
        "findings": findings,
        "audits": dict(sorted(audits.items(), key=lambda pair: -pair[1][1])),
    }


def main() -> None:
    """Run and print one JSON line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=CASES, help="this case alone, in this process")
    parser.add_argument("--pictures", type=int, help="so many pictures in place of 10,000 and 5,000")
    parser.add_argument("--only", help="this audit alone")
    chosen = parser.parse_args()
    if chosen.case is not None:
        print(json.dumps(audited(chosen.case, chosen.pictures, chosen.only)), flush=True)
        return
    for case in CASES:
        subprocess.run([sys.executable, *sys.argv, "--case", case], check=True)


if __name__ == "__main__":
    main()
