"""Several labels per image: judged labels against scikit-learn, and uncertain and unread ones never judged."""

import numpy as np
import pytest
from sklearn import metrics as reference

from clearsight.metrics.labels import MultiLabelStatistics, settled_thresholds
from clearsight.types import State


def simulated(images=400, seed=0):
    rng = np.random.default_rng(seed)
    states = rng.choice([0, 1, 2, 3], (images, 3), p=[0.5, 0.25, 0.1, 0.15]).astype(np.int8)
    probabilities = np.round(np.clip(0.3 * (states == 1) + rng.random((images, 3)) * 0.7, 0, 1), 2)
    return MultiLabelStatistics(
        class_names=("a", "b", "c"), states=states, probabilities=probabilities, thresholds=(0.4, 0.5, 0.6)
    )


def test_every_metric_is_that_of_the_judged_rows_repeated():
    statistics = simulated()
    weights = np.random.default_rng(1).integers(0, 3, (2, 400)).astype(float)
    found = {metric.name: metric.compute(statistics, weights) for metric in statistics.metrics()}
    for row in range(2):
        rows = np.repeat(np.arange(400), weights[row].astype(int))
        values = {name: [] for name in ("auroc", "ap", "f1", "recall", "precision", "specificity", "prevalence")}
        for index, threshold in enumerate(statistics.thresholds):
            own = rows[np.isin(statistics.states[rows, index], [0, 1])]
            truth, score = statistics.states[own, index] == 1, statistics.probabilities[own, index]
            values["auroc"].append(reference.roc_auc_score(truth, score))
            values["ap"].append(reference.average_precision_score(truth, score))
            values["f1"].append(reference.f1_score(truth, score >= threshold))
            values["recall"].append(reference.recall_score(truth, score >= threshold))
            values["precision"].append(reference.precision_score(truth, score >= threshold))
            values["specificity"].append(reference.recall_score(~truth, score < threshold))
            values["prevalence"].append(truth.mean())
        expected = {
            "AUROC": "auroc",
            "average precision": "ap",
            "F1 at the deployed thresholds": "f1",
            "recall at the deployed thresholds": "recall",
            "precision at the deployed thresholds": "precision",
            "specificity at the deployed thresholds": "specificity",
            "prevalence": "prevalence",
        }
        for name, key in expected.items():
            assert found[name][row] == pytest.approx(np.mean(values[key]), abs=1e-9), name
        assert found["labels judged"][row] == pytest.approx((statistics.states[rows] <= 1).mean())


def test_what_nobody_knows_changes_nothing_but_its_count():
    statistics = simulated()
    open_ = statistics.states >= 2
    other = MultiLabelStatistics(
        class_names=statistics.class_names,
        states=np.where(open_, State.UNREAD, statistics.states).astype(np.int8),
        probabilities=np.where(open_, 1 - statistics.probabilities, statistics.probabilities),
        thresholds=statistics.thresholds,
    )
    ones = np.ones((1, 400))
    for metric in statistics.metrics():
        assert metric.compute(statistics, ones) == pytest.approx(metric.compute(other, ones)), metric.name
    assert statistics.counts()["uncertain"].sum() > 0 and other.counts()["uncertain"].sum() == 0
    assert sum(count.sum() for count in statistics.counts().values()) == 1200
    assert len(statistics.confidences().score) == (~open_).sum()


def test_the_thresholds_are_the_best_there_are():
    statistics = simulated()
    for index, threshold in enumerate(settled_thresholds(statistics)):
        judged = statistics.judged[:, index]
        truth, score = statistics.present[judged, index], statistics.probabilities[judged, index]
        best = max(reference.f1_score(truth, score >= each) for each in np.unique(score))
        assert reference.f1_score(truth, score >= threshold) == pytest.approx(best)
    none = MultiLabelStatistics(
        class_names=("a",), states=np.zeros((5, 1), dtype=np.int8), probabilities=np.full((5, 1), 0.2)
    )
    assert settled_thresholds(none) == (0.5,)
    assert np.isnan(none.metrics()[0].compute(none, np.ones((1, 5)))).all()


def test_classes_parts_and_options():
    statistics = simulated()
    ones = np.ones((1, 400))
    for metric in statistics.metrics()[:3]:
        parts = [metric.compute(part, ones)[0] for part in statistics.by_class().values()]
        assert metric.compute(statistics, ones)[0] == pytest.approx(np.mean(parts))
    joined = MultiLabelStatistics.joined([statistics, statistics])
    assert joined.images == 800 and joined.thresholds == (0.4, 0.5, 0.6)
    assert statistics.with_options(thresholds=[0.1, 0.2, 0.3]).thresholds == (0.1, 0.2, 0.3)
    few = [metric.name for metric in statistics.for_groups()]
    rates = [
        f"{kind} rate of {name}" for name in statistics.class_names for kind in ("false-positive", "false-negative")
    ]
    assert few == rates, "of three labels each is compared on its own"
