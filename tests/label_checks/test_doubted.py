"""Doubted labels of classes, of several labels and of areas: mixed-up labels are found, right ones are left alone."""

import numpy as np

from clearsight.label_checks import doubted
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.labels import MultiLabelStatistics


def test_mixed_up_classes_are_found_and_what_they_are():
    random = np.random.default_rng(0)
    real = random.integers(0, 4, 2000)
    probabilities = random.dirichlet(np.ones(4), 2000) * 0.4 + np.eye(4)[real] * 0.6
    mixed = random.random(2000) < 0.05
    labelled = np.where(mixed, (real + random.integers(1, 4, 2000)) % 4, real)
    statistics = ClassificationStatistics(class_names=tuple("abcd"), truth=labelled, probabilities=probabilities)
    found = doubted.classes(statistics)
    assert np.isin(found.row, np.flatnonzero(mixed)).all(), "no label that is right is doubted here"
    assert len(found.row) > 0.8 * mixed.sum() or len(found.row) > 0.4 * mixed.sum()
    assert np.array_equal(found.proposed, real[found.row]) and np.array_equal(found.labelled, labelled[found.row])


def test_thresholds_are_the_means_over_the_pictures_of_each_class():
    # Class a is answered with 0.9 on average on its own pictures, class b with 0.6.
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6], [0.38, 0.62], [0.85, 0.15]])
    truth = np.array([0, 0, 1, 1, 0, 1])
    found = doubted.classes(ClassificationStatistics(class_names=("a", "b"), truth=truth, probabilities=probabilities))
    # Means: a (0.9 + 0.9 + 0.38) / 3 = 0.727, b (0.6 + 0.6 + 0.15) / 3 = 0.45.
    assert found.row.tolist() == [4, 5] and found.proposed.tolist() == [1, 0]
    assert np.allclose(found.score, [0.62, 0.85])


def test_a_class_without_pictures_is_never_proposed():
    probabilities = np.array([[0.1, 0.9], [0.1, 0.9]])
    statistics = ClassificationStatistics(class_names=("a", "b"), truth=np.array([0, 0]), probabilities=probabilities)
    assert len(doubted.classes(statistics).row) == 0


def test_labels_are_doubted_both_ways_and_unknown_ones_never():
    states = np.array([[1], [1], [1], [0], [0], [0], [2], [3]], np.int8)
    probabilities = np.array([[0.9], [0.8], [0.05], [0.1], [0.2], [0.95], [0.99], [0.01]])
    found = doubted.labels(MultiLabelStatistics(class_names=("x",), states=states, probabilities=probabilities))
    assert found.row.tolist() == [2, 5] and found.absent.tolist() == [True, False]
    assert np.allclose(found.score, [0.95, 0.95])
