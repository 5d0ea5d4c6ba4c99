"""Causes of errors and their costs against a slow reading of the paper, and what must hold whatever the data."""

import numpy as np
import pytest
import torch
from coco_reference import random_pictures

from clearsight.metrics.detection import IOU_50, mean_average_precision
from clearsight.metrics.error_costs import AP50, CAUSES, corrected, costs, counts, missed, never_found, objects
from clearsight.metrics.resample import Resampling
from clearsight.ops.error_causes import Cause
from clearsight.tasks import Detection
from clearsight.types import Boxes, Detections, Evidence

NAMES = ("a", "b", "c")


def overlap(a, b):
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = wide * high if wide > 0 and high > 0 else 0.0
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def slow_causes(predictions, truths):
    """Every detection as [picture, class, score, word, object]; every object's picture, class and place.

    Bolya et al. 2020, section 2.2, box by box.
    """
    rows, things = [], []
    for picture, (found, truth) in enumerate(zip(predictions, truths, strict=True)):
        boxes = [[float(x) for x in box] for box in truth.xyxy]
        judged = [i for i in range(len(truth)) if not truth.ignored[i]]
        things += [(picture, int(truth.labels[i]), i) for i in sorted(judged, key=lambda i: int(truth.labels[i]))]
        taken, own_rows = set(), []
        for d in sorted(range(len(found)), key=lambda d: -float(found.scores[d])):
            box, label = [float(x) for x in found.xyxy[d]], int(found.labels[d])
            same = [i for i in judged if int(truth.labels[i]) == label]
            other = [i for i in judged if int(truth.labels[i]) != label]
            within = [i for i in same if i not in taken and overlap(box, boxes[i]) >= 0.5]
            crowds = [i for i in range(len(truth)) if truth.ignored[i] and int(truth.labels[i]) == label]
            area = (box[2] - box[0]) * (box[3] - box[1])
            if within:
                met = max(within, key=lambda i: (overlap(box, boxes[i]), i))
                taken.add(met)
                own_rows.append([picture, label, float(found.scores[d]), "right", met])
                continue
            if any(inside(box, boxes[i]) / area >= 0.5 for i in crowds):
                own_rows.append([picture, label, float(found.scores[d]), "not judged", None])
                continue
            near = max(((overlap(box, boxes[i]), -i) for i in same), default=(0.0, 0))
            far = max(((overlap(box, boxes[i]), -i) for i in other), default=(0.0, 0))
            best, mine = max(near[0], far[0]), near[0] >= far[0]
            if best < 0.1:
                word, about = "background", None
            elif mine:
                word, about = ("duplicate", None) if best >= 0.5 else ("location", -near[1])
            else:
                word, about = ("class", -far[1]) if best >= 0.5 else ("both", None)
            own_rows.append([picture, label, float(found.scores[d]), word, about])
        rows += own_rows
    return rows, things


def inside(a, b):
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return wide * high if wide > 0 and high > 0 else 0.0


def slow_ap50(rows, objects_per_class):
    """The mean over classes of the 101-point average, from rows of (class, score, right)."""
    scores = []
    for label, total in objects_per_class.items():
        if total <= 0:
            continue
        ranked = sorted((row for row in rows if row[0] == label), key=lambda row: -row[1])
        precisions, recalls, right = [], [], 0
        for place, row in enumerate(ranked, 1):
            right += row[2]
            precisions.append(right / place)
            recalls.append(right / total)
        points = [
            max((p for p, r in zip(precisions, recalls, strict=True) if r >= wanted), default=0.0)
            for wanted in np.linspace(0, 1, 101)
        ]
        scores.append(sum(points) / 101)
    return sum(scores) / len(scores) if scores else float("nan")


def slow_cost(rows, things, truths, word):
    """AP50 after mending minus AP50 before: section 2.3, one detection at a time."""
    totals = {label: sum(kind == label for _, kind, _ in things) for label in range(3)}
    before = slow_ap50([(r[1], r[2], r[3] == "right") for r in rows if r[3] != "not judged"], totals)
    rows = [list(row) for row in rows if row[3] != "not judged"]
    if word == "missed":
        covered = {(r[0], r[4]) for r in rows if r[3] in ("right", "class", "location")}
        for picture, kind, place in things:
            totals[kind] -= (picture, place) not in covered
    elif word in ("class", "location"):
        for row in rows:
            if row[3] == word:
                row[1], row[3] = int(truths[row[0]].labels[row[4]]), "mended"
        for picture, _, place in things:
            rivals = [r for r in rows if r[0] == picture and r[4] == place and r[3] in ("right", "mended")]
            rivals.sort(key=lambda r: (-r[2], r[3] == "mended"))
            rows = [r for r in rows if not any(r is gone for gone in rivals[1:])]
    else:
        rows = [row for row in rows if row[3] != word]
    return slow_ap50([(r[1], r[2], r[3] in ("right", "mended")) for r in rows], totals) - before


