"""What a backbone pretrained on the data's own object crops gains a detector, paired, on held-out pictures: JSON lines.

python benchmarks/transfer.py BCCD --minutes 10 --pretraining 3 --out transfer/

Both detectors train for the same minutes; the pretraining comes on top, and its time is printed.
"""

import argparse
import json
from pathlib import Path

from clearsight.recipes.crops import crops_classifier
from clearsight.verbs.compare import compare
from clearsight.verbs.train import train


def main() -> None:
    """Train the classifier and both detectors, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="boxes in any layout")
    parser.add_argument("--minutes", type=float, default=10, help="of each detector")
    parser.add_argument("--pretraining", type=float, default=3, help="minutes of the classifier of crops")
    parser.add_argument("--frozen", type=float, default=0.0, help="share of the run in which the backbone stands still")
    parser.add_argument("--flips", default="both")
    parser.add_argument("--plain", help="a run without pretraining that is there already")
    parser.add_argument("--out", type=Path, required=True, help="a new folder for crops and runs")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True)
    classifier = crops_classifier(
        asked.data, asked.out / "crops", minutes=asked.pretraining, flips=asked.flips, out=asked.out / "classifier",
        seed=asked.seed,
    )  # fmt: skip
    common = {"minutes": asked.minutes, "seed": asked.seed}
    settings = {"flips": asked.flips}
    plain = asked.plain or train("yolo", asked.data, out=asked.out / "plain", settings=settings, **common)
    trunk = train(
        "yolo", asked.data, backbone=f"run:{classifier.path}", out=asked.out / "pretrained",
        settings={**settings, "frozen_share": asked.frozen}, **common,
    )  # fmt: skip
    found = compare(plain, trunk, speed=False)
    for one in found.differences:
        print(
            json.dumps(
                {
                    "metric": one.metric,
                    "plain": round(one.first, 4),
                    "pretrained": round(one.second, 4),
                    "gain": round(one.difference, 4),
                    "interval": one.interval and [round(end, 4) for end in one.interval],
                    "p": round(one.p, 4),
                    "pictures": one.n,
                }
            )
        )
    print(json.dumps({"claim": found.claims[0], "pretraining_minutes": asked.pretraining}))


if __name__ == "__main__":
    main()
