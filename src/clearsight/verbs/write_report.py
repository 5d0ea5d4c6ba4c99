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
    if pdf is not None:
        printing.browser()
    card = opened.read_card()
    content = None if pdf is None else printing.printed(report.html(card, opened.path))
    written = report.write(card, opened.path)
    if pdf is None or content is None:
        return written
    place = Path(pdf)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(durable.failure(place, error)) from error
    durable.write_bytes(place, content)
    return (*written, place)
