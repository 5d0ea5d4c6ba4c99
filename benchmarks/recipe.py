"""A recipe on its data, from scratch, for some minutes: its scores on held-out pictures as one JSON line.

python benchmarks/recipe.py bccd_yolo --data BCCD
python benchmarks/recipe.py bccd_faster_rcnn --data BCCD
python benchmarks/recipe.py digits_rcnn --data digits
python benchmarks/recipe.py digits_yolo_v1 --data digits
python benchmarks/recipe.py digits_mask_rcnn --data digits
python benchmarks/recipe.py camvid_encoder_decoder --data CAMVID --minutes 10
python benchmarks/recipe.py cifar10_cnn --data cifar10/train.parquet
python benchmarks/recipe.py mnist_cnn --data mnist/train.parquet
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import torch

from clearsight.audits import scores
from clearsight.loading import trained
from clearsight.recipes.bccd import bccd_faster_rcnn, bccd_yolo
from clearsight.recipes.camvid import camvid_encoder_decoder
from clearsight.recipes.digits import (
    digits_faster_rcnn,
    digits_mask_rcnn,
    digits_rcnn,
    digits_yolo,
    digits_yolo_v1,
)
from clearsight.recipes.small import cifar10_cnn, mnist_cnn
from clearsight.types import Request

RECIPES = {
    recipe.__name__: recipe
    for recipe in (
        bccd_yolo, bccd_faster_rcnn, camvid_encoder_decoder, cifar10_cnn, mnist_cnn, digits_faster_rcnn,
        digits_mask_rcnn, digits_rcnn, digits_yolo, digits_yolo_v1,
    )
}  # fmt: skip


def main() -> None:
    """Train, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("--data", required=True, help="where the recipe's data are")
    parser.add_argument("--minutes", type=float, help="of training; the recipe's own if not said")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", help="keep the run in this new folder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        minutes = {} if asked.minutes is None else {"minutes": asked.minutes}
        run = RECIPES[asked.recipe](asked.data, seed=asked.seed, out=asked.out or Path(folder) / "run", **minutes)
        seconds = time.perf_counter() - began
        split = next(name for name in ("test", "val") if name in run.evidence_names)
        found = run.read_evidence(split, trained.task_of(run.config).statistics_type)
        measured = {
            finding.metric: [finding.value, *(finding.interval or ())]
            for finding in scores(Request(evidence=found))
            if finding.value is not None
        }
        last = [row for row in run.read_log() if "step" in row][-1]
        settings = run.config.settings  # read before the folder goes
    print(
        json.dumps(
            {
                "benchmark": asked.recipe,
                **settings["budget"],
                "seed": asked.seed,
                "pictures": len(found.ids),
                **{name: [round(value, 4) for value in values] for name, values in measured.items()},
                "steps": last["step"],
                "training_s": round(last["seconds"], 1),
                "whole_s": round(seconds, 1),
                "trained in": settings["precision"],
                "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
