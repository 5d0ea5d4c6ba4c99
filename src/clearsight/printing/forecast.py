"""A forecast of what a training will take, as text for a terminal."""

from clearsight.audits.cost import KNOWN, RANGE
from clearsight.printing.columns import table
from clearsight.quantities import count, duration, emissions, energy
from clearsight.training.forecast import VALIDATION_SHARE, Forecast


def forecast(found: Forecast) -> str:
    """Time, energy and CO2e as ranges, how they were found, and what is not in them."""
    cost = found.cost
    rows: list[tuple[str, ...]] = [
        ("time", f"{_span(found.seconds, duration)} in all"),
        *((name, f"{energy(stage.kwh)}, {duration(stage.seconds)}") for name, stage in cost.stages.items()),
        ("energy", f"{energy(cost.kwh)} in all"),
        ("steps", _span(found.steps, count)),
    ]
    if cost.zone is not None and cost.kg_co2e is not None:
        rows.insert(3, ("emissions", f"{emissions(cost.kg_co2e)} (grid zone {cost.zone})"))
    grids = [note for note in cost.notes if "g CO2e/kWh" in note]
    lines = [
        table(rows),
        "",
        f"Measured: {found.passes} passes through the whole schedule in little, {count(found.measured_steps)} steps "
        f"each, {duration(found.measured_seconds)} in all, on {cost.device}. Low and high are those of the passes that "
        f"took least and most; high has up to {VALIDATION_SHARE:.0%} for validation on the way.",
        f"The energy is {KNOWN[cost.how]}. {RANGE}",
        *(f"{note}." for note in grids),
        "Not in it: reading the data, the audits of the report, and whatever else the machine will be doing.",
    ]
    if cost.zone is None:
        lines.append("Name the power grid to see the CO2e: --zone FRA, for example.")
    return "\n".join(lines)


def _span(values: tuple[float, float, float], said: object) -> str:
    """The ends of a range in words, or one where they read alike."""
    assert callable(said)
    low, high = said(values[0]), said(values[2])
    return str(low) if low == high else f"{low} to {high}"
