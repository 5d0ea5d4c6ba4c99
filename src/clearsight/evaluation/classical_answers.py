"""What a network that restores pictures must beat: answers that need no network, by what it is given.

The settings of each are the best on at most 300 pictures of the validation split, or of the judged split where there is
no other; the answers are then given to the very pictures that the model was judged on.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from clearsight.evaluation import evaluator
from clearsight.loading import trained
from clearsight.loading.posing import given_of
from clearsight.ops.degradations import Grey, Noisy, Smaller
from clearsight.ops.lab import lab_of, rgb_of
from clearsight.ops.similarity import psnr
from clearsight.ops.smoothing import gaussian_blur, median_filter
from clearsight.ops.spread import evenly_spread
from clearsight.run import Run
from clearsight.sources import Source
from clearsight.types import Dataset, Degradation, Evidence, Picture

TUNED_ON = 300
LEARNT_FROM = 2000  # training pictures that a mean colour is taken of
Image3 = Float[Tensor, "3 h w"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer of one setting, as a predictor of pictures; ``words`` say what it is."""

    words: str
    restore: Callable[[Image3], Tensor]

    def __call__(self, images: Iterable[UInt8[Tensor, "3 h w"]]) -> Iterator[Picture]:
        """One picture for each, in order."""
        for image in images:
            yield Picture(image=self.restore(image.float() / 255).clamp(0, 1))


Candidates = dict[str, tuple[Answer, ...]]


@singledispatch
def candidates(given: Degradation, training: Dataset) -> Candidates:
    """The answers to what is given by name, the trivial one first, each in all settings that are tried.

    ``training`` is what may be learnt from: the pairs of the training split.
    """
    raise TypeError(f"no classical answer is defined for {given}")


@candidates.register
def _(given: Noisy, training: Dataset) -> Candidates:
    return {
        "identity": (Answer(words="the noisy pictures as they are", restore=lambda image: image),),
        "Gaussian filter": tuple(
            Answer(
                words=f"a Gaussian filter of {sigma:g} px",
                restore=lambda image, sigma=sigma: gaussian_blur(image[None], torch.tensor([sigma]))[0],  # type: ignore[misc]
            )
            for sigma in (0.5, 0.6, 0.7, 0.8, 1.0, 1.4, 2.0)
        ),
        "median filter": tuple(
            Answer(
                words=f"a median filter of {side} x {side} px",
                restore=lambda image, side=side: median_filter(image, side),  # type: ignore[misc]
            )
            for side in (3, 5, 7)
        ),
    }


@candidates.register
def _(given: Grey, training: Dataset) -> Candidates:
    a, b = _mean_ab(training)
    return {
        "grey": (Answer(words="the grey pictures as they are", restore=lambda image: image),),
        "mean colour": (
            Answer(
                words=f"the mean colour of the training pictures (a* {a:.1f}, b* {b:.1f}) for every pixel",
                restore=lambda image: _of_one_colour(image, a, b),
            ),
        ),
    }


@candidates.register
def _(given: Smaller, training: Dataset) -> Candidates:
    def enlarged(filter: Image.Resampling) -> Callable[[Image3], Tensor]:
        return lambda image: _enlarged(image, given.factor, filter)

    return {
        "nearest": (Answer(words="every pixel repeated", restore=enlarged(Image.Resampling.NEAREST)),),
        "bicubic": (Answer(words="bicubic interpolation", restore=enlarged(Image.Resampling.BICUBIC)),),
        "Lanczos": (Answer(words="the Lanczos filter", restore=enlarged(Image.Resampling.LANCZOS)),),
    }


def classical_answers(run: Run, source: Source, judged: Evidence) -> dict[str, Evidence]:
    """The evidence of each answer on the judged pictures by its name, the trivial one first; kept in the run folder.

    ``source`` is posed as the run is judged; nothing where the run is given pictures as they are.
    """
    given, task = given_of(run.config), trained.task_of(run.config)
    if given is None:
        return {}
    split = judged.about["split"]
    dataset = source.split(split)
    tuned_on = source.split("val") if "val" in source.splits else dataset
    tried, found = candidates(given, source.split("train")), {}
    pairs = list(_pairs(tuned_on)) if any(len(settings) > 1 for settings in tried.values()) else []
    for name, settings in tried.items():
        chosen = settings[0] if len(settings) == 1 else _best(settings, pairs)
        counted = evaluator.evaluate(chosen, task, dataset)
        about = {**judged.about, "classical answer": chosen.words, "given": str(given)}
        found[name] = replace(judged, statistics=counted.statistics, about=about)
        run.write_evidence(f"baseline-{name.replace(' ', '-').lower()}-{split}", found[name])
    return found


def _pairs(dataset: Dataset) -> Iterator[tuple[Tensor, Tensor]]:
    """What is given and the originals, evenly spread over a data set."""
    step = max(1, len(dataset) // TUNED_ON)
    for index in range(0, min(len(dataset), step * TUNED_ON), step):
        sample = dataset[index]
        assert isinstance(sample.truth, Picture)
        yield sample.image, sample.truth.image


def _best(answers: Iterable[Answer], pairs: list[tuple[Tensor, Tensor]]) -> Answer:
    """The answer with the highest mean PSNR."""

    def mean_psnr(one: Answer) -> float:
        restored = one(given for given, _ in pairs)
        scores = [psnr(found.image[None], true[None]) for found, (_, true) in zip(restored, pairs, strict=True)]
        return float(torch.cat(scores).mean())

    return max(answers, key=mean_psnr)


def _mean_ab(training: Dataset) -> tuple[float, float]:
    """The mean a* and b* of training pictures, each picture counting alike."""
    total, rows = torch.zeros(2, dtype=torch.float64), evenly_spread(len(training), LEARNT_FROM)
    for row in rows:
        truth = training[row].truth
        assert isinstance(truth, Picture)
        total += lab_of(truth.image[None])[0, 1:].mean((1, 2)).double()
    a, b = (total / max(1, len(rows))).tolist()
    return a, b


def _of_one_colour(image: Image3, a: float, b: float) -> Image3:
    lab = lab_of(image[None])
    lab[:, 1], lab[:, 2] = a, b
    return rgb_of(lab)[0]


def _enlarged(image: Image3, factor: int, filter: Image.Resampling) -> Image3:
    """Channel by channel, in floating point: Pillow's filters are those that pictures are usually enlarged by."""
    size = (image.shape[2] * factor, image.shape[1] * factor)
    channels = [np.asarray(Image.fromarray(channel.numpy()).resize(size, filter)) for channel in image]
    return torch.from_numpy(np.stack(channels))
