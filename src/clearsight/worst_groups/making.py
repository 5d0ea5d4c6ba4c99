"""Pictures of rare groups and classes from the run of a generator, as further training pictures.

The generator must have learnt to make pictures of each cell by name (see ``Grouping.name``), such as "female, Black",
or of each class where the groups are the classes; and none of the pictures it learnt from may be held out here.
"""

from typing import Any

import torch
import torchvision.transforms.v2.functional as TF
from jaxtyping import UInt8
from torch import Tensor

from clearsight.console.progress import stage
from clearsight.generation.conclusion import MOST_TRAINING, gathered_as_trained, pictures_of
from clearsight.generation.extractors import extractors_for
from clearsight.generation.sifting import Sieve, sifted
from clearsight.loading import trained
from clearsight.loading.data import Gathered
from clearsight.run import Run
from clearsight.sources import Source, records_of
from clearsight.types import PictureMaker, Size
from clearsight.worst_groups.grouping import Grouping

SEED_STEP = 100_003  # between the seeds of two cells


def check_generator(run: Run, grouping: Grouping) -> None:
    """Raise ValueError where a run makes no pictures of a cell that can be asked for by name."""
    trained.check_conditional(run)
    if not cells_made(run, grouping):
        names = [grouping.name(cell) for cell in range(len(grouping.groups) * len(grouping.class_names))]
        raise ValueError(
            f"{run.path} makes pictures of {', '.join(run.config.class_names)}, and none of these is a group together "
            f"with a class. Expected some of: {'; '.join(names)}. Train a generator on a table with a column of these "
            "words as its --target."
        )
    if not run.has_weights:
        raise ValueError(f"{run.path} has no weights yet. Finish its training first: clearsight train --resume.")


def check_unseen(run: Run, source: Source, quiet: bool) -> None:
    """Raise ValueError where the generator has learnt from a picture that is held out here, told by its content."""
    config = run.config
    learnt = gathered_as_trained(run, config.data, quiet).source
    if learnt.fingerprint != config.fingerprint:
        raise ValueError(
            f"{config.data} is not what {run.path} was trained on, so nobody knows what it has learnt from. Restore "
            "the data, or train a new generator."
        )
    seen = {record.digest or record.id for record in records_of(learnt.split("train"))}
    held_out = [one for name, part in source.splits.items() if name != "train" for one in records_of(part)]
    shared = sum((record.digest or record.id) in seen for record in held_out)
    if shared:
        raise ValueError(
            f"{run.path} has learnt from {shared} of the {len(held_out)} pictures that are held out here, so what it "
            "makes may show them. Train a generator on data that are split alike: name the split of each picture in a "
            "column named split."
        )


def cells_made(run: Run, grouping: Grouping) -> dict[int, int]:
    """The classes of the generator by the cells they are of."""
    own = {name: label for label, name in enumerate(run.config.class_names)}
    cells = range(len(grouping.groups) * len(grouping.class_names))
    return {cell: own[grouping.name(cell)] for cell in cells if grouping.name(cell) in own}


def maker_of(run: Run, grouping: Grouping, gathered: Gathered, seed: int, quiet: bool) -> PictureMaker:
    """The generator as it is asked; nothing is learnt or made before it is."""
    size: Size = tuple(run.config.settings["model"]["size"])
    labels = cells_made(run, grouping)
    make = _Making(run, gathered, size, seed, quiet)
    return PictureMaker(cells=tuple(labels), make=lambda cell, count: make(labels[cell], cell, count, grouping))


class _Making:
    """Makes pictures, once it has learnt to tell copies."""

    def __init__(self, run: Run, gathered: Gathered, size: Size, seed: int, quiet: bool) -> None:
        self._run, self._gathered, self._size, self._seed, self._quiet = run, gathered, size, seed, quiet
        self._ready: tuple[Any, Sieve] | None = None

    def __call__(self, label: int, cell: int, count: int, grouping: Grouping) -> UInt8[Tensor, "n 3 h w"]:
        self._ready = self._ready or self._prepared()
        network, sieve = self._ready
        with stage(f"making pictures: {grouping.name(cell)}", self._quiet) as watch:
            found = sifted(network, sieve, count, label, self._seed + SEED_STEP * (cell + 1), watch)
        return _as_trained_on(found.images, self._gathered)

    def _prepared(self) -> tuple[Any, Sieve]:
        splits = {name: self._gathered.cropped(name, self._size) for name in self._gathered.cached}
        real = pictures_of(splits["train"], MOST_TRAINING)
        with stage("learning features to tell copies by", self._quiet) as watch:
            fingerprint, names = splits["train"].fingerprint, self._gathered.source.class_names
            extractor, _ = extractors_for(real, fingerprint, names, watch=watch)
        held_out = torch.cat([one.stack() for name, one in splits.items() if name != "train"])
        return trained.ready(self._run), Sieve(real.images, held_out, extractor)


def _as_trained_on(images: UInt8[Tensor, "n 3 h w"], gathered: Gathered) -> UInt8[Tensor, "n 3 h w"]:
    """Pictures enlarged or reduced to the longer side of those that the run was trained on."""
    common = gathered.cached["train"].common_size
    longer = max(common) if common is not None else gathered.size_px
    height, width = images.shape[2:]
    size = [round(side * longer / max(height, width)) for side in (height, width)]
    return images if size == [height, width] else TF.resize(images, size, antialias=True)
