"""What is asked for is what is found: filters and orders against plain loops over the pictures."""

from urllib.parse import parse_qsl

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearsight.browsing.answers import CAUSES, answers_of
from clearsight.browsing.asked import Asked
from clearsight.browsing.doubts import strength
from clearsight.browsing.gallery import Gallery
from clearsight.browsing.leads import leads
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.labels import MultiLabelStatistics
from clearsight.metrics.segmentation import SegmentationStatistics
from clearsight.tasks import Detection
from clearsight.types import Boxes, Detections, Evidence, Finding

NAMES = ("cat", "dog", "fox")


def classified(n=200, seed=0, wrong=0.3):
    random = np.random.default_rng(seed)
    truth = random.integers(0, 3, n)
    scores = random.dirichlet(np.ones(3), n) * wrong
    scores[np.arange(n), truth] += 1 - wrong * scores.sum(1) / scores.sum(1)
    shuffled = np.where(random.random(n) < wrong, (truth + 1) % 3, truth)
    scores = np.eye(3)[shuffled] * 0.6 + random.dirichlet(np.ones(3), n) * 0.4
    return Evidence(
        task="classification",
        statistics=ClassificationStatistics(class_names=NAMES, truth=truth, probabilities=scores.astype(np.float32)),
        ids=tuple(f"{number:03d}{'ab'[number % 2]}" for number in range(n)),
        clusters=np.arange(n) // 4,
        groups={"sex": np.array(["f", "m", "unknown"])[random.integers(0, 3, n)]},
        about={"data": "pets", "split": "test", "fingerprint": "f"},
    )


EVIDENCE = classified()
GALLERY = Gallery.of([("one", EVIDENCE)])


def query(text):
    return Asked.of([tuple(pair.split("=", 1)) for pair in text.split("&") if pair])


def plain(asked):
    """The pictures that fit, found one by one."""
    own, found = EVIDENCE.statistics, []
    for row, id in enumerate(EVIDENCE.ids):
        truth, answer = int(own.truth[row]), int(own.probabilities[row].argmax())
        sure = float(own.probabilities[row].max())
        fits = [
            not asked.class_ or asked.class_ in (NAMES[truth], NAMES[answer]),
            not asked.truth or asked.truth == NAMES[truth],
            not asked.answer or asked.answer == NAMES[answer],
            asked.cause not in ("wrong class", "any error") or truth != answer,
            asked.cause != "correct" or truth == answer,
            all(EVIDENCE.groups[name][row] == word for name, word in asked.group),
            asked.score is None or asked.score[0] <= own.probabilities[row, truth] <= asked.score[1],
            asked.confidence is None or asked.confidence[0] <= sure <= asked.confidence[1],
            not asked.cluster or EVIDENCE.clusters[row] == int(asked.cluster),
            asked.name.lower() in id,
        ]
        found += [row] if all(fits) else []
    return found


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "class": st.sampled_from(NAMES),
            "truth": st.sampled_from(NAMES),
            "answer": st.sampled_from(NAMES),
            "cause": st.sampled_from(["correct", "wrong class", "any error"]),
            "group": st.sampled_from(["sex:f", "sex:m", "sex:unknown"]),
            "score": st.sampled_from(["0.2..0.7", "..0.5", "0.9.."]),
            "confidence": st.sampled_from(["0.2..0.7", "0.8.."]),
            "name": st.sampled_from(["A", "1", "00"]),
            "cluster": st.sampled_from(["0", "7"]),
            "sort": st.sampled_from(["score", "confidence", "name"]),
            "order": st.sampled_from(["up", "down"]),
        },
    )
)
def test_every_combination_of_filters_finds_what_a_loop_finds(pairs):
    asked = Asked.of(pairs.items())
    rows = GALLERY.chosen(asked)
    assert sorted(rows.tolist()) == plain(asked)
    assert Asked.of(parse_qsl(asked.query())) == asked
    values = {
        "name": [EVIDENCE.ids[row] for row in rows],
        "confidence": EVIDENCE.statistics.probabilities[rows].max(1).tolist(),
    }.get(asked.sort, GALLERY.judged[0].score[rows].tolist())
    falling = asked.order == "down" or (asked.sort == "confidence" and not asked.order)
    assert values == sorted(values, reverse=falling)


