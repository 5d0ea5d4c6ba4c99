"""Find out whether generated pictures of a rare class help a classifier, beside what needs no generator."""

import math
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clearsight.console.signals import signals
from clearsight.energy.grid import carbon, find_zone
from clearsight.energy.meter import Meter
from clearsight.generation.conclusion import gathered_as_trained
from clearsight.loading import trained
from clearsight.loading.data import Gathered, gather
from clearsight.prediction.writing import class_ids
from clearsight.rare_classes import experiment, results
from clearsight.rare_classes.folder import Design, Folder
from clearsight.rare_classes.verdict import judged
from clearsight.run import Run
from clearsight.settings import choose
from clearsight.sources.samples.clustering import AUTO
from clearsight.training import loop
from clearsight.verbs.train import train

RATIOS = (1.0, 3.0, 9.0)
MOST_RATIO = 100.0
SEEDS, FEWEST_SEEDS = 5, 2
MINUTES, GENERATOR_MINUTES = 0.25, 10.0


def augment(
    data: str | Path | None = None,
    *,
    class_name: str | None = None,
    model: str | None = None,
    run: Run | str | Path | None = None,
    ratios: Sequence[float] = RATIOS,
    seeds: int = SEEDS,
    classifier: str = "cnn",
    minutes: float | None = None,
    epochs: float | None = None,
    generator_minutes: float | None = None,
    generator_epochs: float | None = None,
    settings: Mapping[str, Any] | None = None,
    classifier_settings: Mapping[str, Any] | None = None,
    attributes: Path | str | None = None,
    target: str | None = None,
    cluster: str = AUTO,
    resplit: bool = False,
    skip_bad: bool = False,
    zone: str | None = None,
    out: Path | str | None = None,
    resume: Path | str | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> results.Augmented:
    """Whether adding generated pictures of a class helps a classifier more than all that needs no generator.

    For every ratio classifiers are trained with generated pictures, oversampling, class weights and classical
    augmentation, and once with nothing done, each with every seed. The generator learns from the training split only.

    Args:
        data: pictures with one class each: a folder, ``format:folder``, or a table.
        class_name: the rare class; model: a generator to train for this, or run: one that was trained on these data.
        ratios: how many pictures are added for each real one of the class; seeds: trainings of each method.
        minutes, epochs: the budget of one training of a classifier; 0.25 minutes unless said. All take as many steps.
        generator_minutes, generator_epochs: the budget of the generator; 10 minutes unless said.
        settings, classifier_settings: fields of the config or of ``types.Training`` of either model by name.
        out: the new folder of the experiment; resume: one to go on with, as it was asked then.

    Raises:
        ValueError: whatever the user can mend, in one message; ``loop.Interrupted`` when stopped by a signal.
    """
    if resume is not None:
        own = {"data": data, "class_name": class_name, "model": model, "run": run, "ratios": tuple(ratios) != RATIOS,
               "seeds": seeds != SEEDS, "classifier": classifier != "cnn", "minutes": minutes, "epochs": epochs,
               "generator_minutes": generator_minutes, "generator_epochs": generator_epochs, "settings": settings,
               "classifier_settings": classifier_settings, "attributes": attributes, "target": target,
               "cluster": cluster != AUTO, "resplit": resplit, "skip_bad": skip_bad, "zone": zone, "out": out,
               "seed": seed}  # fmt: skip
        if given := [name for name, value in own.items() if value not in (None, False, 0, {})]:
            raise ValueError(
                f"--resume goes on with an experiment as it was asked, so {', '.join(given)} cannot be changed. Leave "
                "that out, or begin a new experiment."
            )
        return _go_on(Folder.open(resume), quiet)
    if data is None or class_name is None:
        raise ValueError(
            "nothing to find out. Name data and a class, such as "
            "`clearsight augment skin/ --class melanoma --model vae`."
        )
    place = run.path if isinstance(run, Run) else run
    design = Design(
        data=str(data), class_name=class_name, run=None if place is None else str(place), model=model,
        settings=dict(settings or {}), generator_minutes=generator_minutes, generator_epochs=generator_epochs,
        ratios=tuple(map(float, ratios)), seeds=seeds, classifier=classifier,
        classifier_settings=dict(classifier_settings or {}), minutes=minutes, epochs=epochs, seed=seed,
        attributes=None if attributes is None else str(attributes), target=target, cluster=cluster, resplit=resplit,
        skip_bad=skip_bad, zone=None if zone is None else find_zone(zone).code,
    )  # fmt: skip
    _check(design)
    gathered = _read(design, quiet)
    word = re.sub(r"[^\w.-]+", "-", class_name).strip(".-") or "class"
    return _go_on(Folder.create(f"augment-{word}" if out is None else out, design), quiet, gathered)


def _check(design: Design) -> None:
    """Fail before anything is read where what was asked cannot be."""
    if (design.run is None) == (design.model is None):
        raise ValueError(
            "a generator is needed: either --model with the name of one to train (gan, vae, flow), or --run with one "
            "that was trained on these data. Give one of the two."
        )
    if design.model is not None and not trained.makes_pictures(design.model):
        raise ValueError(f"{design.model} makes no pictures. Expected a generator, such as gan, vae or flow.")
    if not design.ratios or not all(0 < ratio <= MOST_RATIO for ratio in design.ratios):
        said = ", ".join(f"{ratio:g}" for ratio in design.ratios) or "empty"
        raise ValueError(
            f"ratios is {said}. Expected one or more numbers of added pictures for each real one, above 0 and at most "
            f"{MOST_RATIO:g}, such as 1,3,9."
        )
    if len(set(design.ratios)) < len(design.ratios):
        raise ValueError("a ratio is given twice. Give each once.")
    if design.seeds < FEWEST_SEEDS:
        raise ValueError(
            f"seeds is {design.seeds}. Expected at least {FEWEST_SEEDS}, better {SEEDS}: one training says nothing of "
            "the next."
        )
    _check_budgets(design)
    _check_of_run(design)
    experiment.chosen(design.classifier, design.classifier_settings)


def _check_budgets(design: Design) -> None:
    for one, other in (("minutes", "epochs"), ("generator_minutes", "generator_epochs")):
        given = {name: value for name in (one, other) if (value := getattr(design, name)) is not None}
        for name, value in given.items():
            if not (value > 0 and math.isfinite(value)):
                raise ValueError(f"{name} is {value}. Expected a number above 0.")
        if len(given) > 1:
            raise ValueError(f"{one} and {other} were both given. Expected one budget.")


def _check_of_run(design: Design) -> None:
    """Fail where a generator that was trained already would have to be another."""
    if design.run is None:
        return
    own = {"generator_minutes": design.generator_minutes, "generator_epochs": design.generator_epochs,
           "settings": design.settings, "attributes": design.attributes, "target": design.target,
           "cluster": design.cluster != AUTO, "resplit": design.resplit, "skip_bad": design.skip_bad}  # fmt: skip
    if given := [name for name, value in own.items() if value]:
        raise ValueError(
            f"the generator in {design.run} was trained already, and data are read as they were for it, so "
            f"{', '.join(given)} cannot be chosen. Leave that out."
        )


def _read(design: Design, quiet: bool) -> Gathered:
    """The data as the generator reads them, checked before anything is made or trained."""
    if design.run is not None:
        run = trained.opened(design.run)
        _check_generator(run, design.class_name)
        gathered = gathered_as_trained(run, design.data, quiet)
        _check_same_data(run, gathered, design)
    else:
        assert design.model is not None
        kind = trained.kind_of(design.model)
        _, training = choose(_settings(design), kind.config_type(), kind.training_defaults)
        gathered = gather(
            design.data, training.size_px, attributes=design.attributes, skip_bad=design.skip_bad,
            held_out=training.held_out, wanted=tuple(trained.tasks_of(design.model)), target=design.target,
            enlarge=training.enlarge, cluster=design.cluster, resplit=design.resplit, quiet=quiet,
        )  # fmt: skip
    experiment.check_data(gathered, design.class_name)
    return gathered


def _settings(design: Design) -> dict[str, Any]:
    """Those of the generator, which must be told the class."""
    return {**design.settings, "conditional": True}


def _go_on(folder: Folder, quiet: bool, gathered: Gathered | None = None) -> results.Augmented:
    """The experiment from where it is, on data that were read already or are read again."""
    design = folder.design
    try:
        with folder.lock(), Meter(start=folder.cost()) as meter:
            run = _generator(folder, design, quiet)
            folder.log_cost(meter.cost())
            gathered = gathered or _read(design, quiet)
            _check_same_data(run, gathered, design)
            return _finished(folder, design, run, gathered, meter, quiet)
    except (loop.Interrupted, KeyboardInterrupt):
        raise loop.Interrupted(f"Go on with: clearsight augment --resume {folder.path}") from None


def _generator(folder: Folder, design: Design, quiet: bool) -> Run:
    """The run of the generator: the one named, or one trained into the folder, now or before."""
    if design.run is not None:
        return trained.opened(design.run)
    place = folder.path / "generator"
    begun = (place / "run.json").is_file()
    if begun and Run.open(place).config.state == "finished":
        return trained.opened(place)
    if begun and Run.open(place).has_checkpoint:
        return train(resume=place, quiet=quiet)
    shutil.rmtree(place, ignore_errors=True)  # stopped before it had saved anything
    minutes = design.generator_minutes
    if minutes is None and design.generator_epochs is None:
        minutes = GENERATOR_MINUTES
    return train(
        design.model, design.data, minutes=minutes, epochs=design.generator_epochs, attributes=design.attributes,
        target=design.target, cluster=design.cluster, resplit=design.resplit, skip_bad=design.skip_bad, out=place,
        seed=design.seed, settings=_settings(design), quiet=quiet,
    )  # fmt: skip


def _check_generator(run: Run, class_name: str) -> None:
    """Fail where the run makes no pictures of a class that can be asked for."""
    trained.check_conditional(run, ", or leave --run out and give --model")
    class_ids([class_name], run.config.class_names)
    if not run.has_weights:
        raise ValueError(f"{run.path} has no weights yet. Finish its training first: clearsight train --resume.")


def _check_same_data(run: Run, gathered: Gathered, design: Design) -> None:
    """Fail where the generator may have learnt from pictures that are held out here."""
    if gathered.source.fingerprint != run.config.fingerprint:
        raise ValueError(
            f"{run.path} was not trained on the pictures and the splits of {design.data}, so it may have learnt from "
            "the very pictures that the classifiers would be judged on. Expected the same data, read the same way. "
            "Give the data it was trained on, or leave --run out and give --model to train one on these."
        )


def _finished(
    folder: Folder, design: Design, run: Run, gathered: Gathered, meter: Meter, quiet: bool
) -> results.Augmented:
    """Make the pictures, train the classifiers, judge, and write the results."""
    config = run.config
    found = experiment.material_of(gathered, tuple(config.settings["model"]["size"]), design.class_name)
    seeds = range(design.seed, design.seed + design.seeds)
    recipe = experiment.recipe_for(design.classifier, dict(design.classifier_settings), found)
    with signals() as stop:
        count = experiment.most_added(found, design.ratios)
        experiment.make_pictures(folder, run, found, seeds, count, stop, quiet)
        minutes = MINUTES if design.minutes is None and design.epochs is None else design.minutes
        budget = loop.Budget(epochs=design.epochs, minutes=minutes)
        experiment.train_all(folder, found, design.ratios, seeds, budget, recipe, meter, stop, quiet)
    statistics, one = experiment.evaluations(folder, found, design.ratios, seeds)
    judgement = judged(statistics, design.class_name, found.clusters, design.seed)
    pictures = experiment.pictures_used(folder, seeds)
    counts = {
        "training": len(found.train), "training of the class": found.rare, "held out": len(found.held_out),
        "held out of the class": found.rare_held_out, "held-out clusters": len(set(found.clusters.tolist())),
    }  # fmt: skip
    cost = meter.cost()
    result = results.Augmented(
        data=config.data_name, class_name=design.class_name, split=found.held_out.split, generator=str(run.path),
        classifier=design.classifier, seeds=design.seeds, steps=one.steps, ratios=design.ratios, counts=counts,
        copies=results.CopiesRemoved(
            made=sum(each.made for each in pictures), of_training=sum(each.of_training for each in pictures),
            of_held_out=sum(each.of_held_out for each in pictures),
        ),
        verdict=judgement.verdict, claim=results.claim_of(judgement, design.class_name, counts, design.seeds),
        ratio=judgement.ratio, rival=judgement.rival, confidence=judgement.confidence, arms=judgement.arms,
        gains=judgement.gains, notes=gathered.source.problems,
        cost=cost if design.zone is None else carbon(cost, design.zone), folder=str(folder.path),
        page=str(folder.path / "report.html"),
    )  # fmt: skip
    results.write(result, judgement, pictures, folder, gathered.source.fingerprint)
    return result
