"""What it cost: the range, the zone, and the table beside it."""

import numpy as np
import pytest

from clearsight.audits import cost
from clearsight.audits.emissions import STRUBELL
from clearsight.energy.grid import KG_PER_POUND, carbon, find_zone
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.types import Cost, Evidence, Request, Stage

SPENT = {"seconds": 600.0, "kwh": (0.01, 0.02, 0.04), "how": "modelled", "device": "2 cores"}


def _request(**spent):
    return Request(evidence=Evidence(task="any", statistics=None, ids=(), clusters=None), **spent)


def test_without_a_zone_there_is_no_carbon():
    (finding,) = cost(_request(cost=Cost(**SPENT)))
    assert finding.metric == "energy, Wh"
    assert (finding.value, finding.interval) == (20.0, (10.0, 40.0))
    assert "10 min" in finding.claim and "modelled" in finding.claim and "--zone FRA" in finding.claim
    assert "kg" not in finding.claim


def test_a_zone_without_intensity_says_so():
    (finding,) = cost(_request(cost=Cost(**SPENT), zone="ATA"))
    assert "not known" in finding.claim


def test_carbon_beside_the_table():
    _, finding, _ = cost(_request(cost=Cost(**SPENT, zone="FRA", kg_co2e=(0.5, 1.0, 2.0))))
    assert "1 kg" in finding.claim and "2.2 lb" in finding.claim and "FRA" in finding.claim
    assert finding.plot == "bars"
    assert finding.series["value"][0] == 1.0
    assert finding.series["ours"] == [True] + [False] * 10
    assert len(finding.series["label"]) == len(finding.series["value"]) == 11
    assert "later work" in finding.method


def test_the_table_agrees_with_itself():
    """Pounds and kilograms were printed apart; they must be the same masses, to the rounding of the smaller."""
    for name, pounds, kg in STRUBELL:
        assert abs(pounds * KG_PER_POUND - kg) <= 1, name


def test_the_table_follows_from_its_inputs():
    """Strubell et al., equation 1: PUE 1.58, hours, watts, and 0.954 lb per kWh; the search's from its stated hours."""
    masses = {name: pounds for name, pounds, _ in STRUBELL}
    for name, hours, watts in [
        ("Transformer (base), trained once", 12, 1415.78),
        ("Transformer (big), trained once", 84, 1515.43),
        ("ELMo, trained once", 336, 517.66),
        ("Transformer (big) with architecture search *", 274_120, 1515.43),
    ]:
        assert abs(0.954 * 1.58 * hours * watts / 1000 - masses[name]) < 1, name


def test_unverified_numbers_are_not_printed():
    text = " ".join(str(finding) for finding in cost(_request(cost=Cost(**SPENT, zone="FRA", kg_co2e=(1.0, 1.0, 1.0)))))
    for unverified in ("train once", "39 lb", "3.2 t", "88 times", "88x"):
        assert unverified not in text


def test_nothing_metered_is_not_free():
    (finding,) = cost(_request())
    assert finding.verdict == "insufficient"
    assert finding.value is None


def test_small_numbers_have_no_exponent():
    findings = cost(_request(cost=Cost(**{**SPENT, "kwh": (1e-6, 2e-6, 3e-6)}, zone="FRA", kg_co2e=(1e-7, 2e-6, 1e-5))))
    assert not any("e-" in finding.claim for finding in findings)


def test_small_amounts_are_in_grams_and_watt_hours():
    """Two seconds of training are neither 0 kWh nor 0 kg, in the claim and in the value."""
    small = {**SPENT, "seconds": 1.6, "kwh": (1e-6, 4.2e-6, 9e-6)}
    energy, carbon, _ = cost(_request(cost=Cost(**small, zone="FRA", kg_co2e=(6e-8, 2.4e-7, 5e-7))))
    assert "2 s and 0.0042 Wh (0.0010 to 0.0090)" in energy.claim and energy.metric == "energy, Wh"
    assert energy.value == pytest.approx(0.0042) and energy.series == {}
    assert "0.00024 g of CO2e" in carbon.claim and "between 0.000060 and 0.00050 g" in carbon.claim
    assert carbon.metric == "CO2e, g" and carbon.value == pytest.approx(0.00024)
    assert carbon.series["value"][0] == 2.4e-7  # beside the table, in its kilograms


