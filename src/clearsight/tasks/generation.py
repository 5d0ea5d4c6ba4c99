"""Generation: pictures made by a network, beside real ones."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch

from clearsight.metrics.generation import GenerationStatistics
from clearsight.types import Features, Picture, Prediction, Size, Truth


class Generation:
    """Generation: from the features of generated and of real pictures to statistics, and the trivial baseline."""

    name = "generation"
    statistics_type = GenerationStatistics
    truth_type = Picture

    def statistics(
        self,
        predictions: Sequence[Prediction],
        truths: Sequence[Truth],
        class_names: Sequence[str],
        clusters: Sequence[int] | None = None,
        training_mix: Sequence[float] = (),
        extractors: Sequence[str] = ("the first extractor", "the second extractor"),
    ) -> GenerationStatistics:
        """One row for each picture, the real ones (``truths``) first; their numbers may differ, as they are no pairs.

        ``clusters`` numbers the rows that belong together, each alone where None; ``training_mix`` are the shares of
        the classes in training. Raises ValueError where features differ in length or are not finite.
        """
        real = [one for one in truths if isinstance(one, Features)]
        generated = [one for one in predictions if isinstance(one, Features)]
        assert len(real) == len(truths) and len(generated) == len(predictions), "every row must be Features"
        rows = [*real, *generated]
        return GenerationStatistics(
            generated=np.arange(len(rows)) >= len(real),
            features=_stacked([row.first for row in rows], extractors[0]),
            second=_stacked([row.second for row in rows], extractors[1]),
            clusters=np.arange(len(rows)) if clusters is None else np.asarray(clusters, dtype=np.int64),
            distance=np.array([row.distance for row in rows], dtype=np.float64),
            answer=np.array([row.answer for row in rows], dtype=np.int64),
            truth=np.array([row.label for row in rows], dtype=np.int64),
            class_names=tuple(class_names),
            training_mix=tuple(training_mix),
            extractors=tuple(extractors),
        )

    def settle(self, statistics: GenerationStatistics) -> dict[str, float]:
        """Nothing: a picture is used as it is made."""
        return {}

    def baseline(
        self, truths: Iterable[Truth], sizes: Sequence[Size], class_names: Sequence[str]
    ) -> Callable[[Size], Prediction]:
        """The trivial baseline: one picture again and again, with the mean features of the training pictures."""
        rows = [one for one in truths if isinstance(one, Features)]
        if not rows:
            raise ValueError("there are no training pictures to take the mean of. Expected at least one.")
        first, second = (torch.stack(parts).mean(0) for parts in zip(*((r.first, r.second) for r in rows), strict=True))
        mean = Features(first=first, second=second)
        return lambda size: mean


def _stacked(vectors: Sequence[torch.Tensor], extractor: str) -> np.ndarray:
    if not vectors:
        return np.zeros((0, 0), dtype=np.float32)
    lengths = sorted({len(vector) for vector in vectors})
    if len(lengths) > 1:
        raise ValueError(
            f"the features by {extractor} have the lengths {', '.join(map(str, lengths))}. Expected one length. "
            "Use one extractor for real and generated pictures."
        )
    found = torch.stack(list(vectors)).detach().float().cpu().numpy()
    if not np.isfinite(found).all():
        bad = int((~np.isfinite(found).all(1)).sum())
        raise ValueError(
            f"the features of {bad} of {len(found)} pictures by {extractor} are not finite numbers. "
            "Check that the generator's pictures are."
        )
    return found
