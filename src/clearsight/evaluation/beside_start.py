"""The run that a training went on from, judged on the same pictures: what going on has changed."""

from dataclasses import replace
from pathlib import Path

from clearsight.audits.fine_tuning import STARTED_FROM
from clearsight.evaluation import evaluator
from clearsight.loading import trained
from clearsight.run import Config, Run
from clearsight.sources import Source
from clearsight.types import Evidence

NAME = "start"
DIVISION = ("attributes", "target", "cluster", "resplit")  # what decides, with the share held out, who is trained on


def start_of(config: Config) -> str:
    """The folder of the run that a training went on from; "" where it began anew."""
    return str(config.settings.get("model", {}).get("start", ""))


def notes_of_start(config: Config) -> list[str]:
    """What a reader must know of a run that went on from another: its cost, and which pictures that one has seen."""
    place = start_of(config)
    if not place:
        return []
    name = Path(place).name
    notes = [f"What the training of {name}, which this run went on from, has cost is not in the costs of this report."]
    try:
        start = trained.opened(place).config
    except ValueError:
        return [*notes, f"{name} is not where it was, so nobody can tell whether it saw the pictures judged here."]
    held_out = {one.settings["training"].get("held_out") for one in (config, start)}
    divided = [tuple(one.settings.get(word) for word in DIVISION) for one in (config, start)]
    if config.fingerprint != start.fingerprint or len(held_out) > 1 or divided[0] != divided[1]:
        notes.append(
            f"{name}, which this run went on from, was trained on other data or on another division of them: it may "
            "have seen pictures that are judged here, which would make the scores too good."
        )
    return notes


def beside_start(run: Run, source: Source, judged: Evidence) -> dict[str, Evidence]:
    """The evidence of its start on the judged pictures, by its name, kept in the run folder; nothing without one.

    ``source`` is posed as the run is judged. What was kept is taken again, so that it does not matter whether the run
    that it went on from is still there; where it is not, and nothing was kept of these pictures, there is nothing.
    """
    place, split = start_of(run.config), judged.about["split"]
    if not place:
        return {}
    name, task = f"{NAME}-{split}", trained.task_of(run.config)
    if name in run.evidence_names:
        kept = run.read_evidence(name, task.statistics_type)
        if kept.ids == judged.ids and kept.about.get("fingerprint") == judged.about.get("fingerprint"):
            return {NAME: kept}
    try:
        start = trained.opened(place)
        predictor = trained.predictor(start)
    except ValueError:
        return {}
    counted = evaluator.evaluate(predictor, task, source.split(split))
    about = {**judged.about, STARTED_FROM: start.name}
    found = replace(judged, statistics=counted.statistics, about=about)
    run.write_evidence(name, found)
    return {NAME: found}
