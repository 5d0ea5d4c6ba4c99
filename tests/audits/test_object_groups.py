"""Groups of objects: what can be attributed to them is compared, and false positives are nobody's."""

import numpy as np
import pytest
import torch

from clearsight.audits import groups
from clearsight.metrics.object_groups import object_rows, of_objects
from clearsight.tasks.detection import Detection
from clearsight.types import Boxes, Detections, Evidence, Request

SIZES, FALSE, SIDE, GAP = (900, 100), 600, 20.0, 40.0
PICTURES, ACROSS = 200, 8


def corner(place):
    """Objects and false boxes lie apart, each in a cell of its own."""
    x, y = GAP * (place % ACROSS), GAP * (place // ACROSS)
    return [x, y, x + SIDE, y + SIDE]


def detector(seed=0, share=0.75, worse=0.0):
    """A detector that finds objects of both groups alike, but for ``worse``; and 600 boxes that meet nothing."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.repeat([0, 1], SIZES))
    picture = np.sort(rng.integers(0, PICTURES, len(group)))
    wrong = rng.integers(0, PICTURES, FALSE)
    truths, predictions = [], []
    for number in range(PICTURES):
        own = group[picture == number]
        boxes = torch.tensor([corner(place) for place in range(len(own))]).reshape(-1, 4)
        hit = rng.random(len(own)) < share - worse * own
        score = 0.5 + 0.5 * rng.random(int(hit.sum()))
        extra = [corner(40 + place) for place in range(int((wrong == number).sum()))]
        found = torch.cat([boxes[torch.from_numpy(hit)], torch.tensor(extra).reshape(-1, 4)])
        scores = torch.from_numpy(np.concatenate([score, 0.5 + 0.5 * rng.random(len(extra))])).float()
        order = scores.argsort(descending=True)
        zeros = torch.zeros(len(found), dtype=torch.long)
        predictions.append(Detections(xyxy=found[order], scores=scores[order], labels=zeros))
        truths.append(Boxes.of(boxes, torch.zeros(len(own), dtype=torch.long)))
    statistics = Detection().statistics(predictions, truths, ("person",))
    evidence = Evidence(
        task="detection",
        statistics=statistics,
        ids=tuple(map(str, range(PICTURES))),
        clusters=np.arange(PICTURES),
    )
    return evidence, np.array(["light", "dark"])[group], predictions, truths


def average_precision(hits, scores, objects):
    """All-points average precision, written for this test."""
    order = np.argsort(-np.asarray(scores))
    right = np.cumsum(np.asarray(hits)[order])
    precision = right / np.arange(1, len(order) + 1)
    return float((np.maximum.accumulate(precision[::-1])[::-1] * np.asarray(hits)[order]).sum() / objects)


def test_two_equal_groups_of_900_and_100_objects_beside_600_false_boxes_have_no_gap():
    evidence, group, _, _ = detector()
    (gap,) = [
        finding
        for finding in groups(Request(evidence=of_objects(evidence, {"skin": group}), by=("skin",)))
        if finding.metric.startswith("gap")
    ]
    assert gap.verdict != "fail" and "That may be chance" in gap.claim
    assert abs(gap.value) < 0.1 and gap.interval[0] < 0 < gap.interval[1]
    assert "counts towards none" in gap.limits and gap.unit == "objects"


def test_charging_every_false_box_to_each_group_would_show_a_large_gap():
    """The mistake that is not made: both groups are found equally well, and yet differ by more than 20 points."""
    evidence, group, _, _ = detector()
    statistics = evidence.statistics
    hit = statistics.matched[0, 0]
    of_hit = group[np.clip(statistics.met, 0, None)]
    charged = {}
    for name, objects in (("light", 900), ("dark", 100)):
        own = ~hit | (of_hit == name)
        charged[name] = average_precision(hit[own], statistics.score[own], objects)
    assert charged["light"] - charged["dark"] > 0.2


def test_a_group_that_is_found_less_often_fails():
    evidence, group, _, _ = detector(worse=0.3)
    found = groups(Request(evidence=of_objects(evidence, {"skin": group}), by=("skin",)))
    assert [one.verdict for one in found if one.metric.startswith("gap")] == ["fail"]


def test_objects_are_in_the_order_of_pictures_and_their_recall_is_the_detectors():
    evidence, group, predictions, truths = detector(seed=1)
    rows = object_rows(evidence.statistics)
    assert rows[:, 0].tolist() == np.repeat(np.arange(PICTURES), [len(truth) for truth in truths]).tolist()
    objects = of_objects(evidence, {"skin": group})
    hits = sum(len(set(map(tuple, p.xyxy.tolist())) & set(map(tuple, t.xyxy.tolist()))) for p, t in
               zip(predictions, truths, strict=True))  # fmt: skip
    assert int(objects.statistics.found.sum()) == hits
    assert (objects.clusters == rows[:, 0]).all()


def test_groups_that_do_not_fit_are_refused():
    evidence, group, _, _ = detector()
    with pytest.raises(ValueError, match="skin has 999 values for 1000 objects"):
        of_objects(evidence, {"skin": group[1:]})
