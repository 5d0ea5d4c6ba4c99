"""Totals of the predictions on all pictures, counted while predicting."""

from collections import Counter
from collections.abc import Sequence

import torch

from clearsight.types import Abstained, Decision, Detections, Estimate, Picture, Prediction, Scores, Segmentation


class Tally:
    """Counts predictions of one kind as they come; ``thresholds`` say which of several labels a picture has."""

    def __init__(self, class_names: Sequence[str], thresholds: Sequence[float] = ()) -> None:
        self.class_names, self.thresholds = tuple(class_names), tuple(thresholds)
        self.pictures = 0
        self.counts: Counter[str] = Counter()
        self.shares = torch.zeros(len(self.class_names), dtype=torch.float64)
        self.values: list[float] = []
        self.maps = False
        self.restored = 0
        self.abstained = 0
        self.decisions: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()

    def add(self, prediction: Prediction, decision: Decision | None = None, note: str | None = None) -> None:
        """Count one prediction, the decision of a policy on it, and what was done to its picture first."""
        self.pictures += 1
        if note:
            self.notes[note] += 1
        if decision is not None:
            self.decisions[decision.said] += 1
        if isinstance(prediction, Detections):
            self.counts.update(self.class_names[label] for label in prediction.labels.tolist())
        elif isinstance(prediction, Abstained):
            self.abstained += 1
        elif isinstance(prediction, Scores) and self.thresholds:
            self.counts.update(labels_above(prediction, self.class_names, self.thresholds))
        elif isinstance(prediction, Scores):
            self.counts[self.class_names[int(prediction.probabilities.argmax())]] += 1
        elif isinstance(prediction, Estimate):
            self.values.append(prediction.value)
        elif isinstance(prediction, Picture):
            self.restored += 1
        elif isinstance(prediction, Segmentation):
            self.maps = True
            counts = torch.bincount(prediction.labels.flatten(), minlength=len(self.class_names))
            self.shares += counts[: len(self.class_names)] / prediction.labels.numel()

    def lines(self) -> list[tuple[str, str]]:
        """Lines of two words, the names of the columns first; the decisions last where there are any."""
        words = ("decided", "to a person") if self.decisions else ()
        notes = ((note, str(count)) for note, count in self.notes.items())
        return [*self._found(), *notes, *((word, str(self.decisions[word])) for word in words)]

    def _found(self) -> list[tuple[str, str]]:
        if self.maps:
            named = zip(self.class_names, (self.shares / self.pictures).tolist(), strict=True)
            return [("class", "of the area"), *((name, f"{share:.1%}") for name, share in named)]
        if self.restored:
            return [("pictures", "made"), ("reconstructed", str(self.restored))]
        if self.values:
            values = sorted(self.values)
            three = {"minimum": values[0], "median": values[len(values) // 2], "maximum": values[-1]}
            return [("estimate", ""), *((name, f"{value:.4g}") for name, value in three.items())]
        withheld = [("no answer: abstained", str(self.abstained))] if self.abstained else []
        return [("class", "found"), *((name, str(self.counts[name])) for name in self.class_names), *withheld]


def labels_above(prediction: Scores, class_names: Sequence[str], thresholds: Sequence[float]) -> list[str]:
    """The classes whose probability reaches their threshold."""
    rows = zip(class_names, prediction.probabilities.tolist(), thresholds, strict=True)
    return [name for name, probability, threshold in rows if probability >= threshold]
