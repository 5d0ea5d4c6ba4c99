"""What a sweep found, as text for a terminal and as plain values for JSON."""

from typing import Any

from clearsight.files.records import to_json
from clearsight.printing.columns import table
from clearsight.quantities import emissions, energy, fixed
from clearsight.sweeps.swept import Swept
from clearsight.sweeps.variance import Share


def plain(found: Swept) -> Any:
    """The result as JSON values."""
    return to_json(found)


def swept(found: Swept) -> str:
    """The best configuration, what the score depends on, each trial, and what all of it took."""
    parts = [found.claim, ""]
    if found.variance is not None:
        rows: list[tuple[str, ...]] = [("share of the variance of scores", "", "95% interval", "p")]
        shares = (*found.variance.parameters, found.variance.seed, found.variance.rest)
        parts += [table(rows + [_share(one) for one in shares], (1,)), ""]
    names = list(found.trials[0].settings)
    trials: list[tuple[str, ...]] = [("trial", *names, "seed", found.metric)]
    for one in found.trials:
        result = one.error if one.state == "failed" or one.score is None else fixed(one.score, 4)
        told = f"failed: {result}" if one.state == "failed" else result
        trials.append((str(one.number), *one.settings.values(), str(one.seed), told))
    parts += [table(trials, (0,)), ""]
    if found.cost is not None:
        carbon = f", {emissions(found.cost.kg_co2e)} in zone {found.cost.zone}" if found.cost.kg_co2e else ""
        parts.append(f"All trials took {energy(found.cost.kwh)}{carbon}.")
    return "\n".join([*parts, f"Page: {found.page}"])


def _share(one: Share) -> tuple[str, ...]:
    name = {"rest": "interactions and the rest", "seed": "the seed alone"}.get(one.name, one.name)
    ends = "" if one.low is None or one.high is None else f"{one.low:.0%} to {one.high:.0%}"
    return (name, f"{one.share:.0%}", ends, "" if one.p is None else f"{one.p:.3f}")
