"""What a sweep found, as the findings of its page."""

from typing import Any

import numpy as np
from scipy import stats

from clearsight.audits.sentences import between, joined, number
from clearsight.quantities import count, counted, duration, energy, energy_unit, fixed
from clearsight.sweeps.choosing import Choice
from clearsight.sweeps.folder import Design
from clearsight.sweeps.scores import REPLICATES, Scored
from clearsight.sweeps.space import said
from clearsight.sweeps.swept import Best, Swept
from clearsight.sweeps.variance import FEWEST, PERMUTATIONS, Share, Variance
from clearsight.types import Finding, Metric

SHOWN = 40  # configurations in a plot
CHANCE = 0.05
LIMITS = "It holds within what was varied, with this budget, on these data."


def budget(design: Design) -> str:
    """The budget of a trial in words."""
    if design.epochs is not None:
        return f"{design.epochs:g} {'epoch' if design.epochs == 1 else 'epochs'}"
    return (
        f"{design.minutes:g} {'minute' if design.minutes == 1 else 'minutes'}"
        if design.minutes is not None
        else f"{design.kwh:g} kWh"
    )


def claim(metric: Metric, best: Best | None, variance: Variance | None, trials: int, failed: int) -> str:
    """The sweep in a few plain sentences."""
    parts = [f"{trials} trials, {failed} of which failed." if failed else f"{trials} trials."]
    if best is None:
        parts.append("Too few configurations finished with every seed to choose one.")
    else:
        parts.append(f"Best: {said(best.settings)}, {_corrected(metric, best)}.")
    if variance is None:
        parts.append(f"Fewer than {FEWEST} configurations finished: what scores depend on cannot be told.")
    else:
        parts.append(_depends(variance))
    return " ".join(parts)


def _corrected(metric: Metric, best: Best) -> str:
    told = f"{metric.name} {number(best.corrected, metric)}{between(best.ends, metric)}"
    if best.untouched:
        return f"{told} on test pictures that it was not chosen by"
    return f"{told} once the optimism of choosing it ({fixed(best.optimism, 3)}) is taken off"


def _depends(variance: Variance) -> str:
    """What the score depends on most, and what the seed alone does."""
    found = [one for one in variance.parameters if one.p is not None and one.p <= CHANCE]
    ranked = sorted(found, key=lambda one: -one.share)
    told = joined([f"{one.name} ({one.share:.0%} of its variance)" for one in ranked])
    most = f"The score depends on {told}" if ranked else "The score depends on no hyper-parameter beyond chance"
    return f"{most}; the seed alone makes {variance.seed.share:.0%}."


def of_best(result: Swept, metric: Metric) -> list[Finding]:
    """The best configuration, corrected for having been chosen."""
    best = result.best
    if best is None:
        return []
    near = (
        f" Of other configurations {best.rivals} would be chosen in at least one of twenty resamples."
        if best.rivals
        else " No other would be chosen in one of twenty resamples."
    )
    seen = f"The score it was chosen by is {number(best.score, metric)}."
    return [
        Finding(
            question="what it does",
            claim=f"The best configuration, {said(best.settings)}, reaches {_corrected(metric, best)}. {seen}{near}",
            metric=metric.name,
            value=best.corrected,
            interval=best.ends,
            n=result.pictures,
            unit="pictures",
            clusters=result.clusters,
            method="The mean over seeds, chosen as the best of all configurations that finished with every seed. The "
            f"optimism is that of choosing anew on {REPLICATES} resamples of seeds and clusters of pictures (Harrell's "
            "bootstrap). 95% interval over seeds and pictures.",
            limits=f"{LIMITS} Of test pictures nothing is taken off, since nothing was chosen by them.",
        )
    ]


def of_configurations(design: Design, by: Scored, choice: Choice | None) -> list[Finding]:
    """The mean of each configuration over its seeds, the best first."""
    means = {place: by.values(place) for place in by.evidence}
    ranked = sorted(means, key=lambda place: -by.metric.merit(float(means[place].mean())))
    rows: dict[str, list[Any]] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    for place in ranked[:SHOWN]:
        ends = _of_seeds(means[place])
        cells = (said(design.configurations[place]), float(means[place].mean()), *(ends or (None, None)))
        note = "" if len(means[place]) == len(design.seeds) else "not all seeds finished"
        for column, cell in zip(rows, (*cells, len(means[place]), note), strict=True):
            rows[column].append(cell)
    spread = [float(one.mean()) for one in means.values()]
    return [
        Finding(
            question="what it does",
            claim=f"Over {counted(len(means), 'configurations')} the mean {by.metric.name} lies between "
            f"{number(min(spread), by.metric)} and {number(max(spread), by.metric)}.",
            metric=f"{by.metric.name} by configuration",
            value=None,
            interval=None,
            n=sum(map(len, means.values())),
            unit="trials",
            method="The mean over seeds with its 95% interval (t).",
            limits="The highest of many means is too high by the luck of having been chosen.",
            plot="intervals",
            series=rows,
            axes=(by.metric.name,),
        )
    ]


def _of_seeds(values: np.ndarray) -> tuple[float, float] | None:
    """The interval of a mean over seeds."""
    if len(values) < 2:
        return None
    reach = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return float(values.mean()) - reach, float(values.mean()) + reach


