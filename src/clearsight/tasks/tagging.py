"""Multi-label classification: each label present or absent; some uncertain, some never annotated (unread)."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch

from clearsight.metrics.labels import MultiLabelStatistics, settled_thresholds
from clearsight.tasks.classification import probabilities
from clearsight.types import Labels, Prediction, Scores, Size, State, Truth


class Tagging:
    """Multi-label classification: from probabilities to statistics, and the trivial baseline."""

    name = "tagging"
    statistics_type = MultiLabelStatistics
    truth_type = Labels

    def statistics(
        self,
        predictions: Sequence[Prediction],
        truths: Sequence[Truth],
        class_names: Sequence[str],
        thresholds: Sequence[float] | None = None,
    ) -> MultiLabelStatistics:
        """Keep the states and the probabilities of each picture; ``thresholds`` are the deployed ones, one per class.

        Raises ValueError where a picture lacks a state for each class, or a prediction is not a probability.
        """
        known = [truth.states for truth in truths if isinstance(truth, Labels)]
        classes = len(class_names)
        if not len(known) == len(truths) == len(predictions) or any(len(states) != classes for states in known):
            raise ValueError(
                f"{len(predictions)} pictures came with the labels of {len(known)}, not all of {classes} classes. "
                "Expected a state for each picture and class; unread where a label was not annotated."
            )
        states = torch.stack(known).numpy() if known else np.zeros((0, classes))
        return MultiLabelStatistics(
            class_names=tuple(class_names),
            states=states.astype(np.int8),
            probabilities=probabilities(predictions, classes, sum_to_one=False),
            thresholds=None if thresholds is None else tuple(map(float, thresholds)),
        )

    def settle(self, statistics: MultiLabelStatistics) -> dict[str, tuple[float, ...]]:
        """The thresholds to deploy: for each class the one with the highest F1 on held-out pictures."""
        return {"thresholds": settled_thresholds(statistics)}

    def baseline(
        self, truths: Iterable[Truth], sizes: Sequence[Size], class_names: Sequence[str]
    ) -> Callable[[Size], Prediction]:
        """The trivial baseline: each label's share of the training pictures for which it is known."""
        present, judged = torch.zeros(len(class_names)), torch.zeros(len(class_names))
        for truth in truths:
            if isinstance(truth, Labels):
                there = truth.states == State.PRESENT
                present += there
                judged += there | (truth.states == State.ABSENT)
        shares = present / judged.clamp(min=1)

        def predict(size: Size) -> Prediction:
            return Scores(probabilities=shares.clone())

        return predict
