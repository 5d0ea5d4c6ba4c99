"""From a trained run to its card and report: judge it, audit it, say what it cost, show it."""

import datetime
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from clearsight import catalogue, report
from clearsight.audits.cost import AUDIT, EVALUATION
from clearsight.audits.mixes import uncounted_attributes
from clearsight.audits.shared_clusters import warnings_of
from clearsight.audits.under_corruption import belongs as tells_of_damage
from clearsight.console.progress import stage
from clearsight.energy.grid import carbon
from clearsight.energy.meter import Meter
from clearsight.evaluation import evaluator
from clearsight.evaluation.alike import pooled_features
from clearsight.evaluation.baselines import baseline_for
from clearsight.evaluation.belonging import with_clusters
from clearsight.evaluation.beside_start import beside_start, notes_of_start, start_of
from clearsight.evaluation.capturing import with_conditions
from clearsight.evaluation.classical_answers import classical_answers
from clearsight.evaluation.ending import decided_on_the_same, ending_said, stopped_early
from clearsight.evaluation.example_pictures import examples_of as examples_of
from clearsight.evaluation.judging import about_run
from clearsight.evaluation.more_evidence import Look, nothing_more
from clearsight.loading import guarantees, trained
from clearsight.loading.data import Gathered
from clearsight.loading.posing import given_of, posed
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.temperature import at_temperature, best_temperature
from clearsight.quantities import energy_unit
from clearsight.run import Config, Run
from clearsight.sources import Source
from clearsight.types import (
    Card,
    ClassMap,
    Cost,
    Evidence,
    Example,
    Finding,
    Picture,
    Request,
)

SAME_PICTURES = (
    "The score threshold and whatever else is chosen for deployment were chosen on the same pictures the model is "
    "evaluated on, because the data has no test split: numbers at the threshold are slightly optimistic."
)
SAME_PICTURES_CALIBRATED = (
    "The temperature of its probabilities was chosen on the same pictures the model is evaluated on, because the data "
    "has no test split: its calibration is slightly optimistic. The predicted classes do not depend on it."
)
DAMAGE_UNTESTED = (
    "what breaks it: noise, blur, unusual light (`clearsight stress` tries them), and things it was never shown"
)
DAMAGE_OF_ANOTHER_KIND = "damage of other kinds than were tried, and several at once"
NOTHING_HELD_OUT = (
    "No pictures were held out of training besides those it is judged on, so nothing was chosen for deployment by its "
    "evaluation: a score threshold is 0.5, and confidence is as the network gives it."
)


def conclude(
    run: Run,
    meter: Meter,
    gathered: Gathered,
    *,
    by: Sequence[str] = (),
    zone: str | None = None,
    responsible: str | None = None,
    look: Look = nothing_more,
    quiet: bool = False,
) -> Card:
    """Evaluate a trained run on pictures it was not trained on, audit it, and write evidence, card and report.

    ``meter`` is one that runs since the training began; ``look`` finds what else is to be known of such a run.
    """
    config = run.config
    source = posed(gathered.source, config)
    judged, notes = _judge(run, source, quiet)
    meter.end_stage(EVALUATION, sum(len(source.splits[split]) for split in ("val", "test") if split in source.splits))
    split = judged.about["split"]
    judged = with_conditions(judged, source.split(split), seed=config.seed, quiet=quiet)
    run.write_evidence(split, judged)
    classical = classical_answers(run, source, judged)
    baseline = baseline_for(run, source, judged, classical)
    facts = _facts(run.config, source, judged)
    seen = look(run, source, judged, tuple(by))
    more = {"baseline": baseline, **classical, **beside_start(run, source, judged), **seen.evidence}
    request = Request(
        evidence=judged, more=more, by=tuple(by), guarantees=guarantees.kept(run.config), zone=zone, seed=config.seed
    )
    examples = [*seen.examples, *examples_of(run, source.split(split), request)]
    notes = [*notes_of_start(run.config), *notes]
    return write_card(run, request, meter, facts, examples, [*source.problems, *notes], responsible)


