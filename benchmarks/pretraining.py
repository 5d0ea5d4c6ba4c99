"""What pretraining on unlabelled pictures buys a classifier or a detector with few labels, as JSON lines.

    python benchmarks/pretraining.py classifier --data cifar10/train.parquet --labelled 500 --out trial/
    python benchmarks/pretraining.py yolo --data bccd --labelled 40 --out trial/

All training pictures, without their truths, train an autoencoder; ``--labelled`` of them train the model, once from
nothing and once on the autoencoder's backbone, for the same minutes or epochs and seeds. Judged on the held-out
pictures, paired: the interval of the gain is over clusters of pictures, that of the mean over seeds over both (see
``mean_gain``).
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars

import clearsight as cs
from clearsight.loading import trained
from clearsight.metrics import resample
from clearsight.run import Run

REPLICATES = 1000
HELD_OUT = 10_000  # rows of a table that are never trained on


def few_rows(table: Path, count: int, place: Path) -> tuple[Path, Path]:
    """Two folders with a training table each, of all rows but those held out and of few, and the same held-out rows."""
    rows = polars.read_parquet(table)
    order = np.random.default_rng(0).permutation(len(rows))
    held_out, known = rows[order[:HELD_OUT]], rows[order[HELD_OUT:]]
    for name, part in (("all", known), ("few", known[:count])):
        (place / name).mkdir(parents=True)
        part.write_parquet(place / name / "train.parquet")
        held_out.write_parquet(place / name / "val.parquet")
    return place / "all", place / "few"


def few_files(folder: Path, count: int, place: Path) -> tuple[Path, Path]:
    """A Pascal VOC folder as it is, and a copy whose training split names few pictures."""
    shutil.copytree(folder, place / "few")
    split = place / "few" / "ImageSets" / "Main" / "train.txt"
    split.parent.chmod(0o755)
    split.chmod(0o644)
    ids = split.read_text().split()
    chosen = np.random.default_rng(0).permutation(ids)[:count]
    split.write_text("".join(f"{one}\n" for one in sorted(chosen)))
    return folder, place / "few"


def mean_gain(pairs: list[tuple[Run, Run]]) -> dict[str, Any]:
    """The mean over seeds of the paired gain by the headline, and its interval.

    Each replicate resamples the clusters of pictures, the same for all runs, and the seeds.
    """
    evidence = [
        tuple(run.read_evidence("val", trained.task_of(run.config).statistics_type) for run in pair) for pair in pairs
    ]
    weights = resample.cluster_weights(evidence[0][0].clusters, REPLICATES, 0)
    metric = evidence[0][0].statistics.metrics()[0].name
    whole = np.ones((1, weights.shape[1]))

    def values(one: Any, used: np.ndarray) -> np.ndarray:
        found = next(metric_ for metric_ in one.statistics.metrics() if metric_.name == metric)
        return found.compute(one.statistics, used)

    gains = np.stack([values(pretrained, weights) - values(plain, weights) for plain, pretrained in evidence])
    value = np.mean([float(values(pretrained, whole)[0] - values(plain, whole)[0]) for plain, pretrained in evidence])
    seeds = np.random.default_rng(1).integers(len(pairs), size=(len(pairs), REPLICATES))
    low, high = np.quantile(np.take_along_axis(gains, seeds, 0).mean(0), [0.025, 0.975])
    return {
        "metric": metric,
        "plain": [round(float(values(plain, whole)[0]), 4) for plain, _ in evidence],
        "pretrained": [round(float(values(pretrained, whole)[0]), 4) for _, pretrained in evidence],
        "gain": round(float(value), 4), "interval": [round(float(low), 4), round(float(high), 4)],
    }  # fmt: skip


def budget(epochs: float, minutes: float) -> dict[str, float]:
    """How long to train: for so many epochs where they are given, else for so many minutes."""
    return {"epochs": epochs} if epochs else {"minutes": minutes}


def main() -> None:
    """Pretrain, train both, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a model with a backbone, such as classifier or yolo")
    parser.add_argument("--data", type=Path, required=True, help="a Parquet table of pictures, or a Pascal VOC folder")
    parser.add_argument("--labelled", type=int, default=500, help="pictures whose truths the model learns from")
    parser.add_argument("--pretraining", type=float, default=5, help="minutes of the autoencoder")
    parser.add_argument("--minutes", type=float, default=2, help="of each model")
    parser.add_argument("--epochs", type=float, default=0, help="of each model, instead of minutes")
    parser.add_argument("--pretraining-epochs", type=float, default=0, help="of the autoencoder, instead of minutes")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size-px", type=int, default=0, help="the longer side for all, instead of each one's own")
    parser.add_argument("--noise", default="masking", help="of the autoencoder; none for none")
    parser.add_argument("--out", type=Path, required=True, help="a new folder for data and runs")
    asked = parser.parse_args()
    divide = few_rows if asked.data.is_file() else few_files
    everything, few = divide(asked.data, asked.labelled, asked.out)
    size = {"size_px": asked.size_px} if asked.size_px else {}
    encoder = cs.train(
        "autoencoder", everything, out=asked.out / "autoencoder", cluster="none",
        settings={"noise": asked.noise, **size}, **budget(asked.pretraining_epochs, asked.pretraining),
    )  # fmt: skip
    backbone = Run.open(encoder.path).config.backbone
    pairs = []
    for seed in range(asked.seeds):
        common = {**budget(asked.epochs, asked.minutes), "seed": seed, "cluster": "none", "settings": size}
        plain = cs.train(asked.model, few, backbone=backbone, out=asked.out / f"plain-{seed}", **common)
        more = cs.train(
            asked.model, few, out=asked.out / f"pretrained-{seed}", backbone=f"run:{encoder.path}", **common
        )
        pairs.append((plain, more))
        print(json.dumps({"seed": seed, "claim": cs.compare(plain, more, speed=False).claims[0]}), flush=True)
    about = {name: value if isinstance(value, int | float | str) else str(value) for name, value in vars(asked).items()}
    print(json.dumps({"benchmark": "pretraining", **about, **mean_gain(pairs)}))


if __name__ == "__main__":
    main()
