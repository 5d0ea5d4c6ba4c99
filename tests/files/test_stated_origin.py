"""What files say of how they came about, written and read again; and files that say nothing, or mean harm."""

import io
import json
import sys

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import clearsight as cs
from clearsight.cli import main
from clearsight.files import credentials, xmp
from clearsight.files import generated_pictures as files_of
from clearsight.files.stated_origin import stated_origin
from clearsight.generation import sheets

ABOUT = {"generated": True, "run": "gan-1", "seed": 3, "made_from": "b\u00e4r & 'co' \ufffe \udc80.png"}
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8))
WRITERS = {
    "a.png": lambda: files_of.png(PICTURE, ABOUT, files_of.FROM_A_PICTURE),
    "a.jpg": lambda: files_of.jpeg(PICTURE, ABOUT, files_of.FROM_A_PICTURE),
    "a.gif": lambda: sheets.animation([PICTURE, PICTURE.rotate(180)], {**ABOUT, "made_from": "bear.png"}),
}


@pytest.fixture(autouse=True)
def config(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("CLEARSIGHT_CONFIG", str(tmp_path_factory.mktemp("config")))


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("signed", [False, True])
def test_what_is_written_is_read_again(tmp_path, monkeypatch, name, signed):
    if signed:
        pytest.importorskip("c2pa")
    else:
        monkeypatch.setattr(credentials, "available", lambda: False)
    (tmp_path / name).write_bytes(WRITERS[name]())
    (said,) = cs.origin(tmp_path / name)
    assert said.generated and said.about["run"] == "gan-1" and said.file == str(tmp_path / name)
    if not name.endswith("gif"):
        assert said.about == ABOUT and said.code == files_of.FROM_A_PICTURE.code


def test_pictures_of_others_say_nothing_or_what_their_code_says(tmp_path):
    PICTURE.save(tmp_path / "plain.png")
    PICTURE.save(tmp_path / "plain.jpg", comment=b"a holiday {in the sun}")
    assert [one.generated for one in cs.origin([tmp_path / "plain.png", tmp_path / "plain.jpg"])] == [False, False]
    text = PngInfo()
    packet = (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{xmp.RDF}"><rdf:Description rdf:about="">'
        f'<e:DigitalSourceType xmlns:e="{xmp.IPTC}">{credentials.SOURCE_TYPE}</e:DigitalSourceType>'
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    text.add_itxt("XML:com.adobe.xmp", packet)
    PICTURE.save(tmp_path / "other.png", pnginfo=text)
    said = stated_origin(tmp_path / "other.png")
    assert said.generated and said.code == credentials.SOURCE_TYPE and said.about == {}
    assert (
        stated_origin(_with(tmp_path, packet.replace("trainedAlgorithmicMedia", "digitalCapture"))).generated is False
    )


def _with(folder, packet):
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", packet)
    PICTURE.save(folder / "with.png", pnginfo=text)
    return folder / "with.png"


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'


@pytest.mark.parametrize("packet", ["<x", "no XML", LAUGHS, '<!DOCTYPE x SYSTEM "http://192.0.2.1/x"><x/>'])
def test_xmp_that_is_damaged_or_means_harm_is_one_message(tmp_path, packet):
    with pytest.raises(ValueError, match=r"with\.png: its XMP is damaged, or no XMP"):
        stated_origin(_with(tmp_path, packet))


def test_text_that_is_no_json_or_lies_deep_says_nothing(tmp_path):
    for words in ("{", "[1]", '{"a":' * 100_000, "{} {}"):
        content = io.BytesIO()
        PICTURE.save(content, "JPEG", comment=words.encode()[:60_000])
        (tmp_path / "a.jpg").write_bytes(content.getvalue())
        assert stated_origin(tmp_path / "a.jpg").about == {}


def test_a_picture_cut_off_before_its_pixels_and_no_picture_are_one_message(tmp_path):
    content = WRITERS["a.png"]()
    for part in (b"", content[:10], b"%PDF-1.7 and more"):
        (tmp_path / "a.png").write_bytes(part)
        with pytest.raises(ValueError, match=r"a\.png: it is no PNG, JPEG, GIF or MP4 file, or a damaged one"):
            cs.origin(tmp_path / "a.png")
    with pytest.raises(ValueError, match="no file was named"):
        cs.origin([])


def test_the_command_shows_it_with_what_it_does_not_show(tmp_path, monkeypatch, capsys):
    (tmp_path / "a.png").write_bytes(files_of.png(PICTURE, {**ABOUT, "run": "gan\u202e-1"}))
    for words in ([], ["--json"]):
        monkeypatch.setattr(sys, "argv", ["clearsight", "origin", str(tmp_path / "a.png"), *words])
        main()
        out = capsys.readouterr().out
        if words:
            (row,) = json.loads(out)
            assert row["generated"] is True and row["about"]["seed"] == 3
        else:
            assert "made by a model" in out and "run: gan[U+202E]-1" in out and "anybody can change or remove" in out
