"""The CO2e of a run where a grid zone was named: beside Strubell et al.'s table, and in other places."""

from clearsight.audits.sentences import joined
from clearsight.energy.grid import KG_PER_POUND, WORLD, Zone, find_zone
from clearsight.quantities import emissions, mass_unit, significant
from clearsight.types import Cost, Finding

# Strubell, Ganesh and McCallum 2019 (arXiv 1906.02243), tables 1 and 3: pounds and kilograms of CO2e.
STRUBELL = (
    ("Transformer (base), trained once", 26, 12),
    ("Transformer (big), trained once", 192, 87),
    ("ELMo, trained once", 262, 119),
    ("BERT (base), trained once", 1_438, 652),
    ("One passenger by air between New York and San Francisco", 1_984, 900),
    ("An average human life, one year", 11_023, 5_000),
    ("An average American life, one year", 36_156, 16_400),
    ("A language pipeline with tuning and experiments", 78_468, 35_592),
    ("A car with its fuel, one lifetime", 126_000, 57_153),
    ("Transformer (big) with architecture search *", 626_155, 284_019),
)
FOOTNOTE = (
    "* The architecture search is an estimate from 2019; later work by the model's authors (Patterson et al. "
    "2021, arXiv 2104.10350) puts the actual figure far lower."
)
ELSEWHERE = ("NOR", WORLD, "IND")


def emitted(spent: Cost, zone: str | None) -> tuple[Finding, ...]:
    """CO2e in kilograms and pounds beside the table, and that of the same run elsewhere; nothing without a zone."""
    if zone is None or spent.kg_co2e is None:
        return ()
    return (_beside_the_table(spent, spent.kg_co2e, zone), _elsewhere(spent, zone))


def _beside_the_table(spent: Cost, kg_co2e: tuple[float, float, float], zone: str) -> Finding:
    factor, unit = mass_unit(kg_co2e[2])
    low, middle, high = (factor * kg for kg in kg_co2e)
    kg = kg_co2e[1]
    pounds_said = f"{_amount(kg / KG_PER_POUND)} lb"
    ours = f"This run (zone {zone})"
    labels = [f"{name}: {pounds:,} lb" for name, pounds, _ in STRUBELL]
    flight = next(float(each) for name, _, each in STRUBELL if "passenger" in name)
    return Finding(
        question="what it cost",
        claim=f"That is {_amount(middle)} {unit} of CO2e ({pounds_said}) in zone {zone}, between "
        f"{_amount(low)} and {_amount(high)} {unit}: {_compared(kg, flight)} one passenger's air travel "
        "between New York and San Francisco.",
        metric=f"CO2e, {unit}",
        value=middle,
        interval=(low, high),
        n=1,
        unit="runs",
        method="Energy times the average carbon intensity of the zone's power (location-based). Beside it: "
        "Strubell, Ganesh and McCallum 2019, tables 1 and 3 (1 lb = 0.45359237 kg). " + FOOTNOTE,
        limits="A yearly average: the hour's own mix may differ much. The trials before this run are not in it.",
        plot="bars",
        series={
            "label": [f"{ours}: {pounds_said}", *labels],
            "value": [kg, *[float(each) for _, _, each in STRUBELL]],
            "ours": [True] + [False] * len(STRUBELL),
        },
        axes=("CO2e", "kg"),
    )


def _elsewhere(spent: Cost, zone: str) -> Finding:
    """What the same energy would have emitted on other grids, cleaner and dirtier, named with year and source."""
    places = [find_zone(code) for code in dict.fromkeys((zone, *ELSEWHERE))]
    grams = [tuple(kwh * place.g_per_kwh for kwh in spent.kwh) for place in places]
    kg = [emissions([one / 1000 for one in each]) for each in grams]
    told = [f"{text} {_at(place)}" for place, text in zip(places, kg, strict=True)]
    return Finding(
        question="what it cost",
        claim=f"The same run on another grid would have emitted {joined(told[1:])}, instead of {told[0]}.",
        metric="CO2e by place, g",
        value=None,
        interval=None,
        n=len(places),
        unit="places",
        method="The energy of this run times the mean carbon intensity of each place: "
        + "; ".join(f"{place.code} {place.g_per_kwh:.0f} g/kWh ({place.year}, {place.source})" for place in places)
        + ". Location-based yearly means that ship with the package.",
        limits="The means are of different years, and another machine elsewhere would not use the same energy.",
        plot="bars",
        series={
            "label": [f"{place.name} ({place.year})" for place in places],
            "value": [each[1] for each in grams],
            "ours": [place.code == places[0].code for place in places],
        },
        axes=("CO2e", "g"),
    )


def _at(place: Zone) -> str:
    return "at the world's mean" if place.code == WORLD else f"in {place.name}"


def _amount(value: float) -> str:
    return significant(value, 2)


def _compared(kg: float, flight: float) -> str:
    share = kg / flight
    if share >= 1:
        return f"{share:.1f} times"
    if share >= 0.001:
        return f"{100 * share:.1f}% of"
    return "less than a thousandth of"
