"""What draws from one input say of what is invented: identities with a model whose draws are those of the truth."""

import numpy as np
import pytest

from clearsight.metrics.invention import OPENNESS, InventionStatistics


def statistics(random, images=400, pixels=50, draws=4, scale=1.0):
    """Draws with ``scale`` times the deviation of the truth around the middle that the input tells."""
    middle = random.normal(0, 30, (images, 1, pixels))
    truth = (middle + random.normal(0, 10, middle.shape))[:, 0]
    drawn = middle + scale * random.normal(0, 10, (images, draws, pixels))
    pairs = [(i, j) for i in range(draws) for j in range(i)]
    return InventionStatistics(
        bits=random.uniform(2, 4, images),
        spread=drawn.std(1, ddof=1).mean(1),
        apart=np.mean([((drawn[:, i] - drawn[:, j]) ** 2).mean(1) for i, j in pairs], axis=0),
        off=((drawn - truth[:, None]) ** 2).mean((1, 2)),
        others=((truth - np.roll(truth, 1, 0)) ** 2).mean(1),
        draws=draws,
    )


@pytest.mark.parametrize(("scale", "expected"), [(1.0, 1.0), (0.5, np.sqrt(0.5 / 1.25)), (2.0, np.sqrt(8 / 5))])
def test_draws_of_the_truth_lie_as_far_apart_as_the_truth_from_them(scale, expected):
    found = statistics(np.random.default_rng(0), scale=scale)
    ones = np.ones((1, found.images))
    metric = next(each for each in found.metrics() if each.name == OPENNESS)
    assert metric.compute(found, ones)[0] == pytest.approx(expected, rel=0.02)


def test_metrics_are_means_under_weights_and_parts_are_joined():
    found = statistics(np.random.default_rng(1), images=20)
    weights = np.random.default_rng(2).integers(0, 3, (3, 20)).astype(float)
    bits, spread, openness = found.metrics()
    for row, weight in enumerate(weights):
        assert bits.compute(found, weights)[row] == pytest.approx(np.average(found.bits, weights=weight))
        assert spread.compute(found, weights)[row] == pytest.approx(np.average(found.spread, weights=weight))
        by_hand = np.sqrt(np.average(found.apart, weights=weight) / np.average(found.off, weights=weight))
        assert openness.compute(found, weights)[row] == pytest.approx(by_hand)
    twice = InventionStatistics.joined([found, found])
    assert twice.images == 40 and twice.draws == 4 and np.array_equal(twice.off[:20], twice.off[20:])
