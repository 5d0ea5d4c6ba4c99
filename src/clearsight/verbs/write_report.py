"""Write the report of a run again from its card, and print it to PDF where it is wanted."""

from pathlib import Path

from clearsight import report
from clearsight.files import durable
from clearsight.report import pdf as printing
from clearsight.run import Run


def write_report(run: Run | str | Path, *, pdf: Path | str | None = None) -> tuple[Path, ...]:
    """Write ``report.html`` and ``model-card.md`` of a run anew from its card; nothing is computed again.

    With ``pdf``, the page is printed into that file too, which needs a browser of the Chromium family. Returns the
    files written.

    Raises:
        ValueError: no run or no card, no browser, or a file that cannot be written.
    """
    opened = run if isinstance(run, Run) else Run.open(run)
    card = opened.read_card()
    if pdf is None:
        return report.write(card, opened.path)
    content, place = printing.printed(report.html(card, opened.path)), Path(pdf)  # fails before a file is written
    written = report.write(card, opened.path)
    durable.write_named(place, content)
    return (*written, place)
