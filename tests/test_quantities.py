import math

import numpy as np
import pytest

from clearsight import quantities as q


@pytest.mark.parametrize(
    ("value", "interval", "expected"),
    [
        (0.6214, (0.5871, 0.6529), "0.62"),  # half width 0.03: two digits
        (0.6214, (0.6101, 0.6329), "0.621"),  # half width 0.011: two figures of it, so three digits
        (0.043, (0.031, 0.0566), "0.043"),
        (0.5, (0.1, 0.9), "0.50"),  # scores of one table look alike
        (-0.1183, (-0.17, -0.067), "−0.12"),
        (1301.4, (1204.0, 1398.0), "1,301"),
        (13.1, (12.4, 14.6), "13.1"),
        (-0.0004, (-0.05, 0.04), "0.00"),
        (0.62, None, "0.620"),
        (284019.0, None, "284,019"),
        (0.0, None, "0"),
        (1.25e-8, None, "1.25e−8"),
        (None, (0.1, 0.2), "–"),
        (math.nan, None, "–"),
    ],
)
def test_score_has_the_digits_its_interval_supports(value, interval, expected):
    assert q.score(value, interval) == expected


def test_an_interval_and_its_value_have_the_same_digits():
    for low, high in ((0.5871, 0.6529), (0.6101, 0.6329), (12.4, 14.6), (0.0011, 0.0012), (1000.0, 9000.0)):
        value = q.score((low + high) / 2, (low, high))
        ends = q.between((low, high)).split("–")
        assert len({text.partition(".")[2].__len__() for text in (value, *ends)}) == 1


def test_ranges_never_put_a_minus_beside_a_dash():
    assert q.span(0.5871, 0.6529) == "0.59–0.65"
    assert q.span(-0.1702, -0.0671) == "−0.17 to −0.07"
    assert q.span(-0.12, 0.03) == "−0.12 to 0.03"
    assert q.between(None) == q.between((math.nan, 0.5)) == "not computed"


@pytest.mark.parametrize(
    ("range_", "expected"),
    [
        ((0.0043, 0.0074, 0.0108), "0.004–0.011 kWh"),
        ((0.00043, 0.0074, 0.0108), "0.0004–0.0108 kWh"),  # the low end does not read as zero
        ((0.0, 0.0, 0.0), "0 kWh"),
        ((0.0, 0.1, 0.25), "0.00–0.25 kWh"),
        ((2.0, 2.0, 2.0), "2.0 kWh"),
        ((1234.4, 2000, 5678.9), "1,234–5,679 kWh"),
        ((1e-9, 2e-9, 3e-9), "1e−9 to 3e−9 kWh"),
    ],
)
def test_amounts(range_, expected):
    assert q.amount(range_, "kWh") == expected


def test_emissions_change_from_grams_to_kilograms_at_one():
    assert q.emissions((0.0024, 0.0041, 0.0061)) == "2.4–6.1 g CO₂e"
    assert q.emissions((0.8, 0.9, 1.2)) == "0.8–1.2 kg CO₂e"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0312, "0.031 s"),
        (42.4, "42 s"),
        (59.7, "1 min"),
        (588, "9 min 48 s"),
        (11520, "3 h 12 min"),
        (187200, "2 d 4 h"),
    ],
)
def test_durations(seconds, expected):
    assert q.duration(seconds) == expected


def test_counts_and_their_units():
    assert q.counted(87, "pictures") == "87 pictures"
    assert q.counted(1204, "boxes") == "1,204 boxes"
    assert [q.counted(1, unit) for unit in ("pictures", "boxes", "studies", "classes", "glass")] == [
        "1 picture",
        "1 box",
        "1 study",
        "1 class",
        "1 glass",
    ]


def test_moments():
    assert q.moment("2026-11-22T18:04:11+00:00") == "22 November 2026, 18:04 UTC"
    assert q.moment("2026-11-22T18:04:11+02:00") == "22 November 2026, 16:04 UTC"
    assert q.moment("2026-11-22") == "22 November 2026"
    assert q.moment("yesterday") == "yesterday"


def test_only_finite_numbers_are_numbers():
    assert [q.number(v) for v in (None, "3", True, math.inf, float("nan"), object())] == [None] * 6
    assert q.number(np.float32(0.5)) == 0.5
    assert q.number(np.int64(3)) == 3.0


def test_energy_changes_from_watt_hours_to_kilowatt_hours_at_a_tenth():
    assert q.energy((0.0000003, 0.00002, 0.0009)) == "0.0003–0.9000 Wh"
    assert q.energy((0.0043, 0.0074, 0.0108)) == "4–11 Wh"
    assert q.energy((0.05, 0.08, 0.12)) == "0.05–0.12 kWh"


def test_what_is_above_zero_never_reads_as_zero():
    assert q.score(0.00012, (0.00003, 0.7)) == "0.0001"
    assert q.between((0.00003, 0.7)) == "0.00003–0.70"
    assert q.between((0.0, 0.7)) == "0.00–0.70"
