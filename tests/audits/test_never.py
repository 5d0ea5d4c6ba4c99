"""Confusions that must never happen: counted where they can, with an exact bound, by cluster where there are some."""

import numpy as np
import pytest
import torch
from other_task import evidence_of

from clearsight.audits import never
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.labels import MultiLabelStatistics
from clearsight.metrics.never import chances
from clearsight.metrics.rates import upper_bound
from clearsight.tasks.detection import Detection
from clearsight.types import Boxes, Detections, Evidence, Request, State

NAMES = ("person", "animal", "thing")


def classified(truth, answer, clusters=None, groups=None):
    truth = np.asarray(truth)
    statistics = ClassificationStatistics(
        class_names=NAMES, truth=truth, probabilities=np.eye(3)[np.asarray(answer)] * 0.7 + 0.1
    )
    return Evidence(
        task="classification",
        statistics=statistics,
        ids=tuple(map(str, range(len(truth)))),
        clusters=np.arange(len(truth)) if clusters is None else np.asarray(clusters),
        groups=groups or {},
    )


def test_the_bound_is_exact():
    """With a share at the bound, so few or fewer come up in 5% of samples: summed by hand."""
    assert upper_bound(0, 312) == pytest.approx(1 - 0.05 ** (1 / 312))
    bound, n = upper_bound(2, 40), 40
    below = (1 - bound) ** n + n * bound * (1 - bound) ** (n - 1) + n * (n - 1) / 2 * bound**2 * (1 - bound) ** (n - 2)
    assert below == pytest.approx(0.05)
    assert upper_bound(5, 5) == 1.0 and upper_bound(0, 0) == 1.0


def test_the_bound_holds_as_often_as_it_says():
    rng = np.random.default_rng(0)
    for n, share in ((30, 0.05), (300, 0.01), (1000, 0.002)):
        held = np.mean([share <= upper_bound(int(rng.binomial(n, share)), n) for _ in range(1500)])
        assert held >= 0.94, (n, share)


def test_none_of_312_allows_up_to_one_per_cent():
    evidence = classified([0] * 312 + [1] * 50, [0] * 300 + [2] * 12 + [1] * 50)
    (finding,) = never(Request(evidence=evidence, never=(("person", "animal"),)))
    assert "never took person for animal among 312 pictures" in finding.claim
    assert "0 of 312 allows up to 1.0%" in finding.claim
    assert finding.verdict == "insufficient" and finding.value == 0.0 and finding.n == 312
    assert finding.interval == (0.0, pytest.approx(upper_bound(0, 312)))


def test_once_is_too_often():
    evidence = classified([0] * 100, [1] + [0] * 99)
    (finding,) = never(Request(evidence=evidence, never=(("person", "animal"),)))
    assert finding.verdict == "fail" and "once among 100 pictures" in finding.claim


def test_pictures_of_one_patient_do_not_count_one_by_one():
    evidence = classified([0] * 300, [0] * 300, clusters=np.repeat(np.arange(10), 30))
    (finding,) = never(Request(evidence=evidence, never=(("person", "animal"),)))
    assert finding.interval[1] == pytest.approx(upper_bound(0, 10))
    assert "0 of 10 clusters of pictures" in finding.claim and finding.clusters == 10
    assert "share of clusters, in which it happens at least once" in finding.method


def test_every_group_has_its_own_bound_however_small():
    skin = np.repeat(["light", "dark"], [290, 10])
    evidence = classified([0] * 300, [0] * 300, groups={"skin": skin})
    (finding,) = never(Request(evidence=evidence, never=(("person", "animal"),), by=("skin",)))
    rows = dict(zip(finding.series["label"], finding.series["high"], strict=True))
    assert rows["skin = dark"] == pytest.approx(upper_bound(0, 10))
    assert rows["skin = light"] == pytest.approx(upper_bound(0, 290))
    assert finding.series["n"] == [300, 290, 10]


def test_a_class_that_no_picture_has_shows_nothing():
    (finding,) = never(Request(evidence=classified([1] * 40, [1] * 40), never=(("person", "animal"),)))
    assert finding.value is None and finding.plot is None and "is not known" in finding.claim


def test_labels_count_pictures_that_have_the_one_and_not_the_other():
    states = np.array([[1, 0], [1, 1], [1, State.UNREAD], [0, 0], [1, 0]], dtype=np.int8)
    statistics = MultiLabelStatistics(
        class_names=("person", "animal"), states=states, probabilities=np.array([[0.9, 0.8]] * 4 + [[0.9, 0.1]])
    )
    found = chances(statistics, 0, 1)
    assert found.row.tolist() == [0, 4] and found.happened.tolist() == [True, False]


def test_of_objects_a_shown_box_of_the_other_class_on_it_counts():
    box = torch.tensor([[0.0, 0, 20, 20], [50, 50, 80, 80], [100, 0, 130, 30]])
    truth = Boxes.of(box, torch.tensor([0, 0, 1]))
    said = Detections(xyxy=box[[0, 1, 2]], scores=torch.tensor([0.9, 0.8, 0.7]), labels=torch.tensor([1, 0, 0]))
    hidden = Detections(xyxy=box[:1], scores=torch.tensor([0.2]), labels=torch.tensor([1]))
    statistics = Detection().statistics([said, hidden], [truth, truth], NAMES)
    found = chances(statistics, 0, 1)
    assert found.unit == "objects" and found.row.tolist() == [0, 0, 1, 1]
    assert found.happened.tolist() == [True, False, False, False]
    assert chances(statistics, 1, 0).happened.tolist() == [True, False]


def test_what_cannot_be_confused_is_refused():
    with pytest.raises(ValueError, match="no class 'ghost' to be confused"):
        never(Request(evidence=classified([0] * 9, [0] * 9), never=(("person", "ghost"),)))
    with pytest.raises(ValueError, match="no class"):
        never(Request(evidence=evidence_of(np.ones(9)), never=(("a", "b"),)))
