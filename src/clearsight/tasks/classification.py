"""Classification: one class per picture or table row."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from jaxtyping import Float

from clearsight.metrics.classification import ClassificationStatistics
from clearsight.types import Label, Prediction, Scores, Size, Truth

SUM_SLACK = 1e-3


class Classification:
    """Classification: from probabilities to statistics, and the trivial baseline."""

    name = "classification"
    statistics_type = ClassificationStatistics
    truth_type = Label

    def statistics(
        self,
        predictions: Sequence[Prediction],
        truths: Sequence[Truth],
        class_names: Sequence[str],
        majority: int | None = None,
    ) -> ClassificationStatistics:
        """Keep the truth and the probabilities of each picture; ``majority`` is the most frequent training class.

        Raises ValueError where a picture has no label, a label no class, or probabilities do not sum to 1.
        """
        labels = [truth.index for truth in truths if isinstance(truth, Label)]
        if not len(labels) == len(truths) == len(predictions):
            raise ValueError(
                f"{len(predictions)} pictures came with {len(labels)} labels. Each picture needs one class. "
                "Leave out the pictures of unknown class."
            )
        truth = np.array(labels, dtype=np.int64)
        if len(truth) and not (truth.min() >= 0 and truth.max() < len(class_names)):
            raise ValueError(
                f"a label has the class id {truth.max() if truth.min() >= 0 else truth.min()}. "
                f"Expected 0 to {len(class_names) - 1}. Check that the model and the data name the same classes."
            )
        return ClassificationStatistics(
            class_names=tuple(class_names),
            truth=truth,
            probabilities=probabilities(predictions, len(class_names), sum_to_one=True),
            majority=majority,
        )

    def settle(self, statistics: ClassificationStatistics) -> dict[str, int]:
        """Nothing: the most probable class is the answer."""
        return {}

    def baseline(
        self, truths: Iterable[Truth], sizes: Sequence[Size], class_names: Sequence[str]
    ) -> Callable[[Size], Prediction]:
        """The trivial baseline: for every picture the frequencies of the classes in the training truths."""
        counts = torch.zeros(len(class_names))
        for truth in truths:
            if isinstance(truth, Label):
                counts[truth.index] += 1
        shares = counts / counts.sum() if counts.sum() else torch.full_like(counts, 1 / max(1, len(counts)))

        def predict(size: Size) -> Prediction:
            return Scores(probabilities=shares.clone())

        return predict


def probabilities(
    predictions: Sequence[Prediction], classes: int, sum_to_one: bool
) -> Float[np.ndarray, "images classes"]:
    """The probabilities of all pictures; raises ValueError where they are none, or do not ``sum_to_one``."""
    given = [one.probabilities for one in predictions if isinstance(one, Scores)]
    assert len(given) == len(predictions), "every prediction must be Scores"
    if not given:
        return np.zeros((0, classes), dtype=np.float32)
    found = torch.stack(given).detach().float().cpu().numpy()
    if found.shape[1] != classes:
        raise ValueError(
            f"the model gives {found.shape[1]} probabilities for {classes} classes. "
            "Check that the model and the data name the same classes."
        )
    inside = (found >= -SUM_SLACK) & (found <= 1 + SUM_SLACK)
    summed = np.abs(found.astype(np.float64).sum(1) - 1) <= SUM_SLACK if sum_to_one else np.ones(len(found), dtype=bool)
    bad = np.flatnonzero(~(inside.all(1) & summed))
    if len(bad):
        raise ValueError(
            f"{len(bad)} predictions are not probabilities, the first that of picture {bad[0]}. Expected numbers "
            f"between 0 and 1{' that sum to 1' if sum_to_one else ''}. Check the model's outputs."
        )
    return np.clip(found, 0.0, 1.0)