def test_pages_hold_every_picture_once():
    seen = []
    for number in range(1, 5):
        rows, count, page = GALLERY.page(query(f"page={number}"))
        assert (count, page) == (200, number)
        seen += rows.tolist()
    assert sorted(seen) == list(range(200))
    assert GALLERY.page(query("page=99"))[2] == 4, "beyond the end is the last page"
    assert GALLERY.page(query("name=nothing"))[1:] == (0, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("classes=cat", "Did you mean class"),
        ("score=high", "Expected a range of numbers, such as 0.2..0.5"),
        ("score=0.9..0.1", "Expected a range"),
        ("page=0", "Expected a whole number from 1"),
        ("page=" + "9" * 30, "Expected a whole number from 1"),
        ("group=f", "Expected an attribute and its value, such as sex:female"),
        ("sort=scor", "Did you mean score"),
        ("change=better", "Expected one of: fixed, broken, both right, both wrong"),
    ],
)
def test_an_address_that_asks_wrongly_says_how_to_ask(text, said):
    with pytest.raises(ValueError, match=said):
        query(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class=catt", "Did you mean cat"),
        ("cause=missed", "there is no cause of error 'missed' here"),
        ("group=age:30", "there is no attribute 'age' here"),
        ("group=sex:x", "there is no group of sex 'x' here"),
        ("cluster=50", "there is no cluster '50' here"),
        ("slice=slice 1", "there is no slice"),
        ("change=fixed", "Open two: clearsight browse RUN RUN"),
        ("sort=difference", "needs two runs"),
    ],
)
def test_a_name_that_is_not_there_is_said(text, said):
    with pytest.raises(ValueError, match=said):
        GALLERY.chosen(query(text))


def test_two_runs_are_compared_picture_by_picture():
    other = classified(seed=0)
    random = np.random.default_rng(5)
    changed = other.statistics.probabilities[random.permutation(200)]
    second = Evidence(**{**vars(other), "statistics": ClassificationStatistics(
        class_names=NAMES, truth=other.statistics.truth, probabilities=changed)})  # fmt: skip
    gallery = Gallery.of([("one", EVIDENCE), ("two", second)])
    one, two = EVIDENCE.statistics.right, second.statistics.right
    assert set(gallery.chosen(query("change=fixed")).tolist()) == set(np.flatnonzero(~one & two).tolist())
    assert set(gallery.chosen(query("change=broken")).tolist()) == set(np.flatnonzero(one & ~two).tolist())
    assert sum(gallery.changes.values()) == 200
    gaps = second.statistics.each()[1] - EVIDENCE.statistics.each()[1]
    rows = gallery.chosen(query("sort=difference"))
    assert np.array_equal(gaps[rows], np.sort(gaps))


def test_each_answer_of_a_detector_has_its_cause():
    def boxes(*rows):
        return torch.tensor([row[:4] for row in rows], dtype=torch.float32).reshape(-1, 4)

    true = [(0, 0, 40, 40, 0), (100, 0, 140, 40, 1), (0, 100, 40, 140, 1), (200, 200, 240, 240, 2)]
    said = [
        (0, 0, 40, 40, 0, 0.9),  # correct
        (0, 0, 40, 38, 0, 0.8),  # a duplicate
        (100, 0, 140, 40, 2, 0.7),  # a dog called a fox
        (0, 120, 40, 160, 1, 0.6),  # a dog, badly placed
        (300, 300, 320, 320, 0, 0.65),  # nothing there
        (200, 200, 240, 240, 2, 0.2),  # below the threshold, so the fox is missed
    ]
    truth = Boxes.of(boxes(*true), torch.tensor([row[4] for row in true]))
    found = Detections(
        xyxy=boxes(*said), scores=torch.tensor([row[5] for row in said]), labels=torch.tensor([row[4] for row in said])
    )
    nothing = Boxes.of(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))
    empty = Detections(xyxy=torch.zeros(0, 4), scores=torch.zeros(0), labels=torch.zeros(0, dtype=torch.long))
    statistics = Detection().statistics([empty, found], [nothing, truth], NAMES, threshold=0.5)
    answers = answers_of(statistics)
    told = {
        (int(truth), int(answer), CAUSES[cause], round(float(score), 2) if score == score else None)
        for truth, answer, cause, score in zip(
            answers.truth, answers.answer, answers.cause, answers.confidence, strict=True
        )
    }
    assert told == {
        (0, 0, "correct", 0.9),
        (-1, 0, "duplicate", 0.8),
        (1, 2, "wrong class", 0.7),
        (1, 1, "poor localisation", 0.6),
        (-1, 0, "background", 0.65),
        (2, -1, "missed", None),
    }
    assert set(answers.row.tolist()) == {1}
    doubt = strength(statistics)
    assert np.isnan(doubt[0]) and doubt[1] == pytest.approx(0.7)


