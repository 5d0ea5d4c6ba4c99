"""Predict on the rows of tables: CSV and Parquet in, one prediction per row out, as CSV and JSON."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.pipeline import Pipeline

from clearsight.audits.sentences import joined
from clearsight.decisions.policy import Policy
from clearsight.estimators.fitting import predict
from clearsight.loading.trained import opened
from clearsight.prediction import videos
from clearsight.prediction.filtering import to_a_person
from clearsight.prediction.writing import CsvRows, JsonRows, appearing, new_folder
from clearsight.run import Run
from clearsight.sources.problems import shown
from clearsight.sources.samples import pictures
from clearsight.sources.tables.columns import Column
from clearsight.sources.tables.groups import ids_of
from clearsight.sources.tables.table import read_rows
from clearsight.tabular.training import columns_of, load_model
from clearsight.types import Decision, Estimate, Scores


@dataclass(frozen=True, kw_only=True)
class PredictedRows:
    """One mapping per row: ``file``, ``id``, ``prediction``, the probability of each class, and ``unfamiliar``.

    ``unfamiliar`` names the columns whose value lies outside what the model was trained on. With a policy, which
    ``promise`` states, each has its ``decision`` and ``reason`` too, and its prediction set, or its interval's ends.
    """

    target: str
    rows: tuple[dict[str, Any], ...]
    folder: Path | None
    promise: str = ""


def predict_table(
    run: Run | str | Path,
    files: Sequence[str | Path] | str | Path,
    out: str | Path | None = None,
    *,
    policy: Policy | None = None,
    skip_bad: bool = False,
) -> PredictedRows:
    """Predict every row of the files; ``out`` is a new folder for ``predictions.csv`` and ``predictions.json``.

    ``policy`` says of each row whether the model may decide on it alone.

    Raises:
        ValueError: a column that is missing or of another kind, a broken file, a folder that is not new.
    """
    run = opened(run)
    folder = None if out is None else new_folder(out)
    columns, pipeline = columns_of(run.config), load_model(run)
    rows: list[dict[str, Any]] = []
    for file in [files] if isinstance(files, str | Path) else files:
        _check_is_a_table(run, file)
        frame, inputs = read_rows(file, columns, skip_bad)
        ids = ids_of(frame, range(1, frame.height + 1))
        for id, row in zip(ids, rows_of(pipeline, inputs, columns, run.config.class_names, policy), strict=True):
            rows.append({"file": str(file), "id": id, **row})
    target, promise = run.config.settings["target"], "" if policy is None else policy.said
    found = PredictedRows(target=target, rows=tuple(rows), folder=folder, promise=promise)
    with appearing(folder) as partial:
        if partial is not None:
            _write(found, partial)
    return found


def _check_is_a_table(run: Run, file: str | Path) -> None:
    """Raise ValueError for a picture, a video or a folder, which a model of a table cannot take."""
    path = Path(file)
    if path.suffix.lower() in pictures.SUFFIXES | videos.SUFFIXES or path.is_dir():
        raise ValueError(
            f"{run.path} predicts {shown(run.config.settings['target'])} from the rows of a table, and {shown(path)} "
            f"is {'a folder' if path.is_dir() else 'a picture or a video'}. Expected a table with the columns it was "
            f"trained on: {', '.join(shown(column.name) for column in columns_of(run.config)[:10])}."
        )


def rows_of(
    pipeline: Pipeline,
    inputs: np.ndarray,
    columns: Sequence[Column],
    class_names: Sequence[str],
    policy: Policy | None = None,
) -> list[dict[str, Any]]:
    """The prediction on each row of codes: ``prediction``, the probability of each class, and ``unfamiliar``.

    With a ``policy`` its decision on the row too.
    """
    rows = []
    for one, outside in zip(predict(pipeline, inputs, len(class_names)), _unfamiliar(inputs, columns), strict=True):
        row = {**_as_row(one, class_names), "unfamiliar": outside}
        rows.append(row if policy is None else row | _decided(policy, one, outside).cells())
    return rows


def _as_row(one: Any, class_names: Sequence[str]) -> dict[str, Any]:
    if not class_names:
        return {"prediction": float(one)}
    shares = {f"probability of {name}": round(float(share), 6) for name, share in zip(class_names, one, strict=True)}
    return {"prediction": class_names[int(np.argmax(one))], **shares}


def _decided(policy: Policy, one: Any, unfamiliar: Sequence[str]) -> Decision:
    """The decision on a row; to a person where a value lies outside what the model was trained on."""
    values = torch.as_tensor(np.asarray(one, dtype=np.float64))
    decision = policy(Scores(probabilities=values) if values.ndim else Estimate(value=float(one)))
    if not unfamiliar:
        return decision
    outside = f"{joined(list(unfamiliar))} {'lies' if len(unfamiliar) == 1 else 'lie'}"
    return to_a_person(
        decision, f"{outside} outside what was trained on, and what is promised holds for rows like those only"
    )


def _unfamiliar(inputs: np.ndarray, columns: Sequence[Column]) -> list[list[str]]:
    outside = np.zeros(inputs.shape, dtype=bool)
    for place, column in enumerate(columns):
        if column.kind == "number":
            outside[:, place] = (inputs[:, place] < column.least) | (inputs[:, place] > column.most)
        else:
            outside[:, place] = inputs[:, place] >= len(column.levels)
    return [[columns[place].name for place in np.flatnonzero(row).tolist()] for row in outside]


def _write(found: PredictedRows, folder: Path) -> None:
    columns = ("file", "id", "prediction", "unfamiliar")
    for file in (JsonRows(folder / "predictions.json"), CsvRows(folder / "predictions.csv", columns)):
        with contextlib.closing(file):
            for row in found.rows:
                file.add(row)
