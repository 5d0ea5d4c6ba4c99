"""Colours given to black-and-white pictures: error in ab beside grey and the mean colour, and what a classifier gains.

python benchmarks/colouring.py --data cifar10/train.parquet --minutes 15
python benchmarks/colouring.py --data cifar10/train.parquet --minutes 15 --set answer=regression --classifier runs/cnn-1
python benchmarks/colouring.py --data cifar10/train.parquet --colouring runs/colour-1 --classifier runs/cnn-1
python benchmarks/colouring.py --data cifar10/train.parquet --minutes 5 --fine-tuning 3

Prints, as JSON: every metric of the held-out pictures with its interval; what the model gains on each classical
answer, paired by picture; and the accuracy of a classifier that was trained on real colours, on the same pictures real,
grey and coloured, with the share of what it lost on grey pictures that colouring gives back. The classifier looks only
at pictures that all runs held out. With --fine-tuning, `colour-adversarial` goes on from the model for so many minutes,
and all this is printed of it too, with what it changed in every metric, paired by picture.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from clearsight.audits import scores
from clearsight.drawing import in_bytes
from clearsight.evaluation.evaluator import evaluate
from clearsight.evaluation.judging import read_for
from clearsight.loading import trained
from clearsight.metrics.resample import Estimate, change, cluster_weights, interval
from clearsight.ops.degradations import Grey
from clearsight.run import Run
from clearsight.settings import parse
from clearsight.sources.samples.picture_pairs import CorruptedPicture, degraded
from clearsight.sources.samples.records import PictureDataset, records_of
from clearsight.types import Evidence, Request
from clearsight.verbs.train import train

REPLICATES = 1000


def main() -> None:
    """Train what is not there yet, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="pictures in colour, of one class each")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--classifier-minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], help="field=value of the model that colours")
    parser.add_argument("--fine-tuning", type=float, default=0, help="minutes of training against a critic afterwards")
    parser.add_argument("--fine-set", action="append", default=[], help="field=value of that training")
    parser.add_argument("--colouring", help="a run of `colour` that was trained on these data, in place of a new one")
    parser.add_argument("--classifier", help="a run of `cnn` that was trained on these data, in place of a new one")
    parser.add_argument("--out", help="keep new runs in this folder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(asked.out or temporary)
        colouring = Run.open(asked.colouring) if asked.colouring else train(
            "colour", asked.data, minutes=asked.minutes, seed=asked.seed, out=folder / "colour",
            settings=parse(asked.set), quiet=True,
        )  # fmt: skip
        classifier = Run.open(asked.classifier) if asked.classifier else train(
            "cnn", asked.data, minutes=asked.classifier_minutes, seed=asked.seed, out=folder / "cnn", quiet=True,
        )  # fmt: skip
        found, runs = of_colours(colouring), {"coloured": colouring}
        if asked.fine_tuning:
            runs["fine-tuned"] = train(
                "colour-adversarial", asked.data, minutes=asked.fine_tuning, seed=asked.seed, out=folder / "fine",
                settings={"start": str(colouring.path), **parse(asked.fine_set)}, quiet=True,
            )  # fmt: skip
            found["fine-tuned"] = of_colours(runs["fine-tuned"]) | {"changed": changes(colouring, runs["fine-tuned"])}
        found |= of_classifier(runs, classifier, asked.data)
    print(json.dumps({"benchmark": "colouring", "seed": asked.seed, **found, "threads": torch.get_num_threads()}))


def of_colours(run: Run) -> dict[str, Any]:
    """Every metric of the colours, and the paired gain in error in ab on each classical answer."""
    kind = trained.task_of(run.config).statistics_type
    split = "test" if "test" in run.evidence_names else "val"
    judged = run.read_evidence(split, kind)
    error = judged.statistics.metrics()[0]
    weights = cluster_weights(judged.clusters, REPLICATES, 0)
    gaps = {}
    for name in ("grey", "mean-colour"):
        gap = change(error, run.read_evidence(f"baseline-{name}-{split}", kind), judged, weights)
        gaps[name] = {"error in ab": _rounded(gap.second), "difference": [round(gap.value, 3), *_ends(gap.interval)]}
    last = [row for row in run.read_log() if "step" in row][-1]
    return {
        "data": run.config.data_name,
        "model": dict(run.config.settings["model"]),
        "budget": dict(run.config.settings["budget"]),
        "trained in": run.config.settings["precision"],
        "steps": last["step"],
        "training_s": round(last["seconds"], 1),
        "pictures": len(judged.ids),
        "metrics": {
            one.metric: [round(one.value, 4), *_ends(one.interval)]
            for one in scores(Request(evidence=judged))
            if one.value is not None
        },
        "against": gaps,
    }


def changes(before: Run, after: Run) -> dict[str, list[float]]:
    """The difference of every metric from one run to the other, paired by picture."""
    kind = trained.task_of(after.config).statistics_type
    split = "test" if "test" in after.evidence_names else "val"
    first, second = (run.read_evidence(split, kind) for run in (before, after))
    weights = cluster_weights(second.clusters, REPLICATES, 0)
    gaps = {one.name: change(one, first, second, weights) for one in second.statistics.metrics()}
    return {name: [round(gap.value, 4), *_ends(gap.interval)] for name, gap in gaps.items()}


def of_classifier(colourings: dict[str, Run], classifier: Run, data: str) -> dict[str, Any]:
    """Its accuracy on real, grey and coloured pictures, and the share of the loss on grey ones that is recovered."""
    mine = [
        {one.id for one in records_of(read_for(run, data, None, False).split("val"))} for run in colourings.values()
    ]
    held_out = read_for(classifier, data, None, False).split("val")
    assert isinstance(held_out, PictureDataset)
    real = replace(held_out, records=tuple(one for one in held_out.records if all(one.id in ids for ids in mine)))
    grey = changed(real, lambda index, image: degraded(image, Grey()))
    evidence = {"real": judged(classifier, real), "grey": judged(classifier, grey)}
    for name, colouring in colourings.items():
        made = list(trained.predictor(colouring)(grey[index].image for index in range(len(grey))))
        coloured = changed(real, lambda index, image, made=made: in_bytes(made[index]))  # type: ignore[misc]
        evidence[name] = judged(classifier, coloured)
    weights = cluster_weights(evidence["real"].clusters, REPLICATES, 0)
    accuracy = next(one for one in evidence["real"].statistics.metrics() if one.name == "accuracy")
    found = {name: interval(accuracy, one, weights) for name, one in evidence.items()}
    return {
        "classifier": classifier.config.model,
        "classified": len(real),
        "accuracy": {name: _rounded(one) for name, one in found.items()},
        "recovered": {name: recovered(found, name) for name in colourings},
    }


def recovered(found: dict[str, Estimate], name: str) -> list[float]:
    """The share of what is lost on grey pictures that coloured ones give back, with its percentile interval."""
    shares = (found[name].samples - found["grey"].samples) / (found["real"].samples - found["grey"].samples)
    value = (found[name].value - found["grey"].value) / (found["real"].value - found["grey"].value)
    return [round(float(one), 3) for one in (value, *np.percentile(shares, [2.5, 97.5]))]


def changed(dataset: PictureDataset, change: Callable[[int, Tensor], Tensor]) -> PictureDataset:
    """The data set with other pictures in the place of its own; ``change`` is told which one it is given."""
    records = tuple(
        replace(one, picture=CorruptedPicture(one, lambda image, index=index: change(index, image)), digest="")  # type: ignore[misc]
        for index, one in enumerate(dataset.records)
    )
    return replace(dataset, records=records)


def judged(run: Run, dataset: PictureDataset) -> Evidence:
    """The evidence of a run on a data set."""
    return evaluate(trained.predictor(run), trained.task_of(run.config), dataset, **trained.deployed(run.config))


def _rounded(one: Estimate) -> list[float]:
    return [round(one.value, 4), *_ends(one.interval)]


def _ends(ends: tuple[float, float] | None) -> list[float]:
    return [round(one, 4) for one in ends or ()]


if __name__ == "__main__":
    main()
