"""What it cost: the range, the zone, and the table beside it."""

import pytest

from clearsight.audits import cost
from clearsight.audits.cost import POUND_KG, STRUBELL
from clearsight.types import Cost, Evidence, Request

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
    _, finding = cost(_request(cost=Cost(**SPENT, zone="FRA", kg_co2e=(0.5, 1.0, 2.0))))
    assert "1 kg" in finding.claim and "2.2 lb" in finding.claim and "FRA" in finding.claim
    assert finding.plot == "bars"
    assert finding.series["value"][0] == 1.0
    assert finding.series["ours"] == [True] + [False] * 10
    assert len(finding.series["label"]) == len(finding.series["value"]) == 11
    assert "later work" in finding.method


def test_the_table_agrees_with_itself():
    """Pounds and kilograms were printed apart; they must be the same masses, to the rounding of the smaller."""
    for name, pounds, kg in STRUBELL:
        assert abs(pounds * POUND_KG - kg) <= 1, name


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
    for unverified in ("train once", "39 lb", "3.2", "88"):
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
    energy, carbon = cost(_request(cost=Cost(**small, zone="FRA", kg_co2e=(6e-8, 2.4e-7, 5e-7))))
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
