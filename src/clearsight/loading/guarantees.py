"""Guarantees as a run keeps them: settled once on pictures that were not trained on, checked and used from then on."""

from typing import Any

from clearsight.decisions.policy import Policy, policy_of
from clearsight.decisions.settling import USUAL_LEVEL, settled
from clearsight.files.records import from_json, to_json
from clearsight.loading import trained
from clearsight.run import Config, Run
from clearsight.types import Evidence, Guarantee


def keep(run: Run, evidence: Evidence) -> tuple[Guarantee, ...]:
    """Settle what the evidence allows and keep it in the run, in place of any before; and return it."""
    found = settled(evidence, run.config.seed)
    run.change(settings={**run.config.settings, "guarantees": [to_json(one) for one in found]})
    return found


def kept(config: Config) -> tuple[Guarantee, ...]:
    """The guarantees that a run keeps; none of a run that was trained before there were any."""
    return tuple(from_json(Guarantee, one, "guarantees") for one in config.settings.get("guarantees", ()))


def policy_for(run: Run, level: float | None = None) -> Policy:
    """The policy of a run at an error allowed, the usual one where None is given.

    Raises ValueError where the run keeps none, or none for this error.
    """
    config = run.config
    guarantees = kept(config)
    if not guarantees:
        unit, held_out = "pictures", "pictures held out"
        if config.settings.get("table"):
            unit, held_out = "rows", 'a column split in the table that says "test" of some rows'
        raise ValueError(
            f"{run.path} keeps no policy: none was settled in its training, which takes {unit} that are held out of "
            f"it, and a task with classes, labels, objects or numbers. Leave --policy out, or train {config.model} "
            f"anew with this version and {held_out}."
        )
    try:
        return policy_of(guarantees, USUAL_LEVEL if level is None else level, config.class_names, thresholds_of(config))
    except ValueError as error:
        raise ValueError(f"{run.path}: {error} Choose it with --risk.") from error


def thresholds_of(config: Config) -> tuple[float, ...]:
    """The thresholds deployed: of several labels one per class, of objects one; none elsewhere."""
    deployed: dict[str, Any] = trained.deployed(config)
    if "threshold" in deployed:
        return (float(deployed["threshold"]),)
    return tuple(map(float, deployed.get("thresholds", ())))
