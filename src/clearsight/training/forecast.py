"""What a training will take, measured on its first steps.

A schedule does not cost the same all along: some begin with smaller pictures, or with a backbone that is not trained.
So what is measured is the whole schedule in little, of a few steps each time, and more than once.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from clearsight.energy.costs import add, scaled
from clearsight.energy.meter import Meter
from clearsight.energy.power import Range
from clearsight.evaluation import evaluator
from clearsight.loading import trained
from clearsight.loading.data import Gathered
from clearsight.loading.posing import posed
from clearsight.run import Run
from clearsight.training import loop
from clearsight.training.batching import Subset
from clearsight.training.process import Plan, cost_before, launch, steps_of
from clearsight.types import Cost, Stage

FIRST_S = 2.0  # not counted: memory and kernels are prepared
MEASURED_S = 20.0
PASSES = 3
FEWEST_STEPS = 2
FIRST_JUDGED, JUDGED = 8, 100  # pictures
VALIDATION_SHARE = loop.Hooks.validation_share

Watch = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a training will take, as [low, mid, high].

    ``cost`` holds the energy of all of it and by stage, with the middle of ``seconds``. ``steps`` is how many steps
    the training will have. It stands on ``passes`` passes through the schedule of ``measured_steps`` steps each.
    """

    cost: Cost
    seconds: Range
    steps: Range
    passes: int
    measured_steps: int
    measured_seconds: float


@dataclass(frozen=True)
class _Pass:
    """One pass through the schedule, from its first step to its last."""

    steps: int
    cost: Cost

    @property
    def step_s(self) -> float:
        return self.cost.seconds / self.steps

    @property
    def watts(self) -> Range:
        return scaled(self.cost.kwh, 3.6e6 / self.cost.seconds)


def forecast(run: Run, plan: Plan, gathered: Gathered, watch: Watch = lambda done, total: None) -> Forecast:
    """Measure the first steps of a plan whose run folder is empty and will be thrown away.

    Raises ValueError where the training diverges within these steps.
    """
    first = _measured(run, plan, gathered, loop.Budget(minutes=FIRST_S / 60))
    whole = steps_of(plan, gathered)
    count = max(FEWEST_STEPS, round(MEASURED_S / PASSES / first.step_s))
    count = count if whole is None else min(count, whole)
    passes = []
    for done in range(PASSES):
        watch(done, PASSES)
        passes.append(_measured(run, plan, gathered, loop.Budget(steps=count)))
    validated = "val" in gathered.source.splits
    training, seconds, steps = _projected(plan.budget, whole, passes, VALIDATION_SHARE if validated else 0.0)
    costs = [training, *_evaluation(run, plan, gathered)]
    cost = add(*costs)
    after = sum(one.seconds for one in costs[1:])
    return Forecast(
        cost=cost,
        seconds=(seconds[0] + after, seconds[1] + after, seconds[2] + after),
        steps=steps,
        passes=PASSES,
        measured_steps=count,
        measured_seconds=sum(one.cost.seconds for one in passes),
    )


def _measured(run: Run, plan: Plan, gathered: Gathered, budget: loop.Budget) -> _Pass:
    """Train for a small budget from the beginning, and what the steps took."""
    run.remove_checkpoint()
    (run.path / "log.jsonl").unlink(missing_ok=True)
    launch(run, replace(plan, budget=budget, quiet=True), gathered)
    cost = cost_before(run)
    assert cost is not None  # every training ends in a checkpoint, which is logged with its cost
    return _Pass(steps=next(row["saved"] for row in reversed(run.read_log()) if "saved" in row), cost=cost)


def _projected(
    budget: loop.Budget, whole: int | None, passes: list[_Pass], validation_share: float
) -> tuple[Cost, Range, Range]:
    """The cost of the training, its seconds and its steps, from the passes.

    What the budget fixes is known; low and high are those of the passes that took least and most.
    """
    step_s = _range([one.step_s for one in passes])
    watts = (
        min(one.watts[0] for one in passes),
        sum(one.watts[1] for one in passes) / len(passes),
        max(one.watts[2] for one in passes),
    )
    if whole is not None:
        each = scaled(step_s, whole)
        seconds = (each[0], each[1], each[2] * (1 + validation_share))
        steps: Range = (whole, whole, whole)
        of_passes = [scaled(one.cost.kwh, whole / one.steps) for one in passes]
        mid = sum(one[1] for one in of_passes) / len(passes)
        kwh = (min(one[0] for one in of_passes), mid, max(one[2] for one in of_passes) * (1 + validation_share))
    else:
        if budget.minutes is not None:
            seconds = (60 * budget.minutes,) * 3
            kwh = scaled(watts, seconds[1] / 3.6e6)
        else:
            assert budget.kwh is not None
            # The training stops by the middle estimate of the energy, so the truth may lie as far off as in a pass.
            seconds = scaled(_range([1 / one.watts[1] for one in passes]), budget.kwh * 3.6e6)
            kwh = scaled((watts[0] / watts[1], 1.0, watts[2] / watts[1]), budget.kwh)
        steps = (seconds[0] / step_s[2], seconds[1] / step_s[1], seconds[2] / step_s[0])
    parts = {"training": Stage(seconds=seconds[1], kwh=kwh)}
    return replace(passes[-1].cost, seconds=seconds[1], kwh=kwh, parts={}, stages=parts), seconds, steps


def _range(values: list[float]) -> Range:
    return (min(values), sum(values) / len(values), max(values))


def _evaluation(run: Run, plan: Plan, gathered: Gathered) -> list[Cost]:
    """What judging all held-out pictures will take, from some of them; nothing of a generator."""
    splits = [gathered.source.splits[name] for name in ("val", "test") if name in gathered.source.splits]
    if trained.makes_pictures(plan.model) or not splits:
        return []
    source = posed(gathered.source, run.config)
    dataset = source.splits["val" if "val" in source.splits else "test"]
    predictor, task = trained.predictor(run), trained.task_of(run.config)
    evaluator.evaluate(predictor, task, Subset(dataset, FIRST_JUDGED))
    some = Subset(dataset, JUDGED)
    with Meter() as meter:
        evaluator.evaluate(predictor, task, some)
    found, pictures = meter.cost(), sum(map(len, splits))
    more = pictures / len(some)
    stage = Stage(seconds=found.seconds * more, kwh=scaled(found.kwh, more), pictures=pictures)
    return [replace(found, seconds=stage.seconds, kwh=stage.kwh, parts={}, stages={"evaluation": stage})]
