"""The command that shows an evaluation in the browser."""

from typing import Annotated

import typer

from clearsight.cli.options import Quiet


def browse(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="A run folder, or two that were judged on the same pictures."),
    ],
    data: Annotated[
        str | None, typer.Option(metavar="DATA", help="Where the pictures are now, if not where the run says.")
    ] = None,
    attributes: Annotated[
        str | None, typer.Option(metavar="FILE", help="The table of groups that the evaluation was made with.")
    ] = None,
    evaluation: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Which evaluation, by its name in the run's evidence/; default: the test's."),
    ] = None,
    corrections: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Append decisions about labels to this file; default: one in the run."),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Where a corrected data set would be written; default: beside the data."),
    ] = None,
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Where to listen; on any but this machine's own, a token is asked for."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="NUMBER", help="0 takes any that is free.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", envvar="CLEARSIGHT_TOKEN", help="What everybody must show; at least 16 letters and digits."
        ),
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    quiet: Quiet = False,
) -> None:
    """Browse an evaluation: its pictures by error, group and score, and labels to correct with the keyboard."""
    from clearsight.verbs.browse import browse as show

    show(
        runs, data=data, attributes=attributes, evaluation=evaluation, corrections=corrections, out=out, host=host,
        port=port, token=token, open_browser=open_browser, quiet=quiet, say=lambda text: print(text, flush=True),
    )  # fmt: skip


COMMANDS = (browse,)
