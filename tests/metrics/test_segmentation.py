"""Segmentation metrics against scikit-learn on the pixels themselves, and what weights, groups and classes mean."""

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, f1_score, jaccard_score

from clearsight.metrics import segmentation as metrics
from clearsight.metrics.grouping import ComparableByGroup
from clearsight.tasks import SemanticSegmentation
from clearsight.types import ClassMap, Segmentation, Statistics

NAMES = ("sky", "road", "car", "tree")


def _pictures(seed, count=4, size=(20, 30), classes=4):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, classes, (count, *size)).astype(np.uint8)
    found = np.where(rng.random(true.shape) < 0.6, true, rng.integers(0, classes, true.shape)).astype(np.uint8)
    true[rng.random(true.shape) < 0.1] = 255
    return true, found, rng.random(true.shape).astype(np.float32)


def _statistics(true, found, confidence, names=NAMES):
    truths = [ClassMap(labels=torch.from_numpy(each)) for each in true]
    predictions = [
        Segmentation(labels=torch.from_numpy(a), confidence=torch.from_numpy(b))
        for a, b in zip(found, confidence, strict=True)
    ]
    return SemanticSegmentation().statistics(predictions, truths, names)


def _value(statistics, name, weights=None):
    weights = np.ones((1, statistics.images)) if weights is None else weights
    metric = next(each for each in (*statistics.metrics(), *statistics.for_groups()) if each.name == name)
    return metric.compute(statistics, weights)


@pytest.mark.parametrize("seed", range(5))
def test_against_scikit_learn(seed):
    true, found, confidence = _pictures(seed)
    statistics = _statistics(true, found, confidence)
    judged = true != 255
    y, p = true[judged], found[judged]
    assert _value(statistics, "mean IoU")[0] == pytest.approx(jaccard_score(y, p, average="macro"), abs=1e-12)
    assert _value(statistics, "mean Dice")[0] == pytest.approx(f1_score(y, p, average="macro"), abs=1e-12)
    assert _value(statistics, "mean class accuracy")[0] == pytest.approx(balanced_accuracy_score(y, p), abs=1e-12)
    assert _value(statistics, "pixel accuracy")[0] == pytest.approx((y == p).mean(), abs=1e-12)
    each = jaccard_score(y, p, average=None)
    np.testing.assert_allclose(metrics.class_iou(statistics, np.ones((1, 4)))[:, 0], each, atol=1e-12)
    for name, own in statistics.by_class().items():
        assert _value(own, "mean IoU")[0] == pytest.approx(each[NAMES.index(name)], abs=1e-12)


def test_a_weight_of_two_is_the_picture_twice():
    true, found, confidence = _pictures(7)
    statistics = _statistics(true, found, confidence)
    twice = [0, 0, 2, 3, 3, 3]
    repeated = _statistics(true[twice], found[twice], confidence[twice])
    weights = np.array([[2.0, 0, 1, 3]])
    for metric in (*statistics.metrics(), statistics.for_groups()[1]):
        expected = metric.compute(repeated, np.ones((1, 6)))
        np.testing.assert_allclose(metric.compute(statistics, weights), expected, atol=1e-12, err_msg=metric.name)


def test_a_class_that_neither_holds_does_not_count_and_one_that_only_the_prediction_holds_does():
    true = np.zeros((1, 4, 4), dtype=np.uint8)
    found = true.copy()
    confidence = np.ones_like(true, dtype=np.float32)
    assert _value(_statistics(true, found, confidence), "mean IoU")[0] == 1
    found[0, 0, 0] = 2
    assert _value(_statistics(true, found, confidence), "mean IoU")[0] == pytest.approx((15 / 16 + 0) / 2)
    nothing = _statistics(np.full_like(true, 255), found, confidence)
    for metric in (*nothing.metrics(), *nothing.for_groups()):
        assert np.isnan(metric.compute(nothing, np.ones((1, 1)))).all(), metric.name


def _boundary_f(true, found, classes, within):
    """Pixel by pixel: edges by their four neighbours, hits by measuring to every edge pixel of the other map."""
    scores = []
    found = np.where(true == 255, 255, found)

    def edges(labels, c):
        out = []
        for y, x in zip(*np.nonzero(labels == c), strict=True):
            near = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
            inside = [(a, b) for a, b in near if 0 <= a < labels.shape[0] and 0 <= b < labels.shape[1]]
            if any(labels[place] not in (c, 255) for place in inside):
                out.append((y, x))
        return out

    def hits(one, other):
        return sum(any(np.hypot(y - v, x - u) <= within for v, u in other) for y, x in one)

    for c in range(classes):
        a, b = edges(found, c), edges(true, c)
        if a or b:
            precision = hits(a, b) / len(a) if a else 0.0
            recall = hits(b, a) / len(b) if b else 0.0
            scores.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
    return np.mean(scores)


