"""YOLO on the BCCD blood smears, from scratch, for some minutes: its scores on the held-out smears as one JSON line.

python benchmarks/bccd.py --data BCCD --minutes 10
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from clearsight.recipes.bccd import bccd_yolo
from clearsight.tasks import Detection


def main() -> None:
    """Train, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="the BCCD folder, in Pascal VOC layout")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", help="keep the run in this new folder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = bccd_yolo(asked.data, minutes=asked.minutes, seed=asked.seed, out=asked.out or Path(folder) / "run")
        seconds = time.perf_counter() - began
        split = next(name for name in ("test", "val") if name in run.evidence_names)
        found = run.read_evidence(split, Detection.statistics_type).statistics
        ones = np.ones((1, found.images), dtype=np.float32)
        scores = {metric.name: round(float(metric.compute(found, ones)[0]), 4) for metric in found.metrics()}
        headline = found.metrics()[0]
        classes = {name: round(float(headline.compute(one, ones)[0]), 4) for name, one in found.by_class().items()}
        last = [row for row in run.read_log() if "step" in row][-1]
    print(
        json.dumps(
            {
                "benchmark": "bccd",
                "minutes": asked.minutes,
                "seed": asked.seed,
                "pictures": found.images,
                **scores,
                "AP by class": classes,
                "steps": last["step"],
                "training_s": round(last["seconds"], 1),
                "whole_s": round(seconds, 1),
                "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
