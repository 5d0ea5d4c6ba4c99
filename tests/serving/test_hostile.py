"""Uploads that mean harm: each costs one clear 4xx, and the next honest picture is answered."""

import io
import random
import struct
import zipfile
import zlib

import pytest
from PIL import Image


def post(client, name, content):
    return client.post("/v1/predict", files={"file": (name, content)})


def png_of(width, height, pixels=b""):
    """A PNG file whose header claims a size."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", b"\0" * 10_000_000)
    return file.getvalue()


def animated(kind, **options):
    frames = [Image.new("RGB", (20, 10), (200, 10 * n, 0)) for n in range(3)]
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], **options)
    return file.getvalue()


def many_scans(whole):
    """A JPEG with the marker of a scan repeated in a comment, as one of hundreds of scans has it."""
    return whole[:2] + b"\xff\xfe" + struct.pack(">H", 2 + 800) + b"\xff\xda" * 400 + whole[2:]


SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" onload="x"/>'
CUT = b"--a\r\nContent-Disposition: form-data; name=file; filename=x\r\n\r\nab"
NAMES = ["../../etc/passwd", "/etc/passwd", "C:\\a\\b.png", "a" * 2000, "\u202egnp.exe", "<b>"]
BAD = {
    "zip": (zipped, 422, "not a picture"),
    "svg": (
        lambda: b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" onload="x"/>',
        422,
        "an SVG drawing",
    ),
    "40,000 px": (lambda: png_of(40_000, 40_000), 413, "too large"),
    "over the limit": (lambda: png_of(8000, 7000), 413, "at most 50 megapixels"),
    "cut": (lambda: png_of(100, 100, b"\0" * 5000), 422, "broken"),
    "empty": (lambda: b"", 400, "No picture was sent"),
    "words": (lambda: b"hello", 422, "not a picture"),
    "eps": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 422, "not a picture"),
    "pickle": (lambda: b"\x80\x04\x95cos\nsystem\n(S'x'\ntR.", 422, "not a picture"),
    "header only": (lambda: b"\x89PNG\r\n\x1a\n", 422, "not a picture"),
}


@pytest.mark.parametrize("name", BAD)
def test_each_costs_one_clear_answer(client, model, sent, name):
    make, status, words = BAD[name]
    one = client(model)
    answer = post(one, f"{name}.png", make())
    assert (answer.status_code, words in answer.json()["error"]) == (status, True), answer.text
    assert model.sizes == []
    assert post(one, "good.png", sent(42)).json()["rows"][0]["value"] == 42.0


def test_scans_without_end_are_refused(client, model, sent):
    answer = post(client(model), "a.jpg", many_scans(sent(9, (64, 64), "JPEG")))
    assert answer.status_code == 413 and "401 scans" in answer.json()["error"]


@pytest.mark.parametrize("kind", ["WEBP", "GIF", "PNG"])
def test_of_an_animation_the_first_picture_is_looked_at_and_that_is_said(client, model, kind):
    answer = post(client(model), f"a.{kind.lower()}", animated(kind, **({"lossless": True} if kind == "WEBP" else {})))
    picture = answer.json()["pictures"][0]
    assert (picture["width"], picture["height"]) == (20, 10)
    assert answer.json()["rows"][0]["value"] == 200.0
    assert "animation" in [one["kind"] for one in picture["warnings"]]


def test_all_bad_ones_are_named_at_once(client, model, sent):
    files = [("file", ("good.png", sent())), ("file", ("one.txt", b"x")), ("file", ("two.png", png_of(50_000, 9000)))]
    answer = client(model).post("/v1/predict", files=files)
    assert answer.status_code == 413
    assert "one.txt" in answer.json()["error"] and "two.png" in answer.json()["error"]
    assert "good.png" not in answer.json()["error"]


def test_too_many_files_and_too_many_pixels_together(client, model, sent):
    one = client(model, files=3, megapixels=0.01)
    many = one.post("/v1/predict", files=[("file", (f"{n}", sent())) for n in range(4)])
    assert many.status_code == 413 and "at most 3" in many.json()["error"]
    one = client(model, files=9, megapixels=0.01)
    large = one.post("/v1/predict", files=[("file", (f"{n}", sent(1, (100, 100)))) for n in range(5)])
    assert large.status_code == 413 and "together" in large.json()["error"]


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=", b"--\r\n", 400),
        (
            "multipart/form-data; boundary=a",
            b"--a\r\nContent-Disposition: form-data; name=file; filename=x\r\n\r\nab",
            400,
        ),
        ("multipart/form-data; boundary=a", b"--b\r\n\r\n--b--\r\n", 400),
        ("multipart/form-data; boundary=a; charset=nothing", b"--a--\r\n", 400),
        ("application/x-www-form-urlencoded", b"file=%2fetc%2fpasswd", 415),
        ("text/html", b"<script>", 415),
        ("", b"x", 415),
        ("image/png", b"", 400),
        ("<script>", b"x", 415),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the parser drops a file that was cut
def test_forms_that_are_cut_or_made_up(client, model, sent, kind, body, status):
    one = client(model)
    answer = one.post("/v1/predict", content=body, headers={"content-type": kind})
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]
    assert post(one, "good.png", sent(42)).status_code == 200


@pytest.mark.parametrize("name", NAMES)
def test_names_are_words_and_open_nothing(client, model, sent, name):
    shown = post(client(model), name, sent()).json()["rows"][0]["file_name"]
    assert "/" not in shown and "\\" not in shown and "\u202e" not in shown and len(shown) <= 130


def test_random_damage_never_costs_more_than_a_clear_answer(client, model, sent):
    one, random_ = client(model), random.Random(0)
    wholes = [sent(90, (40, 30), kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")]
    for _ in range(150):
        content = bytearray(random_.choice(wholes))
        for _ in range(random_.randint(1, 12)):
            content[random_.randrange(min(len(content), 200))] = random_.randrange(256)
        answer = post(one, "a", bytes(content[: random_.choice([len(content), random_.randrange(1, len(content))])]))
        assert answer.status_code in (200, 413, 422), (answer.status_code, answer.text)
    assert post(one, "good.png", sent(42)).json()["rows"][0]["value"] == 42.0
