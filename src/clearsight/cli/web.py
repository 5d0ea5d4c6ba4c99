"""The commands that serve pages: an evaluation to browse, and trained models to try and to ask."""

from typing import Annotated

import typer

from clearsight.cli.options import Host, OpenBrowser, Port, Quiet, Token


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
    host: Host = "127.0.0.1",
    port: Port = 8000,
    token: Token = None,
    open_browser: OpenBrowser = False,
    quiet: Quiet = False,
) -> None:
    """Browse an evaluation: its pictures by error, group and score, and labels to correct with the keyboard."""
    from clearsight.verbs.browse import browse as show

    show(
        runs, data=data, attributes=attributes, evaluation=evaluation, corrections=corrections, out=out, host=host,
        port=port, token=token, open_browser=open_browser, quiet=quiet, say=lambda text: print(text, flush=True),
    )  # fmt: skip


def serve(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="Run folders, or exported models (.onnx, .xml) without torch.")
    ],
    host: Host = "127.0.0.1",
    port: Port = 8000,
    token: Token = None,
    open_browser: OpenBrowser = False,
    policy: Annotated[
        bool, typer.Option(help="Say which pictures go to a person, where the run keeps a policy.")
    ] = True,
    risk: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", help="The error allowed on pictures it decides on: 0.01, 0.02, 0.05, 0.1 or 0.2."
        ),
    ] = None,
    log: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Append every decision to this log, which `clearsight verify` checks."),
    ] = None,
    batch: Annotated[int, typer.Option(metavar="NUMBER", help="How many pictures are predicted together.")] = 8,
    max_mib: Annotated[float, typer.Option(metavar="NUMBER", help="MiB that a request may send.")] = 32,
    max_files: Annotated[int, typer.Option(metavar="NUMBER", help="Pictures in a request.")] = 16,
    max_megapixels: Annotated[float, typer.Option(metavar="NUMBER", help="Megapixels of a picture.")] = 50,
    max_seconds: Annotated[float, typer.Option(metavar="NUMBER", help="Seconds until a request is answered.")] = 30,
    max_waiting: Annotated[int, typer.Option(metavar="NUMBER", help="Pictures that may wait for a run.")] = 64,
) -> None:
    """Serve runs on this machine: a page to drop pictures on, and an HTTP interface for programs."""
    from clearsight.verbs.serve import serve as run_serve

    run_serve(
        runs, host=host, port=port, token=token, policy=policy, risk=risk, log=log, batch=batch, max_mib=max_mib,
        max_files=max_files, max_megapixels=max_megapixels, max_seconds=max_seconds, max_waiting=max_waiting,
        open_browser=open_browser, say=lambda text: print(text, flush=True),
    )  # fmt: skip
