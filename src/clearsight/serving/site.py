"""What people open: a page to drop a picture on, fill in a row, or move sliders, with the answers below."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import APIRouter
from PIL import Image
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from clearsight.files import encoding, generated_pictures
from clearsight.files.generated_pictures import FROM_A_PICTURE
from clearsight.prediction.writing import flat
from clearsight.quantities import counted
from clearsight.serving.served import Answer, AnswersPictures, AnswersRows, MakesPictures
from clearsight.serving.service import Hosted, Looked, Service
from clearsight.serving.uploads import MULTIPART, content_type, uploads_of
from clearsight.web.pages import Pages

HERE = Path(__file__).parent
STATIC = HERE / "static"
PAGES = Pages(HERE / "templates")
SHOWN_PX, QUALITY = 1400, 88
ROWS_SHOWN = 100
PART = "x-part"  # a request of the page's own script, which is answered without the rest of the page
FIRST = {"image_id": False, "segmentation": False, "reason": False, "decision": False, "abstained": False}


class Shown(NamedTuple):
    """The answer of one model, ready to be shown."""

    run: str
    answer: Answer
    picture: str
    columns: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    rows: int


def site_router(service: Service) -> APIRouter:
    """The page and its answers, which are pages too where there is no script."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def page(request: Request) -> Response:
        return PAGES.answer("serve.html.jinja", **_content(service, request), looked=None, told=None)

    @router.post("/")
    async def ask(request: Request) -> Response:
        looked = told = None
        if content_type(request) == MULTIPART:
            asked = service.of_kind(AnswersPictures)
            if not asked:
                raise HTTPException(404, "No run here looks at pictures.")
            async with service.looked(asked, await uploads_of(request, service.limits)) as found:
                looked = [await service.work(_shown, asked, one) for one in found]
        else:
            told = await _told(service, request)
        part = "answers.html.jinja" if PART in request.headers else "serve.html.jinja"
        return PAGES.answer(part, **_content(service, request), looked=looked, told=told)

    return router


def _content(service: Service, request: Request) -> dict[str, Any]:
    """What the page shows before anything was asked."""
    pictures, rows, makers = (service.of_kind(kind) for kind in (AnswersPictures, AnswersRows, MakesPictures))
    return {
        "pictures": pictures, "tables": rows, "makers": makers, "limits": service.limits, "gone": service.gone,
        "asked": dict(request.query_params), "hosted": list(service.hosted.values()),
        "most_bytes": service.limits.bodies.request_bytes,
    }  # fmt: skip


async def _told(service: Service, request: Request) -> Shown:
    """The answer on a row that was filled in: fields are numbered, since columns may have any name."""
    async with request.form(max_files=0, max_fields=2000, max_part_size=4096) as form:
        name = str(form.get("run", ""))
        hosted = service.chosen(name, AnswersRows, "predicts from rows")
        assert isinstance(hosted.served, AnswersRows)
        row = {field.name: str(form.get(f"column-{k}", "")) for k, field in enumerate(hosted.served.fields)}
    (answer,) = await service.rows(hosted, [row])
    return _table(hosted, answer, "")


def _shown(asked: Sequence[Hosted], looked: Looked) -> tuple[Looked, list[Shown]]:
    shown = []
    for hosted, answer in zip(asked, looked.answers, strict=True):
        shown.append(_table(hosted, answer, "" if answer.shown is None else embedded(answer.shown(), answer.made_by)))
    return looked, shown


def _table(hosted: Hosted, answer: Answer, picture: str) -> Shown:
    rows = [_cells(row) for row in answer.rows[:ROWS_SHOWN]]
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    cells = tuple(tuple(row.get(name, "") for name in columns) for row in rows)
    return Shown(hosted.name, answer, picture, columns, cells, len(answer.rows))


def _cells(row: Any) -> dict[str, str]:
    return {str(name): _cell(value) for name, value in flat(row).items() if name not in FIRST}


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def embedded(picture: Image.Image, made_by: Mapping[str, Any]) -> str:
    """A picture as the address of itself, small enough for a page; one that a model made says so."""
    shown = picture.convert("RGB")
    if max(shown.size) > SHOWN_PX:
        shown.thumbnail((SHOWN_PX, SHOWN_PX))
    if made_by:
        content = generated_pictures.jpeg(shown, made_by, FROM_A_PICTURE, quality=QUALITY)
    else:
        content = encoding.jpeg(shown, quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode('ascii')}"


PAGES.environment.filters["counted"] = counted
