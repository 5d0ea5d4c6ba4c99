"""Pictures out of requests: multipart forms or a picture as the whole request; counted and measured before decoding."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from clearsight.files import decoding
from clearsight.files.decoding import PictureError, Size
from clearsight.serving.limits import Limits
from clearsight.serving.served import Pixels
from clearsight.visible import visible

MULTIPART, FIELDS, NAME_LETTERS = "multipart/form-data", 50, 120
SVG = re.compile(rb"^\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*(<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]", re.DOTALL)


class Upload(NamedTuple):
    """A file that was sent: the name it goes by, which is never opened, and its content."""

    name: str
    content: bytes


class Measured(NamedTuple):
    """The size of a picture by its header, and whether it is an animation."""

    size: Size
    moves: bool

    @property
    def pixels(self) -> int:
        """How many it has."""
        return self.size[0] * self.size[1]


def content_type(request: Request) -> str:
    """What a request says that it sends, in lower case and without parameters; "" where it says nothing."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def uploads_of(request: Request, limits: Limits) -> list[Upload]:
    """The files of a request, at least one.

    Raises HTTPException 400 for a form that cannot be read or holds none, 413 for too many files, 415 for another type.
    """
    kind = content_type(request)
    if kind == MULTIPART:
        found = await _of_form(request, limits)
    elif kind.startswith("image/") or kind == "application/octet-stream":
        found = [Upload("picture", await request.body())]
    else:
        raise HTTPException(
            415,
            f"The request is {visible(kind) or 'of no type'}. Expected {MULTIPART} with one or more files, or one "
            "picture as the whole request, such as image/jpeg.",
        )
    if not found or not any(one.content for one in found):
        raise HTTPException(400, "No picture was sent. Expected files in a form, such as -F file=@cells.jpg.")
    return found


async def _of_form(request: Request, limits: Limits) -> list[Upload]:
    try:
        async with request.form(max_files=limits.files, max_fields=FIELDS, max_part_size=4096) as form:
            sent = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
            # A browser sends a file field that was left empty as a file without a name.
            return [Upload(shown_name(one.filename), await one.read()) for one in sent if one.filename or one.size]
    except HTTPException as error:
        if "Too many files" in str(error.detail):
            raise HTTPException(413, f"Too many files. Expected at most {limits.files} in one request.") from error
        if error.status_code == 400:
            raise HTTPException(400, f"The form cannot be read: {visible(str(error.detail))}") from error
        raise
    except (ValueError, KeyError, LookupError, UnicodeError, AssertionError) as error:
        # The parser of forms raises several types on forms that were cut or made up.
        raise HTTPException(400, "The form cannot be read: it is cut short or broken.") from error


def shown_name(name: str | None) -> str:
    """A file's own name without folders, short, and with control characters made visible."""
    return visible(re.split(r"[/\\]", name or "")[-1])[:NAME_LETTERS] or "picture"


def measured(uploads: Sequence[Upload], limits: Limits) -> list[Measured]:
    """The sizes of all, from their headers; raises HTTPException 413 or 422 that names each that cannot be used."""
    found, problems, large = [], [], False
    for one in uploads:
        try:
            found.append(Measured(*decoding.measured(one.content, limits.pixels)))
        except PictureError as error:
            problems.append(f"{one.name}: {_problem(one, error, limits)}")
            large = large or error.kind == decoding.BOMB
    if problems:
        raise HTTPException(413 if large else 422, f"{'; '.join(problems[:5])}.")
    if (total := sum(one.pixels for one in found)) > 4 * limits.pixels:
        raise HTTPException(
            413, f"The pictures have {total / 1e6:.0f} megapixels together. Expected at most {4 * limits.megapixels:g}."
        )
    return found


def decoded(upload: Upload, limits: Limits) -> Pixels:
    """The pixels of a picture; raises HTTPException 422 where its content is broken."""
    try:
        return decoding.decode(upload.content, pixels=limits.pixels)
    except PictureError as error:
        raise HTTPException(422, f"{upload.name}: {_problem(upload, error, limits)}.") from error


def _problem(upload: Upload, error: PictureError, limits: Limits) -> str:
    if error.kind == decoding.BOMB:
        found = visible(error.detail)[:100]
        return f"the picture is too large ({found}). Expected at most {limits.megapixels:g} megapixels"
    if error.kind == decoding.NOT_A_PICTURE:
        what = "an SVG drawing, which has no pixels" if SVG.match(upload.content[:4096]) else "not a picture"
        what = "an empty file" if not upload.content else what
        return f"{what}. Expected JPEG, PNG, WebP, GIF, BMP, TIFF or JPEG 2000"
    return visible(str(error))[:200]
