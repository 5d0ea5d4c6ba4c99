"""Generated pictures: trained anew with pictures that a generator makes of the groups and classes that are rare.

Every cell smaller than the average cell gets generated pictures up to that size, at most three for each real one, and
all cells are drawn equally often, as in balanced-sampling: what differs from it is that a rare cell shows new pictures
in place of some repetitions. Pictures that copy a real one were removed.
"""

import numpy as np

from clearsight.mitigations.balance import balancing
from clearsight.types import AddedPictures, Given, Retraining

MOST_FOR_EACH = 3  # generated pictures for each real one


def generated_pictures(given: Given) -> tuple[Retraining, ...]:
    """One retraining with them. Raises ValueError without a generator, or where it makes no rare cell."""
    if given.maker is None:
        raise ValueError("generated-pictures needs a generator. Give the run of one with --generator.")
    cells = given.train.cells
    counts = np.bincount(cells[cells >= 0], minlength=max(given.maker.cells, default=-1) + 1)
    average = round(float(counts[counts > 0].mean()))
    wanted = {cell: min(average - counts[cell], MOST_FOR_EACH * counts[cell]) for cell in given.maker.cells}
    rare = {cell: int(count) for cell, count in wanted.items() if count > 0}
    if not rare:
        raise ValueError(
            "the generator makes pictures of no group and class that is rarer than the average, so there is nothing to "
            "add. Leave generated-pictures out."
        )
    added = tuple(
        AddedPictures(label=cell % given.classes, images=given.maker.make(cell, count)) for cell, count in rare.items()
    )
    all_cells = np.concatenate([cells, *(np.full(count, cell) for cell, count in rare.items())])
    said = f"{sum(rare.values())} generated pictures added, drawn equally often"
    return (Retraining(said=said, added=added, draws=balancing(all_cells)),)
