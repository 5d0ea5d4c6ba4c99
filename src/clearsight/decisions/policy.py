"""The policy of a run: which pictures it decides alone, at a stated error, and which go to a person."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clearsight.decisions.promises import promise_in_words
from clearsight.decisions.sets import prediction_sets
from clearsight.decisions.uncertainty import nearness, uncertainty_of
from clearsight.types import (
    Abstained,
    Decision,
    Detections,
    Estimate,
    Guarantee,
    Prediction,
    Scores,
    Segmentation,
)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Decides on predictions as ``guarantee`` allows.

    ``thresholds`` are those deployed: of several labels one per class, of objects one. ``beside`` is the prediction set
    or interval of the same level, where there is one.
    """

    guarantee: Guarantee | None
    class_names: tuple[str, ...]
    thresholds: tuple[float, ...] = ()
    beside: Guarantee | None = None

    def __call__(self, prediction: Prediction) -> Decision:
        """Whether it may decide on this picture alone, and why."""
        beside = self._beside(prediction)
        if isinstance(prediction, Abstained):
            return Decision(alone=False, reason=prediction.reason, beside=beside)
        if isinstance(prediction, Estimate):
            return Decision(alone=False, reason="an estimate comes without a confidence to decide by", beside=beside)
        uncertainty = uncertainty_of(prediction, self.thresholds)
        assert self.guarantee is not None and uncertainty is not None, "a policy without a guarantee decides nothing"
        if self.guarantee.threshold is None:
            return Decision(alone=False, reason=self.nothing, beside=beside)
        alone = uncertainty < self.guarantee.threshold
        return Decision(alone=alone, reason=self._reason(prediction, uncertainty), beside=beside)

    @property
    def said(self) -> str:
        """What the policy promises, of what, and on what it was settled."""
        one = self.guarantee or self.beside
        return "" if one is None else promise_in_words(one)

    @property
    def nothing(self) -> str:
        """Why a policy without a threshold decides on no picture."""
        assert self.guarantee is not None
        return (
            f"no share of the {self.guarantee.unit} could be shown to keep an error of "
            f"{100 * self.guarantee.level:g}% on the {self.guarantee.n} it was settled on"
        )

    def _reason(self, prediction: Prediction, uncertainty: float) -> str:
        assert self.guarantee is not None and self.guarantee.threshold is not None
        limit = self.guarantee.threshold
        if isinstance(prediction, Scores) and not self.thresholds:
            name = self.class_names[int(prediction.probabilities.argmax())]
            return f"the probability of {name} is {1 - uncertainty:.3f}; it decides {_from(1 - limit)}"
        if isinstance(prediction, Segmentation):
            return f"the mean confidence of its pixels is {1 - uncertainty:.3f}; it decides {_from(1 - limit)}"
        what = self._nearest(prediction)
        if what is None:
            return "no object was found, whatever the score"
        return f"{what}: the ratio of their odds is {uncertainty:.3f}; it decides {_below(limit)}"

    def _nearest(self, prediction: Prediction) -> str | None:
        """The score nearest to its threshold, in words."""
        if isinstance(prediction, Detections):
            if not len(prediction):
                return None
            scores = prediction.scores.double().cpu().numpy()
            place = int(np.argmax(nearness(scores, self.thresholds[0])))
            name, least = self.class_names[int(prediction.labels[place])], self.thresholds[0]
            return f"{name} at score {scores[place]:.3f} is nearest to the threshold {least:.3f}"
        assert isinstance(prediction, Scores)
        values = prediction.probabilities.double().cpu().numpy()
        place = int(np.argmax(nearness(values, np.array(self.thresholds))))
        least = self.thresholds[place]
        return f"{self.class_names[place]} at {values[place]:.3f} is nearest to its threshold {least:.3f}"

    def _beside(self, prediction: Prediction) -> dict[str, object]:
        """The classes that cannot be ruled out, or the ends of the interval."""
        if self.beside is None or self.beside.threshold is None:
            return {}
        if isinstance(prediction, Scores):
            row = prediction.probabilities.detach().float().cpu().numpy()[None]
            inside = prediction_sets(row, self.beside.threshold)[0]
            order = np.argsort(-row[0], kind="stable")
            return {"prediction_set": [self.class_names[place] for place in order.tolist() if inside[place]]}
        if isinstance(prediction, Estimate):
            reach = self.beside.threshold
            return {"interval_low": prediction.value - reach, "interval_high": prediction.value + reach}
        # The columns of a table are those of its first row.
        return {"prediction_set": None}


def _from(limit: float) -> str:
    return "on all" if limit == -np.inf else f"above {limit:.3f}"


def _below(limit: float) -> str:
    return "on all" if limit == np.inf else f"below {limit:.3f}"


def policy_of(
    guarantees: Sequence[Guarantee], level: float, class_names: Sequence[str], thresholds: Sequence[float] = ()
) -> Policy:
    """The policy at a level, of the guarantees for all pictures. Raises ValueError where there is none."""
    whole = [one for one in guarantees if not one.attribute and not one.of]
    rules = [one for one in whole if one.promise in ("decide alone", "prediction set", "interval")]
    levels = sorted({one.level for one in rules})
    if level not in levels:
        raise ValueError(
            f"no policy was settled for an error of {level:g}. Expected one of "
            f"{', '.join(f'{one:g}' for one in levels) or 'none here'}."
        )
    own = [one for one in rules if one.level == level]
    decide = next((one for one in own if one.promise == "decide alone"), None)
    beside = next((one for one in own if one.promise != "decide alone"), None)
    return Policy(
        guarantee=decide, class_names=tuple(class_names), thresholds=tuple(map(float, thresholds)), beside=beside
    )
