"""Train a model with other hyper-parameters and other seeds, and find out what its score depends on."""

import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from clearsight.console.progress import stage
from clearsight.energy.grid import find_zone
from clearsight.energy.meter import Meter
from clearsight.evaluation.judging import evidence_name
from clearsight.loading import trained
from clearsight.loading.data import gather
from clearsight.quantities import energy
from clearsight.run import Run
from clearsight.settings import choose
from clearsight.sweeps import executing, results
from clearsight.sweeps.configurations import configurations
from clearsight.sweeps.folder import Design, Folder, Outcome, Trial
from clearsight.sweeps.scores import scored, value_of
from clearsight.sweeps.space import Parameter, parse, said
from clearsight.sweeps.swept import Swept
from clearsight.training import loop
from clearsight.training.process import cost_before
from clearsight.types import Cost
from clearsight.verbs.evaluate import evaluate
from clearsight.verbs.train import learns_rows, named, train

PATIENCE_S, PAUSE_S = 60.0, 0.5
SEEDS, FEWEST_SEEDS, TRIALS = 3, 2, 24


def sweep(
    model: str | None = None,
    data: str | Path | None = None,
    *,
    vary: Sequence[str] = (),
    seeds: int | None = None,
    trials: int | None = None,
    epochs: float | None = None,
    minutes: float | None = None,
    budget_kwh: float | None = None,
    settings: Mapping[str, Any] | None = None,
    backbone: str | None = None,
    pretrained: bool | Path = False,
    ray: str | None = None,
    workers: int = 1,
    attributes: Path | str | None = None,
    target: str | None = None,
    cluster: str = "auto",
    resplit: bool = False,
    skip_bad: bool = False,
    zone: str | None = None,
    out: Path | str | None = None,
    resume: Path | str | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Swept:
    """Train ``model`` on ``data`` with several configurations and seeds, and tell what the score depends on.

    Every configuration is trained with every seed, each time as `train` would, into a folder of its own.

    Args:
        vary: what is varied, such as ``("learning_rate=1e-4..1e-2:log", "optimizer=adamw,muon")``.
        seeds: trainings of each configuration, 3 unless said; trials: trainings in all, 24 unless said.
        epochs, minutes, budget_kwh: the budget of one trial; settings: what all trials have in common.
        ray: the address of a Ray cluster, or "local" to start one here; workers: trials at once, on Ray.
        out: the new folder of the sweep; resume: one to go on with, as it was asked then.

    Raises:
        ValueError: whatever the user can mend, in one message; ``loop.Interrupted`` when stopped by a signal.
    """
    if workers < 1 or (workers > 1 and ray is None):
        raise ValueError(f"workers is {workers}. Expected 1 or more, and with more than one --ray local or an address.")
    if ray is not None:
        executing.checked_ray()
    if resume is not None:
        own = {"model": model, "data": data, "vary": list(vary), "seeds": seeds, "trials": trials, "epochs": epochs,
               "minutes": minutes, "budget_kwh": budget_kwh, "settings": settings, "backbone": backbone,
               "pretrained": pretrained, "attributes": attributes, "target": target, "cluster": cluster != "auto",
               "resplit": resplit, "skip_bad": skip_bad, "zone": zone, "out": out, "seed": seed}  # fmt: skip
        if given := [name for name, value in own.items() if value not in (None, False, 0, {}, [])]:
            raise ValueError(
                f"--resume goes on with a sweep as it was asked, so {', '.join(given)} cannot be changed. Leave that "
                "out, or begin a new sweep."
            )
        return _go_on(Folder.open(resume), ray, workers, quiet)
    model, data = named(model, data)
    common = {"model": model, "data": str(data), "backbone": backbone,
              "pretrained": ("hub" if pretrained else "") if isinstance(pretrained, bool) else str(pretrained),
              "attributes": None if attributes is None else str(attributes), "target": target, "cluster": cluster,
              "resplit": resplit, "skip_bad": skip_bad, "epochs": epochs, "minutes": minutes, "kwh": budget_kwh,
              "zone": None if zone is None else find_zone(zone).code}  # fmt: skip
    design = _designed(common, dict(settings or {}), parse(vary), seeds, trials, seed, quiet)
    return _go_on(Folder.create(f"sweep-{model}" if out is None else out, design), ray, workers, quiet)


def _designed(
    common: dict[str, Any], settings: dict[str, Any], space: tuple[Parameter, ...], seeds: int | None,
    trials: int | None, seed: int, quiet: bool,
) -> Design:  # fmt: skip
    """What is to be done, with everything looked at that can be wrong with any trial."""
    model, data = common["model"], common["data"]
    if learns_rows(model, data) or trained.makes_pictures(model):
        raise ValueError(
            f"{model} cannot be swept: expected a network that predicts from pictures, whose scores are those of "
            "held-out pictures. `clearsight models` lists them."
        )
    if not space:
        raise ValueError("nothing is varied. Say what with --vary, such as --vary learning_rate=1e-4..1e-2:log.")
    if twice := [one.name for one in space if one.name in settings]:
        raise ValueError(f"{twice[0]} is both set and varied. Leave out either --set or --vary of it.")
    if common["epochs"] is None and common["minutes"] is None and common["kwh"] is None:
        raise ValueError(
            "no budget was given. Say how long each trial trains, with --epochs, --minutes or --budget-kwh."
        )
    loop.Budget(epochs=common["epochs"], minutes=common["minutes"], kwh=common["kwh"])
    count, seeds = _counted(space, seeds, trials)
    found = configurations(space, count, seed)
    kind = trained.kind_of(model)
    defaults = (kind.config_type(), kind.training_defaults)
    chosen = [choose({**settings, **one}, *defaults)[1] for one in found]  # refuses what none of the trials may be
    _check_same_pictures(space, chosen)
    gathered = gather(
        data, chosen[0].size_px, attributes=common["attributes"], skip_bad=common["skip_bad"],
        wanted=tuple(trained.tasks_of(model)), target=common["target"], enlarge=chosen[0].enlarge,
        held_out=chosen[0].held_out, cluster=common["cluster"], resplit=common["resplit"], quiet=quiet,
    )  # fmt: skip
    source = gathered.source
    if not {"val", "test"} & set(source.splits):
        raise ValueError(
            f"{source.name} has no pictures to choose by. Expected a validation or a test split beside them."
        )
    return Design(
        **common, fingerprint=source.fingerprint, splits=tuple(source.splits), space=space, configurations=found,
        seeds=tuple(range(seed, seed + seeds)), settings=settings,
    )  # fmt: skip


def _counted(space: Sequence[Parameter], seeds: int | None, trials: int | None) -> tuple[int, int]:
    """How many configurations, and how many seeds each."""
    seeds = SEEDS if seeds is None else seeds
    if seeds < FEWEST_SEEDS:
        raise ValueError(
            f"seeds is {seeds}. Expected at least {FEWEST_SEEDS}: with one, what a configuration does cannot be told "
            "from what the seed does."
        )
    combinations = 1.0
    for one in space:
        combinations *= one.count
    if trials is None:
        return int(min(TRIALS // seeds or 1, combinations)), seeds
    if trials < 2 * seeds or trials % seeds:
        near = max(2, round(trials / seeds)) * seeds
        raise ValueError(
            f"{trials} trials cannot be shared by {seeds} seeds: every configuration is trained with every seed, and "
            f"two configurations are the least. Choose --trials {near}, for example."
        )
    return trials // seeds, seeds


def _check_same_pictures(space: Sequence[Parameter], training: Sequence[Any]) -> None:
    """Fail where trials would be judged on different pictures."""
    for name in ("held_out", "enlarge"):
        if len({getattr(one, name) for one in training}) > 1 and name in [one.name for one in space]:
            raise ValueError(
                f"{name} cannot be varied: trials would be judged on different pictures, and scores not be compared. "
                "Leave it out of --vary."
            )


def _go_on(folder: Folder, ray: str | None, workers: int, quiet: bool) -> Swept:
    """Run the trials that are left, and write the results."""
    design = folder.design
    try:
        with folder.lock(), stage("training trials", quiet) as watch:
            total, done = len(design.trials), len(folder.outcomes())
            watch(done, total)
            for outcome in _outcomes(folder, ray, workers):
                folder.ends(outcome)
                done += 1
                watch(done, total)
                if not quiet and not sys.stderr.isatty():
                    print(_told(design.trials[outcome.trial - 1], outcome, done, total), file=sys.stderr)
            outcomes = folder.outcomes()
            chosen_by, judged_by = (scored(folder, design, outcomes, judged) for judged in (False, True))
            return results.write(folder, design, outcomes, chosen_by, judged_by)
    except (loop.Interrupted, KeyboardInterrupt):
        raise loop.Interrupted(f"Go on with: clearsight sweep --resume {folder.path}") from None


def _outcomes(folder: Folder, ray: str | None, workers: int) -> Iterator[Outcome]:
    """What becomes of each trial that is left, as it ends."""
    left, given_up = folder.waiting()
    for number in given_up:
        yield Outcome(
            trial=number, state="failed", cost=_spent(folder.run_of(number)),
            error="it began several times and never ended: it took its process with it",
        )  # fmt: skip
    if not left:
        return
    if ray is None:
        yield from executing.one_by_one(folder, left, run_trial)
    else:
        yield from executing.on_ray(folder, left, run_trial, ray, workers)


def _told(trial: Trial, outcome: Outcome, done: int, total: int) -> str:
    result = f"failed: {outcome.error}" if outcome.state == "failed" else f"{outcome.score:.4f}"
    spent = "" if outcome.cost is None else f", {energy(outcome.cost.kwh)}"
    return f"{done} of {total} trials: {said(trial.settings)}, seed {trial.seed}: {result}{spent}"


def run_trial(place: str, number: int) -> Outcome:
    """Train, or go on with, one trial of a sweep's folder, in whatever process this is.

    A trial that fails says why, and ends no other; an interruption does.
    """
    folder = Folder.open(place)
    design, path = folder.design, folder.run_of(number)
    trial = design.trials[number - 1]
    _wait_for(path)
    with Meter(start=_spent(path)) as meter:
        try:
            run = _trained(design, trial, path)
            names = _evaluated(design, run)
            task: Any = trained.task_of(run.config)
            evidence = run.read_evidence(names[0], task.statistics_type)
            score = value_of(evidence.statistics.metrics()[0], evidence)
        except (loop.Interrupted, KeyboardInterrupt):
            raise
        except Exception as error:  # whatever ends one trial, memory that does not suffice included
            said_first = str(error).strip().splitlines() or [type(error).__name__]
            meter.end_stage("failed trials")
            return Outcome(trial=number, state="failed", cost=meter.cost(), error=said_first[0])
    known = run.read_card().cost
    cost = replace(meter.cost(), stages={} if known is None else known.stages)
    return Outcome(trial=number, state="finished", cost=cost, score=score, chosen_by=names[0], judged_by=names[1])


def _wait_for(path: Path) -> None:
    """Wait until nobody trains into a run folder: the worker of a sweep that was killed ends within seconds."""
    if not (path / "run.json").is_file():
        return
    for left in reversed(range(round(PATIENCE_S / PAUSE_S))):
        try:
            with Run(path).lock():
                return
        except ValueError:
            if not left:
                raise
            time.sleep(PAUSE_S)


def _spent(path: Path) -> Cost | None:
    """What a trial has used in former sittings."""
    if not (path / "run.json").is_file():
        return None
    run = Run.open(path)
    return run.read_card().cost if (path / "card.json").is_file() else cost_before(run)


def _trained(design: Design, trial: Trial, path: Path) -> Run:
    """The finished run of a trial: it was finished before, it goes on where it was saved, or it begins anew."""
    begun = (path / "run.json").is_file()
    if begun and Run.open(path).config.state == "finished":
        return Run.open(path)
    if begun and Run.open(path).has_checkpoint:
        return train(resume=path, quiet=True)
    shutil.rmtree(path, ignore_errors=True)  # stopped before it had saved anything
    pretrained = Path(design.pretrained) if design.pretrained not in ("", "hub") else design.pretrained == "hub"
    return train(
        design.model, design.data, backbone=design.backbone, pretrained=pretrained, epochs=design.epochs,
        minutes=design.minutes, budget_kwh=design.kwh, attributes=design.attributes, target=design.target,
        cluster=design.cluster, resplit=design.resplit, skip_bad=design.skip_bad, zone=design.zone, out=path,
        seed=trial.seed, settings={**design.settings, **trial.settings}, quiet=True,
    )  # fmt: skip


def _evaluated(design: Design, run: Run) -> tuple[str, str]:
    """The names of the evidence a trial is chosen by, and judged by: never the test pictures for the choice."""
    if run.config.fingerprint != design.fingerprint:
        raise ValueError("the data have changed since the sweep began. Restore them, or begin a new sweep.")
    judged = "test" if "test" in design.splits else "val"
    if not {"val", "test"} <= set(design.splits):
        return judged, judged
    name = evidence_name(run.config.data_name, "val")
    if name not in run.evidence_names:
        evaluate(run, design.data, split="val")
    return name, judged
