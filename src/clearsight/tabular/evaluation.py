"""Evaluation of table models: the evidence of out-of-fold predictions, or of a held-out split."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from clearsight.estimators import fitting
from clearsight.estimators.fitting import Fitted, Predicted, Recipe, baseline_out_of_fold, predict
from clearsight.estimators.preparing import Folds
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.regression import RegressionStatistics
from clearsight.run import Run
from clearsight.sources.tables.table import Table
from clearsight.types import Evidence

CROSS_VALIDATION = "cross-validation"


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """The evidence of a run, that of the trivial baseline on the same rows, and that of cross-validation."""

    evidence: Evidence
    baseline: Evidence
    cross_validated: Evidence


def held_out_split(table: Table) -> str | None:
    """The held-out split, if the table names any."""
    return None if table.split is None else next((name for name in ("test", "val") if name in table.split), None)


def training_rows(table: Table) -> Bool[np.ndarray, "rows"]:
    """Which rows are trained on: all that are not held out."""
    split = held_out_split(table)
    return np.ones(len(table), dtype=bool) if split is None or table.split is None else table.split != split


def evaluated(run: Run, recipe: Recipe, table: Table, fitted: Fitted, folds: Folds, predicted: Predicted) -> Evaluated:
    """Cross-validated predictions for the training rows; for test rows, where there are any, the final model's."""
    training, split = training_rows(table), held_out_split(table)
    baseline_predicted = baseline_out_of_fold(table.truth[training], recipe.classes, folds)
    cross_validated = evidence_of(run, table, predicted, training, CROSS_VALIDATION)
    run.write_evidence(CROSS_VALIDATION, cross_validated)
    if split is None:
        baseline = evidence_of(run, table, baseline_predicted, training, CROSS_VALIDATION)
        run.write_evidence(f"baseline-{CROSS_VALIDATION}", baseline)
        return Evaluated(evidence=cross_validated, baseline=baseline, cross_validated=cross_validated)
    outputs = predict(fitted.pipeline, table.inputs[~training], recipe.classes)
    evidence = evidence_of(run, table, outputs, ~training, split)
    shape = (len(outputs), recipe.classes) if recipe.classes else (len(outputs),)
    constant = np.broadcast_to(fitting.baseline(table.truth[training], recipe.classes), shape).copy()
    baseline = evidence_of(run, table, constant, ~training, split)
    run.write_evidence(split, evidence)
    run.write_evidence(f"baseline-{split}", baseline)
    return Evaluated(evidence=evidence, baseline=baseline, cross_validated=cross_validated)


def evidence_of(run: Run, table: Table, predicted: Predicted, rows: Bool[np.ndarray, "rows"], split: str) -> Evidence:
    """The evidence of predictions for some rows of a table."""
    truth = table.truth[rows]
    statistics: ClassificationStatistics | RegressionStatistics
    if table.class_names:
        majority = int(np.bincount(table.truth[training_rows(table)]).argmax())
        statistics = ClassificationStatistics(
            class_names=table.class_names, truth=truth, probabilities=predicted, majority=majority
        )
    else:
        statistics = RegressionStatistics(truth=truth, estimate=predicted, target=table.target)
    return Evidence(
        task=table.task,
        statistics=statistics,
        ids=tuple(id for id, keep in zip(table.ids, rows, strict=True) if keep),
        clusters=np.unique(table.clusters[rows], return_inverse=True)[1].astype(np.int64),
        groups={name: words[rows] for name, words in table.groups.items()},
        about={"data": table.name, "split": split, "fingerprint": table.fingerprint, "model": run.config.model,
               "run": run.name, "unit": "rows"},
    )  # fmt: skip


def leakage_notes(table: Table) -> list[str]:
    """Leakage that no column is to blame for: repeated rows, and clusters in several splits."""
    lines = []
    repeated = int(table.frame.is_duplicated().sum())
    if repeated:
        lines.append(f"{repeated} rows occur more than once, so a fold may be evaluated on rows it was trained on")
    training = training_rows(table)
    shared = set(table.clusters[training].tolist()) & set(table.clusters[~training].tolist())
    if shared:
        lines.append(f"{len(shared)} clusters are in several splits: scores will be too good")
    return lines
