"""What a trained run is asked about its data: of most runs the data as they are, of some the pictures themselves."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from clearsight.ops.noise import NOISES
from clearsight.run import Config
from clearsight.sources import Source
from clearsight.sources.samples.picture_pairs import Corruption, paired
from clearsight.tasks import Reconstruction


def posed(source: Source, config: Config) -> Source:
    """The data as pairs of what the network is given and the truth; unchanged unless pictures are to be restored."""
    if config.task != Reconstruction.name:
        return source
    corruption = corruption_of(config.settings["model"])
    return replace(source, splits={name: paired(dataset, corruption) for name, dataset in source.splits.items()})


def corruption_of(model: Mapping[str, Any]) -> Corruption | None:
    """The noise that a model, by its settings, is judged with; None where it is given the pictures as they are."""
    if "judged_level" not in model:
        return None
    noise, level = str(model["noise"]), float(model["judged_level"])
    return Corruption(noise=noise, level=level or NOISES[noise].judged)
