"""What must hold of every metric under weights, for detection."""

import numpy as np
import pytest
import torch
from coco_reference import random_pictures
from simulated_detectors import joined, simulated

from clearsight.metrics.detection import (
    METRICS,
    DetectionStatistics,
    class_average_precision,
    mean_average_precision,
)
from clearsight.metrics.grouping import ComparableByGroup
from clearsight.tasks.detection import Detection
from clearsight.types import Statistics

NAMES = ("a", "b", "c")
BY_NAME = {metric.name: metric for metric in METRICS}
EVERY_METRIC = pytest.mark.parametrize("metric", METRICS, ids=[metric.name for metric in METRICS])


@pytest.fixture(scope="module")
def pictures():
    return random_pictures(5, pictures=30, classes=3, crowd=0.1)


def _statistics(pictures, rows=None):
    predictions, truths = pictures
    rows = range(len(truths)) if rows is None else rows
    task = Detection()
    return task.statistics([predictions[i] for i in rows], [truths[i] for i in rows], NAMES, threshold=0.3)


def _value(metric, statistics, weights=None):
    return metric.compute(statistics, np.ones((1, statistics.images)) if weights is None else weights)


def test_is_statistics(pictures):
    statistics = _statistics(pictures)
    assert isinstance(statistics, Statistics)
    assert isinstance(statistics, ComparableByGroup)


@EVERY_METRIC
def test_scale_of_weights_does_not_matter(metric, pictures):
    statistics = _statistics(pictures)
    weights = np.random.default_rng(0).poisson(1.0, (7, 30)).astype(float)
    expected = _value(metric, statistics, weights)
    assert np.isfinite(expected).all()
    for scale in (2.0, 0.5, 0.3, 30 / 29):
        np.testing.assert_allclose(_value(metric, statistics, scale * weights), expected, atol=1e-12)


@EVERY_METRIC
def test_indicator_is_the_subset_from_scratch(metric, pictures):
    rows = np.random.default_rng(1).permutation(30)[:13]
    rows.sort()
    indicator = np.isin(np.arange(30), rows)[None].astype(float)
    expected = _value(metric, _statistics(pictures, rows))
    np.testing.assert_allclose(_value(metric, _statistics(pictures), indicator), expected, atol=1e-12)


@EVERY_METRIC
def test_integer_weights_are_repeated_pictures(metric, pictures):
    counts = np.random.default_rng(2).poisson(1.0, (5, 30))
    expected = [_value(metric, _statistics(pictures, np.repeat(np.arange(30), row)))[0] for row in counts]
    for dtype, slack in ((np.float64, 1e-12), (np.float32, 1e-6)):
        found = _value(metric, _statistics(pictures), counts.astype(dtype))
        np.testing.assert_allclose(found, expected, atol=slack)


@EVERY_METRIC
def test_many_replicates_are_the_same_one_by_one(metric, pictures):
    """Wide and narrow blocks take different paths through NumPy."""
    statistics = _statistics(pictures)
    weights = np.random.default_rng(3).dirichlet(np.ones(30), 150)
    together = _value(metric, statistics, weights)
    apart = np.concatenate([_value(metric, statistics, row[None]) for row in weights])
    np.testing.assert_allclose(together, apart, atol=1e-12)


def test_mean_over_classes_is_the_whole(pictures):
    statistics = _statistics(pictures)
    weights = np.random.default_rng(4).poisson(1.0, (3, 30)).astype(float)
    for metric in METRICS[:6]:
        classes = [_value(metric, each, weights) for each in statistics.by_class().values()]
        np.testing.assert_allclose(np.nanmean(classes[:2], axis=0), _value(metric, statistics, weights), atol=1e-12)
        assert np.isnan(classes[2]).all(), "the third class has no truth"


def test_nothing_is_undefined_not_zero():
    statistics = _statistics(([], []))
    for metric in METRICS:
        assert np.isnan(metric.compute(statistics, np.zeros((2, 0)))).all()
    predictions, truths = random_pictures(0, pictures=4)
    statistics = _statistics((predictions, truths))
    for metric in METRICS:
        assert np.isnan(metric.compute(statistics, np.zeros((2, 4)))).all()