@pytest.mark.parametrize(("seed", "size"), [(0, (60, 80)), (1, (150, 40)), (2, (160, 220))])
def test_boundary_f_against_loops(seed, size):
    rng = np.random.default_rng(seed)
    true = np.kron(rng.integers(0, 4, (4, 4)), np.ones((size[0] // 4, size[1] // 4), dtype=np.uint8)).astype(np.uint8)
    found = np.roll(true, (2, -1), axis=(0, 1))
    true[5:9, 5:30] = 255
    statistics = _statistics(true[None], found[None], np.ones((1, *true.shape), np.float32))
    expected = _boundary_f(true, found, 4, 0.0075 * np.hypot(*true.shape))
    assert 0 < expected < 1
    assert _value(statistics, "boundary F")[0] == pytest.approx(expected, abs=1e-12)


def test_boundaries_of_more_classes_than_an_integer_has_bits():
    labels = np.repeat(np.arange(150, dtype=np.uint8), 4)[None].repeat(8, axis=0)
    names = tuple(f"class {index}" for index in range(150))
    same = _statistics(labels[None], labels[None], np.ones((1, 8, 600), np.float32), names)
    assert _value(same, "boundary F")[0] == 1
    other = _statistics(labels[None], np.roll(labels, 300, axis=1)[None], np.ones((1, 8, 600), np.float32), names)
    assert _value(other, "boundary F")[0] == 0


def test_equal_class_frequencies_undo_the_mix_of_classes():
    # The same errors per class in both pictures, but one has nine times as many pixels of class 0.
    rows = np.array([[0.9, 0.1], [0.3, 0.7]])
    confusion = np.stack([rows * [[900], [100]], rows * [[500], [500]]]).round().astype(np.int64)
    empty = np.zeros(0)
    statistics = metrics.SegmentationStatistics(
        class_names=("a", "b"), confusion=confusion, boundary=np.zeros((2, 2, 4), np.int64),
        row=empty.astype(int), label=empty.astype(int), confidence=empty, right=empty.astype(bool),
    )  # fmt: skip
    by_picture = np.eye(2)
    plain = _value(statistics, "mean IoU", by_picture)
    assert abs(plain[0] - plain[1]) > 0.03
    fair = _value(statistics, "mean IoU at equal class frequencies", by_picture)
    assert fair[0] == pytest.approx(fair[1], abs=1e-12)
    whole = np.ones((1, 2))
    equal = _value(statistics, "mean IoU at equal class frequencies", whole)
    assert equal == pytest.approx(_value(statistics, "mean IoU", whole), abs=1e-12)


def test_parts_are_joined_and_the_protocols_hold():
    true, found, confidence = _pictures(3)
    whole = _statistics(true, found, confidence)
    parts = [_statistics(true[k : k + 2], found[k : k + 2], confidence[k : k + 2]) for k in (0, 2)]
    joined = metrics.SegmentationStatistics.joined(parts)
    for name in ("confusion", "boundary", "row", "label", "confidence", "right"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name), err_msg=name)
    assert isinstance(whole, Statistics) and isinstance(whole, ComparableByGroup)
    assert whole.with_options() is whole
    assert whole.positives().tolist() == [4] * 4
    words, values = whole.each()
    assert "alone" in words
    assert values[1] == pytest.approx(_value(whole, "mean IoU", np.eye(4)[[1]])[0])


def test_confidences_are_an_even_sample_of_the_judged_pixels():
    true, found, confidence = _pictures(4, count=3, size=(60, 120))
    true[2] = 255
    true[2, 0, :5] = 1
    sampled = _statistics(true, found, confidence).confidences()
    assert np.bincount(sampled.row).tolist() == [200, 200, 5]
    for index in (0, 1):
        judged = true[index] != 255
        right = (true[index] == found[index])[judged].mean()
        assert sampled.correct[sampled.row == index].mean() == pytest.approx(right, abs=0.1)
    known = {(float(c), bool(a == b)) for a, b, c in zip(true.flat, found.flat, confidence.flat, strict=True)}
    assert {(float(np.float32(s)), bool(c)) for s, c in zip(sampled.score, sampled.correct, strict=True)} <= known
    own = _statistics(true, found, confidence).by_class()
    assert sum(len(each.confidences().score) for each in own.values()) == 405