def test_the_method_is_whole_sentences():
    notes = ("cpu: modelled from load. It includes 2 W", "memory: modelled from its size.")
    (finding,) = cost(_request(cost=Cost(**SPENT, notes=notes)))
    assert finding.method.endswith("Cpu: modelled from load. It includes 2 W. Memory: modelled from its size.")
    assert "modelled: modelled" not in finding.method


STAGES = {
    "training": Stage(seconds=540.0, kwh=(0.008, 0.016, 0.032)),
    "evaluation": Stage(seconds=30.0, kwh=(0.001, 0.002, 0.004), pictures=400),
    "audit": Stage(seconds=30.0, kwh=(0.001, 0.002, 0.004)),
}


def test_stages_are_told_and_what_predicting_takes():
    whole, stages, picture = cost(_request(cost=Cost(**SPENT, stages=STAGES)))
    assert whole.claim.startswith("Training, evaluation and audit took 10 min and 20 Wh")
    assert stages.series["label"] == ["training", "evaluation", "audit"]
    assert stages.series["value"] == pytest.approx([16.0, 2.0, 2.0]) and stages.axes == ("energy", "Wh")
    assert picture.n == 400 and picture.value == pytest.approx(2.0 / 400)
    assert picture.interval == pytest.approx((1.0 / 400, 4.0 / 400))
    assert "0.0050 Wh" in picture.claim and "75 ms" in picture.claim  # 30 s of 400 pictures
    assert "After 3,200 pictures" in picture.claim  # 16 Wh of training over 0.005 Wh


def test_a_training_that_was_not_metered_is_said():
    whole, _ = cost(_request(cost=Cost(**SPENT, stages={"evaluation": STAGES["evaluation"]})))
    assert whole.claim.startswith("Evaluation took") and "The training itself was not metered." in whole.claim


def right(share, n=400):
    """Evidence of a classifier of two classes that is right on a share of the pictures."""
    truth = np.arange(n) % 2
    correct = np.arange(n) < share * n
    chosen = np.where(correct, truth, 1 - truth)
    probabilities = np.full((n, 2), 0.1)
    probabilities[np.arange(n), chosen] = 0.9
    statistics = ClassificationStatistics(truth=truth, probabilities=probabilities, class_names=("a", "b"))
    return Evidence(
        task="classification", statistics=statistics, ids=tuple(map(str, range(n))), clusters=np.arange(n)
    )  # fmt: skip


def test_a_point_above_the_baseline_has_its_energy():
    request = Request(
        evidence=right(0.9), more={"baseline": right(0.5)}, cost=Cost(**SPENT, stages=STAGES), replicates=200
    )
    (point,) = [finding for finding in cost(request) if "point" in finding.metric]
    name = request.evidence.statistics.metrics()[0].name
    assert f"40.0 points of {name}" in point.claim and point.metric == "energy of a point, Wh"
    assert point.value == pytest.approx(16.0 / 40)
    assert point.interval[0] < 8.0 / 40 < point.value < 32.0 / 40 < point.interval[1]
    assert point.interval[0] > 8.0 / 50 and point.interval[1] < 32.0 / 30


def test_no_gain_has_no_price():
    request = Request(
        evidence=right(0.5), more={"baseline": right(0.5)}, cost=Cost(**SPENT, stages=STAGES), replicates=200
    )
    (point,) = [finding for finding in cost(request) if "point" in finding.metric]
    assert point.value is None and point.verdict == "insufficient" and "cannot be said" in point.claim


def test_the_same_run_elsewhere():
    spent = carbon(Cost(**SPENT), "FRA")
    *_, elsewhere = cost(_request(cost=spent, zone="FRA"))
    assert elsewhere.series["label"][0].startswith("France") and elsewhere.series["ours"] == [True, False, False, False]
    grams = [0.02 * find_zone(code).g_per_kwh for code in ("FRA", "NOR", "world", "IND")]
    assert elsewhere.series["value"] == pytest.approx(grams)
    for word in ("in Norway", "at the world's mean", "in India", "instead of", "in France"):
        assert word in elsewhere.claim
    for code in ("FRA", "NOR", "world", "IND"):
        zone = find_zone(code)
        assert f"{code} {zone.g_per_kwh:.0f} g/kWh ({zone.year}, {zone.source})" in elsewhere.method
    *_, at_home = cost(_request(cost=carbon(Cost(**SPENT), "NOR"), zone="NOR"))
    assert len(at_home.series["label"]) == 3
