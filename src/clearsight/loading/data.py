"""Data read, and looked through to the last pixel, before anything is built on it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from clearsight import catalogue, sources
from clearsight.console.progress import stage
from clearsight.sources import CachedDataset, PictureDataset, Source, records_of
from clearsight.sources.samples.clustering import AUTO
from clearsight.sources.samples.cropped import CroppedDataset
from clearsight.types import TRUTHS, Dataset, Size, Truth

SPLIT_SEED = 0  # the seed of a run changes its training, not which pictures it is judged on: runs stay comparable


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """A source whose pictures all decode, and its splits with the pictures resized and at hand."""

    source: Source
    cached: Mapping[str, CachedDataset]
    size_px: int
    _cropped: dict[tuple[str, Size], CroppedDataset] = field(default_factory=dict, repr=False, compare=False)

    def cropped(self, split: str, size: Size) -> CroppedDataset:
        """A split with its pictures cut to one size, as a generator takes them; made once."""
        if (split, size) not in self._cropped:
            self._cropped[split, size] = CroppedDataset(self.cached[split], size)
        return self._cropped[split, size]

    def truths(self, split: str) -> Iterator[Truth]:
        """The truths of a split in the pixels of the resized pictures, one by one."""
        return (self.cached[split].truth(index) for index in range(len(self.cached[split])))


def gather(
    place: str,
    size_px: int,
    *,
    attributes: Path | str | None = None,
    skip_bad: bool = False,
    held_out: float = 0.2,
    class_names: Sequence[str] | None = None,
    wanted: tuple[type, ...] = (),
    target: str | None = None,
    enlarge: bool = True,
    cluster: str = AUTO,
    resplit: bool = False,
    check: Callable[[Source], None] = lambda source: None,
    quiet: bool = True,
) -> Gathered:
    """Read data and cache every picture at ``size_px``, so that a broken one shows now and not hours later.

    ``class_names`` are those of a trained model, which the data's must be among; ``wanted`` the kinds of truth that are
    of use, ``target`` the column of the truth in a table; ``cluster`` and ``resplit`` are those of ``sources.read``.
    ``check`` is called with the source before its pictures are decoded, which takes most of the time, and may refuse
    it. Unless they are to be enlarged, no picture is cached larger than the largest is. Raises ValueError with
    everything that is wrong; with ``skip_bad`` bad pictures are left out and stand in ``source.problems``.
    """
    source = fitting(
        place, attributes=attributes, skip_bad=skip_bad, held_out=held_out, class_names=class_names, wanted=wanted,
        target=target, cluster=cluster, resplit=resplit,
    )  # fmt: skip
    check(source)
    if not enlarge:
        size_px = min(size_px, max((max(record.size) for one in source.splits.values() for record in records_of(one)
                                    if record.size), default=size_px))  # fmt: skip
    cached = {}
    for name, dataset in source.splits.items():
        with stage(f"reading pictures: {name}", quiet) as watch:
            cached[name] = sources.cached(dataset, size_px, watch, skip_bad=skip_bad)
    splits = {name: _whole(dataset, cached[name]) for name, dataset in source.splits.items()}
    problems = [line for one in cached.values() for line in one.problems]
    return Gathered(
        source=replace(source, splits=splits, problems=(*source.problems, *problems)), cached=cached, size_px=size_px
    )


def fitting(
    place: str,
    *,
    attributes: Path | str | None,
    skip_bad: bool,
    held_out: float,
    class_names: Sequence[str] | None,
    wanted: tuple[type, ...],
    target: str | None,
    cluster: str,
    resplit: bool,
) -> Source:
    """Data read with the options of ``gather``, none of its pictures decoded; raises ValueError where they do not fit.

    Whether every picture is whole is then not known.
    """
    source = sources.read(
        place, attributes=None if attributes is None else Path(attributes), skip_bad=skip_bad, seed=SPLIT_SEED,
        held_out=held_out, wanted=wanted, target=target, cluster=cluster, resplit=resplit,
    )  # fmt: skip
    if wanted and source.truth not in wanted:
        raise ValueError(_misfit(source, wanted))
    return source if class_names is None else source.aligned(class_names)


def models_for(truth: type) -> list[str]:
    """The names of the networks that can answer such a truth."""
    tasks = {part.name: part.load().truth_type for part in catalogue.parts("tasks")}
    return [
        part.name
        for part in catalogue.parts("architectures")
        if any(tasks[name] is truth for name in part.load().tasks)
    ]


def _misfit(source: Source, wanted: tuple[type, ...]) -> str:
    """That the data hold another kind of labels than is needed, and which models would take them."""
    fitting = models_for(source.truth)
    needed = " or ".join(TRUTHS[kind] for kind in wanted)
    return (
        f"{source.name} ({source.format}) gives {TRUTHS[source.truth]}, and this model needs {needed}. "
        f"Models for such data: {', '.join(fitting) or 'none'}."
    )


def _whole(dataset: Dataset, cached: CachedDataset) -> Dataset:
    """The data set without the pictures that do not decode."""
    if not cached.problems or not isinstance(dataset, PictureDataset):
        return dataset
    return replace(dataset, records=cached.records, fingerprint=cached.fingerprint)
