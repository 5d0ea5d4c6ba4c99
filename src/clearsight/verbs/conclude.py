"""From a trained run to its card and report: judge it, audit it, say what it cost, show it."""

import datetime
import io
from collections.abc import Callable, Sequence

import numpy as np

from clearsight import catalogue, drawing, evaluation, report, sources
from clearsight.evaluation import Evaluation
from clearsight.grid import carbon
from clearsight.run import Config, Run
from clearsight.sources import Source
from clearsight.types import Card, Cost, Dataset, Evidence, Example, Finding, Request, Task
from clearsight.verbs import trained
from clearsight.verbs.gather import gather
from clearsight.verbs.progress import stage

WORST, BEST = 3, 3
SAME_PICTURES = (
    "What was settled for deployment (such as a score threshold) was chosen on the same pictures the model is judged "
    "on, because the data has no test split: numbers at the threshold are a little too good."
)


def conclude(
    run: Run,
    cost: Callable[[], Cost],
    *,
    by: Sequence[str] = (),
    zone: str | None = None,
    responsible: str | None = None,
    quiet: bool = False,
) -> Card:
    """Evaluate a trained run on pictures it was not trained on, audit it, and write evidence, card and report."""
    config = run.config
    settings = config.settings
    size_px = int(settings["training"]["size_px"])
    source = gather(
        config.data, size_px, attributes=settings["attributes"], skip_bad=settings["skip_bad"], quiet=quiet
    ).source
    task = trained.task_of(config.model)
    judged, notes = _judge(run, source, task, quiet)
    run.write_evidence(judged.evidence.about["split"], judged.evidence)
    baseline = baseline_for(run, source, judged)
    examples = examples_of(run, source.split(judged.evidence.about["split"]), judged, config.class_names)
    facts = _facts(run.config, source, judged.evidence)
    request = Request(evidence=judged.evidence, more={"baseline": baseline}, by=tuple(by), zone=zone, seed=config.seed)
    return write_card(run, request, cost(), facts, examples, [*source.problems, *notes], responsible)


