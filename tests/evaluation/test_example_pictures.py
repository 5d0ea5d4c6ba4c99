"""What is written below an example of the report: prediction and ground truth, where they are not drawn."""

import torch

from clearsight.evaluation.drawn_answers import in_words
from clearsight.types import Boxes, Detections, Estimate, Label, Scores, Value


def test_classes_and_numbers_are_in_the_caption_and_boxes_are_not():
    scores = Scores(probabilities=torch.tensor([0.25, 0.75]))
    assert in_words(scores, Label(index=0), ("cat", "dog")) == "predicted dog 0.75, cat 0.25; ground truth cat"
    assert in_words(scores, None, ("cat", "dog")) == "predicted dog 0.75, cat 0.25"
    assert in_words(Estimate(value=3.5), Value(value=4.0), ()) == "predicted 3.5; ground truth 4"
    nothing = torch.zeros(0, 4)
    found = Detections(xyxy=nothing, scores=torch.zeros(0), labels=torch.zeros(0, dtype=torch.long))
    assert in_words(found, Boxes.of(nothing, torch.zeros(0, dtype=torch.long)), ("cat",)) == ""
