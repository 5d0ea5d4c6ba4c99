"""What it cost: energy as a range, how it is known, what it was for, and CO2e where a grid zone is named."""

from collections.abc import Sequence

import numpy as np

from clearsight.audits.emissions import emitted
from clearsight.audits.scores import gained
from clearsight.audits.sentences import joined
from clearsight.energy.costs import scaled
from clearsight.metrics.resample import Resampling
from clearsight.quantities import count, counted, duration, energy, energy_unit, fixed, significant
from clearsight.types import Cost, Finding, Request, Stage

TRAINING, EVALUATION, AUDIT = "training", "evaluation", "audit"
RANGE = "The range is of what is not known about the power, not a confidence interval."
KNOWN = {
    "measured": "read from the machine's own counters",
    "modelled": "modelled from how busy the machine was",
    "assumed": "assumed from the rated power of the machine",
}


def cost(request: Request) -> tuple[Finding, ...]:
    """Energy and time of the run, by stage, for a picture and for a point; its CO2e where a grid zone was named."""
    spent = request.cost
    if spent is None:
        return (_unknown(),)
    zone = spent.zone or request.zone
    return (
        _energy(spent, zone),
        *_by_stage(spent),
        *_for_a_picture(spent),
        *_for_a_point(request, spent),
        *emitted(spent, zone),
    )


def _unknown() -> Finding:
    return Finding(
        question="what it cost",
        claim="The cost of this run is not known: nothing was metered.",
        metric="energy",
        value=None,
        interval=None,
        n=0,
        unit="runs",
        method="No meter ran.",
        limits="Not metered does not mean free.",
        verdict="insufficient",
    )


def _amount(value: float) -> str:
    return significant(value, 2)


def _sentences(notes: Sequence[str]) -> str:
    """Notes as sentences, one after the other."""
    return " ".join(f"{note[:1].upper()}{note[1:].rstrip('.')}." for note in notes)


def _energy(spent: Cost, zone: str | None) -> Finding:
    factor, unit = energy_unit(spent.kwh[2])
    low, middle, high = (factor * kwh for kwh in spent.kwh)
    whole = joined(list(spent.stages)) or "training and evaluation"
    unmetered = " The training itself was not metered." if spent.stages and TRAINING not in spent.stages else ""
    claim = (
        f"{whole[0].upper()}{whole[1:]} took {duration(spent.seconds)} and {_amount(middle)} {unit} ({_amount(low)} to "
        f"{_amount(high)}) on {spent.device}; the energy is {KNOWN[spent.how]}.{unmetered}"
    )
    if zone is None:
        claim += " Name the power grid to see the CO2e: --zone FRA, for example."
    elif spent.kg_co2e is None:
        claim += f" The carbon intensity of zone {zone} is not known, so no CO2e is given."
    parts = [(name, factor * kwh[1]) for name, kwh in spent.parts.items()]
    return Finding(
        question="what it cost",
        claim=claim,
        metric=f"energy, {unit}",
        value=middle,
        interval=(low, high),
        n=1,
        unit="runs",
        method=f"The energy is {KNOWN[spent.how]}. {RANGE} {_sentences(spent.notes)}".rstrip(),
        limits="This run alone: not the trials before it, the making of the machine, or the use of the model.",
        plot="bars" if parts else None,
        series={
            "label": [name for name, _ in parts],
            "value": [kwh for _, kwh in parts],
            "ours": [True] * len(parts),
        }
        if parts
        else {},
        axes=("energy", unit) if parts else (),
    )


def _by_stage(spent: Cost) -> tuple[Finding, ...]:
    """What the energy was for; nothing where there is one stage only."""
    if len(spent.stages) < 2:
        return ()
    factor, unit = energy_unit(spent.kwh[2])
    told = [f"{name} {energy(stage.kwh)} in {duration(stage.seconds)}" for name, stage in spent.stages.items()]
    return (
        Finding(
            question="what it cost",
            claim=f"By stage: {joined(told)}.",
            metric=f"energy by stage, {unit}",
            value=None,
            interval=None,
            n=len(spent.stages),
            unit="stages",
            method=f"Each stage from the end of the one before. {RANGE}",
            limits="Audits that were asked for later are added to those after training.",
            plot="bars",
            series={
                "label": list(spent.stages),
                "value": [factor * stage.kwh[1] for stage in spent.stages.values()],
                "ours": [True] * len(spent.stages),
            },
            axes=("energy", unit),
        ),
    )


