"""Reconstruction: the picture itself, from a code of it, or from what noise, lost colour or fewer pixels left of it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from clearsight.metrics.reconstruction import LIKENESS, ReconstructionStatistics
from clearsight.ops import similarity
from clearsight.types import Degradation, Picture, Prediction, Size, Truth

MEAN_PX = 128  # the mean training picture is kept no larger than that


class Reconstruction:
    """Reconstruction: from restored pictures and their originals to statistics, and the trivial baseline."""

    name = "reconstruction"
    statistics_type = ReconstructionStatistics
    truth_type = Picture

    def statistics(
        self, predictions: Sequence[Prediction], truths: Sequence[Truth], class_names: Sequence[str]
    ) -> ReconstructionStatistics:
        """How near each picture comes to its original.

        Raises ValueError where a picture has no original, the sizes differ, or a value is not finite.
        """
        originals = [truth for truth in truths if isinstance(truth, Picture)]
        if not len(originals) == len(truths) == len(predictions):
            raise ValueError(
                f"{len(predictions)} pictures came with {len(originals)} originals. Expected one for each: evaluate "
                "with the verbs of this package, which make the pairs."
            )
        alike: dict[tuple[Size, Degradation | None], list[int]] = defaultdict(list)
        pairs = []
        for row, (prediction, truth) in enumerate(zip(predictions, originals, strict=True)):
            assert isinstance(prediction, Picture), "every prediction must be a Picture"
            pairs.append(_checked(prediction, truth))
            alike[(truth.image.shape[1], truth.image.shape[2]), truth.degradation].append(row)
        values: dict[str, np.ndarray] = defaultdict(lambda: np.full(len(pairs), np.nan))
        for (_, degradation), rows in alike.items():
            found, true = (torch.stack([pairs[row][side] for row in rows]) for side in (0, 1))
            more = {} if degradation is None else degradation.measures(found, true)
            for name, each in {**_likeness(found, true), **more}.items():
                values[name][rows] = each.double().numpy()
        each_likeness = {name: values.pop(name, np.zeros(0)) for name in LIKENESS}
        return ReconstructionStatistics(**each_likeness, measures=dict(values))

    def settle(self, statistics: ReconstructionStatistics) -> dict[str, float]:
        """Nothing: a picture is used as it is."""
        return {}

    def baseline(
        self, truths: Iterable[Truth], sizes: Sequence[Size], class_names: Sequence[str]
    ) -> Callable[[Size], Prediction]:
        """The trivial baseline: the mean of the training pictures, resized to the size that is asked for."""
        grid = _grid(sizes)
        total, count = torch.zeros(3, *grid, dtype=torch.float64), 0
        for truth in truths:
            if isinstance(truth, Picture):
                total += _resized(truth.image.cpu().float(), grid)
                count += 1
        if not count:
            raise ValueError("there are no training pictures to take the mean of. Expected at least one.")
        mean = (total / count).float()
        return lambda size: Picture(image=_resized(mean, size))


def _likeness(found: Float[Tensor, "b 3 h w"], true: Float[Tensor, "b 3 h w"]) -> dict[str, Float[Tensor, "b"]]:
    """Squared error, PSNR, SSIM and MS-SSIM of each pair, by the names of ``LIKENESS``."""
    measures = (similarity.squared_error, similarity.psnr, similarity.ssim, similarity.ms_ssim)
    return {name: measure(found, true) for name, measure in zip(LIKENESS, measures, strict=True)}


def _checked(prediction: Picture, truth: Picture) -> tuple[Tensor, Tensor]:
    found, true = prediction.image.detach().cpu().float(), truth.image.detach().cpu().float()
    if found.shape != true.shape:
        sizes = " and ".join(f"{one.shape[2]} x {one.shape[1]}" for one in (found, true))
        raise ValueError(
            f"a restored picture and its original differ in size: {sizes} px. "
            "Resize predictions to the picture's own size."
        )
    if not bool(torch.isfinite(found).all()):
        raise ValueError(
            "a restored picture holds values that are not finite. Expected numbers in [0, 1]. Check the model's "
            "outputs; a training with a lower learning rate may help."
        )
    return found.clamp(0, 1), true


def _grid(sizes: Sequence[Size]) -> Size:
    """The size of the mean picture: that of all pictures where they share one that is small, else a square."""
    common = set(sizes)
    if len(common) == 1 and max(next(iter(common))) <= MEAN_PX:
        return next(iter(common))
    return (MEAN_PX // 2, MEAN_PX // 2)


def _resized(image: Tensor, size: Size) -> Float[Tensor, "3 h w"]:
    if (image.shape[1], image.shape[2]) == size:
        return image
    return F.interpolate(image[None], size=size, mode="bilinear", antialias=True, align_corners=False)[0]
