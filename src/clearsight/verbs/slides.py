"""The final presentation of a run, from its card: slides as an HTML page or as PowerPoint."""

import importlib.util
from pathlib import Path

from clearsight import presentation
from clearsight.comparison.page import card_of
from clearsight.files import durable
from clearsight.report import pdf
from clearsight.report.wording import visible
from clearsight.run import Run
from clearsight.verbs.compare import compare

ENDINGS = (".html", ".pptx", ".pdf")


def slides(*runs: Run | str | Path, out: Path | str = "slides.html") -> Path:
    """Write the presentation of the first run to a new file, and return its path.

    Further runs appear on the slides that compare them with the first. Nothing is computed for one run: its card holds
    every number. A page (.html) needs no other file; .pptx can be edited; .pdf needs a browser.

    Raises:
        ValueError: no run, no card, runs that were not evaluated on the same pictures, a file that exists or whose name
            ends otherwise, or what the format needs is not installed.
    """
    place = Path(out)
    if not runs:
        raise ValueError("no run was named. Expected one to present: clearsight slides RUN.")
    _check(place)
    opened = [one if isinstance(one, Run) else Run.open(one) for one in runs]
    card = opened[0].read_card()
    comparison = card_of(compare(*opened, speed=False), card.task) if len(opened) > 1 else None
    pages = presentation.placed(presentation.deck(card, opened[0].path, comparison), visible(opened[0].name))
    title = visible(card.title)
    if place.suffix == ".pptx":
        from clearsight.presentation.powerpoint import powerpoint

        content = powerpoint(pages, title, visible(card.responsible or ""))
    elif place.suffix == ".pdf":
        content = pdf.printed(presentation.html(pages, title))
    else:
        content = presentation.html(pages, title).encode("utf-8")
    durable.write_named(place, content)
    return place


def _check(place: Path) -> None:
    """Fail before anything is read where the file could not be written."""
    if place.suffix not in ENDINGS:
        raise ValueError(f"{place} is no file of slides. Expected a name that ends in {', '.join(ENDINGS)}.")
    if place.exists():
        raise ValueError(f"{place} exists. Slides are written into a new file: choose another with --out.")
    if place.suffix == ".pptx" and importlib.util.find_spec("pptx") is None:
        raise ValueError(
            "python-pptx is not installed, which PowerPoint files are written with. In the folder of clearsight's "
            "source: pip install '.[slides]'. Or write a page: --out slides.html."
        )
    if place.suffix == ".pdf":
        pdf.browser()
