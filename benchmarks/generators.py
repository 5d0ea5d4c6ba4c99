"""Trains generators on the same pictures for the same minutes, one after another, and prints a JSON line for each.

    python benchmarks/generators.py gan dcgan --data mnist/train.parquet --minutes 20 --out trial/ --set gan.latents=64

Every score of a run's evidence with its interval (for ``gan-2014`` also the log-likelihood by a Parzen window), steps
and energy. The runs stay in ``--out``, with a page that sets them side by side where there are several.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any

import clearsight as cs
from clearsight.metrics import resample
from clearsight.metrics.generation import GenerationStatistics
from clearsight.run import Run

REPLICATES = 1000


def settings_for(name: str, words: list[str]) -> list[str]:
    """Those of ``FIELD=VALUE`` and ``NAME.FIELD=VALUE`` that this generator gets."""
    mine = []
    for word in words:
        field = word.partition("=")[0]
        if "." not in field:
            mine.append(word)
        elif field.partition(".")[0] == name:
            mine.append(word.partition(".")[2])
    return mine


def judged(run: Run, asked: argparse.Namespace) -> dict[str, Any]:
    """What a run says of itself."""
    (split,) = (name for name in run.evidence_names if name in ("test", "val"))
    evidence = run.read_evidence(split, GenerationStatistics)
    weights = resample.cluster_weights(evidence.clusters, REPLICATES, 0)
    scores = {}
    for metric in evidence.statistics.metrics():
        found = resample.interval(metric, evidence, weights)
        if not math.isnan(found.value):
            scores[metric.name] = [round(found.value, 4), *(round(side, 4) for side in found.interval or ())]
    card = run.read_card()
    history = {one.metric: [one.value, *(one.interval or ())] for one in card.findings if "Parzen" in one.metric}
    steps = max((line["step"] for line in run.read_log() if "step" in line), default=0)
    return {
        "generator": run.config.model, "minutes": None if asked.epochs else asked.minutes,
        "epochs": asked.epochs or None, "seed": asked.seed, "set": asked.set,
        "judged on": evidence.counted, "steps": steps, "precision": run.config.settings["precision"],
        "kwh": None if card.cost is None else card.cost.kwh, "scores": scores, **history,
    }  # fmt: skip


def main() -> None:
    """Train, judge, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", help="generators, in the order in which they are trained")
    parser.add_argument("--data", required=True)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--epochs", type=float, default=0, help="instead of minutes")
    parser.add_argument("--out", type=Path, required=True, help="a folder for the runs")
    parser.add_argument("--set", action="append", default=[], metavar="[NAME.]FIELD=VALUE")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    runs = []
    for name in asked.names:
        settings = dict(word.split("=", 1) for word in settings_for(name, asked.set))
        run = cs.train(
            name, asked.data, minutes=None if asked.epochs else asked.minutes, epochs=asked.epochs or None,
            seed=asked.seed, out=asked.out / name, settings=settings, cluster="none",
        )  # fmt: skip
        print(json.dumps(judged(run, asked)), flush=True)
        runs.append(run)
    if len(runs) > 1:
        found = cs.compare(*runs, out=asked.out / "compared.html")
        print(json.dumps({"claims": found.claims, "page": found.page}))


if __name__ == "__main__":
    main()
