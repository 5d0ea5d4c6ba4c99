"""The rows a table model is judged on, and the evidence they make: out of fold, or of a split set apart."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from clearsight.estimators.fitting import Answers, Fitted, Recipe, guess, guesses, predict
from clearsight.estimators.preparing import Folds
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.regression import RegressionStatistics
from clearsight.run import Run
from clearsight.sources.tables.table import Table
from clearsight.types import Evidence

CROSS_VALIDATION = "cross-validation"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The evidence a run is judged by, guessing on the same rows, and the cross-validation where that is another."""

    evidence: Evidence
    baseline: Evidence
    crossed: Evidence


def judged_split(table: Table) -> str | None:
    """The rows set apart to judge by, if the table names any."""
    return None if table.split is None else next((name for name in ("test", "val") if name in table.split), None)


def training_rows(table: Table) -> Bool[np.ndarray, "rows"]:
    """Which rows are trained on: all that are not judged."""
    split = judged_split(table)
    return np.ones(len(table), dtype=bool) if split is None or table.split is None else table.split != split


def judge(run: Run, recipe: Recipe, table: Table, fitted: Fitted, folds: Folds, answers: Answers) -> Judged:
    """Cross-validated answers for the training rows; of test rows, where there are any, the final model's."""
    training, split = training_rows(table), judged_split(table)
    guessed = guesses(table.truth[training], recipe.classes, folds)
    crossed = evidence_of(run, table, answers, training, CROSS_VALIDATION)
    run.write_evidence(CROSS_VALIDATION, crossed)
    if split is None:
        baseline = evidence_of(run, table, guessed, training, CROSS_VALIDATION)
        run.write_evidence(f"baseline-{CROSS_VALIDATION}", baseline)
        return Judged(evidence=crossed, baseline=baseline, crossed=crossed)
    said = predict(fitted.pipeline, table.inputs[~training], recipe.classes)
    evidence = evidence_of(run, table, said, ~training, split)
    shape = (len(said), recipe.classes) if recipe.classes else (len(said),)
    never = np.broadcast_to(guess(table.truth[training], recipe.classes), shape).copy()
    baseline = evidence_of(run, table, never, ~training, split)
    run.write_evidence(split, evidence)
    run.write_evidence(f"baseline-{split}", baseline)
    return Judged(evidence=evidence, baseline=baseline, crossed=crossed)


def evidence_of(run: Run, table: Table, answers: Answers, rows: Bool[np.ndarray, "rows"], split: str) -> Evidence:
    """The evidence of answers for some rows of a table."""
    truth = table.truth[rows]
    statistics: ClassificationStatistics | RegressionStatistics
    if table.class_names:
        majority = int(np.bincount(table.truth[training_rows(table)]).argmax())
        statistics = ClassificationStatistics(
            class_names=table.class_names, truth=truth, probabilities=answers, majority=majority
        )
    else:
        statistics = RegressionStatistics(truth=truth, estimate=answers, target=table.target)
    return Evidence(
        task=table.task,
        statistics=statistics,
        ids=tuple(id for id, keep in zip(table.ids, rows, strict=True) if keep),
        clusters=np.unique(table.clusters[rows], return_inverse=True)[1].astype(np.int64),
        groups={name: words[rows] for name, words in table.groups.items()},
        about={"data": table.name, "split": split, "fingerprint": table.fingerprint, "model": run.config.model,
               "run": run.name, "unit": "rows"},
    )  # fmt: skip


def doubts(table: Table) -> list[str]:
    """What makes scores too good without any column being at fault."""
    lines = []
    repeated = int(table.frame.is_duplicated().sum())
    if repeated:
        lines.append(f"{repeated} rows occur more than once, so a fold may be judged on rows it was trained on")
    training = training_rows(table)
    shared = set(table.clusters[training].tolist()) & set(table.clusters[~training].tolist())
    if shared:
        lines.append(f"{len(shared)} clusters are in several splits: scores will be too good")
    return lines
