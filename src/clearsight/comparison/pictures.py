"""The pictures of a comparison: where each run falls behind the others, or what each generator makes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from clearsight import drawing
from clearsight.comparison.paired import Comparison
from clearsight.evaluation.drawn_answers import as_jpeg, deployed_part
from clearsight.generation.sampling import sampled
from clearsight.generation.sheets import grid, png
from clearsight.generation.showing import SAMPLES
from clearsight.loading import trained
from clearsight.run import Run
from clearsight.types import Dataset, Evidence, Example

PER_RUN = 2
ACROSS_PX = 420
MADE, COLUMNS = 50, 10


def furthest_behind(
    found: Comparison, runs: Sequence[Run], evidence: Sequence[Evidence], dataset: Dataset | None, folder: Path
) -> tuple[Example, ...]:
    """For each run the pictures on which it falls furthest behind the others, with the predictions of all.

    Nothing where there are no pictures.
    """
    if dataset is None:
        return ()
    scores = np.stack([one.statistics.each()[1] for one in evidence])
    what = evidence[0].statistics.each()[0]
    predictors = [trained.predictor(run) for run in runs]
    taken: set[int] = set()
    examples: list[Example] = []
    for index, one in enumerate(found.runs):
        behind = scores[index] - np.delete(scores, index, axis=0).max(0)
        order = [row for row in np.argsort(np.where(np.isfinite(behind), behind, np.inf)).tolist() if row not in taken]
        for row in [row for row in order[:PER_RUN] if behind[row] < 0]:
            taken.add(row)
            sample = dataset[row]
            drawn = []
            for run, predictor, mine in zip(runs, predictors, found.runs, strict=True):
                (seen,) = predictor([sample.image])
                names = run.config.class_names
                shown = deployed_part(seen, run.config)
                drawn.append((drawing.overlay(shown, sample.image, names, truth=sample.truth), mine.name))
            path = f"{len(examples)}.jpg"
            (folder / path).write_bytes(as_jpeg(_sheet(drawn), seen, runs[index]))
            values = ", ".join(f"{each.name} {scores[k, row]:.2f}" for k, each in enumerate(found.runs))
            caption = f"{one.name} falls behind on {sample.id} ({what}: {values})"
            examples.append(Example(path=path, caption=caption, kind="worst", score=float(scores[index, row])))
    return tuple(examples)


def made_by_each(found: Comparison, runs: Sequence[Run], seed: int, folder: Path) -> tuple[Example, ...]:
    """Pictures that each generator makes of one seed, not chosen; of classes in turn where it takes classes."""
    examples: list[Example] = []
    for one, run in zip(found.runs, runs, strict=True):
        network = trained.ready(run)
        names = run.config.class_names
        if network.config.made_from is not None:
            examples += _from_the_run(one, run, folder, f"{len(examples)}.png")
            continue
        classes = [k % len(names) for k in range(MADE)] if network.config.conditional else None
        path, about = (
            f"{len(examples)}.png",
            {"generated": True, "run": run.name, "model": run.config.model, "seed": seed},
        )
        (folder / path).write_bytes(png(grid(sampled(network, MADE, seed, classes=classes), COLUMNS), about))
        caption = f"{one.name} ({one.model}): {MADE} pictures it made, not chosen: the first of seed {seed}"
        examples.append(Example(path=path, caption=caption, kind="made"))
    return tuple(examples)


def _from_the_run(one: Any, run: Run, folder: Path, path: str) -> list[Example]:
    """The sheet of the run's own report, where pictures are made from others: there are none at hand here."""
    kept = run.path / SAMPLES
    if not kept.is_file():
        return []
    (folder / path).write_bytes(kept.read_bytes())
    caption = f"{one.name} ({one.model}): what pictures were made from, the generated ones, the real ones"
    return [Example(path=path, caption=caption, kind="made")]


def _sheet(drawn: Sequence[tuple[Image.Image, str]]) -> Image.Image:
    """Pictures of one size in rows of two, each under its name."""
    title = 30
    cells = []
    for picture, name in drawn:
        height = round(picture.height * ACROSS_PX / picture.width)
        cell = Image.new("RGB", (ACROSS_PX, height + title), "white")
        cell.paste(picture.convert("RGB").resize((ACROSS_PX, height), Image.Resampling.LANCZOS), (0, title))
        ImageDraw.Draw(cell).text((4, 5), drawing.shown(name), fill="black", font_size=18)
        cells.append(cell)
    high = max(cell.height for cell in cells)
    rows = -(-len(cells) // 2)
    sheet = Image.new("RGB", (2 * ACROSS_PX + 12, rows * (high + 12) - 12), "white")
    for index, cell in enumerate(cells):
        sheet.paste(cell, (index % 2 * (ACROSS_PX + 12), index // 2 * (high + 12)))
    return sheet