def pictures(seed, **choices):
    """Random pictures whose detections are of any class, so that every cause occurs."""
    predictions, truths = random_pictures(seed, pictures=25, **choices)
    rng = np.random.default_rng(seed)
    changed = []
    for found in predictions:
        labels = np.where(rng.random(len(found)) < 0.25, rng.integers(0, 3, len(found)), found.labels.numpy())
        moved = found.xyxy + torch.from_numpy(
            np.where(rng.random((len(found), 1)) < 0.3, rng.integers(-20, 20, (len(found), 1)), 0)
        )
        scores = torch.from_numpy(rng.permutation(len(found)) / 1000 + rng.random() * 0.9)
        changed.append(Detections(xyxy=moved.float(), scores=scores.float(), labels=torch.from_numpy(labels)))
    return changed, truths


def weights(statistics):
    return np.ones((1, statistics.images))


@pytest.mark.parametrize("seed", range(6))
def test_causes_and_costs_are_those_of_the_paper(seed):
    predictions, truths = pictures(seed)
    statistics = Detection().statistics(predictions, truths, NAMES)
    rows, things = slow_causes(predictions, truths)
    said = {(r[0], r[1], round(r[2], 6)): (r[3], r[4]) for r in rows}
    assert len(said) == len(rows) == len(statistics.row), "scores tell detections apart"
    for picture, label, score, cause, met in zip(
        statistics.row, statistics.label, statistics.score, statistics.cause, statistics.met, strict=True
    ):
        word, about = said[picture, label, round(score, 6)]
        assert {"right": "none", "not judged": "none"}.get(word, word) == Cause(cause).name.lower()
        assert (None if met < 0 else things[met]) == (None if about is None else (
            picture, int(truths[picture].labels[about]), about))  # fmt: skip
    assert AP50.compute(statistics, weights(statistics))[0] == pytest.approx(
        slow_ap50(
            [(r[1], r[2], r[3] == "right") for r in rows if r[3] != "not judged"],
            {label: sum(kind == label for _, kind, _ in things) for label in range(3)},
        )
    )
    for cause in CAUSES:
        mine = AP50.compute(corrected(statistics, (cause,)), weights(statistics)) - AP50.compute(
            statistics, weights(statistics)
        )
        assert mine[0] == pytest.approx(slow_cost(rows, things, truths, cause.name.lower()), abs=1e-9), cause


def test_every_cause_occurs_in_these_tests():
    tallies = [counts(Detection().statistics(*pictures(seed), NAMES)) for seed in range(6)]
    assert all(sum(tally[cause] for tally in tallies) >= 5 for cause in CAUSES), tallies


def test_causes_add_up_and_mending_all_is_perfect():
    for seed in range(8):
        statistics = Detection().statistics(*pictures(seed, crowd=0.2), NAMES)
        wrong = ~(statistics.matched[0, 0] | statistics.ignored[0, 0])
        assert (wrong == (statistics.cause > 0)).all()
        assert sum(counts(statistics)[cause] for cause in CAUSES[:-1]) == wrong.sum()
        assert ((statistics.met >= 0) == (statistics.matched[0, 0] | np.isin(statistics.cause, (1, 2)))).all()
        assert mean_average_precision(corrected(statistics, CAUSES), weights(statistics), ious=slice(0, 1))[0] == 1
        same = corrected(statistics, ())
        for each in (statistics, same):
            np.testing.assert_array_equal(
                mean_average_precision(each, weights(each), ious=IOU_50),
                mean_average_precision(statistics, weights(statistics), ious=IOU_50),
            )


def test_no_cause_costs_less_than_nothing_under_any_weights():
    statistics = Detection().statistics(*pictures(1), NAMES)
    drawn = np.random.default_rng(0).poisson(1.0, (50, statistics.images)).astype(float)
    now = AP50.compute(statistics, drawn)
    for cause in CAUSES:
        assert (AP50.compute(corrected(statistics, (cause,)), drawn) >= now - 1e-12).all(), cause


def test_parts_join_as_if_they_had_been_one():
    predictions, truths = pictures(2)
    whole = Detection().statistics(predictions, truths, NAMES)
    parts = [Detection().statistics(predictions[a:b], truths[a:b], NAMES) for a, b in ((0, 7), (7, 7), (7, 25))]
    joined = type(whole).joined(parts)
    np.testing.assert_array_equal(joined.cause, whole.cause)
    np.testing.assert_array_equal(joined.met, whole.met)
    assert (objects(whole)[0][whole.met[whole.met >= 0]] == whole.row[whole.met >= 0]).all()


def test_older_evidence_has_no_causes_and_no_costs():
    statistics = Detection().statistics(*pictures(2), NAMES)
    fields = {name: getattr(statistics, name) for name in vars(statistics) if name not in ("cause", "met")}
    older = type(statistics)(**fields)
    assert type(older).joined([older, statistics]).cause is None
    evidence = Evidence(task="detection", statistics=older, ids=("",) * older.images, clusters=np.arange(older.images))
    assert costs(evidence, Resampling(clusters=evidence.clusters, replicates=10)) == ()


