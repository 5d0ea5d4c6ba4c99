"""What removing noise must beat: the noisy pictures as they are, and the best Gaussian and the best median filter.

Each filter's width is the best on at most 300 pictures of the validation split, or of the judged split where there is
no other; the filters then see the very pictures that the model was judged on.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import UInt8
from torch import Tensor

from clearsight.evaluation import evaluator
from clearsight.loading import trained
from clearsight.loading.posing import corruption_of
from clearsight.ops.similarity import psnr
from clearsight.ops.smoothing import gaussian_blur, median_filter
from clearsight.run import Run
from clearsight.sources import Source
from clearsight.types import Dataset, Evidence, Picture

TUNED_ON = 300
Bytes = UInt8[Tensor, "3 h w"]


@dataclass(frozen=True, kw_only=True)
class Filter:
    """A filter of one width, as a predictor of pictures; ``words`` say what it is."""

    words: str
    restore: Callable[[Tensor], Tensor]

    def __call__(self, images: Iterable[Bytes]) -> Iterator[Picture]:
        """One picture for each, in order."""
        for image in images:
            yield Picture(image=self.restore(image.float() / 255))


UNCHANGED = "identity"
IDENTITY = Filter(words="the noisy pictures as they are", restore=lambda image: image)
CANDIDATES = {
    "Gaussian filter": tuple(
        Filter(
            words=f"a Gaussian filter of {sigma:g} px",
            restore=lambda image, sigma=sigma: gaussian_blur(image[None], torch.tensor([sigma]))[0],  # type: ignore[misc]
        )
        for sigma in (0.5, 0.6, 0.7, 0.8, 1.0, 1.4, 2.0)
    ),
    "median filter": tuple(
        Filter(
            words=f"a median filter of {side} x {side} px",
            restore=lambda image, side=side: median_filter(image, side),  # type: ignore[misc]
        )
        for side in (3, 5, 7)
    ),
}


def filters_for(run: Run, source: Source, judged: Evidence) -> dict[str, Evidence]:
    """The evidence of each filter on the judged pictures by its name, kept in the run folder.

    ``source`` is posed as the run is judged; nothing unless the run is to remove noise.
    """
    if trained.task_of(run.config).truth_type is not Picture or corruption_of(run.config.settings["model"]) is None:
        return {}
    split = judged.about["split"]
    dataset = source.split(split)
    tuned_on = source.split("val") if "val" in source.splits else dataset
    pairs = list(_pairs(tuned_on))
    chosen = {UNCHANGED: IDENTITY, **{name: _best(widths, pairs) for name, widths in CANDIDATES.items()}}
    found = {}
    for name, one in chosen.items():
        counted = evaluator.evaluate(one, trained.task_of(run.config), dataset)
        evidence = replace(judged, statistics=counted.statistics, about={**judged.about, "filter": one.words})
        run.write_evidence(f"baseline-{name.replace(' ', '-').lower()}-{split}", evidence)
        found[name] = evidence
    return found


def _pairs(dataset: Dataset) -> Iterator[tuple[Tensor, Tensor]]:
    """Noisy pictures and their originals, evenly spread over a data set."""
    step = max(1, len(dataset) // TUNED_ON)
    for index in range(0, min(len(dataset), step * TUNED_ON), step):
        sample = dataset[index]
        assert isinstance(sample.truth, Picture)
        yield sample.image, sample.truth.image


def _best(filters: Iterable[Filter], pairs: list[tuple[Tensor, Tensor]]) -> Filter:
    """The filter with the highest mean PSNR."""

    def mean_psnr(one: Filter) -> float:
        restored = one(noisy for noisy, _ in pairs)
        scores = [psnr(found.image[None], true[None]) for found, (_, true) in zip(restored, pairs, strict=True)]
        return float(torch.cat(scores).mean())

    return max(filters, key=mean_psnr)
