"""The calibrated confidence of objects in their rows, beside the score; nothing here needs torch."""

from collections.abc import Sequence
from typing import Any

from clearsight.prediction.writing import Row


def beside_scores(rows: Sequence[Row], confidences: Sequence[float]) -> list[dict[str, Any]]:
    """Rows of objects with the calibrated ``confidence`` of each, before the long text of its mask."""
    return [
        {**{name: row[name] for name in row if name != "segmentation"}, "confidence": round(value, 5)}
        | {name: row[name] for name in row if name == "segmentation"}
        for row, value in zip(rows, confidences, strict=True)
    ]