def test_the_interval_of_a_cost_is_of_its_difference_and_clusters():
    statistics = Detection().statistics(*pictures(3), NAMES)
    evidence = Evidence(
        task="detection", statistics=statistics, ids=("",) * statistics.images, clusters=np.arange(statistics.images)
    )
    resampling = Resampling(clusters=evidence.clusters, replicates=200)
    (drawn,) = resampling.blocks()
    for cost in costs(evidence, resampling):
        wanted = AP50.compute(corrected(statistics, (cost.cause,)), drawn) - AP50.compute(statistics, drawn)
        np.testing.assert_allclose(cost.samples, wanted, atol=1e-6)
        assert cost.interval[0] <= cost.value <= cost.interval[1]


def test_an_object_found_below_the_threshold_is_missed_above_it():
    truth = Boxes.of(torch.tensor([[0.0, 0, 10, 10], [50, 50, 60, 60]]), torch.tensor([0, 1]))
    found = Detections(
        xyxy=torch.tensor([[0.0, 0, 10, 10], [50, 50, 60, 60]]),
        scores=torch.tensor([0.9, 0.2]),
        labels=torch.tensor([0, 0]),
    )
    statistics = Detection().statistics([found], [truth], NAMES)
    assert not missed(statistics).any() and counts(statistics)[Cause.CLASS] == 1
    assert missed(statistics, 0.5).tolist() == [False, True] and counts(statistics, 0.5)[Cause.CLASS] == 0


def nearly_all_missed(found=2, pictures=60, about=1):
    """A class found in every picture, and a rare one found nowhere: ``found`` of its 40 objects bear another class."""
    box, rare = [0.0, 0, 10, 10], [50.0, 50, 60, 60]
    predictions, truths = [], []
    for picture in range(pictures):
        has = picture < 40
        truths.append(Boxes.of(torch.tensor([box, rare][: 1 + has]), torch.tensor([0, 1][: 1 + has])))
        boxes = [box, rare] if picture < found else [box]
        labels = [0, 1 - about] if picture < found else [0]
        scores = torch.tensor([0.9, 0.5][: len(boxes)])
        predictions.append(Detections(xyxy=torch.tensor(boxes), scores=scores, labels=torch.tensor(labels)))
    statistics = Detection().statistics(predictions, truths, NAMES)
    return Evidence(task="detection", statistics=statistics, ids=("",) * pictures, clusters=np.arange(pictures))


def cost_of_missed(evidence, replicates=300):
    found = costs(evidence, Resampling(clusters=evidence.clusters, replicates=replicates))
    return next(each for each in found if each.cause is Cause.MISSED)


def test_a_class_does_not_leave_the_average_where_a_resampling_draws_only_its_missed_objects():
    cost = cost_of_missed(nearly_all_missed(found=2))
    # Two objects with a wrong class remain, and the class stays at 0 without the missed ones: nothing is gained.
    assert cost.value == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(cost.samples, 0, atol=1e-6)
    assert cost.interval == pytest.approx((0, 0), abs=1e-6)


def test_a_class_all_of_whose_objects_are_missed_leaves_the_average_of_every_resampling():
    cost = cost_of_missed(nearly_all_missed(found=0))
    assert cost.value == pytest.approx(0.5)
    np.testing.assert_allclose(cost.samples, 0.5, atol=1e-6)
    assert cost.interval == pytest.approx((0.5, 0.5), abs=1e-6)


def test_where_all_objects_are_missed_finding_them_is_worth_everything():
    truths = [Boxes.of(torch.tensor([[0.0, 0, 10, 10]]), torch.tensor([0]))] * 20
    nothing = Detections(xyxy=torch.zeros(0, 4), scores=torch.zeros(0), labels=torch.zeros(0, dtype=torch.int64))
    statistics = Detection().statistics([nothing] * 20, truths, NAMES)
    evidence = Evidence(task="detection", statistics=statistics, ids=("",) * 20, clusters=np.arange(20))
    assert cost_of_missed(evidence).value == 1


def test_the_interval_of_a_difference_may_be_below_zero_and_is_as_wide_as_its_replicates_spread():
    evidence = nearly_all_missed(found=20, about=0)
    for cost in costs(evidence, Resampling(clusters=evidence.clusters, replicates=500)):
        low, high = cost.interval
        assert high - low <= 6 * cost.samples.std() + 4 * abs(cost.samples.mean() - cost.value) * 2 + 1e-6, cost


def test_classes_of_which_nothing_is_found_are_named_with_how_many_objects_they_have():
    assert never_found(nearly_all_missed(found=2).statistics) == {"b": 40}
    assert never_found(nearly_all_missed(found=2, about=0).statistics) == {}
    assert never_found(nearly_all_missed(found=2, about=0).statistics, at_least=0.6) == {"b": 40}
