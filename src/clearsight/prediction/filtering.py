"""Which of a run's finds count, which answers are withheld, and what its policy decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from clearsight.decisions.policy import Policy
from clearsight.inference.abstention import Block, withheld
from clearsight.inference.familiarity import Likeness
from clearsight.loading import never as never_confused
from clearsight.loading import trained
from clearsight.loading.made_by import made_by
from clearsight.loading.posing import given_of
from clearsight.metrics.platt import Lines, as_lines
from clearsight.prediction import writing
from clearsight.prediction.confidence import calibrated
from clearsight.run import Run
from clearsight.types import Boxes, Decision, Degradation, Detections, Picture, Prediction


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which of a run's finds count: detections of some classes from a score on; labels from their thresholds on.

    ``given`` is what a network that restores pictures is given of them, and ``about`` what files of the pictures that
    it makes say of it.
    """

    class_names: tuple[str, ...]
    objects: bool
    least_score: float
    labels: tuple[int, ...]
    thresholds: tuple[float, ...]
    blocks: tuple[Block, ...] = ()
    policy: Policy | None = None
    calibration: Lines | None = None
    given: Degradation | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, run: Run, min_score: float | None, classes: Sequence[str], never: Sequence[str | Path],
        policy: Policy | None,
    ) -> "Filter":  # fmt: skip
        """Raises ValueError for a score or classes where the run finds no objects, and for unknown classes."""
        config = run.config
        objects = issubclass(trained.task_of(config).truth_type, Boxes)
        if min_score is not None and not objects:
            raise ValueError(f"--min-score chooses among boxes, and {run.path} does {config.task}. Leave it out.")
        if classes and not objects:
            raise ValueError(f"--classes chooses among boxes, and {run.path} does {config.task}. Leave it out.")
        if min_score is not None and not 0 <= min_score <= 1:
            raise ValueError(f"min_score is {min_score}. Expected a score between 0 and 1.")
        deployed = trained.deployed(config)
        return cls(
            class_names=config.class_names,
            objects=objects,
            least_score=deployed.get("threshold", 0.5) if min_score is None else min_score,
            labels=writing.class_ids(classes, config.class_names),
            thresholds=tuple(deployed.get("thresholds", ())) if config.task == "tagging" else (),
            blocks=never_confused.blocks_for(run, never),
            policy=policy,
            calibration=as_lines(deployed.get("calibration")),
            given=given_of(config),
            about=made_by(run) if trained.task_of(config).truth_type is Picture else {},
        )

    def __call__(self, prediction: Prediction, like: Likeness | None = None) -> tuple[Prediction, Decision | None]:
        """What is shown of a prediction, and the decision on all of it, which is a person's on a stranger."""
        if self.blocks:
            prediction = withheld(prediction, self.blocks, self.class_names)
        decision = None if self.policy is None else of_a_stranger(self.policy(prediction), like)
        return self._shown(prediction), decision

    def _shown(self, prediction: Prediction) -> Prediction:
        if not isinstance(prediction, Detections):
            return calibrated(prediction, self.calibration)
        chosen = prediction.scores >= self.least_score
        if self.labels:
            chosen &= torch.isin(prediction.labels, torch.tensor(self.labels))
        return prediction.select(chosen)


def of_a_stranger(decision: Decision, like: Likeness | None) -> Decision:
    """The decision of a policy, or to a person where the picture is unlike the training pictures.

    What a policy promises is of pictures like those it was settled on.
    """
    if like is None or not like.unlike:
        return decision
    return to_a_person(
        decision, "the picture is unlike the training pictures, and what is promised holds for pictures like these only"
    )


def to_a_person(decision: Decision, reason: str) -> Decision:
    """The decision of a policy where it leaves the case to a person anyway, else to a person for this reason."""
    return replace(decision, alone=False, reason=reason) if decision.alone else decision


def refuse_policy(run: Run, policy: bool, beside: Mapping[str, Any]) -> None:
    """A policy holds for predictions as they were judged when it was settled, and for nothing else."""
    for name, there in beside.items():
        if policy and there:
            raise ValueError(
                f"--policy does not go with {name}: {run.path} settled its policy on whole pictures, with its own "
                "score threshold and all of its classes. Leave one of the two out."
            )