def test_rates_by_hand():
    """Two pictures: two objects found of three, one false box, one box under the threshold."""
    from clearsight.types import Boxes, Detections

    boxes = torch.tensor([[0.0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]])
    truths = [Boxes.of(boxes, torch.zeros(3)), Boxes.of(torch.zeros(0, 4), torch.zeros(0))]
    found = torch.tensor([[0.0, 0, 10, 8], [20, 0, 30, 10], [40, 0, 50, 10]])
    predictions = [
        Detections(xyxy=found, scores=torch.tensor([0.9, 0.8, 0.2]), labels=torch.zeros(3, dtype=torch.int64)),
        Detections(xyxy=found[:1], scores=torch.tensor([0.7]), labels=torch.zeros(1, dtype=torch.int64)),
    ]
    statistics = Detection().statistics(predictions, truths, ["thing"], threshold=0.5)
    values = {name: float(_value(metric, statistics)[0]) for name, metric in BY_NAME.items()}
    assert values["recall at the deployed threshold"] == pytest.approx(2 / 3)
    assert values["precision at the deployed threshold"] == pytest.approx(2 / 3)
    assert values["false positives per picture"] == pytest.approx(1 / 2)
    assert values["localisation IoU"] == pytest.approx(0.9)
    claims = statistics.confidences()
    assert claims.correct.tolist() == [True, True, False]
    assert claims.row.tolist() == [0, 0, 1]
    assert "0.50" in claims.claim


@pytest.mark.parametrize(("overlap", "false"), [(0.0, 0.5), (0.3, 1.5)])
def test_normalised_precision_by_hand(overlap, false):
    """One class, one recall step, R = 1/2; N = 3 objects per picture instead of 1.

    F = 1 false box in 2 pictures: half a box a picture as before on the background, three times that near an object.
    """
    statistics = DetectionStatistics(
        class_names=("thing",),
        row=np.array([0, 1]),
        label=np.zeros(2, dtype=int),
        score=np.array([0.9, 0.8]),
        overlap=np.array([overlap, 1.0]),
        matched=np.broadcast_to(np.array([False, True]), (4, 10, 2)),
        ignored=np.zeros((4, 10, 2), dtype=bool),
        truths=np.ones((2, 1, 4), dtype=int),
    )
    value = class_average_precision(statistics, np.ones((1, 2)), density=np.array([3.0]))[0, 0]
    precision = (0.5 * 3) / (0.5 * 3 + false)
    assert value == pytest.approx(51 * precision / 101, abs=1e-12)
    own = class_average_precision(statistics, np.ones((1, 2)), density=np.array([1.0]))[0, 0]
    assert own == pytest.approx(float(_value(METRICS[0], statistics)[0]), abs=1e-12), "its own density changes nothing"


def test_density_does_not_move_the_fair_metric():
    """The same detector on sparse and on crowded pictures with equally many boxes on the background."""
    rng = np.random.default_rng(0)
    parts = [simulated(rng, 12_000, crowding=crowding, false=3.0)[0] for crowding in (1.0, 4.0)]
    both = joined(parts)
    masks = np.repeat(np.eye(2), 12_000, axis=1)
    plain = mean_average_precision(both, masks)
    fair = both.for_groups()[0].compute(both, masks)
    assert plain[1] - plain[0] > 0.03
    assert abs(fair[1] - fair[0]) < 0.006


def test_fields_are_plain(pictures):
    import dataclasses

    for field in dataclasses.fields(DetectionStatistics):
        value = getattr(_statistics(pictures), field.name)
        assert value is None or isinstance(value, np.ndarray | str | float | int | tuple)


def test_unsorted_detections_are_refused():
    statistics = simulated(np.random.default_rng(0), 5)[0]
    import dataclasses

    with pytest.raises(AssertionError, match="sorted"):
        dataclasses.replace(statistics, score=statistics.score[::-1])
