"""The pictures a model does best and worst on, for the report: what is predicted, what is true, and where it looked."""

from typing import Any

import numpy as np
from torch import Tensor

from clearsight import drawing
from clearsight.evaluation.drawn_answers import as_jpeg, drawn_answer
from clearsight.evaluation.error_pictures import error_pictures
from clearsight.evaluation.slice_pictures import slice_pictures
from clearsight.inference.predictor import Predictor
from clearsight.loading import trained
from clearsight.run import Run
from clearsight.types import Dataset, Evidence, Example, Request, Sample, Scores

WORST, BEST = 3, 3
HEAT = " (right: Grad-CAM of the class {}: the brighter, the more it speaks for that class)"


def examples_of(run: Run, dataset: Dataset, request: Request) -> list[Example]:
    """The pictures of the report, drawn: those the model does best and worst on, its errors, and its slices."""
    network = trained.load(run)
    predictor = trained.predictor(run, network)
    judged = request.evidence
    return [
        *best_and_worst(run, dataset, judged, network, predictor),
        *error_pictures(run, dataset, judged, predictor),
        *slice_pictures(run, dataset, request, predictor),
    ]


def best_and_worst(run: Run, dataset: Dataset, judged: Evidence, network: Any, predictor: Predictor) -> list[Example]:
    """What was said of the pictures the model does best and worst on, what is true, and where it looked."""
    what, scores = judged.statistics.each()
    order = [int(row) for row in np.argsort(scores, kind="stable") if np.isfinite(scores[row])]
    picks = [("worst", row) for row in order[:WORST]]
    picks += [("best", row) for row in order[::-1][:BEST] if row not in order[:WORST]]
    names = run.config.class_names
    examples = []
    for number, (kind, row) in enumerate(picks, 1):
        sample = dataset[row]
        (found,) = predictor([sample.image])
        drawn, worded, beside = drawn_answer(found, sample, run.config)
        if isinstance(found, Scores) and hasattr(network, "heat"):
            heat = _heat(network, predictor, sample, found)
            drawn = drawing.beside(drawn, drawing.under_heat(sample.image, heat, drawn.size), max(2, drawn.width // 60))
            beside = HEAT.format(drawing.shown(names[int(found.probabilities.argmax())]))
        path = f"examples/{kind}-{number}.jpg"
        run.write_file(path, as_jpeg(drawn, found, run))
        caption = "; ".join(part for part in (f"{sample.id}: {what} {scores[row]:.2f}", worded) if part) + beside
        examples.append(Example(path=path, caption=caption, kind=kind, score=float(scores[row])))  # type: ignore[arg-type]
    return examples


def _heat(network: Any, predictor: Predictor, sample: Sample, found: Scores) -> Tensor:
    """Where the network looked for its most probable class (Grad-CAM), ``h w`` in [0, 1] over the whole picture."""
    batch, (at,) = predictor.laid([sample.image])
    heat = network.heat(batch.float().cpu(), found.probabilities.argmax()[None].cpu())[0]
    return heat[: at.placed[0], : at.placed[1]].detach()
