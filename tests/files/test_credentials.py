"""What generated files say of themselves, read by an independent reader where the extra is installed."""

import io
import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clearsight.files import credentials
from clearsight.files import generated_pictures as files_of
from clearsight.files.signing_key import folder, signing_key
from clearsight.files.stated_origin import stated_origin
from clearsight.generation import sheets

ABOUT = {"generated": True, "run": "gan-1", "seed": 3}
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8))


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("CLEARSIGHT_CONFIG", str(tmp_path / "config"))


def test_without_the_extra_a_file_is_as_it_was_and_this_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(credentials, "available", lambda: False)
    content = files_of.png(PICTURE, ABOUT)
    picture = Image.open(io.BytesIO(content))
    assert json.loads(picture.text["clearsight:generated"]) == ABOUT and b"caBX" not in content
    assert credentials.signed(b"anything", "image/png", ABOUT) == b"anything"
    assert credentials.kind() == "unsigned metadata" and "not signed" in credentials.said()
    credentials.check()
    assert not (tmp_path / "config").exists()


def read(content, media_type):
    """What the reader of the C2PA project says of a file: its state, what fails, and its manifest."""
    c2pa = pytest.importorskip("c2pa")
    with c2pa.Reader(media_type, io.BytesIO(content)) as reader:
        found = json.loads(reader.json())
        failed = {one["code"] for one in found.get("validation_status", [])}
        return reader.get_validation_state(), failed, found["manifests"][found["active_manifest"]]


def files():
    return {
        "image/png": lambda: files_of.png(PICTURE, ABOUT),
        "image/jpeg": lambda: files_of.jpeg(PICTURE, ABOUT),
        "image/gif": lambda: sheets.animation([PICTURE, PICTURE.rotate(180)], ABOUT),
    }


@pytest.mark.parametrize("media_type", files())
def test_an_independent_reader_finds_a_valid_signature_and_what_it_is(media_type):
    pytest.importorskip("c2pa")
    content = files()[media_type]()
    state, failed, manifest = read(content, media_type)
    # Valid, and as the documentation says, of a key that no list knows.
    assert state == "Valid" and failed == {"signingCredential.untrusted"}
    assertions = {one["label"]: one["data"] for one in manifest["assertions"]}
    (action,) = assertions["c2pa.actions.v2"]["actions"]
    assert action["action"] == "c2pa.created"
    assert action["digitalSourceType"] == ("http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia")
    assert assertions["clearsight.generated"] == ABOUT
    assert manifest["claim_generator_info"][0]["name"] == "clearsight" and "thumbnail" not in manifest
    assert credentials.kind() == "C2PA manifest" and str(folder()) in credentials.said()


def test_a_film_is_signed_with_its_xmp_and_plays_as_before(tmp_path):
    cv2, c2pa = pytest.importorskip("cv2"), pytest.importorskip("c2pa")
    place, code = tmp_path / "film.mp4", cv2.VideoWriter_fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(place), code, 10, (32, 24))
    for number in range(5):
        writer.write(np.full((24, 32, 3), 40 * number, np.uint8))
    writer.release()
    files_of.mark_film(place, ABOUT, files_of.FROM_A_PICTURE)
    state, failed, manifest = read(place.read_bytes(), "video/mp4")
    assert c2pa and state == "Valid" and failed == {"signingCredential.untrusted"}
    assert {one["label"]: one["data"] for one in manifest["assertions"]}["clearsight.generated"] == ABOUT
    assert stated_origin(place).about == ABOUT and [one.name for one in tmp_path.glob("film*")] == ["film.mp4"]
    capture = cv2.VideoCapture(str(place))
    assert sum(1 for _ in iter(capture.grab, False)) == 5
    place.write_bytes(place.read_bytes().replace(b"gan-1", b"gan-2"))
    assert read(place.read_bytes(), "video/mp4")[0] == "Invalid"


def test_the_text_and_the_pixels_are_the_same_with_a_manifest():
    pytest.importorskip("c2pa")
    picture = Image.open(io.BytesIO(files_of.png(PICTURE, ABOUT)))
    assert np.array_equal(np.asarray(picture), np.asarray(PICTURE))
    assert json.loads(picture.text["clearsight:generated"]) == ABOUT


def test_changed_pixels_and_a_changed_manifest_are_noticed():
    pytest.importorskip("c2pa")
    content = files_of.png(PICTURE, ABOUT)
    for place, code in ((content.index(b"IDAT") + 40, "assertion.dataHash.mismatch"), (content.index(b"gan-1"), None)):
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        state, failed, _ = read(changed, "image/png")
        assert state == "Invalid" and (code is None or code in failed)


def test_the_key_is_made_once_and_is_the_users_alone():
    pytest.importorskip("cryptography")
    first = signing_key()
    assert first == signing_key() and first.folder == folder()
    if os.name == "posix":
        assert stat.S_IMODE((folder() / "key.pem").stat().st_mode) == 0o600
    (folder() / "chain.pem").write_bytes(b"damaged")
    assert signing_key().private != first.private


@pytest.mark.skipif(os.name != "posix", reason="files have no such modes here")
def test_nobody_else_may_ever_read_the_key_not_even_while_it_is_written(monkeypatch):
    pytest.importorskip("cryptography")
    seen, write = [], Path.write_bytes

    def watched(path, content):
        seen.append((b"PRIVATE" in content, stat.S_IMODE(path.stat().st_mode)))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", watched)
    before = os.umask(0)
    try:
        signing_key()
    finally:
        os.umask(before)
    assert dict(seen)[True] == 0o600 and len(seen) == 2
    assert stat.S_IMODE((folder() / "key.pem").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_used_is_one_message(tmp_path, monkeypatch):
    pytest.importorskip("cryptography")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CLEARSIGHT_CONFIG", str(tmp_path / "file"))
    with pytest.raises(ValueError, match="Name another with CLEARSIGHT_CONFIG"):
        signing_key()
