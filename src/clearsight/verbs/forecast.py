"""What a training would take, in time, energy and CO2e, before it is begun."""

import dataclasses
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clearsight.console.progress import stage
from clearsight.energy.grid import carbon, find_zone
from clearsight.training import loop
from clearsight.training.forecast import Forecast
from clearsight.training.forecast import forecast as measured
from clearsight.training.planning import planned
from clearsight.verbs.train import MINUTES, learns_rows, named


def forecast(
    model: str | None = None,
    data: str | Path | None = None,
    *,
    backbone: str | None = None,
    pretrained: bool | Path = False,
    epochs: float | None = None,
    minutes: float | None = None,
    budget_kwh: float | None = None,
    devices: int = 1,
    zone: str | None = None,
    attributes: Path | str | None = None,
    target: str | None = None,
    cluster: str = "auto",
    resplit: bool = False,
    seed: int = 0,
    skip_bad: bool = False,
    settings: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> Forecast:
    """Measure some steps of the training that `train` would do with the same arguments, and leave no run behind.

    It takes about half a minute. What reading the data and the audits of the report take is not in it.

    Raises:
        ValueError: what `train` would refuse, a table, or a training that diverges within these steps.
    """
    model, data = named(model, data)
    if learns_rows(model, data):
        raise ValueError(
            f"{model} learns from a table in one go, and what that takes is known once it is done. Expected pictures "
            "and a network. Train it: the report says what it took."
        )
    zone = None if zone is None else find_zone(zone).code
    if epochs is None and minutes is None and budget_kwh is None:
        minutes = MINUTES
    budget = loop.Budget(epochs=epochs, minutes=minutes, kwh=budget_kwh)
    with tempfile.TemporaryDirectory(prefix="clearsight-forecast-") as place:
        run, plan, gathered = planned(
            model, str(data), backbone, pretrained, budget, devices, attributes, target, cluster, resplit,
            Path(place) / "run", seed, skip_bad, dict(settings or {}), quiet, {"by": [], "zone": zone},
        )  # fmt: skip
        try:
            with stage("measuring some steps", quiet) as watch:
                found = measured(run, plan, gathered, watch)
        except loop.Interrupted:
            raise KeyboardInterrupt from None  # nothing is kept to go on with
    if zone is None:
        return found
    return dataclasses.replace(found, cost=carbon(found.cost, zone))
