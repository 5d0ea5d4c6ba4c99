"""A judged picture with the answer of the network: drawn on it, or in words to stand below it."""

from collections.abc import Sequence

from PIL import Image

from clearsight import drawing
from clearsight.files import encoding, generated_pictures
from clearsight.loading import trained
from clearsight.loading.made_by import made_by
from clearsight.run import Config, Run
from clearsight.types import Detections, Estimate, Picture, Prediction, Sample, Scores, Segmentation, Truth

SHOWN_PX = 480
BESIDE: dict[type, str] = {
    Segmentation: " (left: prediction, right: ground truth)",
    Picture: " (left: input, middle: output, right: original)",
}


def drawn_answer(found: Prediction, sample: Sample, config: Config) -> tuple[Image.Image, str, str]:
    """The picture with prediction and ground truth, both in words where they are not drawn, and what is beside what."""
    worded = in_words(found, sample.truth, config.class_names)
    if worded:  # below the picture, where it can be read at any size
        drawn = drawing.magnified(drawing.picture_of(sample.image), SHOWN_PX)[0]
    else:
        shown = deployed_part(found, config)
        drawn = drawing.overlay(shown, sample.image, config.class_names, truth=sample.truth)
    return drawn, worded, next((words for kind, words in BESIDE.items() if isinstance(found, kind)), "")


def as_jpeg(drawn: Image.Image, found: Prediction, run: Run, quality: int = 88) -> bytes:
    """The drawing as a file; one that shows a picture that the run made says so."""
    if isinstance(found, Picture):
        return generated_pictures.jpeg(drawn, made_by(run), generated_pictures.FROM_A_PICTURE, quality=quality)
    return encoding.jpeg(drawn, quality=quality)


def deployed_part(found: Prediction, config: Config) -> Prediction:
    """What a user is shown of a prediction: of detections those at or above the deployed threshold, else all."""
    return found.above(trained.deployed(config).get("threshold", 0.5)) if isinstance(found, Detections) else found


def in_words(prediction: Prediction, truth: Truth, class_names: Sequence[str]) -> str:
    """The line below a picture with a class or a number: prediction and ground truth; empty where both are drawn."""
    if not isinstance(prediction, Scores | Estimate):
        return ""
    said = f"predicted {drawing.answer_in_words(prediction, class_names).replace('  ', ', ')}"
    return said if truth is None else f"{said}; ground truth {drawing.truth_in_words(truth, class_names)}"
