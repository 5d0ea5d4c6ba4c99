"""A model of a table served: rows by their columns in, predictions out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars

from clearsight.loading.trained import opened
from clearsight.quantities import significant
from clearsight.run import Run
from clearsight.serving.cautions import Cautions
from clearsight.serving.of_runs import about, card_of, policy_in_force, said_of_policy
from clearsight.serving.served import Answer, Field, Warned
from clearsight.serving.words import sureness
from clearsight.sources.tables.table import codes_of
from clearsight.tabular.prediction import rows_of
from clearsight.tabular.training import columns_of, load_model

MOST_ROWS = 10_000
MOST_LETTERS = 200  # of a cell


class ServedTable:
    """Answers rows with a run of a table, held in memory."""

    def __init__(self, run: Run | str | Path, *, policy: bool = True, risk: float | None = None) -> None:
        """Raises ValueError for a run without a model, or a ``risk`` that its policy was not settled for."""
        self.run = opened(run)
        config = self.run.config
        self.policy = policy_in_force(self.run, policy, risk)
        self.columns, self.pipeline = columns_of(config), load_model(self.run)
        self.fields = tuple(
            Field(name=one.name, levels=one.levels, least=one.least, most=one.most) for one in self.columns
        )
        self.target, self.class_names = str(config.settings["target"]), config.class_names
        card = card_of(self.run)
        self.cautions, self.about = Cautions.of(card), about(self.run, card, said_of_policy(self.policy))

    def answer_rows(self, rows: Sequence[Mapping[str, Any]]) -> list[Answer]:
        """The prediction on each row; raises ValueError for unknown columns and cells that do not fit."""
        if not 1 <= len(rows) <= MOST_ROWS:
            raise ValueError(f"there are {len(rows)} rows. Expected 1 to {MOST_ROWS:,}.")
        known = {one.name for one in self.columns}
        if strange := sorted({str(name) for row in rows for name in row} - known):
            raise ValueError(
                f"there is no column {', '.join(map(repr, strange[:5]))}. Expected some of "
                f"{', '.join(map(repr, sorted(known)))}."
            )
        frame = polars.DataFrame(
            {one.name: [_cell(row.get(one.name)) for row in rows] for one in self.columns},
            schema={one.name: polars.String for one in self.columns},
        )
        codes = codes_of(frame, self.columns, "the request")
        found = rows_of(self.pipeline, codes, self.columns, self.class_names, self.policy)
        return [self._answer(row) for row in found]

    def _answer(self, row: Mapping[str, Any]) -> Answer:
        predicted = row["prediction"]
        warned = [
            Warned(kind="values", text=f"{name}: no row that it was trained on had such a value.")
            for name in row["unfamiliar"]
        ]
        if row.get("decision") == "to a person":
            warned.insert(0, Warned(kind="person", text=f"To a person: {row['reason']}."))
        if not self.class_names:
            said, confidence, answered = significant(float(predicted), 4), "An estimate comes without a confidence.", []
        else:
            share = float(row[f"probability of {predicted}"])
            said, confidence = str(predicted), f"Probability {share:.2f}: {sureness(share)}."
            answered = [str(predicted)]
        return Answer(
            rows=(row,), said=f"{self.target}: {said}", confidence=confidence,
            warnings=(*warned, *self.cautions.on(answered)),
        )  # fmt: skip


def _cell(value: Any) -> str:
    """A cell as a table holds it: text; "" for a missing one."""
    if value is None:
        return ""
    if not isinstance(value, str | int | float) or len(str(value)) > MOST_LETTERS:
        raise ValueError(f"a cell is a {type(value).__name__}. Expected a number or up to {MOST_LETTERS} letters.")
    return str(value)
