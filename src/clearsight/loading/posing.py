"""What a trained run is asked about its data: of most runs the data as they are, of some the pictures themselves."""

from dataclasses import replace
from typing import Any

from clearsight.loading import trained
from clearsight.run import Config
from clearsight.sources import Source, records_of
from clearsight.sources.samples.picture_pairs import cut, paired
from clearsight.tasks import Reconstruction
from clearsight.types import Degradation


def posed(source: Source, config: Config) -> Source:
    """The data as pairs of what the network is given and the truth; unchanged unless pictures are to be restored.

    Where the network is of pictures of one size, the truths are cut to it first.
    """
    if config.task != Reconstruction.name:
        return source
    choice: Any = trained.choice_of(config)
    given, size = given_of(config), tuple(getattr(choice, "size", ()))
    splits = {name: cut(one, size) for name, one in source.splits.items()} if size else source.splits
    return replace(source, splits={name: paired(dataset, given) for name, dataset in splits.items()})


def check_large_enough(source: Source, choice: Any) -> None:
    """Raise ValueError, before a training, where a picture is too small for the factor that it is to be made larger by.

    ``choice`` is the config of a network; where it cuts its pictures to a size, none is too small.
    """
    factor = int(getattr(choice, "factor", 1))
    if factor == 1 or bool(getattr(choice, "size", None)):
        return
    records = [record for one in source.splits.values() for record in records_of(one)]
    small = [record for record in records if record.size is not None and min(record.size) < factor]
    if small:
        height, width = small[0].size or (0, 0)
        raise ValueError(
            f"{len(small)} of {len(records)} pictures are smaller than {factor} px, such as {small[0].id} with "
            f"{width} x {height} px: nothing is left of them when they are made {factor} times smaller. Remove them, "
            "or choose a smaller factor."
        )


def given_of(config: Config) -> Degradation | None:
    """What is taken from pictures before the network of a run is given them; None where it sees them as they are."""
    if config.task != Reconstruction.name:
        return None
    given: Degradation | None = trained.choice_of(config).given
    return given
