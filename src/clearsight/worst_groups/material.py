"""The pictures of a run that mitigations are fitted on and chosen by, with what the network makes of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from clearsight.console.progress import stage
from clearsight.evaluation.evaluator import decoded
from clearsight.inference.predictor import Predictor
from clearsight.loading import trained
from clearsight.loading.data import Gathered
from clearsight.loading.division import Division, part_of
from clearsight.run import Run
from clearsight.sources import records_of
from clearsight.types import Dataset, Given, GroupedPictures, LastLayer
from clearsight.worst_groups.grouping import Coded, Grouping

AT_ONCE = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """Some pictures of the data, coded, with their features by the run's network."""

    dataset: Dataset
    coded: Coded
    pictures: GroupedPictures


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """All that mitigations of a run are tried with; ``gathered`` holds the training pictures as they were learnt."""

    run: Run
    network: Any
    gathered: Gathered
    grouping: Grouping
    division: Division
    train: Part
    fit: Part
    choose: Part
    seed: int

    @property
    def given(self) -> Given:
        """What a mitigation may look at."""
        return Given(train=self.train.pictures, fit=self.fit.pictures, classes=len(self.grouping.class_names))


def material_of(
    run: Run, gathered: Gathered, grouping: Grouping, division: Division, seed: int, quiet: bool
) -> Material:
    """The pictures by what they are for; features are computed when they are first asked for, once."""
    network: Any = trained.load(run)
    source = gathered.source
    has_one = isinstance(network, LastLayer)
    if not has_one:
        raise ValueError(
            f"a {run.config.model} has no last layer of its own that answers for the whole picture. Mitigations are "
            "for classifiers such as cnn and classifier."
        )
    predictor = trained.predictor(run, network, batch=AT_ONCE)

    def part(dataset: Dataset, name: str) -> Part:
        coded = grouping.coded(records_of(dataset))
        return Part(dataset=dataset, coded=coded, pictures=_pictures(dataset, coded, predictor, network, name, quiet))

    return Material(
        run=run, network=network, gathered=gathered, grouping=grouping, division=division,
        train=part(source.split("train"), "training pictures"),
        fit=part(part_of(source, division.fit, "val"), "pictures to fit on"),
        choose=part(part_of(source, division.choose, "val"), "pictures to choose by"), seed=seed,
    )  # fmt: skip


def _pictures(
    dataset: Dataset, coded: Coded, predictor: Predictor, network: Any, name: str, quiet: bool
) -> GroupedPictures:
    @cache
    def features() -> Float[np.ndarray, "n c"]:
        images = (sample.image for sample in decoded(dataset))
        with stage(f"features of {name}", quiet) as watch:
            batches = list(_watched(predictor.features(images), watch, len(dataset)))
        return torch.cat(batches).double().numpy() if batches else np.zeros((0, network.linear.in_features))

    def logits() -> Float[np.ndarray, "n classes"]:
        weight, bias = (one.detach().double().numpy() for one in (network.linear.weight, network.linear.bias))
        return features() @ weight.T + bias

    ids = tuple(record.id for record in records_of(dataset))
    return GroupedPictures(
        ids=ids, labels=coded.labels, groups=coded.groups, cells=coded.cells, features=features, logits=logits
    )


def _watched(batches: Iterator[Tensor], watch: Callable[[int, int | None], None], total: int) -> Iterator[Tensor]:
    done = 0
    for batch in batches:
        done += len(batch)
        watch(done, total)
        yield batch