def write_card(
    run: Run,
    request: Request,
    cost: Cost | None,
    facts: dict[str, str],
    examples: Sequence[Example],
    notes: Sequence[str],
    responsible: str | None,
) -> Card:
    """Run every audit on what is known of a run and write its card and reports."""
    if cost is not None and request.zone is not None:
        cost = carbon(cost, request.zone)
    request = Request(**{**vars(request), "cost": cost})
    findings = audited(request)
    config = run.config
    card = Card(
        title=f"{config.model} on {config.data_name}",
        task=config.task,
        summary=summary_of(config),
        findings=findings,
        cost=cost,
        facts=facts,
        provenance={"data fingerprint": config.fingerprint, **config.provenance},
        examples=tuple(examples),
        notes=tuple(notes),
        untested=_untested(request),
        responsible=responsible,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    run.write_card(card)
    report.write(card, run.path)
    return card


def summary_of(config: Config) -> str:
    """What the model is, in one sentence."""
    names = list(config.class_names)
    classes = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    return (
        f"A {config.model} detector on the backbone {config.backbone}, trained on {config.data_name} for "
        f"{_budget(config)} to find {classes}."
    )


def _budget(config: Config) -> str:
    ((kind, amount),) = config.settings["budget"].items()
    return f"{amount:g} kWh" if kind == "kwh" else f"{amount:g} {kind.removesuffix('s') if amount == 1 else kind}"


def audited(request: Request) -> tuple[Finding, ...]:
    """The findings of every audit, in the order of the report."""
    return tuple(finding for part in catalogue.parts("audits") for finding in part.load()(request))


def _judge(run: Run, source: Source, task: Task, quiet: bool) -> tuple[Evaluation, list[str]]:
    """Evaluate on "test" where there is one, else on "val"; settle first, on "val", what deployment needs."""
    predictor = trained.predictor(run)
    about = {"model": run.config.model, "run": run.name}
    with stage("judging", quiet) as watch:
        held_out = evaluation.evaluate(predictor, task, source.split("val"), about=about, watch=watch)
    deployed = task.settle(held_out.evidence.statistics)
    run.change(settings={**run.config.settings, "deployed": deployed})
    if "test" not in source.splits:
        return evaluation.settled(held_out, task, source.class_names, deployed), [SAME_PICTURES]
    with stage("judging", quiet) as watch:
        return evaluation.evaluate(predictor, task, source.split("test"), about=about, watch=watch, **deployed), []


def baseline_for(run: Run, source: Source, judged: Evaluation) -> Evidence:
    """What guessing from the training truths alone scores on the judged pictures, kept in the run folder."""
    config, training, split = run.config, source.split("train"), judged.evidence.about["split"]
    task = trained.task_of(config.model)
    truths = [record.truth for record in sources.records_of(training)]
    rule = task.baseline(truths, trained.sizes(training), source.class_names)
    guesses = [rule(size) for size in trained.sizes(source.split(split))]
    deployed = trained.deployed(config)
    evidence = evaluation.with_predictions(judged, task, source.class_names, guesses, deployed).evidence
    run.write_evidence(f"baseline-{split}", evidence)
    return evidence


def examples_of(run: Run, dataset: Dataset, judged: Evaluation, class_names: Sequence[str]) -> list[Example]:
    """The pictures the model does best and worst on, by the headline metric of each picture alone, drawn."""
    found = judged.evidence.statistics
    metric = found.metrics()[0]
    alone = (np.eye(min(500, found.images - k), found.images, k, np.float32) for k in range(0, found.images, 500))
    scores = np.concatenate([metric.compute(found, rows) for rows in alone])
    order = [int(row) for row in np.argsort(scores) if np.isfinite(scores[row])]
    picks = [("worst", row) for row in order[:WORST]]
    picks += [("best", row) for row in order[::-1][:BEST] if row not in order[:WORST]]
    examples = []
    for number, (kind, row) in enumerate(picks, 1):
        sample = dataset[row]
        shown = judged.predictions[row].above(getattr(found, "threshold", 0.0))
        drawn = drawing.overlay(sample.image, shown, class_names, truth=sample.truth)
        file = io.BytesIO()
        drawn.save(file, "JPEG", quality=88)
        path = f"examples/{kind}-{number}.jpg"
        run.write_file(path, file.getvalue())
        caption = f"{sample.id}: {metric.name} {scores[row]:.2f} on this picture alone"
        examples.append(Example(path=path, caption=caption, kind=kind, score=float(scores[row])))  # type: ignore[arg-type]
    return examples


def _facts(config: Config, source: Source, evidence: Evidence) -> dict[str, str]:
    training = config.settings["training"]
    return {
        "Model": config.model,
        "Backbone": config.backbone,
        "Data": f"{config.data_name} ({source.format})",
        "Classes": ", ".join(config.class_names),
        "Trained on": f"{len(source.split('train'))} pictures",
        "Judged on": f"{len(evidence.ids)} pictures of the split {evidence.about['split']}, not trained on",
        "Budget": _budget(config),
        "Longer side": f"{training['size_px']} px",
        "Precision": {"bf16-mixed": "bfloat16"}.get(config.settings["precision"], "float32"),
        "Seed": str(config.seed),
    }


def _untested(request: Request) -> tuple[str, ...]:
    """What nobody looked at, said plainly."""
    gaps = [
        "pictures from other places, cameras or times than these data",
        "what breaks it: noise, blur, unusual light, things it was never shown",
        "how much another random seed would change these numbers: they speak of this checkpoint only",
    ]
    if not request.evidence.groups:
        gaps.insert(0, "whom it fails: the data names no groups (give a table of attributes with --attributes)")
    return tuple(gaps)
