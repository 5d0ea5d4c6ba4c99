"""Restored pictures as files that say what they are: imagined, by which run, and how near to what was given."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxtyping import UInt8
from torch import Tensor

from clearsight import drawing
from clearsight.depixelising.restoring import Restored, how_each
from clearsight.depixelising.sheets import legend, sheet
from clearsight.files import durable
from clearsight.generation import sheets
from clearsight.prediction import writing
from clearsight.report.opening import MUST_NOT_IDENTIFY

TABLE, SHEET = "restored.json", "sheet.png"


def rows_of(names: Sequence[str], found: Restored, class_names: Sequence[str]) -> list[list[dict[str, Any]]]:
    """For each small picture a row of plain values for each of its restorations."""
    how = how_each(found)
    return [
        [
            {
                "input": name,
                "restoration": number + 1,
                "psnr_db": round(float(found.psnr[row, number]), 2),
                "squared_error": float(found.errors[row, number]),
                "matched": bool(found.matched[row, number]),
                "how": how[row][number],
                "changed_levels": round(float(found.moved[row, number]), 2),
                "steps": int(found.steps[row, number]),
                **({} if found.labels is None else {"class": class_names[int(found.labels[row, number])]}),
            }
            for number in range(found.pictures.shape[1])
        ]
        for row, name in enumerate(names)
    ]


def unmatched(names: Sequence[str], found: Restored) -> tuple[str, ...]:
    """The pictures of which no restoration came near enough."""
    return tuple(name for name, row in zip(names, found.matched.any(1).tolist(), strict=True) if not row)


def written(
    folder: Path | None,
    small: UInt8[Tensor, "inputs 3 h w"],
    found: Restored,
    rows: Sequence[Sequence[dict[str, Any]]],
    about: Mapping[str, Any],
) -> tuple[Path, ...]:
    """A PNG file for each restoration, named in its row from now on, a sheet of the first inputs, and a table.

    The folder appears when all of it is there; nothing is written where there is none.
    """
    files: list[Path] = []
    with writing.appearing(folder) as partial:
        if partial is None or folder is None:
            return ()
        for pictures, of_one in zip(found.pictures, rows, strict=True):
            for picture, row in zip(pictures, of_one, strict=True):
                row["file_name"] = f"{row['input']}-{row['restoration']}.png"
                content = sheets.png(drawing.picture_of(picture), {**about, **row})
                (partial / row["file_name"]).write_bytes(content)
                files.append(folder / row["file_name"])
        shown = {**about, "pictures": len(found.pictures), "columns": legend(found)}
        (partial / SHEET).write_bytes(sheets.png(sheet(small, found), shown))
        listed = [row for of_one in rows for row in of_one]
        durable.write_json(partial / TABLE, {**about, "columns": legend(found), "restored": listed})
    return (*files, folder / SHEET, folder / TABLE)


def about_of(run_name: str, model: str, found: Restored, provenance: str) -> dict[str, Any]:
    """What every file says of itself."""
    plan = found.plan
    return {
        "generated": True, "imagined": MUST_NOT_IDENTIFY, "model": model, "run": run_name, "method": "PULSE",
        "factor": plan.factor, "filter": plan.filter, "restarts": plan.restarts, "epsilon": plan.epsilon,
        "steps": plan.steps, "rate": plan.rate, "finish": plan.finish, "seed": plan.seed, "provenance": provenance,
    }  # fmt: skip
