"""Labels that the answers of an evaluation speak against: classes of pictures, labels among several, areas of masks.

Classes and labels after confident learning (Northcutt et al. 2021, section 3.1): a picture surely shows a class where
its probability reaches the mean probability of that class over the pictures that bear it. The pictures must not have
been trained on, or the network has learnt their labels by heart.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.labels import MultiLabelStatistics
from clearsight.metrics.segmentation import SegmentationStatistics

AREA_AT_LEAST = 0.01
OTHERS_AT_LEAST = 0.5
ROUNDING = 1e-9  # a mean of equal numbers may be larger than they are by so much


@dataclass(frozen=True, kw_only=True)
class Doubted:
    """Doubted labels, one entry each: the picture, the label, what speaks for another, and how strongly, in [0, 1].

    ``proposed`` is a class id: that of the class it more surely is, or of the label itself where that is rather absent
    (``absent``), or rather present although it is labelled absent.
    """

    row: Int[np.ndarray, "k"]
    labelled: Int[np.ndarray, "k"]
    proposed: Int[np.ndarray, "k"]
    absent: Bool[np.ndarray, "k"]
    score: Float[np.ndarray, "k"]

    def strongest(self, images: int) -> Float[np.ndarray, "images"]:
        """How strongly the labels of each picture are doubted; NaN where none is."""
        found = np.full(images, -np.inf)
        np.maximum.at(found, self.row, self.score)
        return np.where(np.isinf(found), np.nan, found)


def classes(statistics: ClassificationStatistics) -> Doubted:
    """Pictures that surely show another class than the one they bear."""
    own = statistics.probabilities.astype(np.float64)
    counts = np.bincount(statistics.truth, minlength=own.shape[1])
    sums = np.bincount(statistics.truth, own[np.arange(len(own)), statistics.truth], minlength=own.shape[1])
    usual = np.divide(sums, counts, out=np.full(len(counts), np.inf), where=counts > 0)
    sure = np.where(own >= usual - ROUNDING, own, -1.0)
    best = sure.argmax(1)
    row = np.flatnonzero(
        (sure.max(1, initial=-1.0) >= 0) & (best != statistics.truth) & ~_among(sure, statistics.truth)
    )
    return Doubted(
        row=row,
        labelled=statistics.truth[row],
        proposed=best[row],
        absent=np.zeros(len(row), dtype=bool),
        score=own[row, best[row]],
    )


def _among(sure: Float[np.ndarray, "images classes"], truth: Int[np.ndarray, "images"]) -> Bool[np.ndarray, "images"]:
    """Whether the labelled class is as probable as the best of the sure ones."""
    return sure[np.arange(len(truth)), truth] >= sure.max(1, initial=-1.0)


def labels(statistics: MultiLabelStatistics) -> Doubted:
    """Labels that are surely absent where they are labelled present, and the other way round."""
    own = statistics.probabilities.astype(np.float64)
    present, absent = statistics.present, statistics.judged & ~statistics.present
    there = _usual(own, present) - ROUNDING
    away = _usual(1 - own, absent) - ROUNDING
    row, label = ((absent & (own >= there)) | (present & (1 - own >= away))).nonzero()
    wrongly = present[row, label]
    score = np.where(wrongly, 1 - own[row, label], own[row, label])
    return Doubted(row=row, labelled=label, proposed=label, absent=wrongly, score=score)


def _usual(
    values: Float[np.ndarray, "images classes"], where: Bool[np.ndarray, "images classes"]
) -> Float[np.ndarray, "classes"]:
    counts = where.sum(0)
    return np.divide((values * where).sum(0), counts, out=np.full(len(counts), np.inf), where=counts > 0)


def areas(statistics: SegmentationStatistics) -> Doubted:
    """Classes of 1% of a picture or more of which another class is predicted for at least half of the pixels."""
    counts = statistics.confusion.astype(np.float64)
    own = counts.sum(2)
    share = np.divide(counts, own[:, :, None], out=np.zeros_like(counts), where=own[:, :, None] > 0)
    place = np.arange(share.shape[1])
    share[:, place, place] = 0.0
    enough = own >= AREA_AT_LEAST * np.maximum(own.sum(1, keepdims=True), 1)
    row, labelled = (enough & (share.max(2, initial=0.0) >= OTHERS_AT_LEAST)).nonzero()
    proposed = share[row, labelled].argmax(1)
    return Doubted(
        row=row,
        labelled=labelled,
        proposed=proposed,
        absent=np.ones(len(row), dtype=bool),
        score=share[row, labelled, proposed],
    )