def _for_a_picture(spent: Cost) -> tuple[Finding, ...]:
    """What predicting takes, from the evaluation of held-out pictures."""
    stage = spent.stages.get(EVALUATION, Stage(seconds=0.0, kwh=(0.0, 0.0, 0.0)))
    if not stage.pictures:
        return ()
    low, middle, high = (1000 * kwh for kwh in scaled(stage.kwh, 1 / stage.pictures))
    trained = spent.stages.get(TRAINING)
    even = ""
    if trained is not None and stage.kwh[1] > 0:
        pictures = trained.kwh[1] / (stage.kwh[1] / stage.pictures)
        even = f" After {significant(float(f'{pictures:.2g}'))} pictures, use has taken as much as the training."
    return (
        Finding(
            question="what it cost",
            claim=f"Predicting on a picture takes {_amount(middle)} Wh ({_amount(low)} to {_amount(high)}), and "
            f"{_amount(1000 * stage.seconds / stage.pictures)} ms.{even}",
            metric="energy of a picture, Wh",
            value=middle,
            interval=(low, high),
            n=stage.pictures,
            unit="pictures",
            method=f"The evaluation of {counted(stage.pictures, 'pictures')}, divided by their number: they were "
            f"read, predicted in batches on this machine and scored. {RANGE}",
            limits="One picture at a time, or another machine, takes another amount.",
        ),
    )


def _for_a_point(request: Request, spent: Cost) -> tuple[Finding, ...]:
    """The training's energy for each hundredth of the score above the trivial baseline, where the score has one."""
    guess, trained = request.more.get("baseline"), spent.stages.get(TRAINING)
    if guess is None or trained is None:
        return ()
    metric, evidence = request.evidence.statistics.metrics()[0], request.evidence
    if metric.bounds[1] != 1 or not (metric.higher_is_better and metric.beside_baseline):
        return ()  # a point is a hundredth of a score whose best value is 1
    weights = Resampling(clusters=evidence.clusters, replicates=request.replicates, seed=request.seed)
    gap = gained(request, metric, guess, weights)
    if not np.isfinite(gap.value):
        return ()
    known = gap.interval is not None and gap.interval[0] > 0
    points = 100 * gap.value
    value, ends = None, None
    if known and gap.interval is not None:
        factor, unit = energy_unit(trained.kwh[2] / points)
        value = factor * trained.kwh[1] / points
        ends = (factor * trained.kwh[0] / (100 * gap.interval[1]), factor * trained.kwh[2] / (100 * gap.interval[0]))
        claim = (
            f"Each of the {fixed(points, 1)} points of {metric.name} above the trivial baseline took {_amount(value)} "
            f"{unit} of training ({_amount(ends[0])} to {_amount(ends[1])})."
        )
    else:
        claim = (
            f"What a point of {metric.name} took cannot be said: the model is not distinguishable from the trivial "
            f"baseline, and its training took {energy(trained.kwh)}."
        )
    return (
        Finding(
            question="what it cost",
            claim=claim,
            metric=f"energy of a point, {unit}" if known else "energy of a point",
            value=value,
            interval=ends,
            n=gap.first.images,
            unit=evidence.unit,
            clusters=gap.first.clusters,
            method="The energy of the training divided by its gain, a point being 0.01. The range is from the least "
            f"energy over the upper end of the gain to the most over the lower end ({100 * request.confidence:g}% "
            f"interval of the gain, paired, {count(request.replicates)} replicates).",
            limits="The first points take less than the last. Trials before this run are not in it.",
            verdict="none asked" if known else "insufficient",
        ),
    )
