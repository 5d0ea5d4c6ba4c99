"""Findings about table models besides the audits: coefficients, validation curve, residuals, leaking columns."""

from collections.abc import Sequence

import numpy as np

from clearsight.audits.scores import how
from clearsight.estimators.coefficients import Coefficients
from clearsight.estimators.fitting import Curve
from clearsight.metrics.regression import RegressionStatistics
from clearsight.metrics.resample import cluster_weights, interval
from clearsight.quantities import significant
from clearsight.sources.checks.leaks import Alone
from clearsight.sources.problems import shown
from clearsight.types import UNKNOWN, Evidence, Finding, Metric, Request

TERMS_SHOWN = 20
GROUP_AT_LEAST = 5
COLUMNS_SHOWN = 20


def coefficients_of(found: Coefficients, rows: int, target: str, classes: Sequence[str], ridge: bool) -> Finding:
    """The coefficients with intervals, the largest first."""
    shown_names = [shown(name, 80) for name in found.names[:TERMS_SHOWN]]
    values, low, high = (column[:TERMS_SHOWN].tolist() for column in (found.value, found.low, found.high))
    clear = [name for name, a, b in zip(shown_names, low, high, strict=True) if a > 0 or b < 0]
    if classes:
        what = f"the log odds of {classes[1]}" if len(classes) == 2 else "the score of a class (log odds)"
    else:
        what = target
    one = "Being" if " = " in shown_names[0] and " × " not in shown_names[0] else "One standard deviation more of"
    ends = [significant(value) for value in (values[0], low[0], high[0])]
    first = f"{one} {shown_names[0]} moves {what} by {'+' if values[0] > 0 else ''}{ends[0]} ({ends[1]} to {ends[2]})"
    more = len(found.names) - TERMS_SHOWN
    return Finding(
        question="what it does",
        claim=f"{first}, the other columns fixed. Of the {len(shown_names)} largest coefficients {len(clear)} are "
        "clearly not zero.",
        metric="coefficients",
        value=None,
        interval=None,
        n=rows,
        unit="rows",
        method=f"Per standard deviation of a number, and per category against the mean of its column's categories; "
        f"95% intervals: estimate ± t × standard error of a cluster bootstrap, {found.replicates} replicates."
        + (f" The {more} smaller ones are not shown." if more > 0 else ""),
        limits="A coefficient describes the model, not a cause. Correlated columns share their effect."
        + (" Regularisation shrinks coefficients: the intervals are of the shrunken ones." if ridge else ""),
        plot="intervals",
        series={
            "label": shown_names, "value": values, "low": low, "high": high,
            "n": [None] * len(shown_names), "note": [None] * len(shown_names),
        },
        axes=(f"change of {what}",),
    )  # fmt: skip


def degree_curve(curve: Curve, chosen: int, rows: int, target: str) -> Finding:
    """The validation curve: the error on training and on held-out rows by degree."""
    lines: dict[str, list] = {"line": [], "x": [], "y": [], "low": [], "high": []}
    for name, means, spreads in (
        ("training rows", curve.training, curve.training_spread),
        ("held-out rows", curve.validation, curve.validation_spread),
    ):
        for degree, mean, spread in zip(curve.choices, means, spreads, strict=True):
            cells = (name, degree, mean, max(0.0, mean - spread), mean + spread)
            for column, cell in zip(lines, cells, strict=True):
                lines[column].append(cell)
    best = curve.choices.index(chosen)
    claim = f"Degree {chosen} has the lowest error on held-out rows: RMSE {significant(curve.validation[best])}"
    if best > 0:
        claim += f", against {significant(curve.validation[0])} at degree {curve.choices[0]} (underfitting)"
    if best < len(curve.choices) - 1:
        claim += f" and {significant(curve.validation[-1])} at degree {curve.choices[-1]} (overfitting)"
    return Finding(
        question="what it does",
        claim=f"{claim}.",
        metric="RMSE by degree",
        value=curve.validation[best],
        interval=None,
        n=rows,
        unit="rows",
        method=f"{curve.folds}-fold cross-validation within the training rows; bands are one standard deviation over "
        "the folds. The ridge strength is chosen for each degree.",
        limits="The error at the chosen degree is optimistic, since it was selected by it; the scores above are of "
        "rows that were not used in the selection.",
        plot="curve",
        series=lines,
        axes=("degree", f"RMSE of {target}"),
    )


