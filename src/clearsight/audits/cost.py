"""What it cost: energy as a range, how it is known, and CO2e where a grid zone is named."""

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
        claim="Nobody knows what this run cost: nothing was metered.",
        metric="energy",
        value=None,
        interval=None,
        n=0,
        unit="runs",
        method="No meter ran.",
        limits="Not metered does not mean free.",
        verdict="insufficient",
    )


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"


def _amount(value: float) -> str:
    """A number with two or three significant digits and no exponent, however small."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2g}" if value >= 1e-4 or value == 0 else f"{value:.6f}".rstrip("0").rstrip(".")


def _energy(spent: Cost, zone: str | None) -> Finding:
    low, middle, high = spent.kwh
    span = f"{_amount(middle)} kWh ({_amount(low)} to {_amount(high)})"
    claim = f"It took {_duration(spent.seconds)} and {span} on {spent.device}, {KNOWN[spent.how]}."
    if zone is None:
        claim += " Name the power grid to see the CO2e: --zone FRA, for example."
    elif spent.kg_co2e is None:
        claim += f" The carbon intensity of zone {zone} is not known, so no CO2e is given."
    parts = [(name, kwh[1]) for name, kwh in spent.parts.items()]
    return Finding(
        question="what it cost",
        claim=claim,
        metric="energy",
        value=middle,
        interval=(low, high),
        n=1,
        unit="runs",
        method=f"{spent.how}: {KNOWN[spent.how]}. The range is of what is not known about the power, not a confidence "
        "interval." + "".join(f" {note}" for note in spent.notes),
        limits="This run alone: not the trials before it, the making of the machine, or the use of the model.",
        plot="bars" if parts else None,
        series={
            "label": [name for name, _ in parts],
            "value": [kwh for _, kwh in parts],
            "ours": [True] * len(parts),
        }
        if parts
        else {},
        axes=("energy", "kWh") if parts else (),
    )


def _carbon(spent: Cost, zone: str | None) -> tuple[Finding, ...]:
    """CO2e in kilograms and pounds beside the table; nothing without a zone."""
    if zone is None or spent.kg_co2e is None:
        return ()
    low, middle, high = spent.kg_co2e
    ours = f"This run (zone {zone})"
    labels = [f"{name}: {pounds:,} lb" for name, pounds, _ in STRUBELL]
    flight = next(float(kg) for name, _, kg in STRUBELL if "passenger" in name)
    return (
        Finding(
            question="what it cost",
            claim=f"That is {_amount(middle)} kg of CO2e ({_amount(middle / POUND_KG)} lb) in zone {zone}, between "
            f"{_amount(low)} and {_amount(high)} kg: {_compared(middle, flight)} one passenger's air travel "
            "between New York and San Francisco.",
            metric="CO2e",
            value=middle,
            interval=(low, high),
            n=1,
            unit="runs",
            method="Energy times the average carbon intensity of the zone's power (location-based). Beside it: "
            "Strubell, Ganesh and McCallum 2019, tables 1 and 3 (1 lb = 0.45359237 kg). " + FOOTNOTE,
            limits="A yearly average: the hour's own mix may differ much. The trials before this run are not in it.",
            plot="bars",
            series={
                "label": [f"{ours}: {_amount(middle / POUND_KG)} lb", *labels],
                "value": [middle, *[float(kg) for _, _, kg in STRUBELL]],
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
