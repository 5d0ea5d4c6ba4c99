"""The command that trains."""

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
    seed: Seed = 0,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train a model, evaluate it on held-out data, audit it, and write the report."""
    from clearsight import settings
    from clearsight.verbs.train import train as run_train

    run = run_train(
        model, place, backbone=backbone, pretrained=weights(pretrained), epochs=epochs, minutes=minutes,
        budget_kwh=budget_kwh, devices=devices, by=words(by), zone=zone, attributes=attributes, target=target,
        cluster=cluster, resplit=resplit, out=out, resume=resume, seed=seed, skip_bad=skip_bad,
        settings=settings.parse(set_ or []), responsible=responsible, quiet=quiet,
    )  # fmt: skip
    show_run(run, as_json)


COMMANDS = (train,)