def of_variance(result: Swept, design: Design) -> list[Finding]:
    """The shares of the variance of scores."""
    variance = result.variance
    if variance is None:
        return []
    shares = [*variance.parameters, variance.seed, variance.rest]
    return [
        Finding(
            question="what breaks it",
            claim=f"{_depends(variance)} A trial's {result.metric} has a standard deviation of "
            f"{fixed(variance.deviation, 3)} over all that was varied.",
            metric="share of variance",
            value=None,
            interval=None,
            n=variance.configurations,
            unit="configurations",
            method=f"One-way variance components of {len(design.seeds)} seeds within {variance.configurations} "
            "configurations; main effects by epsilon-squared over values or parts of a range; 95% intervals by the "
            f"jackknife over configurations; p from {PERMUTATIONS} permutations.",
            limits=f"{LIMITS} A wider range gives a setting a larger share. Rest: interactions of settings, and what "
            "differs within parts of a range.",
            plot="intervals",
            series={
                "label": [_named(one) for one in shares],
                "value": [one.share for one in shares],
                "low": [one.low for one in shares],
                "high": [one.high for one in shares],
                "n": [None] * len(shares),
                "note": [_told(one) for one in shares],
            },
            axes=("share of variance",),
        )
    ]


def _named(share: Share) -> str:
    return {"rest": "interactions and the rest", "seed": "the seed alone"}.get(share.name, share.name)


def _told(share: Share) -> str:
    if share.p is None:
        return ""
    return f"p = {share.p:.3f}" if share.p <= CHANCE else f"no more than chance (p = {share.p:.2f})"


def parallel(design: Design, result: Swept) -> Finding:
    """Each trial as a line through its settings to its score."""
    scores = [one.score for one in result.trials if one.score is not None and np.isfinite(one.score)]
    low, high = (min(scores), max(scores)) if scores else (0.0, 1.0)
    rows: dict[str, list[Any]] = {"line": [], "axis": [], "place": [], "text": [], "ours": []}
    best = result.best
    for one in result.trials:
        known = one.score is not None and np.isfinite(one.score)
        points: list[tuple[str, float | None, str]] = [
            (each.name, each.place(one.settings[each.name]), one.settings[each.name]) for each in design.space
        ]
        place = (one.score - low) / (high - low) if known and one.score is not None and high > low else None
        points.append((result.metric, place, fixed(one.score, 3) if known and one.score is not None else "failed"))
        for name, at, text in points:
            ours = best is not None and one.settings == best.settings
            for column, cell in zip(rows, (f"trial {one.number}", name, at, text, ours), strict=True):
                rows[column].append(cell)
    return Finding(
        question="what breaks it",
        claim=f"Each of {counted(len(result.trials), 'trials')} from its settings to its {result.metric}.",
        metric=f"{result.metric} by settings",
        value=None,
        interval=None,
        n=len(result.trials),
        unit="trials",
        method="Parallel coordinates: a line for each trial; settings on the scale they were drawn on.",
        limits="Lines that end high need not do so for the settings they share.",
        plot="parallel",
        series=rows,
    )


def of_failures(result: Swept) -> list[Finding]:
    """How many trials failed, and what they said."""
    failed = [one for one in result.trials if one.state == "failed"]
    if not failed:
        return []
    reasons: dict[str, int] = {}
    for one in failed:
        reasons[one.error] = reasons.get(one.error, 0) + 1
    told = joined([f"{times} said: {reason.rstrip('.')}" for reason, times in list(reasons.items())[:3]])
    return [
        Finding(
            question="what breaks it",
            claim=f"{len(failed)} of {counted(len(result.trials), 'trials')} failed. {told}.",
            metric="trials that failed",
            value=len(failed) / len(result.trials),
            interval=None,
            n=len(result.trials),
            unit="trials",
            method="A trial failed where its training or evaluation ended in an error, or its process died.",
            limits="A configuration with a failed trial is not chosen, whatever its others score.",
            series={
                "trial": [one.number for one in failed],
                "settings": [said(one.settings) for one in failed],
                "seed": [one.seed for one in failed],
                "error": [one.error for one in failed],
            },
        )
    ]


def of_cost(result: Swept) -> list[Finding]:
    """The energy of all trials, beside that of one."""
    if result.cost is None:
        return []
    factor, unit = energy_unit(result.cost.kwh[2])
    low, middle, high = (factor * kwh for kwh in result.cost.kwh)
    metered = [one.kwh for one in result.trials if one.kwh is not None]
    each = energy([float(np.mean([kwh[k] for kwh in metered])) for k in range(3)])
    more = f" {counted(result.unmetered, 'trials')} that died could not be metered." if result.unmetered else ""
    lost = [one.kwh[1] for one in result.trials if one.kwh is not None and one.state == "failed"]
    wasted = f" Those that failed took {sum(lost) / result.cost.kwh[1]:.0%} of it." if lost else ""
    return [
        Finding(
            question="what it cost",
            claim=f"All {counted(len(result.trials), 'trials')} took {energy(result.cost.kwh)} and "
            f"{duration(result.cost.seconds)} of trials, {each} each on average.{wasted}{more}",
            metric=f"energy of the sweep, {unit}",
            value=middle,
            interval=(low, high),
            n=len(result.trials),
            unit="trials",
            method=f"The sum of what each trial took, {result.cost.how}, with its training, evaluation and audits, and "
            "what interrupted sittings had saved of it. The range is of what is not known about the power.",
            limits="What a killed process used since its last checkpoint, a minute at most, is not in it; nor is "
            f"waiting between trials. Averages of {count(len(metered))} trials.",
        )
    ]
