"""Losses under corruption: the numbers of a slow count, tests that find what is there, and nothing without evidence."""

import numpy as np
import pytest

from clearsight.audits.under_corruption import EVERY, MEAN, belongs, under_corruption
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.types import Evidence, Request

N = 240


def evidence(right, corruption, severity, family="weather", groups=None):
    """Pictures of two classes in turn, of which those at ``right`` are answered rightly."""
    truth = np.arange(N) % 2
    answer = np.where(right, truth, 1 - truth)
    probabilities = np.full((N, 2), 0.1)
    probabilities[np.arange(N), answer] = 0.9
    statistics = ClassificationStatistics(
        class_names=("cat", "dog"), truth=truth, probabilities=probabilities.astype(np.float32), majority=None
    )
    return Evidence(
        task="classification", statistics=statistics, ids=tuple(map(str, range(N))), clusters=np.arange(N),
        groups=groups or {}, about={"corruption": corruption, "severity": str(severity), "family": family},
    )  # fmt: skip


def share(of, seed):
    return np.random.default_rng(seed).random(N) < of


def request(more, **options):
    return Request(evidence=more["none 0"], more=more, replicates=300, **options)


@pytest.fixture
def more():
    clean = share(0.95, 0)
    return {
        "none 0": evidence(clean, "none", 0, "none"),
        "fog 1": evidence(clean & share(0.9, 1), "fog", 1),
        "fog 5": evidence(clean & share(0.5, 2), "fog", 5),
        "jpeg 1": evidence(clean, "jpeg", 1, "digital"),
        "jpeg 5": evidence(clean & share(0.99, 3), "jpeg", 5, "digital"),
    }


def accuracy(one):
    return float((one.statistics.probabilities.argmax(1) == one.statistics.truth).mean())


def test_means_are_those_of_a_slow_count(more):
    first, curve, table = under_corruption(request(more))
    means = {name: (accuracy(more[f"{name} 1"]) + accuracy(more[f"{name} 5"])) / 2 for name in ("fog", "jpeg")}
    assert first.value == pytest.approx(sum(means.values()) / 2) and first.metric == MEAN and first.n == N
    rows = dict(zip(first.series["label"], first.series["value"], strict=True))
    assert rows["fog"] == pytest.approx(means["fog"]) and rows["jpeg"] == pytest.approx(means["jpeg"])
    assert rows["all pictures undamaged"] == pytest.approx(accuracy(more["none 0"]))
    assert first.series["label"][2] == "fog", "the worst comes first"
    assert first.interval[0] < first.value < first.interval[1]
    assert "copes worst with fog" in first.claim and "Of the 2 corruptions, 1 makes it worse" in first.claim
    points = {(line, x): y for line, x, y in zip(*(curve.series[c] for c in ("line", "x", "y")), strict=True)}
    assert (
        points["weather", 5] == pytest.approx(accuracy(more["fog 5"]))
        and points["digital", 0] == rows["all pictures undamaged"]
    )
    assert table.metric == EVERY and table.series["corruption"] == ["fog", "jpeg"]
    ratio = (1 - means["fog"]) / (1 - accuracy(more["none 0"]))
    assert table.series["mean error as a multiple of the undamaged"][0] == f"{ratio:.2f}"
    assert all(belongs(finding) for finding in (first, curve, table))


def test_losses_are_paired(more):
    """The pictures that are hard anyway do not blur the difference: its interval is narrower than that of the score."""
    (first, *_) = under_corruption(request(more))
    note = first.series["note"][first.series["label"].index("jpeg")]
    value, low, high = (
        float(part)
        for part in note.removeprefix("change ").replace("(", "").replace(")", "").replace(" to", "").split()
    )
    row = first.series["label"].index("jpeg")
    assert low <= value <= high and high - low < (first.series["high"][row] - first.series["low"][row]) / 2


@pytest.mark.parametrize(("loss", "real"), [(0.45, True), (0.0, False)])
def test_a_group_that_loses_more_is_found_and_no_other(loss, real):
    clean, night = share(0.95, 0), np.arange(N) % 3 == 0
    groups = {"light": np.where(night, "night", "day")}
    keep = share(0.9, 5) & ~(night & share(loss, 6))
    more = {
        "none 0": evidence(clean, "none", 0, "none", groups),
        "fog 3": evidence(clean & keep, "fog", 3, groups=groups),
    }
    (gap,) = under_corruption(request(more, by=("light",)))[3:]
    assert gap.question == "what breaks it" and belongs(gap) and "under corruption" in gap.metric
    assert (gap.verdict == "fail") == real and ("Chance does not explain it" in gap.claim) == real
    if real:
        taken = [
            accuracy_of(more["none 0"], night == own) - accuracy_of(more["fog 3"], night == own)
            for own in (True, False)
        ]
        assert gap.group == "light = night" and gap.value == pytest.approx(taken[0] - taken[1], abs=0.01)


def accuracy_of(one, rows):
    """The mean over the classes, as groups are compared by it."""
    statistics = one.statistics
    right = statistics.probabilities.argmax(1) == statistics.truth
    return float(np.mean([right[rows & (statistics.truth == label)].mean() for label in (0, 1)]))


def test_without_damaged_pictures_there_is_nothing_to_say(more):
    assert under_corruption(request({"none 0": more["none 0"]})) == ()
    assert under_corruption(Request(evidence=more["fog 1"])) == ()
    other = [one for one in under_corruption(request(more))][:1]
    assert not belongs(type(other[0])(**{**vars(other[0]), "question": "what it does"}))
