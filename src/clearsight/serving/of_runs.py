"""A trained network of pictures served: predicted in batches, judged and drawn as ``predict`` does it."""

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from clearsight import drawing
from clearsight.decisions.policy import Policy
from clearsight.evaluation.alike import pooled_features
from clearsight.inference.familiarity import Likeness
from clearsight.inference.tiles import reduced
from clearsight.loading import familiarity, guarantees, trained
from clearsight.prediction import plain_rows
from clearsight.prediction.decision_log import DecisionLog
from clearsight.prediction.decisions import with_decision
from clearsight.prediction.filtering import Filter
from clearsight.prediction.output import rows_of
from clearsight.prediction.overlays import instance_ids, smaller
from clearsight.prediction.restoring import brought
from clearsight.prediction.tallies import labels_above
from clearsight.robustness.likenesses import Likenesses
from clearsight.run import Run
from clearsight.serving import cautions
from clearsight.serving.answered import confidence_of, said_of
from clearsight.serving.cautions import Cautions
from clearsight.serving.served import About, Answer, Pixels, Warned
from clearsight.types import (
    Card,
    Decision,
    Detections,
    InstanceDetections,
    Picture,
    Prediction,
    Scores,
    Segmentation,
)

DRAWN_PX = 2048  # overlays of larger pictures are drawn smaller


class Looked(NamedTuple):
    """What the network found in a picture, and whether that is unlike the training pictures."""

    prediction: Prediction
    like: Likeness | None


