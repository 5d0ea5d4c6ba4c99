"""The trials: each change of each mitigation, judged on the pictures to choose by, and the one that is chosen.

Chosen is the change with the lowest worst-group error; of equal ones the one with the highest accuracy, then the
first. The model as it is takes part, so a mitigation that helps nobody is not chosen. The error of each group is drawn
towards that of all pictures as if five more had been seen with it: the rarest groups are those that matter, and of
three pictures one error more or less must not decide.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.special import softmax
from torch import Tensor

from clearsight import catalogue
from clearsight.console.progress import stage
from clearsight.console.signals import Stop
from clearsight.energy.meter import Meter
from clearsight.evaluation import evaluator
from clearsight.inference.predictor import Predictor
from clearsight.loading import trained
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.training import loop
from clearsight.types import Change, Dataset, GroupOffsets, NewLastLayer, Retraining
from clearsight.worst_groups.grouping import check_judged
from clearsight.worst_groups.material import AT_ONCE, Material, Part
from clearsight.worst_groups.retraining import retrained

AS_IT_IS = "as it is"
DRAWN_BY = 5.0  # pictures


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What was tried, how it did on the pictures to choose by, and the energy it took (kWh, the middle estimate).

    ``worst_group_error`` is of errors that are drawn towards that of all pictures, as above.
    """

    mitigation: str
    said: str
    worst_group_error: float
    accuracy: float
    kwh: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A trial with what came of it: weights of a network and settings of its config, or numbers for each group."""

    trial: Trial
    weights: dict[str, Tensor] | None = None
    settings: dict[str, Any] | None = None
    offsets: Float[np.ndarray, "groups classes"] | None = None


def tried(
    names: Sequence[str], found: Material, budget: loop.Budget | None, meter: Meter, stop: Stop, quiet: bool
) -> list[Candidate]:
    """The model as it is, then every change of the mitigations of these names; ``budget`` is that of each training.

    Raises ValueError where the pictures to choose by tell nothing, and Interrupted when asked to stop.
    """
    check_judged(found.choose.coded.cells, "pictures to choose by", 1)
    candidates = [_candidate(AS_IT_IS, "", found, softmax(found.choose.pictures.logits(), axis=1), 0.0)]
    for name in names:
        before = meter.cost().kwh[1]
        for change in catalogue.find("mitigations", name).load()(found.given):
            made = _tried(name, change, found, budget, meter, stop, quiet)
            after = meter.cost().kwh[1]
            candidates.append(made(after - before))
            before = after
    return candidates


def chosen(candidates: Sequence[Candidate]) -> Candidate:
    """The one with the lowest worst-group error, then the highest accuracy, then the first."""
    return min(candidates, key=lambda one: (one.trial.worst_group_error, -one.trial.accuracy))


def _tried(
    name: str, change: Change, found: Material, budget: loop.Budget | None, meter: Meter, stop: Stop, quiet: bool
) -> Callable[[float], Candidate]:
    """A function from the energy it took to the candidate."""
    part = found.choose
    if isinstance(change, NewLastLayer):
        weights = _with_last_layer(found, change)
        settings = {**found.run.config.settings["model"], "temperature": 1.0}
        probabilities = softmax(part.pictures.features() @ change.weight.T + change.bias, axis=1)
        return lambda kwh: _candidate(name, change.said, found, probabilities, kwh, weights=weights, settings=settings)
    if isinstance(change, GroupOffsets):
        shifted = softmax(part.pictures.logits() + offsets_for(part, change.offsets), axis=1)
        return lambda kwh: _candidate(name, change.said, found, shifted, kwh, offsets=change.offsets)
    assert budget is not None
    return _retrained(name, change, found, budget, meter, stop, quiet)


def _retrained(
    name: str, change: Retraining, found: Material, budget: loop.Budget, meter: Meter, stop: Stop, quiet: bool
) -> Callable[[float], Candidate]:
    if stop.asked():
        raise loop.Interrupted
    if not quiet and not sys.stderr.isatty():
        print(f"training anew: {name}", file=sys.stderr)
    with stage(f"training anew: {name}", quiet) as watch:
        network, recipe = retrained(
            change, name, found, budget, meter, stop.asked, lambda moment: watch(round(1000 * moment.progress), 1000)
        )
    predictor = Predictor(
        network,  # type: ignore[arg-type]
        recipe.training.size_px,
        batch=AT_ONCE,
        dtype=torch.bfloat16 if recipe.precision == "bf16-mixed" and trained.has_bf16() else torch.float32,
        device="cuda" if torch.cuda.is_available() else "cpu",
    )
    probabilities = _predicted(predictor, found, found.choose.dataset)
    weights, settings = network.state_dict(), dict(trained.plain(recipe.config))
    return lambda kwh: _candidate(name, change.said, found, probabilities, kwh, weights=weights, settings=settings)


def _predicted(predictor: Predictor, found: Material, dataset: Dataset) -> Float[np.ndarray, "n classes"]:
    statistics = evaluator.evaluate(predictor, trained.task_of(found.run.config), dataset).statistics
    assert isinstance(statistics, ClassificationStatistics)
    return statistics.probabilities


def _with_last_layer(found: Material, change: NewLastLayer) -> dict[str, Tensor]:
    """The weights of the run's network with another last layer."""
    linear = found.network.linear
    new = {"linear.weight": change.weight, "linear.bias": change.bias}
    return {
        **{name: value.clone() for name, value in found.network.state_dict().items()},
        **{name: torch.from_numpy(value).to(linear.weight.dtype) for name, value in new.items()},
    }


def offsets_for(part: Part, offsets: Float[np.ndarray, "groups classes"]) -> Float[np.ndarray, "n classes"]:
    """What is added to the logits of each picture: nothing where its group is not known."""
    groups = part.coded.groups
    return np.where((groups >= 0)[:, None], offsets[groups], 0.0)


def drawn_worst_error(right: Bool[np.ndarray, "n"], cells: Int[np.ndarray, "n"]) -> float:
    """The highest error of any cell, each drawn towards the error of all pictures by five pictures."""
    known = cells >= 0
    counts = np.bincount(cells[known])
    wrong = np.bincount(cells[known], weights=~right[known])
    drawn = (wrong + DRAWN_BY * float((~right).mean())) / (counts + DRAWN_BY)
    return float(drawn[counts > 0].max())


def _candidate(
    name: str, said: str, found: Material, probabilities: Float[np.ndarray, "n classes"], kwh: float, **made: Any
) -> Candidate:
    part = found.choose
    statistics = ClassificationStatistics(
        class_names=found.grouping.class_names, truth=part.coded.labels, probabilities=probabilities
    )
    trial = Trial(
        mitigation=name, said=said, worst_group_error=drawn_worst_error(statistics.right, part.coded.cells),
        accuracy=float(statistics.right.mean()), kwh=kwh,
    )  # fmt: skip
    return Candidate(trial=trial, **made)
