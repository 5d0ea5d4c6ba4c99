"""Five videos of 100 frames: what an interval covers when the videos are known, when nobody says so, and inferred."""

import numpy as np
import pytest
import torch
from PIL import Image
from simulated_detectors import simulated

from clearsight.metrics.detection import METRICS
from clearsight.metrics.resample import Resampling, cluster_weights, interval
from clearsight.sources import Record
from clearsight.sources.clusters import inference
from clearsight.types import ClassMap, Evidence, Metric

VIDEOS, FRAMES = 5, 100
REPLICATES = 300
AP = METRICS[0]


class Answers:
    """Right or wrong, one answer a picture."""

    def __init__(self, right):
        self.right = right

    @property
    def images(self):
        return len(self.right)


ACCURACY = Metric(
    name="accuracy",
    compute=lambda statistics, weights: weights @ statistics.right / np.maximum(weights.sum(1), 1e-30),
    meaning="the share of right answers",
)
# Logits of the videos: mean and standard deviation.
HARD, USUAL, EASY = (0.4, 1.0), (1.5, 0.8), (3.0, 0.6)


def evidence(statistics, clusters):
    ids = tuple(map(str, range(statistics.images)))
    return Evidence(task="any", statistics=statistics, ids=ids, clusters=np.unique(clusters, return_inverse=True)[1])


def judged(random, level):
    """Right and wrong answers of five videos, some of which are easier than others."""
    mean, spread = level
    share = 1 / (1 + np.exp(-random.normal(mean, spread, VIDEOS)))
    return Answers((random.random((VIDEOS, FRAMES)) < share[:, None]).astype(float).ravel())


def expected(level):
    """The share of right answers over all videos there could be (Gauss-Hermite quadrature)."""
    mean, spread = level
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    return float(weights @ (1 / (1 + np.exp(-(mean + spread * nodes)))) / weights.sum())


def covered(level, sets, clusters):
    """How often the interval holds the truth."""
    truth, held = expected(level), 0
    for repeat in range(sets):
        statistics = judged(np.random.default_rng([repeat, 7]), level)
        weights = cluster_weights(clusters, REPLICATES, repeat)
        found = interval(ACCURACY, evidence(statistics, clusters), weights)
        held += found.low <= truth <= found.high
    return held / sets


KNOWN = np.repeat(np.arange(VIDEOS), FRAMES)
ALONE = np.arange(VIDEOS * FRAMES)


def frame(look, random):
    """A small picture that is mostly its video's."""
    own = random.integers(0, 256, look.shape)
    return torch.from_numpy((0.7 * look + 0.3 * own).astype(np.uint8)).permute(2, 0, 1).contiguous()


def recorded(random):
    """Five videos as records: names as dash cameras give them, frames that look like their video."""
    records = []
    nothing = ClassMap(labels=torch.zeros((8, 8), dtype=torch.uint8))
    for video in range(VIDEOS):
        small = random.integers(0, 256, (3, 3, 3), np.uint8)
        look = np.asarray(Image.fromarray(small).resize((8, 8), Image.Resampling.BICUBIC), dtype=float)
        for number in range(FRAMES):
            picture = frame(look, random)
            records.append(
                Record(
                    id=f"{video:04d}E5_{900 + 30 * number:05d}",
                    picture=lambda picture=picture: picture,
                    size=(8, 8),
                    truth=nothing,
                )
            )
    return records


def inferred_clusters(random):
    """The clusters of five videos of which nobody said which frames are whose."""
    records, about = inference.clustered(recorded(random), "auto", lambda record: frozenset())
    assert about.origin == "inferred from file names" and about.clusters == VIDEOS
    return np.unique([record.cluster for record in records], return_inverse=True)[1]


@pytest.mark.parametrize("level", [HARD, USUAL, EASY], ids=["hard", "usual", "easy"])
def test_five_videos_cover_with_their_clusters_and_not_without(level):
    """400 sets: a coverage of 95% is seen within 3.3 points of it (three standard errors of a share)."""
    clusters = inferred_clusters(np.random.default_rng(3))
    assert (clusters == KNOWN).all()
    assert 0.917 <= covered(level, 400, clusters) <= 0.983
    assert covered(level, 100, ALONE) < 0.9


def test_inference_holds_from_set_to_set():
    for seed in range(3):
        assert (inferred_clusters(np.random.default_rng(seed)) == KNOWN).all()


@pytest.mark.slow
@pytest.mark.parametrize("level", [HARD, USUAL, EASY], ids=["hard", "usual", "easy"])
def test_five_videos_cover_in_2000_sets(level):
    """Standard error 0.5 points: 95 -+ 2."""
    with_them, without = covered(level, 2000, KNOWN), covered(level, 2000, ALONE)
    print(f"5 x 100, level {level}: covered with clusters {with_them:.4f}, each frame alone {without:.4f}")
    assert 0.93 <= with_them <= 0.97
    assert without < 0.9


def covered_ap(sets, spread=0.5):
    large = simulated(np.random.default_rng(1), 4000, 10, spread=spread)[0]
    truth = float(AP.compute(large, np.ones((1, large.images)))[0])
    held = np.zeros(2)
    for repeat in range(sets):
        statistics, clusters = simulated(np.random.default_rng([repeat, 11]), VIDEOS, FRAMES, spread=spread)
        for place, known in enumerate((clusters, ALONE)):
            weights = Resampling(clusters=known, replicates=120, seed=repeat)
            found = interval(AP, evidence(statistics, known), weights)
            held[place] += found.low <= truth <= found.high
    return held / sets


@pytest.mark.slow
def test_average_precision_of_five_videos_covers_in_2000_sets():
    with_them, without = covered_ap(2000)
    print(f"AP, 5 x 100: covered with clusters {with_them:.4f}, each frame alone {without:.4f}")
    assert 0.93 <= with_them <= 0.97
    assert without < 0.75
