"""The commands to start with: the demo, what is in some data, and what there is to choose from."""

from typing import Annotated

import typer

from clearsight.cli.options import (
    AsJson,
    Attributes,
    Cluster,
    Data,
    Quiet,
    Resplit,
    Seed,
    SkipBad,
    Target,
    Zone,
    show,
    show_run,
    words,
)


def demo(
    out: Annotated[str | None, typer.Option(metavar="RUN", help="The run folder to create.")] = None,
    minutes: Annotated[float, typer.Option(metavar="NUMBER", help="Train for so many minutes.")] = 2.25,
    zone: Zone = None,
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train a detector on scenes of real handwritten digits and write its report: under three minutes, no download."""
    from clearsight.recipes.demo import demo as run_demo

    show_run(run_demo(out=out, minutes=minutes, zone=zone, seed=seed, quiet=quiet), as_json)


def data(
    place: Data,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Audit the groups of these attributes and their intersections, separated by commas.",
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Compare the mix of groups with: uniform, or a table of attributes and a column share or count.",
        ),
    ] = None,
    attributes: Attributes = None,
    target: Target = None,
    cluster: Cluster = "auto",
    resplit: Resplit = False,
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="A trained run: list the labels that contradict its predictions.")
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="A new folder for the page of the audit; with --run, also for pictures of these labels.",
        ),
    ] = None,
    size_px: Annotated[
        int | None, typer.Option(metavar="PX", help="Input size at which to judge the size of objects; default: 416.")
    ] = None,
    skip_bad: SkipBad = False,
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Describe data before training: classes, duplicates, small objects, and whom a model may fail, by group."""
    from clearsight.printing import results
    from clearsight.verbs.data import data as describe

    found = describe(
        place, by=words(by), reference=reference, attributes=attributes, target=target, cluster=cluster,
        resplit=resplit, run=run, out=out, size_px=size_px, skip_bad=skip_bad, seed=seed, quiet=quiet,
    )  # fmt: skip
    show(found.as_dict(), lambda: results.description(found), as_json)


def models(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A model: what it is, and all its settings with defaults.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the models that can be trained, by task, with the data that each takes; or show one with its settings."""
    from clearsight.printing import parts

    if name is None:
        show(parts.model_rows(), parts.models, as_json)
        return
    from clearsight.printing import results
    from clearsight.verbs.models import described
    from clearsight.verbs.models import models as known

    found = described(*known(name))
    show(results.plain(found), lambda: parts.model(found), as_json)


def datasets(as_json: AsJson = False) -> None:
    """List the data layouts that are recognised, and the embedded sets."""
    from clearsight.printing import parts

    show(parts.dataset_rows(), parts.datasets, as_json)


def runs(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="The folder that holds the runs.")] = "runs",
    as_json: AsJson = False,
) -> None:
    """List the runs in a folder: their model, data, state and score."""
    from clearsight.printing import results
    from clearsight.verbs.runs import runs as listed

    found = listed(folder)
    show(results.plain(found), lambda: results.runs(found, folder), as_json)


COMMANDS = (demo, data, models, datasets, runs)
