"""The pages of the gallery: pictures, one picture with its doubts, what was decided, and the report that leads here."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Form
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from clearsight import report
from clearsight.browsing import views
from clearsight.browsing.asked import ORDERS, SORTS, Asked
from clearsight.browsing.leads import with_leads
from clearsight.browsing.opening import Browsed
from clearsight.corrections.decisions import WHATS, What
from clearsight.corrections.writing import Written
from clearsight.web.pages import Pages

HERE = Path(__file__).parent
STATIC = HERE / "static"
# A picture's address holds the fingerprint of its data, so what a browser keeps never belongs to another.
KEEP = {"cache-control": "private, max-age=3600"}
# The report is one file with its own style, which its own policy names by hash; here it may only be shown.
REPORT_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@dataclass(kw_only=True, eq=False)
class Site:
    """The pages of what is browsed; one data set is written at a time."""

    browsed: Browsed
    pages: Pages = field(default_factory=lambda: Pages(HERE / "templates"))
    written: Written | None = None
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def router(self) -> APIRouter:
        """The addresses of all pages."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/", self.gallery, methods=["GET"], response_model=None)
        router.add_api_route("/pictures/{row}", self.picture, methods=["GET"], response_model=None)
        router.add_api_route("/thumbnails/{row}.jpg", self.thumbnail, methods=["GET"], response_model=None)
        router.add_api_route("/plain/{row}.jpg", self.plain, methods=["GET"], response_model=None)
        router.add_api_route("/drawn/{row}/{run}.jpg", self.drawn, methods=["GET"], response_model=None)
        router.add_api_route("/pictures/{row}/decision", self.decide, methods=["POST"], response_model=None)
        router.add_api_route("/undo", self.undo, methods=["POST"], response_model=None)
        router.add_api_route("/corrections", self.corrections, methods=["GET"], response_model=None)
        router.add_api_route("/corrections", self.write, methods=["POST"], response_model=None)
        router.add_api_route("/report", self.report, methods=["GET"], response_model=None)
        return router

    def gallery(self, request: Request) -> Response:
        """One page of the pictures that are asked for."""
        gallery, asked = self.browsed.gallery, _asked(request.query_params.multi_items())
        try:
            rows, count, number = gallery.page(asked)
        except ValueError as error:
            raise HTTPException(404, str(error)) from error
        first = (number - 1) * views.PER_PAGE
        sorts = [one for one in SORTS if (one != "difference" or len(gallery.judged) > 1)
                 and (one != "doubt" or gallery.doubt is not None)]  # fmt: skip
        return self._page(
            "gallery.html.jinja",
            asked=asked,
            filters=views.filters(gallery, asked),
            chips=views.chips(asked),
            tiles=views.tiles(gallery, rows.tolist(), asked),
            count=count,
            ends=(first + 1, first + len(rows)),
            pages=views.pages(asked, count, number) if count > views.PER_PAGE else [],
            sorts=sorts,
            orders=ORDERS,
            what=gallery.judged[0].what,
        )

    def picture(self, row: int, request: Request) -> Response:
        """One picture, large, with what is true, what was said, and which of its labels are doubted."""
        browsed, asked = self.browsed, _asked(request.query_params.multi_items())
        self._check(row)
        before, after, position, count = self._around(row, asked)
        decisions = browsed.decisions
        try:
            sample = browsed.pictures.sample(row)
            doubts = [(one, decisions.about(one.key)) for one in browsed.doubts(row)]
            shown = [self._shown(row, run) for run in range(len(browsed.runs))]
        except ValueError as error:
            raise HTTPException(404, str(error)) from error
        gallery, query = browsed.gallery, asked.query(page=1)
        return self._page(
            "picture.html.jinja",
            row=row,
            name=gallery.ids[row],
            query=query,
            back=f"/?{query}",
            before=before,
            after=after,
            position=position,
            count=count,
            size=sample.size,
            truth=views.truth_in_words(sample.truth, browsed.runs[0].config.class_names),
            shown=shown,
            doubts=doubts,
            doubted=[
                views.outline_of(box, "", kind)
                for one, decision in doubts
                if decision is None
                for box, kind in zip(one.boxes, ("doubted label", "doubted found"), strict=True)
                if box is not None
            ][:2],
            groups=[(name, column.words[column.codes[row]]) for name, column in gallery.groups.items()],
            cluster=int(gallery.clusters[row]),
            together=int((gallery.clusters == gallery.clusters[row]).sum()),
        )

    def _shown(self, row: int, run: int) -> dict[str, Any]:
        """What a page shows of one run's answer."""
        browsed = self.browsed
        judged, pictures = browsed.gallery.judged[run], browsed.pictures
        boxed = pictures.has_boxes(row, run)
        return {
            "run": judged.run,
            "what": judged.what,
            "score": judged.score[row],
            "answers": views.each_in_words(judged.answers.of(row), browsed.gallery.class_names),
            "outlines": views.outlines(browsed, row, run) if boxed else [],
            "address": f"/plain/{row}.jpg?{self._of}" if boxed else f"/drawn/{row}/{run}.jpg?{self._of}",
            "beside": "" if boxed else pictures.beside(row, run),
            "answered": pictures.answer(row, run) is not None,
        }

    @property
    def _of(self) -> str:
        return f"of={self.browsed.decisions.fingerprint[-16:]}{self.browsed.runs[0].name}".replace(" ", "")

    def thumbnail(self, row: int) -> Response:
        """A small picture."""
        return self._file(row, lambda: self.browsed.pictures.thumbnail(row))

    def plain(self, row: int) -> Response:
        """A picture as it is."""
        return self._file(row, lambda: self.browsed.pictures.plain(row))

    def drawn(self, row: int, run: int) -> Response:
        """A picture with the answer of a run."""
        if not 0 <= run < len(self.browsed.runs):
            raise HTTPException(404, f"There is no run number {run}.")
        return self._file(row, lambda: self.browsed.pictures.drawn(row, run))

    def decide(
        self,
        row: int,
        key: Annotated[str, Form()],
        what: Annotated[str, Form()],
        query: Annotated[str, Form()] = "",
    ) -> Response:
        """Keep a decision; then the next open doubt about the picture, else the next picture."""
        self._check(row)
        if what not in WHATS:
            raise HTTPException(400, f"a decision is {what[:40]!r}. Expected {', '.join(WHATS)}.")
        decided: What = what  # type: ignore[assignment]
        asked = _asked(parse_qsl(query))
        _, after, _, _ = self._around(row, asked)
        try:
            self.browsed.decide(row, key, decided)
        except ValueError as error:
            raise HTTPException(409, str(error)) from error
        done = row in self.browsed.gallery.decided
        there = f"?{asked.query(page=1)}" if query else ""
        if done and not after:
            return RedirectResponse(f"/{there}" if asked.doubt else f"/pictures/{row}{there}", status_code=303)
        return RedirectResponse(after if done else f"/pictures/{row}{there}", status_code=303)

    def undo(self, query: Annotated[str, Form()] = "") -> Response:
        """Take the last decision back, and show its picture."""
        asked = _asked(parse_qsl(query))
        try:
            row = self.browsed.undo()
        except ValueError as error:
            raise HTTPException(409, str(error)) from error
        there = f"?{asked.query(page=1)}" if query else ""
        return RedirectResponse(f"/pictures/{row}{there}" if row is not None else f"/{there}", status_code=303)

    def corrections(self) -> Response:
        """What was decided, and the button that writes the corrected data set."""
        return self._corrections("")

    def write(self) -> Response:
        """Write the corrected data set, and say where it is, or why it could not be written."""
        with self._writing:
            try:
                self.written = self.browsed.write()
            except ValueError as error:
                return self._corrections(str(error))
        return RedirectResponse("/corrections", status_code=303)

    def _corrections(self, error: str) -> Response:
        browsed = self.browsed
        return self._page(
            "corrections.html.jinja",
            status_code=409 if error else 200,
            error=error,
            counts=browsed.decisions.counts(),
            changes=len(browsed.decisions.changes()),
            file=str(browsed.decisions.path),
            out="" if browsed.out is None else str(browsed.out),
            why_not=browsed.why_not,
            written=self.written,
            doubts=browsed.gallery.doubt is not None,
        )

    def report(self) -> Response:
        """The report of the run; the points of its plots lead to their pictures."""
        run = self.browsed.runs[0]
        try:
            page = report.html(with_leads(run.read_card(), self.browsed.gallery, self.browsed.evidence), run.path)
        except ValueError as error:
            raise HTTPException(404, str(error)) from error
        return HTMLResponse(page, headers={"content-security-policy": REPORT_POLICY})

    def _around(self, row: int, asked: Asked) -> tuple[str, str, int, int]:
        """The pictures before and after one in what is asked for (empty at the ends), its place there, how many."""
        try:
            rows = self.browsed.gallery.chosen(asked)
        except ValueError as error:
            raise HTTPException(404, str(error)) from error
        places = (rows == row).nonzero()[0]
        place = int(places[0]) if len(places) else -1
        query = asked.query(page=1)
        near: Sequence[int] = (place - 1, place + 1) if place >= 0 else (-1, 0)
        links = [f"/pictures/{rows[k]}" + (f"?{query}" if query else "") if 0 <= k < len(rows) else "" for k in near]
        return links[0], links[1], place + 1, len(rows)

    def _check(self, row: int) -> None:
        if not 0 <= row < self.browsed.gallery.images:
            raise HTTPException(404, f"There is no picture number {row}. There are {self.browsed.gallery.images}.")

    def _file(self, row: int, make: Any) -> Response:
        self._check(row)
        try:
            return Response(make(), media_type="image/jpeg", headers=KEEP)
        except ValueError as error:
            raise HTTPException(404, str(error)) from error

    def _page(self, template: str, status_code: int = 200, **content: Any) -> Response:
        browsed = self.browsed
        about = browsed.evidence.about
        return self.pages.answer(
            template,
            status_code=status_code,
            runs=[run.name for run in browsed.runs],
            images=browsed.gallery.images,
            data=about.get("data", ""),
            split=about.get("split", ""),
            of=self._of,
            decided=sum(browsed.decisions.counts().values()),
            **content,
        )


def _asked(pairs: Sequence[tuple[str, str]]) -> Asked:
    """What a query asks for; what it asks for wrongly is said with 400."""
    try:
        return Asked.of(pairs)
    except ValueError as error:
        raise HTTPException(400, str(error)) from error