def test_labels_and_areas_are_answers_too():
    tagged = MultiLabelStatistics(
        class_names=NAMES,
        states=np.array([[1, 1, 0], [2, 3, 0]], np.int8),
        probabilities=np.array([[0.9, 0.1, 0.8], [0.9, 0.9, 0.1]]),
    )
    found = answers_of(tagged)
    told = [(CAUSES[c], int(t), int(a)) for c, t, a in zip(found.cause, found.truth, found.answer, strict=True)]
    assert told == [("correct", 0, 0), ("missed", 1, -1), ("false label", -1, 2)]
    confusion = np.zeros((1, 3, 3), np.int64)
    confusion[0] = [[95, 5, 0], [0, 40, 60], [0, 0, 0]]
    mapped = SegmentationStatistics(
        class_names=NAMES, confusion=confusion, boundary=np.zeros((1, 3, 4), np.int64), row=np.zeros(0, np.int64),
        label=np.zeros(0, np.int64), confidence=np.zeros(0), right=np.zeros(0, bool),
    )  # fmt: skip
    found = answers_of(mapped)
    told = [(CAUSES[c], int(t), int(a)) for c, t, a in zip(found.cause, found.truth, found.answer, strict=True)]
    assert told == [("correct", 0, 0), ("correct", 1, 1), ("wrong class", 1, 2)], "5% of a class are not seen"
    assert strength(mapped)[0] == pytest.approx(0.6)


def finding(plot, series, group=None):
    return Finding(
        question="what it does", claim="c", metric="m", value=None, interval=None, n=1, unit="pictures", method="",
        limits="", plot=plot, series=series, group=group,
    )  # fmt: skip


def test_every_point_of_a_plot_leads_to_the_pictures_it_was_made_of():
    own = EVIDENCE.statistics
    matrix, _ = own.confusions()
    cells = [(t, a) for t in range(3) for a in range(3)]
    asked = leads(finding("matrix", {"truth": [NAMES[t] for t, _ in cells], "answer": [NAMES[a] for _, a in cells],
                                     "share": [0.0] * 9}), GALLERY, EVIDENCE)  # fmt: skip
    assert [len(GALLERY.chosen(one)) for one in asked] == [int(matrix[cell]) for cell in cells]

    from clearsight.metrics.calibration import reliability

    bins = reliability(own.confidences(), EVIDENCE.clusters)
    series = {"confidence": bins.confidence.tolist(), "correct": bins.correct.tolist(), "n": bins.n.tolist()}
    asked = leads(finding("reliability", series), GALLERY, EVIDENCE)
    assert [len(GALLERY.chosen(one)) for one in asked] == bins.n.tolist()

    rows = {"label": ["all pictures", "f", "m", "x"], "value": [0.1] * 4}
    everything, female, male, unknown = leads(finding("intervals", rows, "sex"), GALLERY, EVIDENCE)
    assert len(GALLERY.chosen(everything)) == 200 and unknown is None
    assert len(GALLERY.chosen(female)) == (EVIDENCE.groups["sex"] == "f").sum() and female.group == (("sex", "f"),)
    bars = finding("bars", {"label": ["dog", "wrong class", "Paris"], "value": [1, 2, 3]})
    assert leads(bars, GALLERY, EVIDENCE) == [query("class=dog"), query("cause=wrong class"), None]
    assert male.group == (("sex", "m"),)
