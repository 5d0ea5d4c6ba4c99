"""Average precision under weights is that of the weighted data set written out, picture by picture."""

import numpy as np
import pytest
from coco_reference import average, evaluated, random_pictures

from clearsight.metrics import average_precision as module
from clearsight.metrics.detection import EVERY_IOU, IOU_75, METRICS, class_average_precision
from clearsight.metrics.interleaved import Interleaved
from clearsight.tasks.detection import Detection

CLASSES = 4


def _statistics(seed, pictures, crowd, most, ties):
    found, true = random_pictures(seed, pictures, CLASSES, crowd, most, ties)
    return Detection().statistics(found, true, [str(index) for index in range(CLASSES)]), found, true


def _written_out(statistics, copies, area, threshold, density):
    """Average precision of each class of the pictures copied so often, one detection after the other."""
    scores = []
    for label in range(CLASSES):
        total = int((statistics.truths[:, label, area] * copies).sum())
        right, near_false, far_false, curve = 0, 0, 0, []
        share = None if density is None or not total else density[label] * copies.sum() / total
        for one in np.flatnonzero(statistics.label == label):
            matched = statistics.matched[area, :, one]
            for _ in range(copies[statistics.row[one]]):
                if statistics.ignored[area, threshold, one]:
                    continue
                near = statistics.overlap[one] >= 0.1 or matched.any()
                right += matched[threshold]
                near_false += near and not matched[threshold]
                far_false += not near and not matched[threshold]
                true, false = right, near_false + far_false
                if share is not None:
                    true, false = right * share, near_false * share + far_false
                curve.append((right / max(total, 1), true / max(true + false, 1e-12)))
        recalls = np.array([recall for recall, _ in curve])
        best = [
            max((precision for recall, precision in curve if recall >= least), default=0.0)
            for least in np.linspace(0, 1, 101)
            if len(recalls)
        ]
        scores.append(float("nan") if not total else sum(best) / 101)
    return np.array(scores)


def _copies(rng, pictures):
    """Resampled pictures, a group of a few, of one and of none, and all."""
    one = np.arange(pictures) == rng.integers(pictures)
    group = rng.poisson(1.0, pictures) * (rng.random(pictures) < 0.3)
    return np.stack([rng.poisson(1.0, pictures), rng.poisson(2.0, pictures), group, one, 0 * one, 0 * one + 1])


@pytest.mark.parametrize("seed", range(6))
def test_is_that_of_the_pictures_written_out(seed):
    rng = np.random.default_rng(seed)
    pictures = [1, 5, 12][seed % 3]
    statistics, _, _ = _statistics(seed, pictures, [0.1, 0.5][seed // 3], 8, ties=seed % 2 == 0)
    copies, density = _copies(rng, pictures), statistics.truths[:, :, 0].mean(0)
    for area in range(4):
        for among in (None, density):
            found = {
                kind: class_average_precision(statistics, copies.astype(kind), area, density=among)
                for kind in (np.float64, np.float32)
            }
            each = [
                np.mean([_written_out(statistics, row, area, iou, among) for iou in range(10)], axis=0)
                for row in copies
            ]
            np.testing.assert_allclose(found[np.float64], np.transpose(each), atol=1e-12)
            np.testing.assert_allclose(found[np.float32], np.transpose(each), atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_is_what_pycocotools_says_of_the_pictures_written_out(seed):
    statistics, found, true = _statistics(seed, 12, 0.2, 8, ties=False)
    copies = _copies(np.random.default_rng(seed), 12)[[0, 2, 3]]
    for row in copies[copies.sum(1) > 0]:
        again = np.repeat(np.arange(12), row)
        theirs = evaluated([found[place] for place in again], [true[place] for place in again], CLASSES)
        for metric, area, ious in [(METRICS[0], 0, EVERY_IOU), (METRICS[2], 0, IOU_75), (METRICS[3], 1, EVERY_IOU)]:
            value = metric.compute(statistics, row[None].astype(np.float64))[0]
            np.testing.assert_allclose(value, average(theirs, area, ious), atol=1e-9)


def test_parts_do_not_matter(monkeypatch):
    statistics, _, _ = _statistics(3, 20, 0.2, 8, ties=True)
    weights = np.random.default_rng(3).poisson(1.0, (90, 20)).astype(np.float64)
    density = statistics.truths[:, :, 0].mean(0)
    whole = class_average_precision(statistics, weights, density=density)
    for elements, columns in [(1, 40), (2000, 90), (10**9, 1)]:
        monkeypatch.setattr(module, "ELEMENTS_AT_ONCE", elements)
        monkeypatch.setattr(module, "COLUMNS_AT_ONCE", columns)
        part = class_average_precision(statistics, weights, density=density)
        np.testing.assert_allclose(part, whole, atol=1e-12)


def test_weights_that_are_no_whole_numbers_reach_the_same_recalls():
    """Of n - 1 of n pictures drawn each counts n / (n - 1), in single precision: recalls are off by rounding only."""
    statistics, _, _ = _statistics(4, 100, 0.0, 40, ties=False)
    copies = np.random.default_rng(4).poisson(1.0, (200, 100)).astype(np.float32)
    whole = class_average_precision(statistics, copies)
    np.testing.assert_allclose(class_average_precision(statistics, copies * np.float32(100 / 99)), whole, atol=1e-6)


def test_interleaved_lists_are_the_lists():
    rng = np.random.default_rng(5)
    for sizes in ([3, 0, 7, 1, 7], [1], [0, 0, 2], list(rng.integers(0, 9, 30))):
        lists = Interleaved.of(np.array(sizes))
        starts = np.cumsum([0, *sizes])
        heights, reached = rng.random((starts[-1], 4)), rng.random((starts[-1], 4))
        sums = np.empty_like(heights)
        sums[lists.order] = lists.running_sums(heights[lists.order])
        areas = np.zeros((len(sizes), 4))
        areas[lists.firsts] = lists.under_envelope(heights[lists.order], reached[lists.order])
        for number, (low, high) in enumerate(zip(starts[:-1], starts[1:], strict=True)):
            own = slice(low, high)
            np.testing.assert_allclose(sums[own], np.cumsum(heights[own], axis=0))
            envelope = np.maximum.accumulate(heights[own][::-1], axis=0)[::-1]
            falls = envelope - np.concatenate([envelope[1:], np.zeros((min(1, high - low), 4))])
            np.testing.assert_allclose(areas[number], (falls * reached[own]).sum(0))
        assert sorted(lists.firsts) == [number for number, size in enumerate(sizes) if size]
        assert sorted(lists.order) == list(range(starts[-1]))
