"""What is said of invented detail: spread, bits, and attributes read wrongly, from evidence alone."""

import dataclasses
import re

import numpy as np
import pytest
from attribute_readings import READS, TURNS, simulated

from clearsight.audits import invented_attributes, invention
from clearsight.metrics.attribute_errors import AttributeErrorStatistics
from clearsight.metrics.invention import InventionStatistics
from clearsight.metrics.reconstruction import ReconstructionStatistics
from clearsight.types import Evidence, Request


def evidence(statistics):
    rows = statistics.images
    return Evidence(
        task="reconstruction", statistics=statistics, ids=tuple(map(str, range(rows))), clusters=np.arange(rows)
    )


def request(**more):
    few = ReconstructionStatistics(**{name: np.ones(3) for name in ("squared_error", "psnr", "ssim", "ms_ssim")})
    return Request(evidence=evidence(few), more={name: evidence(one) for name, one in more.items()}, replicates=300)


def drawn(apart, off):
    ones = np.ones(200)
    noise = np.random.default_rng(0).normal(1, 0.02, 200)
    return InventionStatistics(
        bits=3.1 * noise, spread=9.0 * noise, apart=apart * noise, off=off * noise, others=2500.0 * ones, draws=4
    )


def test_nothing_is_said_of_runs_that_draw_nothing():
    assert invention(request()) == () and invented_attributes(request()) == ()


@pytest.mark.parametrize(
    ("apart", "off", "words"),
    [
        (100.0, 225.0, "are 0.67 .* times as far.*less variety than the inputs leave open"),
        (225.0, 100.0, "are 1.50 .* times as far.*vary more than true pictures do"),
    ],
)
def test_the_spread_is_compared_with_the_truth(apart, off, words):
    bits, spread, open_ = invention(request(draws=drawn(apart, off)))
    assert (
        bits.metric == "bits per dimension" and "take 3.1" in bits.claim and bits.interval[0] < 3.1 < bits.interval[1]
    )
    assert "the pictures of two inputs 50.0" in spread.claim and "invented" in spread.claim
    assert re.search(words, open_.claim), open_.claim


def test_attributes_are_told_beside_the_real_pictures_by_group_and_open_the_report():
    statistics = simulated(np.random.default_rng(0), counts=(1500, 900, 600))
    rival = dataclasses.replace(
        statistics, made=statistics.real, answers=statistics.real, maker="bicubic interpolation", draws=1
    )
    (finding,) = invented_attributes(request(own=statistics, rival=rival))
    assert finding.question == "whom it fails" and finding.group == "kind" and finding.n == 3000
    shares = np.array([0.5, 0.3, 0.2])
    wrong = 1 - np.diagonal(TURNS @ READS)
    assert finding.value == pytest.approx(float(shares @ wrong), abs=0.02)
    assert finding.interval[0] < finding.value < finding.interval[1]
    assert "By true group: c " in finding.claim and "Without the classifier's own errors" in finding.claim
    assert finding.imagined.startswith(
        "Read by a classifier from what it made of 3000 held-out pictures, kind was wrong"
    )
    rows = dict(zip(finding.series["label"], finding.series["note"], strict=True))
    assert len(rows) == 4 * 3 and rows["all: real pictures"] is None
    assert rows["a: bicubic interpolation"].startswith("without the classifier's errors 0.0%")
    low, high = (float(end.rstrip("%)")) for end in rows["c: the model"].partition("(")[2].split(" to "))
    assert low < 100 * (1 - TURNS[2, 2]) < high


def test_a_weak_reader_is_said_to_be_weak():
    weak = np.full((3, 3), 0.33) + 0.01 * np.eye(3)
    statistics = simulated(np.random.default_rng(1), reads=weak)
    (finding,) = invented_attributes(request(own=statistics))
    assert "too weak" in finding.claim and finding.series["note"] == [None] * 8


def test_too_few_groups_are_not_read():
    nobody = AttributeErrorStatistics(
        attribute="city", group_names=("a",), truth=np.zeros(0, dtype=int), real=np.zeros((0, 1)),
        made=np.zeros((0, 1)), answers=np.zeros((0, 1)), maker="the model", left_out=("b",),
    )  # fmt: skip
    (finding,) = invented_attributes(request(own=nobody))
    assert finding.verdict == "insufficient" and finding.value is None and "Too few pictures: b" in finding.claim
    assert not finding.imagined


def test_groups_that_are_read_better_than_the_real_ones_are_not_corrected():
    statistics = simulated(np.random.default_rng(2), counts=(900, 900, 900), turns=np.eye(3))
    sharp = statistics.truth == 0  # what is made of the first group is read without any error
    right = np.eye(3)[statistics.truth]
    made = np.where(sharp[:, None], right, statistics.made)
    better = dataclasses.replace(statistics, made=made, answers=made)
    (finding,) = invented_attributes(request(own=better))
    assert "What it made of a is read rightly more often" in finding.claim
    assert "Without the classifier's own errors" not in finding.claim and "By true group" in finding.claim
    notes = dict(zip(finding.series["label"], finding.series["note"], strict=True))
    assert notes["all: the model"] is None and notes["a: the model"] is None and notes["b: the model"] is not None


def read(truth, real, made):
    """Two groups, each picture and what was made of it read as one of them for certain."""
    shown = np.eye(2)
    return AttributeErrorStatistics(
        attribute="kind", group_names=("a", "b"), truth=truth, real=shown[real], made=shown[made],
        answers=shown[made], maker="the model",
    )  # fmt: skip


def test_intervals_of_all_pictures_hold_how_common_groups_are():
    truth = np.repeat([0, 1], 50)
    (finding,) = invented_attributes(request(own=read(truth, truth, np.zeros(100, dtype=int))))
    error = np.sqrt(0.25 / 100)  # all is read as a, so only the number of pictures of b is left to chance
    assert finding.value == 0.5
    assert finding.interval == pytest.approx((0.5 - 1.98 * error, 0.5 + 1.98 * error), abs=0.02)


def test_the_difference_from_the_real_pictures_is_of_the_same_replicates():
    truth, wrong = np.repeat([0, 1], 100), np.tile([0, 1], 100)
    (finding,) = invented_attributes(request(own=read(truth, truth ^ wrong, truth ^ 1 ^ wrong)))
    low, high = map(int, re.search(r": \+0 points \(([+-]\d+) to ([+-]\d+)\)", finding.claim).groups())
    # One is read wrongly where the other is not: their difference varies twice as much as either, not 1.4 times.
    half = 100 * 1.97 * 2 * np.sqrt(0.25 / 200)
    assert (low, high) == pytest.approx((-half, half), abs=2)
