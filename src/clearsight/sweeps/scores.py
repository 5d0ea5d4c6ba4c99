"""The scores of finished trials, read from the evidence in their runs: by trial, and over resampled pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearsight.loading import trained
from clearsight.metrics.crossed import Crossed, crossed
from clearsight.metrics.resample import cluster_weights
from clearsight.run import Run
from clearsight.sweeps.folder import Design, Folder, Outcome
from clearsight.types import Evidence, Metric

REPLICATES = 400


@dataclass(frozen=True, kw_only=True)
class Scored:
    """The evaluations of finished trials on the same pictures: ``evidence[configuration][seed]``."""

    metric: Metric
    evidence: Mapping[int, Mapping[int, Evidence]]

    @property
    def any(self) -> Evidence:
        """One of them, for what they have in common."""
        return next(iter(next(iter(self.evidence.values())).values()))

    def value(self, configuration: int, seed: int) -> float:
        """The score of a trial."""
        return value_of(self.metric, self.evidence[configuration][seed])

    def values(self, configuration: int) -> np.ndarray:
        """The scores of a configuration, seed by seed."""
        return np.array([self.value(configuration, seed) for seed in self.evidence[configuration]])

    def whole(self, seeds: tuple[int, ...]) -> tuple[int, ...]:
        """The configurations that finished with every seed, with a score each time."""
        return tuple(
            place
            for place, found in self.evidence.items()
            if set(found) == set(seeds) and np.isfinite(self.values(place)).all()
        )

    def over_pictures(self, configuration: int, seeds: tuple[int, ...], seed: int) -> Crossed:
        """The scores of a configuration on resampled clusters of pictures, the same for all configurations."""
        weights = cluster_weights(self.any.clusters, REPLICATES, seed)
        statistics = [self.evidence[configuration][one].statistics for one in seeds]
        return crossed(self.metric, statistics, weights)


def scored(folder: Folder, design: Design, outcomes: Mapping[int, Outcome], judged: bool) -> Scored:
    """The evaluations of all finished trials: those that were judged, or those by which the best is chosen.

    Raises ValueError where no trial finished, or where trials were not evaluated on the same pictures.
    """
    found: dict[int, dict[int, Evidence]] = {}
    task: Any = None
    for trial in design.trials:
        outcome = outcomes.get(trial.number)
        if outcome is None or outcome.state == "failed":
            continue
        run = Run.open(folder.run_of(trial.number))
        task = task or trained.task_of(run.config)
        evidence = run.read_evidence(outcome.judged_by if judged else outcome.chosen_by, task.statistics_type)
        found.setdefault(trial.configuration, {})[trial.seed] = evidence
    if not found:
        first = next((one.error for one in outcomes.values() if one.error), "nothing is known of why")
        raise ValueError(f"all {len(outcomes)} trials of {folder.path} failed. The first said: {first}")
    every = [evidence for one in found.values() for evidence in one.values()]
    if any(one.ids != every[0].ids for one in every):
        raise ValueError(
            f"the trials of {folder.path} were not evaluated on the same pictures: the data have changed meanwhile. "
            "Begin a new sweep."
        )
    return Scored(metric=every[0].statistics.metrics()[0], evidence=dict(sorted(found.items())))


def value_of(metric: Metric, evidence: Evidence) -> float:
    """A metric on all pictures of some evidence."""
    return float(metric.compute(evidence.statistics, np.ones((1, evidence.statistics.images)))[0])
