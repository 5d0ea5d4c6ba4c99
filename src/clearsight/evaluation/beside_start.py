"""The run that a training went on from, judged on the same pictures: what going on has changed."""

from dataclasses import replace

from clearsight.evaluation import evaluator
from clearsight.loading import trained
from clearsight.run import Config, Run
from clearsight.sources import Source
from clearsight.types import Evidence

NAME = "start"


def start_of(config: Config) -> str:
    """The folder of the run that a training went on from; "" where it began anew."""
    return str(config.settings.get("model", {}).get("start", ""))


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
    about = {**judged.about, "started from": start.name}
    found = replace(judged, statistics=counted.statistics, about=about)
    run.write_evidence(name, found)
    return {NAME: found}
