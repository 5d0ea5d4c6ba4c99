"""The commands that show a run to others: its report once more, on paper, and slides."""

from typing import Annotated

import typer

from clearsight.cli.options import AsJson, RunFolder, show


def report(
    run: RunFolder,
    pdf: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Print the report into this PDF file, with an installed Chromium or Chrome."),
    ] = None,
    plots: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Write each plot of the report into this folder, as an SVG picture."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the report and the model card of a run again from its card, as PDF, and its plots; computes nothing."""
    from clearsight.verbs.write_report import write_report

    files = [str(path) for path in write_report(run, pdf=pdf, plots=plots)]
    show({"files": files}, lambda: "\n".join(files), as_json)


def slides(
    runs: Annotated[list[str], typer.Argument(metavar="RUN", help="The run to present; others are compared with it.")],
    out: Annotated[
        str, typer.Option(metavar="FILE", help="A new file: .html, .pptx (PowerPoint), or .pdf with a browser.")
    ] = "slides.html",
    as_json: AsJson = False,
) -> None:
    """Write a presentation of a run from its card: HTML or PowerPoint slides, with notes for the speaker."""
    from clearsight.verbs.slides import slides as make_slides

    place = str(make_slides(*runs, out=out))
    show({"file": place}, lambda: place, as_json)


COMMANDS = (report, slides)
