"""The result of a sweep: the numbers, what is said of them, and the page that shows them."""

import datetime
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from clearsight import report
from clearsight.energy.costs import add
from clearsight.energy.grid import carbon
from clearsight.files.records import to_json
from clearsight.metrics.crossed import Interval, interval
from clearsight.sweeps import findings
from clearsight.sweeps.choosing import Choice, chosen
from clearsight.sweeps.folder import Design, Folder, Outcome, Trial
from clearsight.sweeps.scores import Scored
from clearsight.sweeps.space import said, stated
from clearsight.sweeps.swept import Best, Swept, Tried
from clearsight.sweeps.variance import Variance, decomposed, parts
from clearsight.types import Card, Cost, Question

QUESTIONS: tuple[Question, ...] = ("what it does", "what breaks it", "what it cost", "who answers for it")


def write(folder: Folder, design: Design, outcomes: Mapping[int, Outcome], by: Scored, judged: Scored) -> Swept:
    """Tell the best configuration and the variance, and write ``results.json`` and ``report.html``.

    ``by`` are the evaluations that the best is chosen by, ``judged`` those on which it is judged.
    """
    choice, best = _best(design, by, judged)
    variance = _variance(design, by)
    trials = tuple(_tried(folder, design, outcomes[trial.number], trial) for trial in design.trials)
    cost, unmetered = _cost(design, outcomes)
    failed = sum(one.state == "failed" for one in trials)
    evidence = by.any
    result = Swept(
        model=design.model, data=evidence.about["data"], metric=by.metric.name, split=evidence.about["split"],
        pictures=len(evidence.ids), clusters=len(np.unique(evidence.clusters)), trials=trials, failed=failed,
        best=best, variance=variance, cost=cost, unmetered=unmetered,
        claim=findings.claim(by.metric, best, variance, len(trials), failed), folder=str(folder.path),
        page=str(folder.path / "report.html"),
    )  # fmt: skip
    folder.write("results.json", (json.dumps(to_json(result), indent=2, ensure_ascii=False) + "\n").encode("utf-8"))
    report.write_page(_card(design, result, by, choice), Path(result.page), _asked(), "Report of a sweep")
    return result


def _asked() -> dict[Question, str]:
    return {
        **{question: report.ASKED[question] for question in QUESTIONS},
        "what it does": "The best configuration, with what choosing it made look better than it is.",
        "what breaks it": "How much scores depend on each hyper-parameter, and on the seed alone.",
        "what it cost": "The energy of all trials: those that were thrown away and those that failed too.",
    }


def _best(design: Design, by: Scored, judged: Scored) -> tuple[Choice | None, Best | None]:
    """The best of the configurations that finished with every seed; None where there are fewer than two."""
    places = by.whole(design.seeds)
    if len(places) < 2:
        return None, None
    evidence = by.any
    clusters = len(np.unique(evidence.clusters))
    candidates = {place: by.over_pictures(place, design.seeds, design.seeds[0]) for place in places}
    sign = 1.0 if by.metric.merit(1.0) > by.metric.merit(0.0) else -1.0
    choice = chosen(candidates, clusters, sign, seed=design.seeds[0])
    corrected, ends, split = choice.corrected, choice.ends, evidence.about["split"]
    untouched = judged.any.about["split"] != split
    if untouched:
        found = _on_others(design, judged, choice.configuration)
        corrected, ends, split = found.value, found.ends, judged.any.about["split"]
    best = Best(
        settings=design.configurations[choice.configuration], score=choice.score, optimism=choice.optimism,
        corrected=corrected, ends=ends, split=split, untouched=untouched, rivals=len(choice.others),
    )  # fmt: skip
    return choice, best


def _on_others(design: Design, judged: Scored, place: int) -> Interval:
    """What the chosen configuration scores on pictures that nothing was chosen by."""
    clusters = len(np.unique(judged.any.clusters))
    return interval(judged.over_pictures(place, design.seeds, design.seeds[0]), clusters)


def _variance(design: Design, by: Scored) -> Variance | None:
    places = [place for place in by.evidence if len(by.values(place)) and np.isfinite(by.values(place)).all()]
    groups = [
        parts(one, [design.configurations[place][one.name] for place in places]) if places else np.array([], dtype=int)
        for one in design.space
    ]
    return decomposed([by.values(place) for place in places], groups, design.space, seed=design.seeds[0])


def _tried(folder: Folder, design: Design, outcome: Outcome, trial: Trial) -> Tried:
    return Tried(
        number=trial.number, settings=trial.settings, seed=trial.seed, state=outcome.state, score=outcome.score,
        error=outcome.error, kwh=None if outcome.cost is None else outcome.cost.kwh,
        run=str(folder.run_of(trial.number)),
    )  # fmt: skip


def _cost(design: Design, outcomes: Mapping[int, Outcome]) -> tuple[Cost | None, int]:
    """The sum over all trials that were metered, and how many were not."""
    costs = [one.cost for one in outcomes.values() if one.cost is not None]
    if not costs:
        return None, len(outcomes)
    total = add(*costs)
    return total if design.zone is None else carbon(total, design.zone), len(outcomes) - len(costs)


def _card(design: Design, result: Swept, by: Scored, choice: Choice | None) -> Card:
    found = [
        *findings.of_best(result, by.metric),
        *findings.of_configurations(design, by, choice),
        *findings.of_variance(result, design),
        findings.parallel(design, result),
        *findings.of_failures(result),
        *findings.of_cost(result),
    ]
    return Card(
        title=f"Sweep of {design.model} on {result.data}",
        task="sweep",
        summary=result.claim,
        findings=tuple(found),
        cost=result.cost,
        facts={
            "Model": design.model,
            "Data": result.data,
            "Varied": "; ".join(stated(one) for one in design.space),
            "Kept": said({name: str(value) for name, value in design.settings.items()}) or "all other settings",
            "Trials": f"{len(design.configurations)} configurations with {len(design.seeds)} seeds each",
            "Budget of a trial": findings.budget(design),
            "Chosen by": f"{result.pictures} pictures of the split {result.split}",
        },
        provenance={"data fingerprint": design.fingerprint},
        untested=_untested(result),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def _untested(result: Swept) -> tuple[str, ...]:
    more = () if result.best is not None else ("which configuration is the best: too few trials finished",)
    return (*more, "values outside of what was varied, and other budgets", "other data")
