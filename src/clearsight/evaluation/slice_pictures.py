"""Pictures of each confirmed slice for the report: some of those it was confirmed on, the worst first."""

import numpy as np

from clearsight.audits.slices import searched
from clearsight.evaluation.drawn_answers import as_jpeg, drawn_answer
from clearsight.inference.predictor import Predictor
from clearsight.run import Run
from clearsight.types import Dataset, Example, Request

EACH = 12
SIDE_PX = 360  # many pictures in one file: its size counts


def slice_pictures(run: Run, dataset: Dataset, request: Request, predictor: Predictor) -> list[Example]:
    """Up to twelve pictures of each confirmed slice, drawn at random so that they show it as it is, worst first."""
    search, examples = searched(request), []
    for place, one in enumerate(search.confirmed if search else (), 1):
        assert search is not None
        rows = np.flatnonzero(one.rows)
        if len(rows) > EACH:
            rows = np.random.default_rng([request.seed, place]).choice(rows, EACH, replace=False)
        rows = rows[np.argsort(search.score[rows], kind="stable")]
        for number, row in enumerate(rows.tolist(), 1):
            sample = dataset[row]
            (found,) = predictor([sample.image])
            drawn, worded, beside = drawn_answer(found, sample, run.config)
            drawn.thumbnail((SIDE_PX * (3 if beside else 1), SIDE_PX))
            path = f"examples/slice-{place}-{number}.jpg"
            run.write_file(path, as_jpeg(drawn, found, run, quality=85))
            score = f"{sample.id}: {search.what} {search.score[row]:.2f}"
            caption = "; ".join(part for part in (score, worded) if part) + beside
            about = f"{one.name[0].upper()}{one.name[1:]}"
            examples.append(
                Example(path=path, caption=caption, kind="slice", score=float(search.score[row]), about=about)
            )
    return examples
