"""Carbon intensity of electricity by place: yearly means that ship with the package (``grid.csv``), never looked up.

The numbers are location-based: the mean of all electricity generated in a place in a year, not of the hour of the run
nor of a contract for green power. The source of each row is named in it; NOTICE holds the licence of CodeCarbon's.
"""

import csv
import dataclasses
import difflib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clearsight.suggestions import asked_after
from clearsight.types import Cost

WORLD = "world"
KG_PER_POUND = 0.45359237


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A place with one mean carbon intensity: ``code`` is its ISO 3166 alpha-3 code, or ``world``."""

    code: str
    name: str
    year: int
    g_per_kwh: float
    source: str

    @property
    def sentence(self) -> str:
        """The number with its year, source and method."""
        return (
            f"{self.code} ({self.name}): {self.g_per_kwh:.0f} g CO2e/kWh, mean of {self.year}, {self.source}; "
            "location-based, not of the hour of the run"
        )


@cache
def zones() -> dict[str, Zone]:
    """All zones by code, the world first."""
    text = (Path(__file__).parent / "grid.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {
        row["zone"]: Zone(
            code=row["zone"],
            name=row["name"],
            year=int(row["year"]),
            g_per_kwh=float(row["g_per_kwh"]),
            source=row["source"],
        )
        for row in rows
    }


def find_zone(code: str) -> Zone:
    """The zone of a code such as ``FRA``, in any case; raises ValueError with the nearest for anything else."""
    by_code = {known.lower(): zone for known, zone in zones().items()}
    wanted = code.strip().lower()
    if wanted in by_code:
        return by_code[wanted]
    by_word = {zone.name.lower(): zone for zone in by_code.values()} | by_code
    near = [by_word[wanted]] if wanted in by_word else []
    if not near:
        near = [by_word[word] for word in by_word if len(wanted) > 3 and wanted in word]
        # A code of three letters is near to many words by chance: only what is as short may be one mistyped.
        short = len(wanted) <= 4
        rivals = [word for word in by_word if (word in by_code) == short]
        near += [
            by_word[word] for word in difflib.get_close_matches(wanted, rivals, n=3, cutoff=0.6 if short else 0.75)
        ]
    names = [f"{zone.code} ({zone.name})" for zone in dict.fromkeys(near)][:3]
    hint = asked_after(names, "For the mean of all countries use world.")
    raise ValueError(f"there is no grid zone {code!r}. Expected a three-letter country code, such as FRA. {hint}")


def carbon(cost: Cost, zone: str) -> Cost:
    """The cost with the CO2e of its energy in a zone: kg as [low, mid, high], like the energy.

    The range is that of the energy alone; the yearly mean of the zone has none.

    Raises:
        ValueError: an unknown zone; the message names the nearest.
    """
    place = find_zone(zone)
    low, mid, high = (kwh * place.g_per_kwh / 1000 for kwh in cost.kwh)
    notes = tuple(note for note in cost.notes if "g CO2e/kWh" not in note)
    return dataclasses.replace(cost, zone=place.code, kg_co2e=(low, mid, high), notes=(*notes, place.sentence))
