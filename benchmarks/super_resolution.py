"""Super-resolution on held-out pictures: likeness beside interpolation, consistency, and what is invented, as JSON.

python benchmarks/super_resolution.py super-resolution --data faces/train.parquet --minutes 10 --by gender,race
python benchmarks/super_resolution.py pixel-recursive --data faces/train.parquet --minutes 20 --by gender,race
python benchmarks/super_resolution.py pixel-recursive --data mnist/train.parquet --minutes 10 --set size=28,28

With --run the figures of a finished run are printed again, without training. Pictures are of 32 px, made from 8 px,
unless --set says otherwise.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import torch

from clearsight.loading import trained
from clearsight.metrics.resample import change, cluster_weights
from clearsight.run import Run
from clearsight.settings import parse
from clearsight.verbs.train import train

RIVALS = ("nearest", "bicubic", "lanczos")


def main() -> None:
    """Train, or open a run, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=("super-resolution", "pixel-recursive"))
    parser.add_argument("--data", help="pictures in any layout")
    parser.add_argument("--target", help="the column of the truth, where the data are a table")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--by", default="", help="attributes to read from what was made, by commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], help="field=value, as in `clearsight train`")
    parser.add_argument("--out", help="keep the run in this new folder")
    parser.add_argument("--run", help="a finished run to print the figures of")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.run:
            run = Run.open(asked.run)
        else:
            run = train(
                asked.model, asked.data, minutes=asked.minutes, seed=asked.seed, out=asked.out or Path(folder) / "run",
                target=asked.target, by=[word for word in asked.by.split(",") if word],
                settings={"size": "32,32", "size_px": 32, **parse(asked.set)},
            )  # fmt: skip
        print(json.dumps({**described(run), **measured(run)}))


def described(run: Run) -> dict[str, Any]:
    """What was trained, on what, for how long."""
    config = run.config
    last = [row for row in run.read_log() if "step" in row][-1]
    return {
        "benchmark": "super-resolution",
        "model": config.model,
        "data": config.data_name,
        "budget": config.settings["budget"],
        "settings": config.settings["model"],
        "seed": config.seed,
        "steps": last["step"],
        "training_s": round(last.get("seconds", 0.0), 1),
        "trained in": config.settings["precision"],
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def measured(run: Run) -> dict[str, Any]:
    """Every score with its interval, the paired gain in PSNR over each interpolation, and attributes by group."""
    card, kind = run.read_card(), trained.task_of(run.config).statistics_type
    split = next(name for name in ("test", "val") if name in run.evidence_names)
    evidence = run.read_evidence(split, kind)
    metrics = evidence.statistics.metrics()
    weights = cluster_weights(evidence.clusters, 1000, 0)
    gains, rivals = {}, {}
    for name in RIVALS:
        rival = run.read_evidence(f"baseline-{name}-{split}", kind)
        gap = change(metrics[0], rival, evidence, weights)
        gains[name] = _rounded(gap.value, gap.interval)
        rivals[name] = {one.name: round(float(one.compute(rival.statistics, weights[:1] * 0 + 1)[0]), 4)
                        for one in metrics}  # fmt: skip
    found = [one for one in card.findings if one.value is not None]
    return {
        "pictures": len(evidence.ids),
        "scores": {one.metric: _rounded(one.value, one.interval) for one in found if one.question == "what it does"},
        "interpolations": rivals,
        "psnr_gained_over": gains,
        "attributes": {
            one.group: {"claim": one.claim, "rows": _rows(one.series)}
            for one in card.findings
            if one.metric.startswith("wrong ")
        },
    }


def _rows(series: Any) -> dict[str, Any]:
    columns = zip(*(series[name] for name in ("label", "value", "low", "high", "n", "note")), strict=True)
    return {
        label: [*(None if one is None else round(one, 4) for one in (value, low, high)), count, note]
        for label, value, low, high, count, note in columns
    }


def _rounded(value: float, interval: tuple[float, float] | None) -> list[float]:
    return [round(one, 4) for one in (value, *(interval or ()))]


if __name__ == "__main__":
    main()