def write_card(
    run: Run,
    request: Request,
    meter: Meter,
    facts: dict[str, str],
    examples: Sequence[Example],
    notes: Sequence[str],
    responsible: str | None,
    *,
    summary: str | None = None,
    found: Sequence[Finding] = (),
) -> Card:
    """Run every audit on what is known of a run and write its card and reports.

    ``meter`` has metered the run so far; what is spent since its last stage is counted as that of the audit.
    ``summary`` is the model in one sentence, where the usual one does not fit; ``found`` are findings made elsewhere.
    """
    audits, cost = audited(request, meter)
    findings = (*audits, *found)
    config = run.config
    card = Card(
        title=f"{config.model} on {config.data_name}",
        task=config.task,
        summary=summary or summary_of(config),
        findings=findings,
        cost=cost,
        facts=facts,
        provenance={"data fingerprint": config.fingerprint, **config.provenance},
        examples=tuple(examples),
        warnings=warnings_of(findings),
        notes=(*(finding.caution for finding in findings if finding.caution), *notes),
        untested=untested_damage(_untested(request), findings),
        responsible=responsible,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    run.write_card(card)
    report.write(card, run.path)
    return card


WORK = {
    "detection": "find {classes}",
    "instance-segmentation": "find the outlines of {classes}",
    "classification": "classify pictures as {classes}",
    "tagging": "find which of {classes} a picture shows",
    "segmentation": "classify every pixel as {classes}",
    "regression": "predict {target}",
    "reconstruction": "{restore}",
    "generation": "generate pictures like these{source}",
}
SOURCES = {None: "", ClassMap: " from label maps", Picture: " from poorer ones"}  # what pictures are generated from


def summary_of(config: Config) -> str:
    """What the model is, in one sentence."""
    names = list(config.class_names)
    rest = f"{len(names) - 5} more" if len(names) > 6 else names[-1] if names else ""
    link = "or" if config.task in ("classification", "segmentation") else "and"
    classes = f" {link} ".join(part for part in (", ".join(names[: 5 if len(names) > 6 else -1]), rest) if part)
    given = given_of(config)
    restore = "reconstruct pictures" if given is None else given.work
    made_from = getattr(trained.choice_of(config), "made_from", None) if config.task == "generation" else None
    work = WORK[config.task].format(
        classes=classes, target=config.settings.get("target") or "a number", restore=restore, source=SOURCES[made_from]
    )
    backbone = f" on the backbone {config.backbone}" if config.backbone else ""
    article = "An" if config.model[0] in "aeiou" else "A"
    return f"{article} {config.model}{backbone}, trained on {config.data_name} for {budget_said(config)} to {work}."


def budget_said(config: Config) -> str:
    """How long it was trained, such as "10 minutes", or was to be trained where it stopped early."""
    ((kind, amount),) = config.settings["budget"].items()
    most = "at most " if stopped_early(config) else ""
    factor, unit = energy_unit(amount) if kind == "kwh" else (1, kind.removesuffix("s") if amount == 1 else kind)
    return f"{most}{factor * amount:g} {unit}"


def precision_said(config: Config) -> str:
    """The precision it was trained in."""
    return {"bf16-mixed": "bfloat16"}.get(config.settings["precision"], "float32")


def audited(request: Request, meter: Meter) -> tuple[tuple[Finding, ...], Cost]:
    """The findings of every audit in the order of the report, and the cost: the scores come first, the headline before
    all, and what it cost last, with what the other audits have used."""
    *audits, last = sorted(catalogue.parts("audits"), key=lambda part: (part.name == "cost", part.name != "scores"))
    findings = [finding for part in audits for finding in part.load()(request)]
    meter.end_stage(AUDIT)
    cost = meter.cost() if request.zone is None else carbon(meter.cost(), request.zone)
    costed = replace(request, cost=cost)
    costed.shared.update(request.shared)
    return (*findings, *last.load()(costed)), cost


def _judge(run: Run, source: Source, quiet: bool) -> tuple[Evidence, list[str]]:
    """Evaluate on "test" where there is one, else on "val"; settle first, on "val", what deployment needs."""
    predictor, task, splits = trained.predictor(run), trained.task_of(run.config), source.splits
    about = about_run(run)
    deployed: dict[str, Any] = {}
    if "val" in splits:
        with stage("evaluating", quiet) as watch, pooled_features(predictor.model) as features:
            held_out = evaluator.evaluate(predictor, task, splits["val"], about=about, watch=watch)
        held_out = _calibrated(run, with_clusters(held_out, source, features, trained_here=True))
        deployed = task.settle(held_out.statistics)
    run.change(settings={**run.config.settings, "deployed": deployed, "guarantees": []})
    if "val" in splits:
        held_out = replace(held_out, statistics=held_out.statistics.with_options(**deployed))
        guarantees.keep(run, held_out)
    if "test" not in splits:
        return held_out, settled_on_the_same(run.config, "val")
    predictor = trained.predictor(run)  # which knows the temperature by now
    with stage("evaluating", quiet) as watch, pooled_features(predictor.model) as features:
        found = evaluator.evaluate(predictor, task, splits["test"], about=about, watch=watch, **deployed)
    found = with_clusters(found, source, features, trained_here=True)
    return found, [] if "val" in splits else [NOTHING_HELD_OUT]


def _calibrated(run: Run, held_out: Evidence) -> Evidence:
    """The evidence with confidence that comes true on its pictures; the run keeps the temperature this took.

    Label smoothing and means over views leave a network underconfident, long training overconfident. Only a network
    that names one class for each picture has a temperature.
    """
    model = run.config.settings["model"]
    if "temperature" not in model or not isinstance(held_out.statistics, ClassificationStatistics):
        return held_out
    given = held_out.statistics
    temperature = best_temperature(given.truth, given.probabilities)
    model = {**model, "temperature": model["temperature"] * temperature}
    run.change(settings={**run.config.settings, "model": model})
    calibrated = replace(given, probabilities=at_temperature(given.probabilities, temperature))
    return replace(held_out, statistics=calibrated)


def settled_on_the_same(config: Config, split: str) -> list[str]:
    """What to say where something was chosen for deployment on the very pictures that are judged."""
    if split != "val":
        return []
    of_classes = trained.task_of(config).statistics_type is ClassificationStatistics
    calibrated = of_classes and config.settings["model"].get("temperature", 1.0) != 1.0
    same = [SAME_PICTURES] * bool(trained.deployed(config)) + [SAME_PICTURES_CALIBRATED] * calibrated
    return [*decided_on_the_same(config), *same]


def _facts(config: Config, source: Source, evidence: Evidence) -> dict[str, str]:
    training = config.settings["training"]
    restores = config.task == "reconstruction"
    given, start = given_of(config), start_of(config)
    return {
        "Model": config.model,
        **({"Goes on from": Path(start).name} if start else {}),
        "Backbone": config.backbone or "none",
        "Data": f"{config.data_name} ({source.format})",
        **({} if restores else {"Classes": ", ".join(config.class_names) or "none: a number is predicted"}),
        "Trained on": f"{len(source.split('train'))} pictures",
        "Evaluated on": f"{len(evidence.ids)} pictures of the split {evidence.about['split']}, not trained on",
        **({} if given is None else {"Judged with": str(given)}),
        "Clusters": evidence.about["clusters"],
        "Budget": budget_said(config),
        **ending_said(config),
        **({"Mitigated": config.settings["mitigation"]["said"]} if "mitigation" in config.settings else {}),
        "Longer side": f"{training['size_px']} px",
        "Precision": precision_said(config),
        "Seed": str(config.seed),
    }


def _untested(request: Request) -> tuple[str, ...]:
    """What nobody looked at, said plainly."""
    unit = request.evidence.unit
    rows = unit == "rows"
    gaps = [
        f"{unit} from other places{'' if rows else ', cameras'} or times than these data",
        "what breaks it: values nobody has seen, columns that change their meaning"
        if rows
        else "whether people take its pictures for real, and what they are used for"
        if request.evidence.task == "generation"
        else DAMAGE_UNTESTED,
        "how much another random seed would change these numbers: they speak of this model only",
    ]
    if uncounted := uncounted_attributes(request):
        gaps.insert(0, f"how often it makes each group: name attributes with --by ({', '.join(uncounted)})")
    if request.evidence.features is None and request.evidence.task != "generation":
        gaps.insert(0, f"failures nobody labelled: there are no features of the {unit} by a network to find them by")
    if not request.evidence.groups:
        gaps.insert(0, "whom it fails: the data names no groups (give a table of attributes with --attributes)")
    return tuple(gaps)


def untested_damage(untested: Sequence[str], findings: Sequence[Finding]) -> tuple[str, ...]:
    """What nobody looked at, less the damage to pictures that findings tell of."""
    tested = any(tells_of_damage(finding) for finding in findings)
    return tuple(DAMAGE_OF_ANOTHER_KIND if tested and gap == DAMAGE_UNTESTED else gap for gap in untested)
