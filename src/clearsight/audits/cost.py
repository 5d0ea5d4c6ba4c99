"""What it cost: energy as a range, how it is known, and CO2e where a grid zone is named."""

from collections.abc import Sequence

from clearsight.quantities import duration, energy_unit, mass_unit, significant
from clearsight.types import Cost, Finding, Request

POUND_KG = 0.45359237
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
    "* The architecture search is an estimate from 2019; later work by the model's authors puts the actual figure far "
    "lower."
)
KNOWN = {
    "measured": "read from the machine's own counters",
    "modelled": "modelled from how busy the machine was",
    "assumed": "assumed from the rated power of the machine",
}


def cost(request: Request) -> tuple[Finding, ...]:
    """Energy and time of the run, and its CO2e beside Strubell et al.'s table where a grid zone was named."""
    if request.cost is None:
        return (_unknown(),)
    zone = request.cost.zone or request.zone
    return (_energy(request.cost, zone), *_carbon(request.cost, zone))


def _unknown() -> Finding:
    return Finding(
        question="what it cost",
        claim="The cost of this run is not known: nothing was metered.",
        metric="energy",
        value=None,
        interval=None,
        n=0,
        unit="runs",
        method="No meter ran.",
        limits="Not metered does not mean free.",
        verdict="insufficient",
    )


def _amount(value: float) -> str:
    return significant(value, 2)


def _sentences(notes: Sequence[str]) -> str:
    """Notes as sentences, one after the other."""
    return " ".join(f"{note[:1].upper()}{note[1:].rstrip('.')}." for note in notes)


def _energy(spent: Cost, zone: str | None) -> Finding:
    factor, unit = energy_unit(spent.kwh[2])
    low, middle, high = (factor * kwh for kwh in spent.kwh)
    claim = (
        f"Training and evaluation took {duration(spent.seconds)} and {_amount(middle)} {unit} ({_amount(low)} to "
        f"{_amount(high)}) on {spent.device}; the energy is {KNOWN[spent.how]}."
    )
    if zone is None:
        claim += " Name the power grid to see the CO2e: --zone FRA, for example."
    elif spent.kg_co2e is None:
        claim += f" The carbon intensity of zone {zone} is not known, so no CO2e is given."
    parts = [(name, factor * kwh[1]) for name, kwh in spent.parts.items()]
    return Finding(
        question="what it cost",
        claim=claim,
        metric=f"energy, {unit}",
        value=middle,
        interval=(low, high),
        n=1,
        unit="runs",
        method=f"The energy is {KNOWN[spent.how]}. The range is of what is not known about the power, not a confidence "
        f"interval. {_sentences(spent.notes)}".rstrip(),
        limits="This run alone: not the trials before it, the making of the machine, or the use of the model.",
        plot="bars" if parts else None,
        series={
            "label": [name for name, _ in parts],
            "value": [kwh for _, kwh in parts],
            "ours": [True] * len(parts),
        }
        if parts
        else {},
        axes=("energy", unit) if parts else (),
    )


def _carbon(spent: Cost, zone: str | None) -> tuple[Finding, ...]:
    """CO2e in kilograms and pounds beside the table; nothing without a zone."""
    if zone is None or spent.kg_co2e is None:
        return ()
    factor, unit = mass_unit(spent.kg_co2e[2])
    low, middle, high = (factor * kg for kg in spent.kg_co2e)
    kg = spent.kg_co2e[1]
    pounds_said = f"{_amount(kg / POUND_KG)} lb"
    ours = f"This run (zone {zone})"
    labels = [f"{name}: {pounds:,} lb" for name, pounds, _ in STRUBELL]
    flight = next(float(each) for name, _, each in STRUBELL if "passenger" in name)
    return (
        Finding(
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
        ),
    )


def _compared(kg: float, flight: float) -> str:
    share = kg / flight
    if share >= 1:
        return f"{share:.1f} times"
    if share >= 0.001:
        return f"{100 * share:.1f}% of"
    return "less than a thousandth of"
