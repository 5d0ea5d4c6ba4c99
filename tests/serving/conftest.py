import io
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from clearsight.serving.application import application
from clearsight.serving.limits import Limits
from clearsight.serving.served import About, Answer, Field, Warned
from clearsight.serving.service import Service


class MeanColour:
    """A model of pictures that answers the mean of their red channel: what it must say is known beforehand."""

    def __init__(self, name: str = "mean", delay_s: float = 0.0, batch: int = 4) -> None:
        self.about = About(
            name=name, path=Path("."), model="mean", task="regression", class_names=(), card={"title": "Mean"}
        )
        self.batch, self.delay_s, self.sizes, self.logged = batch, delay_s, [], []
        self.go = threading.Event()
        self.go.set()

    def look(self, pictures):
        self.go.wait(20)
        time.sleep(self.delay_s)
        self.sizes.append(len(pictures))
        if any(picture.shape[:2] == (13, 13) for picture in pictures):
            raise RuntimeError("thirteen")
        return [float(picture[..., 0].mean()) for picture in pictures]

    def answer(self, picture, found):
        draw = partial(Image.fromarray, picture)
        warnings = (Warned(kind="unlike", text="<b>it is red</b>"),) if found > 200 else ()
        return Answer(
            rows=({"value": found},), said=f"{found:.1f}", warnings=warnings, drawings={"overlay": draw}, shown=draw
        )

    def log(self, name, content, answer):
        self.logged.append((name, len(content)))


class Doubles:
    """A model of tables that doubles a number."""

    about = About(name="doubles", path=Path("."), model="double", task="regression", class_names=())
    fields = (Field(name="x", least=0, most=9), Field(name="<kind>", levels=("a", "b")))
    target = "twice"

    def answer_rows(self, rows):
        try:
            return [Answer(rows=({"prediction": 2 * float(row["x"])},), said=str(2 * float(row["x"]))) for row in rows]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError("x is no number. Expected one.") from error


@pytest.fixture
def model():
    return MeanColour()


@pytest.fixture
def client():
    """Makes a client of some models within limits; both end with the test."""
    running = []

    def made(*models, **limits) -> TestClient:
        one = TestClient(
            application(Service(models, Limits(**limits))), base_url="http://127.0.0.1:8000",
            raise_server_exceptions=False,
        )  # fmt: skip
        running.append(one.__enter__())
        return one

    yield made
    for one in running:
        one.__exit__(None, None, None)


@pytest.fixture
def sent():
    """Makes a file of a picture of one colour."""

    def made(red: int = 100, size: tuple[int, int] = (8, 6), kind: str = "PNG", **options) -> bytes:
        file = io.BytesIO()
        Image.new("RGB", size, (red, 0, 0)).save(file, kind, **options)
        return file.getvalue()

    return made


@pytest.fixture
def two_models():
    return MeanColour("first"), MeanColour("second")


@pytest.fixture
def doubles():
    return Doubles()
