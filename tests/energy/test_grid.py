"""Carbon by zone: the shipped numbers, and helpful refusals."""

import dataclasses

import pytest

from clearsight.energy.costs import add
from clearsight.energy.grid import KG_PER_POUND, carbon, find_zone, zones
from clearsight.types import Cost

COST = Cost(seconds=1.0, kwh=(1.0, 2.0, 4.0), how="modelled", device="d", notes=("kept",))


@pytest.mark.parametrize(
    ("code", "grams"),
    [("USA", 369), ("FRA", 56), ("DEU", 381), ("IND", 713), ("CHN", 582), ("NOR", 30), ("world", 475)],
)
def test_known_values(code: str, grams: int) -> None:
    assert round(find_zone(code).g_per_kwh) == grams
    assert find_zone(code.lower()) is find_zone(code.upper())


def test_every_row_is_whole() -> None:
    assert len(zones()) == 213
    assert next(iter(zones())) == "world"
    for code, zone in zones().items():
        assert code == "world" or (len(code) == 3 and code.isupper())
        assert zone.name
        assert zone.source
        assert 2009 <= zone.year <= 2026
        assert 10 < zone.g_per_kwh < 1500


def test_carbon_is_energy_times_intensity() -> None:
    cost = carbon(COST, "FRA")
    assert cost.zone == "FRA"
    assert cost.kg_co2e == pytest.approx((0.056039, 0.112078, 0.224156))
    assert cost.notes[0] == "kept"
    assert "FRA (France): 56 g CO2e/kWh, mean of 2023, CodeCarbon" in cost.notes[1]
    assert dataclasses.replace(cost, zone=None, kg_co2e=None, notes=COST.notes) == COST


def test_another_zone_replaces_the_first() -> None:
    cost = carbon(carbon(COST, "FRA"), "nor")
    assert cost.zone == "NOR"
    assert [note for note in cost.notes if "CO2e" in note] == [find_zone("NOR").sentence]
    assert add(cost, cost).kg_co2e == pytest.approx((0.06016, 0.12032, 0.24064))
    assert not any("CO2e" in note for note in add(cost, COST).notes)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("France", r"Did you mean FRA \(France\)\?"),
        ("Frnace", "FRA"),
        ("united states", r"USA \(United States\)\?"),
        ("zzzzzz", "use world"),
        ("Paris", "such as FRA. For the mean of all countries use world"),
        ("frq", "FRA"),
        ("", "use world"),
    ],
)
def test_unknown_zones(wrong: str, hint: str) -> None:
    with pytest.raises(ValueError, match=f"no grid zone.*three-letter.*{hint}"):
        carbon(COST, wrong)


def test_pounds() -> None:
    assert pytest.approx(284_019, abs=1) == 626_155 * KG_PER_POUND