class ServedRun:
    """Answers pictures with a run, all of it held in memory: the folder may go."""

    def __init__(
        self, run: Run | str | Path, *, batch: int = 8, policy: bool = True, risk: float | None = None,
        log: str | Path | None = None,
    ) -> None:  # fmt: skip
        """Raises ValueError for a run without weights, or a ``risk`` that its policy was not settled for.

        With ``policy`` the run's own is in force where it keeps one.
        """
        self.run = trained.opened(run)
        config = self.run.config
        own = policy_in_force(self.run, policy, risk)
        self.filter = Filter.of(self.run, None, (), (), own)
        self.predictor = trained.predictor(self.run, batch=batch, least_score=self.filter.least_score)
        self.kept = familiarity.kept(self.run)
        self.batch = batch
        self.decisions = None if log is None else DecisionLog(Path(log), self.run)
        card = card_of(self.run)
        self.cautions, self.calibrated_by = Cautions.of(card), _calibration_error(card)
        self.trained_px = config.settings.get("longer_px")
        self.about = about(self.run, card, said_of_policy(own))

    def look(self, pictures: Sequence[Pixels]) -> list[Looked]:
        """What the network finds in each picture; those of one shape are predicted together."""
        order = sorted(range(len(pictures)), key=lambda place: pictures[place].shape)
        images = [self._given(pictures[place])[0].contiguous() for place in order]
        watching: contextlib.AbstractContextManager[list[Tensor]] = contextlib.nullcontext([])
        if self.kept is not None:
            watching = pooled_features(self.predictor.model)
        found: list[Looked | None] = [None] * len(pictures)
        with watching as features:
            likenesses = Likenesses(self.kept, features)
            for place, prediction in zip(order, self.predictor(images), strict=True):
                found[place] = Looked(prediction, likenesses.next())
        return [one for one in found if one is not None]

    def answer(self, picture: Pixels, found: Looked) -> Answer:
        """Rows, words, warnings and drawings of what was found."""
        image, note = self._given(picture)
        prediction, decision = self.filter(found.prediction, found.like)
        rows = rows_of(prediction, self.filter.class_names, self.filter.thresholds, self.filter.calibration)
        cells = {} if note is None else {"note": note}
        cells |= plain_rows.of_likeness(found.like) | ({} if decision is None else decision.cells())
        rows = [{**row, **cells} for row in rows] or ([] if decision is None else [cells])
        size = (picture.shape[0], picture.shape[1])
        return Answer(
            rows=tuple(rows),
            said=said_of(prediction, self.filter),
            confidence=confidence_of(prediction, rows, self.filter, decision, self.calibrated_by),
            warnings=self._warnings(prediction, found.like, decision, size),
            drawings=self._drawings(image, prediction, decision),
            shown=partial(self._overlay, image, prediction, None),
            made_by=self.filter.about,
        )

    def log(self, name: str, content: bytes, answer: Answer) -> None:
        """Append the answer to the log, where there is one; raises ValueError where it cannot be written."""
        if self.decisions is not None:
            self.decisions.add_upload(name, content, answer.rows)

    def _given(self, picture: Pixels) -> tuple[Tensor, str | None]:
        """The picture as the network is to be given it, and what was done to it; None where nothing ever is."""
        return brought(self.filter.given, torch.from_numpy(picture).permute(2, 0, 1))

    def _warnings(
        self, prediction: Prediction, like: Likeness | None, decision: Decision | None, size: tuple[int, int]
    ) -> tuple[Warned, ...]:
        told = []
        if like is not None and like.unlike and self.kept is not None:
            text = (
                f"This picture is unlike the training pictures (distance {like.score:.3g}, marked from "
                f"{self.kept.threshold:.3g}): nothing in the report says how right the answer is."
            )
            told.append(Warned(kind="unlike", text=text))
        if decision is not None and not decision.alone:
            told.append(Warned(kind="person", text=f"To a person: {decision.reason}."))
        told += cautions.of_size(size, self.trained_px, self.predictor.size_px)
        return (*told, *self.cautions.on(self._answered(prediction)))

    def _answered(self, prediction: Prediction) -> list[str]:
        names = self.filter.class_names
        if isinstance(prediction, Detections):
            return [names[label] for label in dict.fromkeys(prediction.labels.tolist())]
        if isinstance(prediction, Scores) and self.filter.thresholds:
            return labels_above(prediction, names, self.filter.thresholds)
        if isinstance(prediction, Scores):
            return [names[int(prediction.probabilities.argmax())]]
        if isinstance(prediction, Segmentation):
            return [names[label] for label in prediction.labels.unique().tolist() if label < len(names)]
        return []

    def _drawings(
        self, image: Tensor, prediction: Prediction, decision: Decision | None
    ) -> Mapping[str, Callable[[], Image.Image]]:
        drawings: dict[str, Callable[[], Image.Image]] = {
            "overlay": partial(self._overlay, image, prediction, decision)
        }
        if isinstance(prediction, Segmentation):
            classes = len(self.filter.class_names)
            drawings["mask"] = partial(drawing.class_map_picture, prediction.labels, classes)
        elif isinstance(prediction, InstanceDetections):
            drawings["mask"] = lambda: Image.fromarray(instance_ids(prediction.masks))
        elif isinstance(prediction, Picture):
            drawings["picture"] = lambda: drawing.picture_of(drawing.in_bytes(prediction))
        return drawings

    def _overlay(self, image: Tensor, prediction: Prediction, decision: Decision | None) -> Image.Image:
        factor = max(1, max(image.shape[1:]) // DRAWN_PX)
        drawn = drawing.overlay(smaller(prediction, factor), reduced(image, factor), self.filter.class_names)
        return drawn if decision is None else with_decision(drawn, decision)


def policy_in_force(run: Run, asked: bool, risk: float | None) -> Policy | None:
    """The policy that a run keeps, where it is asked for; raises ValueError for a ``risk`` without one."""
    kept = asked and bool(guarantees.kept(run.config))
    if risk is not None and not kept:
        why = f"{run.path} keeps none" if asked else "--no-policy lifts it"
        raise ValueError(f"--risk is the error allowed by a policy, and {why}. Leave it out.")
    return guarantees.policy_for(run, risk) if kept else None


def said_of_policy(policy: Policy | None) -> str:
    """What a policy promises; "" without one."""
    return "" if policy is None else policy.said


def about(run: Run, card: Card | None, promise: str = "") -> About:
    """The facts of a run."""
    config = run.config
    content = {} if card is None else json.loads((run.path / "card.json").read_text(encoding="utf-8"))
    return About(
        name=run.name, path=run.path, model=config.model, task=config.task, class_names=config.class_names,
        summary="" if card is None else card.summary, warnings=() if card is None else card.warnings, promise=promise,
        card=content,
    )  # fmt: skip


def card_of(run: Run) -> Card | None:
    """The report of a run; None where it was not audited."""
    return run.read_card() if (run.path / "card.json").is_file() else None


def _calibration_error(card: Card | None) -> tuple[float, int] | None:
    """By how much confidence was wrong on average, and on how many predictions that was seen."""
    for finding in () if card is None else card.findings:
        if finding.metric == "expected calibration error (ECE)" and finding.value is not None and not finding.group:
            return finding.value, finding.n
    return None
