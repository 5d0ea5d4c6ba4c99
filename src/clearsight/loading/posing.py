"""What a trained run is asked about its data: of most runs the data as they are, of some the pictures themselves."""

from dataclasses import replace

from clearsight.loading import trained
from clearsight.run import Config
from clearsight.sources import Source
from clearsight.sources.samples.picture_pairs import cut, paired
from clearsight.tasks import Reconstruction
from clearsight.types import Degradation


def posed(source: Source, config: Config) -> Source:
    """The data as pairs of what the network is given and the truth; unchanged unless pictures are to be restored.

    Where the network is of pictures of one size, the truths are cut to it first.
    """
    if config.task != Reconstruction.name:
        return source
    given, size = given_of(config), tuple(getattr(trained.choice_of(config), "size", ()))
    splits = {name: cut(one, size) for name, one in source.splits.items()} if size else source.splits
    return replace(source, splits={name: paired(dataset, given) for name, dataset in splits.items()})


def given_of(config: Config) -> Degradation | None:
    """What is taken from pictures before the network of a run is given them; None where it sees them as they are."""
    if config.task != Reconstruction.name:
        return None
    given: Degradation | None = trained.choice_of(config).given
    return given
