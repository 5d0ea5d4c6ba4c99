"""The trials: each change of each mitigation, judged on the pictures for tuning, and the one that is chosen.

What is fitted on these pictures is judged by cross-validation: fitted on four fifths of them, it answers for the last
fifth, five times. What is trained has seen none of them and answers for all. So all are judged by the same pictures,
each of which a mitigation has not seen, and what was chosen is fitted once more on all of them.

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
from clearsight.inference.device import best_device
from clearsight.inference.predictor import Predictor
from clearsight.loading import trained
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.temperature import best_temperature
from clearsight.training import loop
from clearsight.types import Change, Dataset, GroupOffsets, Mitigation, NewLastLayer, Retraining
from clearsight.worst_groups.grouping import check_judged
from clearsight.worst_groups.material import AT_ONCE, FOLDS, Material
from clearsight.worst_groups.retraining import retrained

AS_IT_IS = "as it is"
DRAWN_BY = 5.0  # pictures


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What was tried, how it did on pictures for tuning, and the energy it took (kWh, the middle estimate).

    ``worst_group_error`` is of errors that are drawn towards that of all pictures, as above.
    """

    mitigation: str
    said: str
    worst_group_error: float
    accuracy: float
    kwh: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A trial with what came of it: weights of a network and settings of its config, or numbers for each group.

    ``fitted`` is whether it was fitted on the pictures for tuning.
    """

    trial: Trial
    fitted: bool = False
    weights: dict[str, Tensor] | None = None
    settings: dict[str, Any] | None = None
    offsets: Float[np.ndarray, "groups classes"] | None = None


def tried(
    names: Sequence[str], found: Material, budget: loop.Budget | None, meter: Meter, stop: Stop, quiet: bool
) -> list[Candidate]:
    """The model as it is, then every change of the mitigations of these names; ``budget`` is that of each training.

    Raises ValueError where the pictures for tuning tell nothing, and Interrupted when asked to stop.
    """
    check_judged(found.tuning.coded.cells, "pictures for tuning", 1)
    candidates = [_candidate(AS_IT_IS, "", found, softmax(found.tuning.pictures.logits(), axis=1), 0.0)]
    for name in names:
        before = meter.cost().kwh[1]
        mitigation: Mitigation = catalogue.find("mitigations", name).load()
        changes = mitigation(found.given)
        left_out = left_out_logits(name, mitigation, changes, found, quiet)
        for change in changes:
            if isinstance(change, Retraining):
                made = _retrained(name, change, found, budget, meter, stop, quiet)
            elif change.said in left_out:
                made = _fitted(name, change, found, softmax(left_out[change.said], axis=1))
            else:
                continue  # some fold cannot be fitted on, so nobody knows how well it does
            after = meter.cost().kwh[1]
            candidates.append(made(after - before))
            before = after
    return candidates


def chosen(candidates: Sequence[Candidate]) -> Candidate:
    """The one with the lowest worst-group error, then the highest accuracy, then the first."""
    return min(candidates, key=lambda one: (one.trial.worst_group_error, -one.trial.accuracy))


def left_out_logits(
    name: str, mitigation: Mitigation, changes: Sequence[Change], found: Material, quiet: bool
) -> dict[str, Float[np.ndarray, "n classes"]]:
    """The logits of every picture for tuning by what was fitted without it, for each change that is fitted, by name.

    A change that not every fold can be fitted on, such as for want of a class, is left out.
    """
    fitted = [change.said for change in changes if not isinstance(change, Retraining)]
    logits = {said: found.tuning.pictures.logits().copy() for said in fitted}
    if not fitted:
        return {}
    with stage(f"cross-validating {name}", quiet) as watch:
        for done, fold in enumerate(np.unique(found.folds).tolist()):
            watch(done, FOLDS)
            rows = found.folds == fold
            again = {change.said: change for change in mitigation(found.given_without(fold))}
            for said in list(logits):
                if said in again:
                    logits[said][rows] = logits_after(again[said], found)[rows]
                else:
                    del logits[said]
    return logits


def logits_after(change: Change, found: Material) -> Float[np.ndarray, "n classes"]:
    """The logits of the pictures for tuning after a change that trains nothing."""
    part = found.tuning
    if isinstance(change, NewLastLayer):
        return part.pictures.features() @ change.weight.T + change.bias
    assert isinstance(change, GroupOffsets)
    groups = part.coded.groups
    return part.pictures.logits() + np.where((groups >= 0)[:, None], change.offsets[groups], 0.0)


def _fitted(
    name: str, change: Change, found: Material, probabilities: Float[np.ndarray, "n classes"]
) -> Callable[[float], Candidate]:
    """A function from the energy it took to the candidate; the temperature is that of pictures it had not seen."""
    if isinstance(change, NewLastLayer):
        weights = _with_last_layer(found, change)
        temperature = best_temperature(found.tuning.coded.labels, probabilities)
        settings = {**found.run.config.settings["model"], "temperature": temperature}
        return lambda kwh: _candidate(
            name, change.said, found, probabilities, kwh, fitted=True, weights=weights, settings=settings
        )
    assert isinstance(change, GroupOffsets)
    return lambda kwh: _candidate(name, change.said, found, probabilities, kwh, fitted=True, offsets=change.offsets)


def _retrained(
    name: str, change: Retraining, found: Material, budget: loop.Budget | None, meter: Meter, stop: Stop, quiet: bool
) -> Callable[[float], Candidate]:
    """A function from the energy it took to the candidate."""
    assert budget is not None
    if stop.asked():
        raise loop.Interrupted
    if not quiet and not sys.stderr.isatty():
        print(f"training: {name}", file=sys.stderr)
    with stage(f"training: {name}", quiet) as watch:
        network, recipe = retrained(
            change, name, found, budget, meter, stop.asked, lambda moment: watch(round(1000 * moment.progress), 1000)
        )
    predictor = Predictor(
        network,  # type: ignore[arg-type]
        recipe.training.size_px,
        batch=AT_ONCE,
        dtype=torch.bfloat16 if recipe.precision == "bf16-mixed" and trained.has_bf16() else torch.float32,
        device=best_device(),
    )
    probabilities = _predicted(predictor, found, found.tuning.dataset)
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
    part = found.tuning
    statistics = ClassificationStatistics(
        class_names=found.grouping.class_names, truth=part.coded.labels, probabilities=probabilities
    )
    trial = Trial(
        mitigation=name, said=said, worst_group_error=drawn_worst_error(statistics.right, part.coded.cells),
        accuracy=float(statistics.right.mean()), kwh=kwh,
    )  # fmt: skip
    return Candidate(trial=trial, **made)
