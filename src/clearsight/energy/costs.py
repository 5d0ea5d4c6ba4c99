"""Costs added, joined and assumed: arithmetic of [low, mid, high] ranges that keeps how they are known."""

from collections.abc import Mapping

from clearsight.energy.power import Range
from clearsight.types import Cost, How, Stage

JOULES_PER_KWH = 3.6e6

_CERTAINTY: tuple[How, ...] = ("measured", "modelled", "assumed")


def add(*costs: Cost) -> Cost:
    """The sum of one or more costs: as certain as the least certain, with CO2e only where all name the same zone."""
    if not costs:
        raise ValueError("there are no costs to add. Give at least one.")
    parts: dict[str, Range] = {}
    for cost in costs:
        parts |= {part: summed(parts.get(part, (0.0, 0.0, 0.0)), kwh) for part, kwh in cost.parts.items()}
    zones = {cost.zone for cost in costs}
    emitted = [cost.kg_co2e for cost in costs if cost.kg_co2e is not None]
    same = len(zones) == 1 and len(emitted) == len(costs)
    return Cost(
        seconds=sum(cost.seconds for cost in costs),
        kwh=summed(*(cost.kwh for cost in costs)),
        how=least_certain(*(cost.how for cost in costs)),
        device="; ".join(dict.fromkeys(device for cost in costs for device in cost.device.split("; "))),
        parts=parts,
        zone=zones.pop() if same else None,
        kg_co2e=summed(*emitted) if same else None,
        notes=tuple(dict.fromkeys(note for cost in costs for note in cost.notes if same or "g CO2e/kWh" not in note)),
        stages=joined_stages(*(cost.stages for cost in costs)),
    )


def joined_stages(*all_: Mapping[str, Stage]) -> dict[str, Stage]:
    """Stages by name; those of one name are one."""
    found: dict[str, Stage] = {}
    for stages in all_:
        for name, one in stages.items():
            before = found.get(name, Stage(seconds=0.0, kwh=(0.0, 0.0, 0.0)))
            found[name] = Stage(
                seconds=before.seconds + one.seconds,
                kwh=summed(before.kwh, one.kwh),
                pictures=before.pictures + one.pictures,
            )
    return found


def assumed(device: str, watts: Range, seconds: float, pue: float = 1.0) -> Cost:
    """The cost of a device at constant power, [low, mid, high] watts, for a time: Strubell et al. 2019, equation 1."""
    if not 0 <= watts[0] <= watts[1] <= watts[2] or seconds < 0:
        raise ValueError(
            f"the power is {watts} W for {seconds} s. Expected low <= mid <= high watts and a time, none below 0."
        )
    kwh = scaled(watts, seconds * pue / JOULES_PER_KWH)
    notes = (f"{device}: assumed at {watts[0]:g} to {watts[2]:g} W all the time", pue_note(pue))
    return Cost(seconds=seconds, kwh=kwh, how="assumed", device=device, parts={device: kwh}, notes=notes)


def summed(*ranges: Range) -> Range:
    """The sum of ranges, end by end."""
    return (sum(each[0] for each in ranges), sum(each[1] for each in ranges), sum(each[2] for each in ranges))


def scaled(values: Range, factor: float) -> Range:
    """A range times a factor."""
    return (values[0] * factor, values[1] * factor, values[2] * factor)


def least_certain(*hows: How) -> How:
    """How a whole is known whose parts are known so."""
    return max(hows, key=_CERTAINTY.index)


def pue_note(pue: float) -> str:
    """What the power usage effectiveness adds, in words."""
    return f"PUE {pue:g}: " + ("nothing added for cooling and supply" if pue == 1 else "for cooling and supply")
