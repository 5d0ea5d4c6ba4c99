"""What a run keeps of tests of its robustness, as an audit asks for it."""

from clearsight.metrics.out_of_distribution import OutOfDistributionStatistics
from clearsight.robustness import attacks, conditions, strangers
from clearsight.robustness.conditions import Store, still_holds
from clearsight.run import Run
from clearsight.types import Evidence


def kept_of(run: Run, judged: Evidence) -> dict[str, Evidence]:
    """The evidence of all tests on the data and split of an evaluation, by folder and condition.

    Nothing where the weights, or what was settled for deployment, have changed since.
    """
    data, split = judged.about["data"], judged.about["split"]
    found = {
        conditions.FOLDER: Store(run, conditions.FOLDER, data, split).read(),
        attacks.FOLDER: Store(run, attacks.FOLDER, data, split).read(),
        strangers.FOLDER: Store(run, strangers.FOLDER, data, split, strangers.FIRST).read(OutOfDistributionStatistics),
    }
    return {
        f"{folder} {condition}": one
        for folder, kept in found.items()
        for condition, one in kept.items()
        if still_holds(run, one, judged)
    }
