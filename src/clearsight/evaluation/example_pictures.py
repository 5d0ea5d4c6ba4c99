"""The pictures a model does best and worst on, for the report: what is predicted, what is true, and where it looked."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from clearsight import drawing
from clearsight.evaluation.error_pictures import error_pictures
from clearsight.inference.predictor import Predictor
from clearsight.loading import trained
from clearsight.run import Config, Run
from clearsight.types import (
    Dataset,
    Detections,
    Estimate,
    Evidence,
    Example,
    Picture,
    Prediction,
    Sample,
    Scores,
    Segmentation,
    Truth,
)

WORST, BEST = 3, 3
SHOWN_PX = 480
HEAT = " (right: Grad-CAM of the class {}: the brighter, the more it speaks for that class)"
BESIDE: dict[type, str] = {
    Segmentation: " (left: prediction, right: ground truth)",
    Picture: " (left: input, middle: output, right: original)",
}


def examples_of(run: Run, dataset: Dataset, judged: Evidence) -> list[Example]:
    """The pictures the model does best and worst on, drawn: what was said, what is true, and where it looked."""
    what, scores = judged.statistics.each()
    order = [int(row) for row in np.argsort(scores, kind="stable") if np.isfinite(scores[row])]
    picks = [("worst", row) for row in order[:WORST]]
    picks += [("best", row) for row in order[::-1][:BEST] if row not in order[:WORST]]
    network, names = trained.load(run), run.config.class_names
    predictor = trained.predictor(run, network)
    examples = []
    for number, (kind, row) in enumerate(picks, 1):
        sample = dataset[row]
        (found,) = predictor([sample.image])
        worded = in_words(found, sample.truth, names)
        if worded:  # below the picture, where it can be read at any size
            drawn = drawing.magnified(drawing.picture_of(sample.image), SHOWN_PX)[0]
        else:
            drawn = drawing.overlay(deployed_part(found, run.config), sample.image, names, truth=sample.truth)
        beside = next((words for kind, words in BESIDE.items() if isinstance(found, kind)), "")
        if isinstance(found, Scores) and hasattr(network, "heat"):
            heat = _heat(network, predictor, sample, found)
            drawn = drawing.beside(drawn, drawing.under_heat(sample.image, heat, drawn.size), max(2, drawn.width // 60))
            beside = HEAT.format(drawing.shown(names[int(found.probabilities.argmax())]))
        file = io.BytesIO()
        drawn.save(file, "JPEG", quality=88)
        path = f"examples/{kind}-{number}.jpg"
        run.write_file(path, file.getvalue())
        caption = "; ".join(part for part in (f"{sample.id}: {what} {scores[row]:.2f}", worded) if part) + beside
        examples.append(Example(path=path, caption=caption, kind=kind, score=float(scores[row])))  # type: ignore[arg-type]
    return examples + error_pictures(run, dataset, judged, predictor)


def _heat(network: Any, predictor: Predictor, sample: Sample, found: Scores) -> Tensor:
    """Where the network looked for its most probable class (Grad-CAM), ``h w`` in [0, 1] over the whole picture."""
    batch, (at,) = predictor.laid([sample.image])
    heat = network.heat(batch.float().cpu(), found.probabilities.argmax()[None].cpu())[0]
    return heat[: at.placed[0], : at.placed[1]].detach()


def deployed_part(found: Prediction, config: Config) -> Prediction:
    """What a user is shown of a prediction: of detections those at or above the deployed threshold, else all."""
    return found.above(trained.deployed(config).get("threshold", 0.5)) if isinstance(found, Detections) else found


def in_words(prediction: Prediction, truth: Truth, class_names: Sequence[str]) -> str:
    """The line below a picture with a class or a number: prediction and ground truth; empty where both are drawn."""
    if not isinstance(prediction, Scores | Estimate):
        return ""
    said = f"predicted {drawing.answer_in_words(prediction, class_names).replace('  ', ', ')}"
    return said if truth is None else f"{said}; ground truth {drawing.truth_in_words(truth, class_names)}"
