"""Write the report of a run again from its card, print it to PDF, and draw its plots as files, where that is wanted."""

from pathlib import Path

from clearsight import report
from clearsight.files import durable
from clearsight.report import pdf as printing
from clearsight.run import Run


def write_report(
    run: Run | str | Path, *, pdf: Path | str | None = None, plots: Path | str | None = None
) -> tuple[Path, ...]:
    """Write ``report.html`` and ``model-card.md`` of a run anew from its card; nothing is computed again.

    With ``pdf``, the page is printed into that file too, which needs a browser of the Chromium family. With ``plots``,
    each plot of the report is written into that folder as an SVG picture. Returns the files written.

    Raises:
        ValueError: no run or no card, no browser, or a file that cannot be written.
    """
    opened = run if isinstance(run, Run) else Run.open(run)
    card = opened.read_card()
    more: dict[Path, bytes] = {}  # all is made before a file is written
    if pdf is not None:
        more[Path(pdf)] = printing.printed(report.html(card, opened.path))
    if plots is not None:
        more |= {Path(plots) / name: drawn.encode("utf-8") for name, drawn in report.plot_files(card).items()}
        durable.make_folder(Path(plots))
    written = report.write(card, opened.path)
    for place, content in more.items():
        durable.write_named(place, content)
    return (*written, *more)
