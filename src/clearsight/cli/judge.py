"""The commands that judge a trained model: its metrics, its audit, and a comparison of several."""

from typing import Annotated

import typer

from clearsight.cli.options import (
    AnyData,
    AsJson,
    Attributes,
    By,
    Data,
    OwnCluster,
    Quiet,
    Responsible,
    RunFolder,
    SkipBad,
    Split,
    Target,
    Zone,
    show,
    show_run,
    words,
)


def evaluate(
    run: RunFolder,
    place: Data,
    split: Split = None,
    attributes: Attributes = None,
    target: Target = None,
    cluster: OwnCluster = None,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate a trained model on data: every metric with its confidence interval."""
    from clearsight.printing import results
    from clearsight.verbs import evaluate as verb

    evidence = verb.evaluate(
        run, place, split=split, attributes=attributes, target=target, cluster=cluster, skip_bad=skip_bad, quiet=quiet
    )
    found = verb.metrics(evidence)
    show(results.plain(found), lambda: results.metrics(found, verb.notes(evidence)), as_json)


def audit(
    run: RunFolder,
    place: AnyData = None,
    by: By = None,
    zone: Zone = None,
    attributes: Attributes = None,
    target: Target = None,
    cluster: OwnCluster = None,
    split: Split = None,
    responsible: Responsible = None,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Audit a trained model again, by other groups, another grid or other data, and write the report anew."""
    from clearsight.run import Run
    from clearsight.verbs.audit import audit as run_audit

    run_audit(
        run, place, by=words(by), zone=zone, attributes=attributes, target=target, cluster=cluster,
        split=split, responsible=responsible, skip_bad=skip_bad, quiet=quiet,
    )  # fmt: skip
    show_run(Run.open(run), as_json)


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN...", help="The reference run, then the others.")],
    out: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A new HTML page: plots, and pictures each run misses."),
    ] = None,
    speed: Annotated[bool, typer.Option(help="Time each run on some of the pictures.")] = True,
    as_json: AsJson = False,
) -> None:
    """Compare runs on the same data: paired differences with confidence intervals, speed, memory and energy."""
    from clearsight.printing import results
    from clearsight.verbs import compare as verb

    found = verb.compare(*runs, out=out, speed=speed)
    show(results.plain(found), lambda: results.comparison(found), as_json)


COMMANDS = (evaluate, audit, compare)
