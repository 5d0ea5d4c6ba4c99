"""The commands that train: one model, or one with many settings and seeds."""

from typing import Annotated

import typer

from clearsight.cli.options import (
    AsJson,
    Attributes,
    By,
    Cluster,
    Quiet,
    Resplit,
    Responsible,
    Seed,
    SkipBad,
    Target,
    Zone,
    show,
    show_run,
    weights,
    words,
)


def train(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="A name from `clearsight models`.")] = None,
    place: Annotated[
        str | None,
        typer.Argument(metavar="DATA", help="A folder, FORMAT:FOLDER, a table, or an embedded set: digits."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Train for so many minutes; 10 where no budget is given.")
    ] = None,
    epochs: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Train for so many epochs, instead of minutes.")
    ] = None,
    budget_kwh: Annotated[
        float | None, typer.Option(metavar="KWH", help="Train until so much energy is used, instead of minutes.")
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Any timm CNN, or run:PATH for the backbone of an earlier run."),
    ] = None,
    pretrained: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Weights of the backbone: a file, or `hub` to download timm's own."),
    ] = None,
    by: By = None,
    zone: Zone = None,
    attributes: Attributes = None,
    target: Target = None,
    cluster: Cluster = "auto",
    resplit: Resplit = False,
    responsible: Responsible = None,
    out: Annotated[
        str | None, typer.Option(metavar="RUN", help="The run folder to create; default: runs/MODEL-DATA-NUMBER.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Continue the training of this run, with its own settings.")
    ] = None,
    devices: Annotated[int, typer.Option(metavar="NUMBER", help="How many GPUs or processes share each batch.")] = 1,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="A setting of the model or of the training; repeatable."),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER", help="Stop early, after so many evaluations in a row without a better validation score."
        ),
    ] = None,
    save_best: Annotated[
        bool, typer.Option("--save-best", help="Keep the weights of the best validation score, not the last ones.")
    ] = False,
    log_to: Annotated[
        str | None,
        typer.Option(metavar="TRACKER", help="Send every line of the log to tensorboard or mlflow too."),
    ] = None,
    forecast: Annotated[
        bool,
        typer.Option("--forecast", help="Only measure some steps, print what the training would take, and stop."),
    ] = False,
    seed: Seed = 0,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train a model, evaluate it on held-out data, audit it, and write the report."""
    from clearsight import settings

    if forecast:
        named = (("--out", out), ("--resume", resume), ("--log-to", log_to), ("--patience", patience),
                 ("--save-best", save_best or None))  # fmt: skip
        if kept := [name for name, value in named if value is not None]:
            raise ValueError(
                f"--forecast leaves no run behind and takes the whole budget for granted, so {kept[0]} has nothing to "
                "act on. Leave one of them out."
            )
        from clearsight.files.records import to_json
        from clearsight.printing import forecast as printing
        from clearsight.verbs.forecast import forecast as run_forecast

        found = run_forecast(
            model, place, backbone=backbone, pretrained=weights(pretrained), epochs=epochs, minutes=minutes,
            budget_kwh=budget_kwh, devices=devices, zone=zone, attributes=attributes, target=target, cluster=cluster,
            resplit=resplit, seed=seed, skip_bad=skip_bad, settings=settings.parse(set_ or []), quiet=quiet,
        )  # fmt: skip
        show(to_json(found), lambda: printing.forecast(found), as_json)
        return
    from clearsight.verbs.train import train as run_train

    run = run_train(
        model, place, backbone=backbone, pretrained=weights(pretrained), epochs=epochs, minutes=minutes,
        budget_kwh=budget_kwh, devices=devices, by=words(by), zone=zone, attributes=attributes, target=target,
        cluster=cluster, resplit=resplit, out=out, resume=resume, seed=seed, skip_bad=skip_bad,
        settings=settings.parse(set_ or []), patience=patience, save_best=save_best, log_to=log_to,
        responsible=responsible, quiet=quiet,
    )  # fmt: skip
    show_run(run, as_json)


def sweep(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="A name from `clearsight models`.")] = None,
    place: Annotated[
        str | None, typer.Argument(metavar="DATA", help="A folder, FORMAT:FOLDER, or an embedded set: digits.")
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=VALUES",
            help="A setting to vary: LOW..HIGH, LOW..HIGH:log, or values separated by commas (by / where they hold "
            "commas); repeatable.",
        ),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Trainings of each configuration; default: 3.")
    ] = None,
    trials: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Trainings in all: configurations times seeds; default: 24.")
    ] = None,
    epochs: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Each trial trains for so many epochs.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(metavar="NUMBER", help="Or for so many minutes.")] = None,
    budget_kwh: Annotated[float | None, typer.Option(metavar="KWH", help="Or until so much energy is used.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="A setting that all trials have in common; repeatable."),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Any timm CNN, or run:PATH for the backbone of an earlier run."),
    ] = None,
    pretrained: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Weights of the backbone: a file, or `hub` to download timm's own."),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Run trials on this Ray cluster; auto: the one this machine is in; local: start one.",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(metavar="NUMBER", help="With --ray: so many trials at once.")] = 1,
    attributes: Attributes = None,
    target: Target = None,
    cluster: Cluster = "auto",
    resplit: Resplit = False,
    zone: Zone = None,
    out: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="The folder of the sweep to create; default: sweep-MODEL.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Go on with this sweep: trials that ended are not run again.")
    ] = None,
    seed: Seed = 0,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train a model with other settings and seeds: what its score depends on, and the best settings, corrected."""
    from clearsight import settings
    from clearsight.printing import sweeping
    from clearsight.verbs.sweep import sweep as run_sweep

    found = run_sweep(
        model, place, vary=vary or (), seeds=seeds, trials=trials, epochs=epochs, minutes=minutes,
        budget_kwh=budget_kwh, settings=settings.parse(set_ or []), backbone=backbone, pretrained=weights(pretrained),
        ray=ray, workers=workers, attributes=attributes, target=target, cluster=cluster, resplit=resplit, zone=zone,
        out=out, resume=resume, seed=seed, skip_bad=skip_bad, quiet=quiet,
    )  # fmt: skip
    show(sweeping.plain(found), lambda: sweeping.swept(found), as_json)


COMMANDS = (train, sweep)
