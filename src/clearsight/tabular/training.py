"""Train, evaluate and audit a model of a table: the same run folder, the same audits, the same report."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from clearsight import catalogue
from clearsight.audits.cost import EVALUATION, TRAINING
from clearsight.console.progress import stage
from clearsight.energy.grid import find_zone
from clearsight.energy.meter import Meter
from clearsight.estimators import saving
from clearsight.estimators.coefficients import coefficients
from clearsight.estimators.fitting import Fitted, Recipe, fit, out_of_fold, predict
from clearsight.estimators.preparing import Folds, Layout, stratified_folds
from clearsight.evaluation.conclusion import write_card
from clearsight.evaluation.judging import cost_of, keep_evidence, zone_of
from clearsight.files.records import to_json
from clearsight.loading import guarantees
from clearsight.loading.trained import opened
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.regression import RegressionStatistics
from clearsight.run import Config, Run
from clearsight.settings import choose
from clearsight.sources.checks.leaks import alone
from clearsight.sources.tables.columns import Column
from clearsight.sources.tables.table import Table, read_table
from clearsight.tabular import findings as findings
from clearsight.tabular.evaluation import (
    CROSS_VALIDATION,
    Evaluated,
    evaluated,
    evidence_of,
    held_out_split,
    leakage_notes,
    training_rows,
)
from clearsight.types import Card, Evidence, Finding, Request

MODEL_FILE = "model.skops"
FOLDS = 5
OUT_OF_FOLD = (
    "The table has no test rows, so the model is evaluated by cross-validation: every row was predicted by a model of "
    "the other folds, with all hyperparameters chosen within those. The final model was trained on all rows."
)


def train_table(
    model: str,
    data: str | Path,
    *,
    target: str | None = None,
    by: Sequence[str] = (),
    zone: str | None = None,
    out: Path | str | None = None,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    responsible: str | None = None,
    quiet: bool = False,
    attributes: str | Path | None = None,
    skip_bad: bool = False,
) -> Run:
    """Train an estimator on a table, evaluate it on held-out rows, audit it, and write the report.

    ``settings`` are fields of the model's config; ``ignore``, columns separated by commas, are not used.

    Raises:
        ValueError: whatever the user can correct, in one message.
    """
    zone = None if zone is None else find_zone(zone).code
    kind = catalogue.find("estimators", model).load()
    chosen = dict(settings or {})
    ignore = tuple(word.strip() for word in str(chosen.pop("ignore", "")).split(",") if word.strip())
    (config,) = choose(chosen, kind.config_type())
    wanted = kind.tasks[0] if len(kind.tasks) == 1 else None
    table = read_table(data, target, wanted=wanted, by=by, ignore=ignore, attributes=attributes, skip_bad=skip_bad)
    training = training_rows(table)
    folds = stratified_folds(table.truth[training], table.clusters[training], FOLDS)
    recipe = Recipe(
        kind=kind, config=config, layout=_layout(table), task=table.task, classes=len(table.class_names), seed=seed
    )
    run = Run.create(None if out is None else Path(out), model, table.name)
    asked = {"by": list(by), "zone": zone, "responsible": responsible}
    run.change(
        task=table.task, data=str(data), data_name=table.name, fingerprint=table.fingerprint,
        class_names=table.class_names, seed=seed,
        settings={
            "table": True, "model": dataclasses.asdict(config), "target": table.target,
            "columns": [to_json(column) for column in table.columns], "ignore": list(ignore),
            "attributes": None if attributes is None else str(attributes), "skip_bad": skip_bad, "asked": asked,
        },
    )  # fmt: skip
    try:
        with run.lock(), Meter() as meter:
            _train(run, recipe, table, folds, meter, quiet)
    except BaseException as error:
        run.change(state="interrupted" if isinstance(error, KeyboardInterrupt) else "failed")
        raise
    run.change(state="finished")
    return run


def evaluate_table(
    run: Run | str | Path, data: str | Path, *, attributes: str | Path | None = None, skip_bad: bool = False
) -> Evidence:
    """Evaluate a run on a table and keep the evidence in its folder.

    The rows it was trained on keep their out-of-fold predictions.
    """
    run = opened(run)
    return _evidence(run, _read_for(run, data, (), attributes, skip_bad))


def audit_table(
    run: Run | str | Path,
    data: str | Path | None = None,
    *,
    by: Sequence[str] = (),
    zone: str | None = None,
    attributes: str | Path | None = None,
    skip_bad: bool = False,
    responsible: str | None = None,
) -> Card:
    """Audit a run again, by other groups, in another grid zone or on another table; a new card and report."""
    run = opened(run)
    with Meter(start=cost_of(run)) as meter:
        return _audited_anew(run, data, by, zone, attributes, skip_bad, responsible, meter)


def _audited_anew(
    run: Run, data: str | Path | None, by: Sequence[str], zone: str | None, attributes: str | Path | None,
    skip_bad: bool, responsible: str | None, meter: Meter,
) -> Card:  # fmt: skip
    asked = run.config.settings["asked"]
    zone = zone_of(run, zone)
    table = _read_for(run, run.config.data if data is None else data, by, attributes, skip_bad)
    evidence = _evidence(run, table)
    own = table.fingerprint == run.config.fingerprint
    more = {}
    if own:
        statistics_type = type(evidence.statistics)
        more = {"baseline": run.read_evidence(f"baseline-{evidence.about['split']}", statistics_type)}
    by = tuple(by) or tuple(name for name in asked["by"] if name in evidence.groups)
    promised = guarantees.kept(run.config)
    request = Request(evidence=evidence, more=more, by=by, guarantees=promised, zone=zone, seed=run.config.seed)
    former = run.read_card() if (run.path / "card.json").is_file() else None
    kept = [one for one in former.findings if one.metric in _OF_THE_MODEL] if former else []
    facts = dict(former.facts) if former else {}
    facts["Evaluated on"] = f"{len(evidence.ids)} rows of {table.name}, {evidence.about['split']}"
    return write_card(
        run, request, meter, facts, (), table.problems,
        responsible or (former.responsible if former else None),
        summary=former.summary if former else None, found=[*findings.residuals_by_group(request), *kept],
    )  # fmt: skip


_OF_THE_MODEL = ("coefficients", "RMSE by degree", "skill of one column alone", "R2 of one column alone")


def load_model(run: Run) -> Pipeline:
    """The fitted pipeline of a run; raises ValueError where it is missing, broken or not to be trusted."""
    path = run.path / MODEL_FILE
    try:
        return saving.from_bytes(path.read_bytes(), str(path))
    except OSError as error:
        raise ValueError(f"{run.path} has no model yet ({error.strerror or error}): train a new run.") from error


def columns_of(config: Config) -> tuple[Column, ...]:
    """The columns a run was trained on."""
    return tuple(Column(**{**one, "levels": tuple(one["levels"])}) for one in config.settings["columns"])


def _layout(table: Table) -> Layout:
    return Layout(
        names=tuple(column.name for column in table.columns),
        levels=tuple(column.levels if column.kind == "category" else None for column in table.columns),
    )


def _train(run: Run, recipe: Recipe, table: Table, folds: Folds, meter: Meter, quiet: bool) -> None:
    training = training_rows(table)
    inputs, truth, clusters = table.inputs[training], table.truth[training], table.clusters[training]
    with stage("training", quiet):
        fitted = fit(recipe, inputs, truth, clusters)
        run.write_file(MODEL_FILE, saving.to_bytes(fitted.pipeline))
        meter.end_stage(TRAINING)
        answers = out_of_fold(recipe, inputs, truth, clusters, folds)
    results = evaluated(run, recipe, table, fitted, folds, answers)
    # Out-of-fold predictions are those of other models than the one that is kept: nothing can be promised by them.
    if held_out_split(table):
        guarantees.keep(run, results.evidence)
    meter.end_stage(EVALUATION)
    request = Request(
        evidence=results.evidence, more={"baseline": results.baseline}, by=_by(run.config, results.evidence),
        guarantees=guarantees.kept(run.config), zone=run.config.settings["asked"]["zone"], seed=run.config.seed,
    )  # fmt: skip
    found = _findings(recipe, table, fitted, results, request, len(folds))
    headline = results.evidence.statistics.metrics()[0]
    score = float(headline.compute(results.evidence.statistics, np.ones((1, results.evidence.statistics.images)))[0])
    run.append_log({"rows": int(training.sum()), "chosen": fitted.chosen, headline.name: score})
    notes = [*table.problems, *fitted.notes, *leakage_notes(table), *([] if held_out_split(table) else [OUT_OF_FOLD])]
    write_card(
        run, request, meter, _facts(run.config, table, fitted, results.evidence), (), notes,
        run.config.settings["asked"]["responsible"], summary=_summary(run.config, table, fitted), found=found,
    )  # fmt: skip


def _by(config: Config, evidence: Evidence) -> tuple[str, ...]:
    return tuple(name for name in config.settings["asked"]["by"] if name in evidence.groups)


def _evidence(run: Run, table: Table) -> Evidence:
    """The evidence of a run on a table: its own rows as evaluated in training, others by the final model."""
    statistics_type = ClassificationStatistics if table.class_names else RegressionStatistics
    if table.fingerprint == run.config.fingerprint:
        split = held_out_split(table)
        stored = run.read_evidence(split or CROSS_VALIDATION, statistics_type)
        rows = training_rows(table) if split is None else ~training_rows(table)
        groups = {name: words[rows] for name, words in table.groups.items()}
        return dataclasses.replace(stored, groups=groups, about={**stored.about, "stored": _stored(run, table, split)})
    answers = predict(load_model(run), table.inputs, len(table.class_names))
    made = evidence_of(run, table, answers, np.ones(len(table), dtype=bool), "all")
    keep_evidence(run, made)
    return made


def _stored(run: Run, table: Table, split: str | None) -> str:
    """Where the scores of a run on its own table come from."""
    how = (
        f"on its split {split}, which was not trained on"
        if split
        else "by cross-validation: each row was predicted by a model of the other folds"
    )
    return (
        f"{table.name} is the table that {run.name} was trained on. These are the scores kept from its training, {how}."
    )


def _read_for(run: Run, data: str | Path, by: Sequence[str], attributes: str | Path | None, skip_bad: bool) -> Table:
    config = run.config
    own = str(data) == config.data
    if attributes is None and own:
        attributes = config.settings["attributes"]
    return read_table(
        data, config.settings["target"], wanted=config.task, by=by,  # type: ignore[arg-type]
        ignore=[], attributes=attributes, columns=columns_of(config), class_names=config.class_names,
        skip_bad=skip_bad or (own and config.settings["skip_bad"]),
    )  # fmt: skip


def _findings(
    recipe: Recipe, table: Table, fitted: Fitted, results: Evaluated, request: Request, folds: int
) -> list[Finding]:
    training = training_rows(table)
    data = (table.inputs[training], table.truth[training], table.clusters[training])
    rows, found = int(training.sum()), []
    if results.cross_validated is not results.evidence:
        found.append(findings.cross_validated(results.cross_validated, request, folds))
    weights = coefficients(fitted.pipeline, recipe.layout, data, table.class_names, recipe.seed)
    if weights is not None:
        ridge = bool(fitted.chosen)
        found.append(findings.coefficients_of(weights, rows, table.target, table.class_names, ridge))
    if fitted.curve is not None and len(fitted.curve.choices) > 1:
        found.append(findings.degree_curve(fitted.curve, int(fitted.chosen["degree"]), rows, table.target))
    found += findings.residuals_by_group(request)
    return found + findings.leaks_of(alone(table), len(table), table.target, bool(table.class_names))


def _facts(config: Config, table: Table, fitted: Fitted, evidence: Evidence) -> dict[str, str]:
    training, split = int(training_rows(table).sum()), evidence.about["split"]
    which = "all rows, out of fold" if split == CROSS_VALIDATION else f"rows of split {split}"
    return {
        "Model": config.model,
        "Data": table.name,
        "Target": table.target + (f": {', '.join(table.class_names[:20])}" if table.class_names else " (a number)"),
        "Columns": ", ".join(f"{column.name} ({column.kind})" for column in table.columns[:40]),
        "Chosen by cross-validation": ", ".join(f"{name} {value:g}" for name, value in fitted.chosen.items())
        or "nothing",
        "Trained on": f"{training} rows",
        "Evaluated on": f"{len(evidence.ids)} rows: {which}",
        "Seed": str(config.seed),
    }


def _summary(config: Config, table: Table, fitted: Fitted) -> str:
    """The model in one sentence."""
    names = [column.name for column in table.columns]
    listed = ", ".join(names[:6]) + (f" and {len(names) - 6} more columns" if len(names) > 6 else "")
    degree = f" of degree {fitted.chosen['degree']:g}" if "degree" in fitted.chosen else ""
    article = "An" if config.model == "mlp" else "A"
    return f"{article} {config.model} model{degree} that predicts {table.target} from {listed}."
