"""A network trained in this process on pictures in memory and kept nowhere: for experiments of many small trainings.

It takes the steps of the loop that every run takes; there is no run folder, and an interrupted training is begun again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn

from clearsight.energy.meter import Meter
from clearsight.inference.allocation import keep_freed_memory
from clearsight.loading import trained
from clearsight.sources.batches.views import ahead, at_once
from clearsight.sources.batches.weighting import Weighting
from clearsight.sources.samples.cache import CachedDataset
from clearsight.sources.samples.cropped import CroppedDataset
from clearsight.sources.samples.extended import ExtendedDataset
from clearsight.training import loop, starting
from clearsight.training.batching import batches_for
from clearsight.training.process import hush
from clearsight.types import Training


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A model by its name, its config fitted to the data, and how it is trained; ``precision`` is Fabric's name.

    ``pretrained`` is as in ``backbones.build``.
    """

    model: str
    config: Any
    training: Training
    precision: str
    pretrained: bool | Path = False


def fit_in_memory(
    recipe: Recipe,
    dataset: CachedDataset | CroppedDataset | ExtendedDataset,
    budget: loop.Budget,
    seed: int,
    meter: Meter,
    *,
    begun_from: CachedDataset | CroppedDataset,
    start: Mapping[str, torch.Tensor] | None = None,
    weighting: Weighting | None = None,
    objective: Callable[[nn.Module], nn.Module] = lambda network: network,
    stop: Callable[[], bool] = lambda: False,
    watch: Callable[[loop.Moment], None] = lambda moment: None,
) -> tuple[nn.Module, int]:
    """The averaged network after the budget, in evaluation mode on the CPU, and the steps it took.

    An epoch of the budget is one of ``begun_from``, the pictures a network that starts from its data starts from: so
    trainings on more pictures, or on pictures drawn more often, take as many steps. ``start`` are weights to go on
    from, where it is not to be trained anew. ``objective`` wraps the network into what the loop trains, with losses of
    its own; the wrapped one is returned. Raises Interrupted when asked to stop, and Diverged where a loss is not
    finite.
    """
    hush()
    keep_freed_memory()
    torch.manual_seed(seed)
    network = trained.build(recipe.model, recipe.config, dataset.class_names, recipe.pretrained)
    if start is not None:
        network.load_state_dict(start)
    else:
        starting.begin(network, recipe.config, begun_from)
    cuda = torch.cuda.is_available()
    fabric = Fabric(accelerator="cuda" if cuda else "cpu", devices=1, precision=recipe.precision)  # type: ignore[arg-type]
    batches = batches_for(dataset, recipe.training, trained.multiple_of(recipe.model), seed, weighting=weighting)
    steps_per_epoch = -(-len(begun_from) // recipe.training.batch_size)
    clock = loop.Clock(budget, steps_per_epoch, meter)
    hooks = loop.Hooks(save=lambda state: None, watch=watch, stop=stop)
    stream = ahead if cuda else at_once
    average = loop.fit(objective(network), batches.batch, stream, clock, recipe.training, fabric, hooks)
    return average.cpu(), clock.step
