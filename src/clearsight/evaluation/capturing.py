"""How the judged pictures were taken, measured on their files and said in the evidence."""

from dataclasses import replace

import numpy as np

from clearsight.console.progress import stage
from clearsight.sources import records_of
from clearsight.sources.checks.capture import MEASURED, captures
from clearsight.types import Dataset, Evidence

MEASURED_AT_MOST = 20_000
SIZE = "size (megapixels)"


def with_conditions(evidence: Evidence, dataset: Dataset, *, seed: int = 0, quiet: bool = True) -> Evidence:
    """The evidence with size, brightness, contrast, sharpness and JPEG quality of its pictures.

    Each is opened for it. Of more than 20,000 pictures so many, drawn by ``seed``, are measured; the others have NaN.
    What is the same for all pictures is left out. Evidence without features is returned as it is: there, no audit asks
    how pictures were taken.
    """
    if evidence.features is None:
        return evidence
    records = records_of(dataset)
    drawn = np.arange(len(records))
    if len(records) > MEASURED_AT_MOST:
        drawn = np.sort(np.random.default_rng(seed).choice(drawn, MEASURED_AT_MOST, replace=False))
    with stage("measuring how pictures were taken", quiet) as watch:
        found = captures([records[place] for place in drawn.tolist()], watch)
    measured = [one for one in found if one is not None]
    known = np.array([one is not None for one in found], dtype=bool)
    numbers = {name: [getattr(one, field) for one in measured] for field, name in MEASURED.items()}
    numbers[SIZE] = [one.width_px * one.height_px / 1e6 for one in measured]
    conditions = {}
    for name, values in numbers.items():
        column = np.full(len(records), np.nan)
        column[drawn[known]] = values
        if len(np.unique(column[np.isfinite(column)])) > 1:
            conditions[name] = column
    return replace(evidence, conditions=conditions)
