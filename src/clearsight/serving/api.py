"""What programs ask: predictions as JSON or PNG, samples, the card, health and metrics."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clearsight.files import generated_pictures
from clearsight.files.generated_pictures import FROM_A_PICTURE
from clearsight.serving.metrics import CONTENT_TYPE
from clearsight.serving.served import Answer, AnswersPictures, AnswersRows, MakesPictures, Wish
from clearsight.serving.service import Hosted, Looked, Service
from clearsight.serving.uploads import content_type, uploads_of

Want = Literal["json", "overlay", "mask", "picture"]
RunName = Annotated[str, Query(description="The run to ask; the first where it is left out.")]
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                }
            },
            "image/*": {"schema": {"type": "string", "format": "binary"}},
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"rows": {"type": "array", "items": {"type": "object"}}},
                    "description": "For runs of tables: one object per row, by column.",
                }
            },
        },
    }
}
ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"description": text, "content": {"application/json": {"example": {"error": text}}}}
    for code, text in (
        (400, "Nothing was sent, or the form cannot be read."), (413, "Too many bytes, files or pixels."),
        (415, "Neither a form, a picture nor JSON."), (422, "A file is no picture, or a row does not fit."),
        (503, "Too much waits, or the time is over; Retry-After says when to send it again."),
    )
}  # fmt: skip


def api_router(service: Service) -> APIRouter:
    """The routes for programs; all but ``/health`` and ``/metrics`` stand in /openapi.json with their parameters."""
    router = APIRouter()
    _add_predict(router, service)
    _add_sample(router, service)
    _add_facts(router, service)
    return router


def _add_predict(router: APIRouter, service: Service) -> None:
    @router.post("/v1/predict", openapi_extra=BODY, responses=ERRORS, summary="Predict on pictures, or on rows")
    async def predict(request: Request, run: RunName = "", want: Want | None = None) -> Response:
        if content_type(request) == "application/json":
            hosted = service.chosen(run, AnswersRows, "predicts from rows")
            return JSONResponse(_of_rows(hosted, await service.rows(hosted, await _rows_of(request))))
        hosted = service.chosen(run, AnswersPictures, "looks at pictures")
        wanted = want or ("overlay" if _prefers_png(request) else "json")
        uploads = await uploads_of(request, service.limits)
        if wanted != "json" and len(uploads) > 1:
            raise HTTPException(422, f"{wanted} is one PNG file, and {len(uploads)} pictures were sent. Send one.")
        async with service.looked([hosted], uploads) as looked:
            if wanted == "json":
                return JSONResponse(_of_pictures(hosted, looked))
            return Response(await service.work(_drawn, looked[0].answers[0], wanted), media_type="image/png")


def _add_sample(router: APIRouter, service: Service) -> None:
    @router.get("/v1/sample", responses=ERRORS, summary="Generate pictures, as one PNG file")
    async def sample(
        run: RunName = "", seed: int = 0, truncation: float = 1.0,
        label: Annotated[str, Query(alias="class", description="A class; all in turn where it is left out.")] = "",
        count: int = 9,
    ) -> Response:  # fmt: skip
        hosted = service.chosen(run, MakesPictures, "generates pictures")
        wish = Wish(seed=seed, truncation=truncation, label=label, count=count)
        return Response(await service.made(hosted, wish), media_type="image/png")


def _add_facts(router: APIRouter, service: Service) -> None:
    @router.get("/v1/runs", summary="The runs served here")
    async def runs() -> Response:
        return JSONResponse({"runs": [_facts(one) for one in service.hosted.values()]})

    @router.get("/v1/card", responses={404: {"description": "No such run."}}, summary="The report of a run as JSON")
    async def card(run: RunName = "") -> Response:
        hosted = service.chosen(run, object, "is served")
        return JSONResponse({"run": hosted.name, "card": hosted.served.about.card})

    @router.get("/health", include_in_schema=False)
    async def health() -> Response:
        note = {"note": "a run's folder was removed since; it is answered from memory"} if service.gone else {}
        return JSONResponse({"status": "ok", **note})

    @router.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type=CONTENT_TYPE)


def _facts(hosted: Hosted) -> dict[str, Any]:
    about = hosted.served.about
    kinds = {AnswersPictures: "pictures", AnswersRows: "rows", MakesPictures: "generates pictures"}
    takes = next(text for kind, text in kinds.items() if isinstance(hosted.served, kind))
    return {
        "run": hosted.name, "model": about.model, "task": about.task, "takes": takes,
        "classes": list(about.class_names), "warnings": list(about.warnings),
    }  # fmt: skip


def _prefers_png(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    return "image/png" in accept and "json" not in accept


async def _rows_of(request: Request) -> list[Mapping[str, Any]]:
    try:
        content = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, 'The request is no JSON. Expected {"rows": [{"COLUMN": VALUE}]}.') from error
    rows = content.get("rows") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise HTTPException(422, 'There are no rows. Expected {"rows": [{"COLUMN": VALUE}]}.')
    return rows


def _of_pictures(hosted: Hosted, looked: Sequence[Looked]) -> dict[str, Any]:
    pictures, rows = [], []
    for number, one in enumerate(looked, 1):
        begun = {"image_id": number, "file_name": one.upload.name}
        answer = one.answers[0]
        pictures.append({**begun, "height": one.size[0], "width": one.size[1], **_words(answer)})
        rows += [{**begun, **row} for row in answer.rows]
    return {"run": hosted.name, "task": hosted.served.about.task, "pictures": pictures, "rows": rows}


def _of_rows(hosted: Hosted, answers: Sequence[Answer]) -> dict[str, Any]:
    rows = [{"id": number, **answer.rows[0], **_words(answer)} for number, answer in enumerate(answers, 1)]
    return {"run": hosted.name, "task": hosted.served.about.task, "rows": rows}


def _words(answer: Answer) -> dict[str, Any]:
    warnings = [{"kind": one.kind, "text": one.text} for one in answer.warnings]
    return {"said": answer.said, "confidence_in_words": answer.confidence, "warnings": warnings}


def _drawn(answer: Answer, wanted: str) -> bytes:
    draw = answer.drawings.get(wanted)
    if draw is None:
        raise HTTPException(422, f"This run gives no {wanted}. Expected json or {' or '.join(answer.drawings)}.")
    if answer.made_by:
        return generated_pictures.png(draw(), answer.made_by, FROM_A_PICTURE)
    file = io.BytesIO()
    draw().save(file, "PNG")
    return file.getvalue()
