"""Black-and-white pictures in colour, from training to a coloured video: what a user does, and gives by mistake."""

import base64
import io
import json
import re
from html import unescape

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from starlette.testclient import TestClient

import clearsight as cs
from clearsight.browsing.opening import opened
from clearsight.files.generated_pictures import FROM_A_PICTURE
from clearsight.loading import trained as loaded
from clearsight.metrics.reconstruction import ReconstructionStatistics
from clearsight.ops.degradations import Grey
from clearsight.ops.lab import grey_of, lab_of, rgb_of
from clearsight.prediction.inputs import View
from clearsight.prediction.restoring import MADE_GREY, Restoring
from clearsight.prediction.writing import Seen
from clearsight.serving.application import application
from clearsight.serving.limits import Limits
from clearsight.serving.of_runs import ServedRun
from clearsight.serving.service import Service
from clearsight.types import Picture

SIDE = 32
KINDS = {"meadow": (60, 140, 50), "brick": (165, 115, 100)}
SETTINGS = {
    "precision": "float32",
    "batch_size": 8,
    "widths": "8,16",
    "learning_rate": 0.01,
    "optimizer": "adamw",
    "answer": "classes",
}


def picture(kind, random):
    """Stripes across for a meadow and down for a brick wall, in its colour: what it shows tells its colour."""
    stripes = 30 * ((np.arange(SIDE) // 4) % 2)
    light = stripes[:, None] if kind == "meadow" else stripes[None, :]
    pixels = (
        np.array(KINDS[kind]) + light[..., None] + random.integers(-25, 25) + random.integers(-4, 4, (SIDE, SIDE, 1))
    )
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder, random = tmp_path_factory.mktemp("kinds"), np.random.default_rng(0)
    for index in range(120):
        kind = list(KINDS)[index % 2]
        place = folder / ("train" if index < 40 else "val") / kind
        place.mkdir(parents=True, exist_ok=True)
        picture(kind, random).save(place / f"{index:03}.png")
    return folder


@pytest.fixture(scope="module")
def run(folders, tmp_path_factory):
    place = tmp_path_factory.mktemp("run") / "run"
    return cs.train("colour", folders, epochs=20, out=place, settings=SETTINGS, by=("class",), quiet=True)


def test_it_beats_grey_and_the_mean_colour_and_says_by_how_much(run):
    card = run.read_card()
    assert "colour black-and-white pictures" in card.summary and "without their colour" in card.facts["Judged with"]
    assert not any("temperature of its probabilities" in note for note in card.notes)
    headline = card.findings[0]
    assert headline.metric == "error in ab" and headline.interval is not None
    gain = next(one for one in card.findings if one.metric == "gain in error in ab")
    assert gain.value > 0 and gain.interval[0] > 0 and "which is better" in gain.claim
    assert len(gain.series["label"]) == 3 and all("(" in note for note in gain.series["note"][1:])
    assert {"baseline-grey-val", "baseline-mean-colour-val"} <= set(run.evidence_names)
    kept = run.read_evidence("val", ReconstructionStatistics).statistics
    assert {"error in ab", "colourfulness", "true chroma"} <= set(kept.measures)
    tone = next(one for one in card.findings if one.metric == "shift in tone by group")
    assert tone.group == "class" and len(tone.series["label"]) == 10 and tone.verdict != "none asked"


def files_of_every_kind(folder):
    """Grey, in colour, with an alpha channel, and of 16 bits: all can be coloured."""
    folder.mkdir()
    colour = picture("brick", np.random.default_rng(5)).resize((50, 40))
    grey = colour.convert("L")
    grey.save(folder / "grey.png")
    colour.save(folder / "in-colour.png")
    alpha = grey.convert("LA")
    alpha.save(folder / "alpha.png")
    Image.fromarray(np.asarray(grey).astype(np.uint16) * 257).save(folder / "sixteen.png")
    return folder


def test_pictures_of_all_kinds_are_coloured_and_a_coloured_one_is_made_grey_first(run, tmp_path):
    out = tmp_path / "found"
    found = cs.predict(run, files_of_every_kind(tmp_path / "in"), out=out)
    rows = {row["picture"]: row for row in json.loads((out / "predictions.json").read_text())}
    assert [rows[f"pictures/{name}.png"]["note"] for name in ("alpha", "grey", "in-colour", "sixteen")] == [
        "", "", MADE_GREY, "",
    ]  # fmt: skip
    assert (MADE_GREY, "1") in found.tally
    made = {name: np.asarray(Image.open(out / "pictures" / f"{name}.png")) for name in ("alpha", "grey", "sixteen")}
    assert all(one.shape == (40, 50, 3) for one in made.values())
    assert np.abs(made["sixteen"].astype(int) - made["grey"]).max() <= 1
    given = np.asarray(Image.open(out / "overlays" / "in-colour.jpg"))[:40, :48]
    assert np.ptp(given.astype(int), axis=2).max() < 12, "what is shown as given is grey"


def test_every_file_with_a_made_picture_says_so_and_by_which_run(run, tmp_path):
    out = tmp_path / "found"
    cs.predict(run, files_of_every_kind(tmp_path / "in"), out=out)
    for name in ("grey", "in-colour"):
        about = json.loads(Image.open(out / "pictures" / f"{name}.png").text["clearsight:generated"])
        assert about["generated"] is True and about["run"] == run.name and about["model"] == "colour"
        assert about["made_from"] == f"{name}.png" and about["weights"].startswith("sha256:")
        overlay = Image.open(io.BytesIO((out / "overlays" / f"{name}.jpg").read_bytes()))
        assert FROM_A_PICTURE.words in overlay.info["comment"].decode()
        assert FROM_A_PICTURE.code.encode() in (out / "overlays" / f"{name}.jpg").read_bytes()
    shown = sorted((run.path / "examples").glob("*.jpg"))
    assert shown and all(run.name.encode() in one.read_bytes() for one in shown)


def test_made_pictures_that_are_served_and_browsed_say_so_too(run, tmp_path):
    files_of_every_kind(tmp_path / "in")
    content = (tmp_path / "in" / "grey.png").read_bytes()
    service = Service([ServedRun(run)], Limits())
    with TestClient(application(service), base_url="http://127.0.0.1:8000") as server:
        for want in ("picture", "overlay"):
            answer = server.post("/v1/predict", params={"want": want}, files={"file": ("grey.png", content)})
            about = json.loads(Image.open(io.BytesIO(answer.content)).text["clearsight:generated"])
            assert about["generated"] is True and about["run"] == run.name and about["model"] == "colour"
        page = server.post("/", files={"file": ("grey.png", content)}).text
    (source,) = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    shown = Image.open(io.BytesIO(base64.b64decode(unescape(source))))
    assert FROM_A_PICTURE.words in shown.info["comment"].decode()
    browsed = Image.open(io.BytesIO(opened([run]).pictures.drawn(0, 0)))
    assert FROM_A_PICTURE.words in browsed.info["comment"].decode()


def test_a_server_makes_of_a_picture_what_predict_makes_of_it(run, tmp_path):
    files_of_every_kind(tmp_path / "in")
    cs.predict(run, tmp_path / "in", out=tmp_path / "found")
    with TestClient(application(Service([ServedRun(run)], Limits())), base_url="http://127.0.0.1:8000") as server:
        for name in ("grey", "in-colour"):
            files = {"file": (f"{name}.png", (tmp_path / "in" / f"{name}.png").read_bytes())}
            (row,) = server.post("/v1/predict", files=files).json()["rows"]
            assert row["note"] == (MADE_GREY if name == "in-colour" else "")
            answer = server.post("/v1/predict", params={"want": "picture"}, files=files)
            expected = Image.open(tmp_path / "found" / "pictures" / f"{name}.png")
            assert np.array_equal(np.asarray(Image.open(io.BytesIO(answer.content))), np.asarray(expected)), name


def frames(folder, count=12):
    """A still scene as a black-and-white video with the noise of its sensor; half-way it is another scene."""
    random = np.random.default_rng(3)
    scenes = [np.asarray(picture(kind, random).convert("L").resize((64, 64))).astype(float) for kind in KINDS]
    grey = [
        np.clip(scenes[k >= count // 2] + random.normal(0, 6, (64, 64)), 0, 255).astype(np.uint8) for k in range(count)
    ]
    writer = cv2.VideoWriter(str(folder / "old.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 12.5, (64, 64))
    for one in grey:
        writer.write(cv2.cvtColor(one, cv2.COLOR_GRAY2BGR))
    writer.release()
    return folder / "old.avi"


def flicker(pictures):
    """The mean change of a* and b* from each frame to the next."""
    ab = torch.stack([lab_of(one.image[None])[0, 1:] for one in pictures])
    return float((ab[1:] - ab[:-1]).norm(dim=1).mean())


def test_colours_of_a_still_video_hold_steady_and_a_new_scene_has_its_own(run, tmp_path):
    clip = frames(tmp_path)
    found = cs.predict(run, clip, out=tmp_path / "found")
    steady = list(found.predictions)
    read, images = cv2.VideoCapture(str(clip)), []
    while (frame := read.read())[0]:
        images.append(torch.from_numpy(frame[1][..., ::-1].transpose(2, 0, 1).copy()))
    alone = list(loaded.predictor(run)(iter(images)))
    assert len(steady) == len(alone) == 12
    assert flicker(steady[:6]) < 0.5 * flicker(alone[:6]) and flicker(steady[6:]) < 0.5 * flicker(alone[6:])
    apart = (lab_of(steady[6].image[None]) - lab_of(alone[6].image[None]))[0, 1:].norm(dim=0)
    before = (lab_of(alone[5].image[None]) - lab_of(alone[6].image[None]))[0, 1:].norm(dim=0)
    assert float(apart.median()) < 0.35 * float(before.median()), "hardly any of the scene before is left"
    coloured = cv2.VideoCapture(str(tmp_path / "found" / "pictures" / "old.mp4"))
    assert coloured.get(cv2.CAP_PROP_FRAME_WIDTH) == 64 and int(coloured.get(cv2.CAP_PROP_FRAME_COUNT)) == 12
    assert (tmp_path / "found" / "pictures" / "old" / "000011.png").is_file()
    beside = cv2.VideoCapture(str(tmp_path / "found" / "overlays" / "old.mp4"))
    assert int(beside.get(cv2.CAP_PROP_FRAME_COUNT)) == 12
    for said in cs.origin([tmp_path / "found" / folder / "old.mp4" for folder in ("pictures", "overlays")]):
        assert said.generated and said.code == FROM_A_PICTURE.code
        assert said.about["run"] == run.name and said.about["made_from"] == "old.avi"


def test_two_videos_and_pictures_without_a_degradation_share_nothing():
    lab = torch.tensor([[40.0, 40.0, 20.0], [40.0, 10.0, -35.0]])[:, :, None, None].expand(-1, -1, 8, 8)
    red, blue = (Picture(image=one) for one in rgb_of(lab))
    grey = (grey_of(red.image[None])[0] * 255).round().to(torch.uint8)

    def view(clip, frame):
        name, number = (f"{clip}/{frame:06}", frame) if clip else ("still", None)
        return View(seen=Seen(image_id=1, file_name="x", size=(8, 8), name=name, frame=number), image=grey)

    held = Restoring(Grey())
    held(view("a", 0), red)
    assert not torch.allclose(held(view("a", 1), blue).image, blue.image, atol=0.05)
    assert torch.allclose(held(view("b", 0), blue).image, blue.image, atol=0.01)
    assert held(view("", 0), blue) is blue
    plain = Restoring(None)
    plain(view("a", 0), red)
    assert plain(view("a", 1), blue) is blue and plain.brought(view("a", 1)).seen.note is None


def test_grey_training_pictures_are_refused_and_nothing_is_left(folders, tmp_path):
    for file in (folders / "train" / "brick").glob("*.png"):
        place = tmp_path / "grey" / ("train" if int(file.stem) < 30 else "val")
        place.mkdir(parents=True, exist_ok=True)
        Image.open(file).convert("L").save(place / file.name)
    with pytest.raises(ValueError, match="have no colour, and colours are learnt"):
        cs.train(
            "colour", f"pictures:{tmp_path / 'grey'}", epochs=1, out=tmp_path / "run", settings=SETTINGS, quiet=True
        )
    assert not (tmp_path / "run").exists()


def test_a_backbone_is_a_choice_and_large_pictures_go_by_windows(folders, tmp_path):
    settings = SETTINGS | {"answer": "regression"}
    run = cs.train(
        "colour", folders, backbone="regnetx_002", epochs=1, out=tmp_path / "run", settings=settings, quiet=True
    )
    assert run.config.backbone == "regnetx_002"
    Image.effect_noise((150, 90), 40).save(tmp_path / "large.png")
    found = cs.predict(run, tmp_path / "large.png", window=64)
    light = lab_of(found.predictions[0].image[None])[0, 0]
    given = lab_of(torch.from_numpy(np.array(Image.open(tmp_path / "large.png"))).expand(1, 3, -1, -1) / 255)[0, 0]
    assert light.shape == (90, 150) and float((light - given).abs().median()) < 0.2