def leaks_of(found: Sequence[Alone], rows: int, target: str, classes: bool) -> list[Finding]:
    """Columns that predict the target alone; where none does, the one that comes nearest."""
    metric = "skill of one column alone" if classes else "R2 of one column alone"
    method = "A small decision tree" + ("" if classes else " or an isotonic regression")
    shape = [one for one in found[:COLUMNS_SHOWN]]
    suspects = [one for one in found if one.leaks]
    word = "avoids {:.0%} of the errors of the trivial baseline" if classes else "predicts it with R2 {:.3f}"
    findings = []
    for one in suspects or found[:1]:
        skill = word.format(one.score)
        if one.leaks:
            claim = (
                f"{shown(one.column)} alone {skill}: is it known before the prediction of {target} is needed? If not, "
                f"train without it (ignore={shown(one.column)})."
            )
        else:
            claim = f"No column alone predicts {target} almost perfectly; {shown(one.column)}, the best, {skill}."
        findings.append(
            Finding(
                question="when to trust it",
                claim=claim,
                metric=metric,
                value=one.score,
                interval=None,
                n=rows,
                unit="rows",
                method=f"{method} on this column alone, 5-fold cross-validated.",
                limits="It finds a single column that leaks, not several that do so together, and cannot know which "
                "column is known when.",
                group=one.column,
                plot="bars",
                series={
                    "label": [shown(each.column, 60) for each in shape],
                    "value": [max(0.0, each.score) for each in shape],
                    "ours": [each.column == one.column for each in shape],
                },
                axes=(metric,),
            )
        )
    return findings


def residuals_by_group(request: Request) -> list[Finding]:
    """The mean residual (prediction minus ground truth) for each group of each attribute: over- and underestimation."""
    evidence = request.evidence
    statistics = evidence.statistics
    if not isinstance(statistics, RegressionStatistics):
        return []
    metric = next(one for one in statistics.metrics() if one.name == "bias")
    names = request.by or tuple(evidence.groups)
    return [_residuals(request, evidence, name, metric) for name in names if name in evidence.groups]


def _residuals(request: Request, evidence: Evidence, name: str, metric: Metric) -> Finding:
    values = np.asarray(evidence.groups[name]).astype(str)
    weights = cluster_weights(evidence.clusters, request.replicates, request.seed, values)
    whole = interval(metric, evidence, weights, request.confidence)
    rows: dict[str, list] = {"label": [], "value": [], "low": [], "high": [], "n": [], "note": []}
    biased = []
    groups = [group for group in np.unique(values).tolist() if group != UNKNOWN]
    for group in (None, *groups):
        chosen = values == group if group is not None else np.ones(len(values), dtype=bool)
        few = int(chosen.sum()) < GROUP_AT_LEAST
        found = None if few else interval(metric, evidence, weights, request.confidence, chosen)
        low, high = (None, None) if found is None else (found.low, found.high)
        value, note = (None, "too few to judge") if found is None else (found.value, None)
        cells = (group or "all rows", value, low, high, int(chosen.sum()), note)
        for column, cell in zip(rows, cells, strict=True):
            rows[column].append(cell)
        if group is not None and low is not None and high is not None and (low > 0 or high < 0):
            biased.append(f"{shown(group, 40)} ({'over' if low > 0 else 'under'}estimated)")
    target = evidence.statistics.target
    return Finding(
        question="whom it fails",
        claim=f"By {name}, its predictions are biased for {', '.join(biased)}."
        if biased
        else f"By {name}, no group's {target} is clearly over- or underestimated.",
        metric="mean residual by group",
        value=whole.value,
        interval=whole.interval,
        n=whole.images,
        unit="rows",
        method=how(request, whole) + " Each group keeps its number of clusters in every replicate.",
        limits="The intervals are not corrected for the number of groups.",
        group=name,
        plot="intervals",
        series=rows,
        axes=(f"prediction minus ground truth, {target}",),
    )


def cross_validated(evidence: Evidence, request: Request, folds: int) -> Finding:
    """The headline score by cross-validation on the training rows, beside that on the test rows."""
    metric = evidence.statistics.metrics()[0]
    weights = cluster_weights(evidence.clusters, request.replicates, request.seed)
    found = interval(metric, evidence, weights, request.confidence)
    ends = "" if found.interval is None else f" ({found.interval[0]:.3f} to {found.interval[1]:.3f})"
    return Finding(
        question="what it does",
        claim=f"By {folds}-fold cross-validation on the training rows its {metric.name} is {found.value:.3f}{ends}.",
        metric=f"{metric.name}, cross-validated",
        value=found.value,
        interval=found.interval,
        n=found.images,
        unit="rows",
        method=how(request, found) + " Every row was predicted by a model that did not see its fold.",
        limits="Models trained on a part of the rows: the final model, trained on all, is likely a little better.",
    )
