"""Predict on the rows of tables: CSV and Parquet in, one prediction per row out, as CSV and JSON."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clearsight import durable
from clearsight.estimators.fitting import predict
from clearsight.run import Run
from clearsight.sources.columns import Column
from clearsight.sources.row_groups import ids_of
from clearsight.sources.tables import read_rows
from clearsight.verbs.tabular import columns_of, load_model
from clearsight.verbs.trained import opened


@dataclass(frozen=True, kw_only=True)
class PredictedRows:
    """One mapping per row: ``file``, ``id``, ``prediction``, the probability of each class, and ``unfamiliar``.

    ``unfamiliar`` names the columns whose value lies outside what the model was trained on.
    """

    target: str
    rows: tuple[dict[str, Any], ...]
    folder: Path | None


def predict_table(
    run: Run | str | Path,
    files: Sequence[str | Path] | str | Path,
    out: str | Path | None = None,
    *,
    skip_bad: bool = False,
) -> PredictedRows:
    """Predict every row of the files; ``out`` is a new folder for ``predictions.csv`` and ``predictions.json``.

    Raises:
        ValueError: a column that is missing or of another kind, a broken file, a folder that is not new.
    """
    run = opened(run)
    folder = None if out is None else Path(out)
    if folder is not None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is not empty. Predictions need a folder of their own: choose a new one with --out.")
    columns, pipeline = columns_of(run.config), load_model(run)
    rows: list[dict[str, Any]] = []
    for file in [files] if isinstance(files, str | Path) else files:
        frame, inputs = read_rows(file, columns, skip_bad)
        answers = predict(pipeline, inputs, len(run.config.class_names))
        ids = ids_of(frame, range(1, frame.height + 1))
        strange = _unfamiliar(inputs, columns)
        for id, answer, doubts in zip(ids, answers, strange, strict=True):
            rows.append({"file": str(file), "id": id, **_said(answer, run.config.class_names), "unfamiliar": doubts})
    found = PredictedRows(target=run.config.settings["target"], rows=tuple(rows), folder=folder)
    if folder is not None:
        _write(found, folder)
    return found


def _said(answer: Any, class_names: Sequence[str]) -> dict[str, Any]:
    if not class_names:
        return {"prediction": float(answer)}
    shares = {f"probability of {name}": round(float(share), 6) for name, share in zip(class_names, answer, strict=True)}
    return {"prediction": class_names[int(np.argmax(answer))], **shares}


def _unfamiliar(inputs: np.ndarray, columns: Sequence[Column]) -> list[list[str]]:
    outside = np.zeros(inputs.shape, dtype=bool)
    for place, column in enumerate(columns):
        if column.kind == "number":
            outside[:, place] = (inputs[:, place] < column.least) | (inputs[:, place] > column.most)
        else:
            outside[:, place] = inputs[:, place] >= len(column.levels)
    return [[columns[place].name for place in np.flatnonzero(row).tolist()] for row in outside]


def _write(found: PredictedRows, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(durable.failure(folder, error)) from error
    text = json.dumps(list(found.rows), indent=1, ensure_ascii=False)
    durable.write_bytes(folder / "predictions.json", text.encode("utf-8", "backslashreplace"))
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    names = list(found.rows[0]) if found.rows else ["file", "id", "prediction", "unfamiliar"]
    writer.writerow([_cell(name) for name in names])
    for row in found.rows:
        cells = {**row, "unfamiliar": "; ".join(row["unfamiliar"])}
        writer.writerow([_cell(cells[name]) for name in names])
    durable.write_bytes(folder / "predictions.csv", table.getvalue().encode("utf-8", "backslashreplace"))


def _cell(value: Any) -> Any:
    """Text that a spreadsheet shows rather than computes."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
