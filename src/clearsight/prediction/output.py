"""What is said of one picture, as rows, and all that is written of it: a log of decisions, tables, drawings."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from clearsight.inference.familiarity import Likeness
from clearsight.metrics.platt import Lines
from clearsight.ops import instance_masks, tracing
from clearsight.prediction import plain_rows, writing
from clearsight.prediction.confidence import with_confidence
from clearsight.prediction.decision_log import DecisionLog
from clearsight.prediction.decisions import DecisionTables
from clearsight.prediction.filtering import Filter
from clearsight.prediction.inputs import View
from clearsight.prediction.overlays import Drawings
from clearsight.prediction.tallies import labels_above
from clearsight.types import Decision, InstanceDetections, Picture, Prediction, Scores


class Answer(NamedTuple):
    """What is said of one picture: whether it is unlike the training ones, what was found, who decides."""

    like: Likeness | None
    prediction: Prediction
    decision: Decision | None


def rows_of(
    found: Prediction, class_names: Sequence[str], thresholds: Sequence[float] = (), calibration: Lines | None = None
) -> list[dict[str, Any]]:
    """What was found in one picture as rows; of several labels, those that reach their thresholds.

    Objects have their calibrated ``confidence`` beside their score.
    """
    rows = with_confidence(plain_rows.rows(found, class_names), found, calibration)
    if thresholds and isinstance(found, Scores):
        said = {"labels": labels_above(found, class_names, thresholds)}
        return [said | {"probabilities": row["probabilities"]} for row in rows]
    return rows


class Output(contextlib.ExitStack):
    """All that is written of what was found, while it is found: a log, and files where there is a folder."""

    def __init__(
        self, folder: Path | None, filter: Filter, formats: Sequence[str], log: DecisionLog | None, *, overlays: bool,
        crops: bool, frames: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        self.filter, self.log, self.tables, self.drawings, self.decisions = filter, log, None, None, None
        self.outlines = "yolo" in formats
        if folder is not None:
            names = filter.class_names
            self.tables = self.enter_context(
                writing.Tables(folder, formats, names, frames=frames, objects=filter.objects)
            )
            self.drawings = self.enter_context(
                Drawings(folder, names, overlays=overlays, crops=crops, about=filter.about)
            )
            if filter.policy is not None:
                self.decisions = self.enter_context(DecisionTables(folder, formats))

    def add(self, view: View, answer: Answer) -> None:
        """Log, write and draw what was found in one picture."""
        like, prediction, decision = answer
        if self.log is None and self.tables is None:
            return
        rows = rows_of(prediction, self.filter.class_names, self.filter.thresholds, self.filter.calibration)
        cells = plain_rows.of_likeness(like) | ({} if decision is None else decision.cells())
        rows = [{**row, **cells} for row in rows]
        if self.log is not None:  # before anyone can act on it
            self.log.add(view, rows or ([] if decision is None else [decision.cells()]))
        if self.tables is None or self.drawings is None:
            return
        if self.filter.blocks:
            rows = [{**row, "abstained": row.get("abstained", "")} for row in rows]
        if self.outlines and isinstance(prediction, InstanceDetections):
            for row, (window, crop) in zip(rows, instance_masks.crops(prediction.masks), strict=True):
                row["outline"] = (tracing.outline(crop) + window[:2]).tolist()
        if isinstance(prediction, Picture):
            rows = [{"picture": f"pictures/{view.seen.name}.png", **row} for row in rows]
        if self.decisions is not None and decision is not None:
            self.decisions.add(view.seen, decision)
        self.tables.add(view.seen, rows)
        self.drawings.add(view, prediction, decision)
