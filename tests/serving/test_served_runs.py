"""Real runs behind the server: the answers are those of ``predict``, with the warnings that apply to a picture."""

import dataclasses
import io
import json
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image

import clearsight as cs
from clearsight.files import chain
from clearsight.inference.familiarity import Familiarity, Nearest
from clearsight.loading import familiarity, guarantees
from clearsight.loading.trained import network_hash
from clearsight.run import Run
from clearsight.serving import cautions
from clearsight.serving.cautions import Cautions
from clearsight.serving.of_runs import ServedRun
from clearsight.types import Card, Finding, Guarantee
from clearsight.verbs.predict import results


@pytest.fixture(scope="module")
def scenes(rectangles):
    return sorted((rectangles / "JPEGImages").glob("*.png"))[40:46]


@pytest.fixture
def copied(tiny_run, tmp_path):
    shutil.copytree(tiny_run.path, tmp_path / "run")
    return Run(tmp_path / "run")


def post(client, *paths, **options):
    return client.post("/v1/predict", files=[("file", (path.name, path.read_bytes())) for path in paths], **options)


def test_the_rows_are_those_of_predict(client, tiny_run, scenes):
    served = post(client(ServedRun(tiny_run, policy=False)), *scenes).json()
    expected = results(cs.predict(tiny_run, scenes))
    assert len(expected) > 3
    for row in expected:
        row["file_name"] = row["file_name"].rpartition("/")[2]
    assert served["rows"] == json.loads(json.dumps(expected))
    assert "object" in served["pictures"][0]["said"]


def test_the_overlay_is_drawn_on_the_picture(client, tiny_run, scenes):
    one = client(ServedRun(tiny_run, policy=False))
    seen = [row["image_id"] for row in post(one, *scenes).json()["rows"]]
    scene = scenes[seen[0] - 1]
    answer = post(one, scene, params={"want": "overlay"})
    drawn = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"), dtype=int)
    with Image.open(scene) as picture:
        scale = drawn.shape[1] // picture.width
        own = np.asarray(picture.convert("RGB").resize((drawn.shape[1], drawn.shape[0]), Image.Resampling.NEAREST))
    changed = (np.abs(drawn - own).max(2) > 30).mean()
    assert scale >= 1 and 0.005 < changed < 0.6


def test_a_run_that_is_deleted_is_answered_from_memory(client, copied, scenes):
    one = client(ServedRun(copied, policy=False))
    before = post(one, scenes[0]).json()["rows"]
    shutil.rmtree(copied.path)
    assert post(one, scenes[0]).json()["rows"] == before
    assert "removed since" in one.get("/health").json()["note"]
    assert "Its folder was removed" in one.get("/").text
    assert one.get("/v1/card").json()["card"]["title"]


def test_a_picture_unlike_the_training_pictures_is_marked(client, copied, scenes):
    width = ServedRun(copied, policy=False)
    with_features = Familiarity(
        nearest=Nearest(features=np.eye(1, _features(width), dtype=np.float32), k=1), threshold=0.0, pictures=40,
        network=network_hash(copied),
    )  # fmt: skip
    familiarity.keep(copied, with_features)
    pictures = post(client(ServedRun(copied, policy=False)), *scenes[:3]).json()
    assert [[one["kind"] for one in picture["warnings"]][:1] for picture in pictures["pictures"]] == [["unlike"]] * 3
    assert all(row["unlike"] is True for row in pictures["rows"])
    familiarity.keep(copied, dataclasses.replace(with_features, threshold=1e9))
    calm = post(client(ServedRun(copied, policy=False)), scenes[0]).json()
    assert "unlike" not in [one["kind"] for one in calm["pictures"][0]["warnings"]]


def _features(served):
    from clearsight.evaluation.alike import pooled_features

    with pooled_features(served.predictor.model) as found:
        served.look([np.zeros((64, 64, 3), dtype=np.uint8)])
    return found[0].shape[1]


@pytest.mark.parametrize(("threshold", "alone"), [(None, False), (np.inf, True)])
def test_the_policy_sends_pictures_to_a_person(client, copied, scenes, threshold, alone):
    guarantee = Guarantee(promise="decide alone", level=0.05, delta=0.1, threshold=threshold, n=70)
    from clearsight.files.records import to_json

    copied.change(settings={**copied.config.settings, "guarantees": [to_json(guarantee)]})
    assert guarantees.kept(copied.config)
    answer = post(client(ServedRun(copied)), scenes[0]).json()
    assert {row["decision"] for row in answer["rows"]} == {"decided" if alone else "to a person"}
    assert ("person" in [one["kind"] for one in answer["pictures"][0]["warnings"]]) is not alone
    lifted = post(client(ServedRun(copied, policy=False)), scenes[0]).json()
    assert not any("decision" in row for row in lifted["rows"])


def test_decisions_are_logged_and_verified(client, tiny_run, scenes, tmp_path):
    log = tmp_path / "decisions.jsonl"
    one = client(ServedRun(tiny_run, policy=False, log=log))
    post(one, *scenes[:2])
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["picture"] for line in lines] == [path.name for path in scenes[:2]]
    assert len(lines[0]["picture_sha256"]) == 64 and lines[0]["weights"]
    assert chain.check(log).problem == ""


def test_the_size_of_the_training_pictures_is_kept_and_compared(client, tiny_run):
    assert list(tiny_run.config.settings["longer_px"]) == [64, 64]
    file = io.BytesIO()
    Image.new("RGB", (640, 300), "white").save(file, "PNG")
    answer = client(ServedRun(tiny_run, policy=False)).post("/v1/predict", files={"file": ("a.png", file.getvalue())})
    (warned,) = [one for one in answer.json()["pictures"][0]["warnings"] if one["kind"] == "size"]
    assert "640 x 300 px" in warned["text"] and "64 px" in warned["text"]


@pytest.mark.parametrize(
    ("size", "trained_px", "warned"),
    [((100, 80), [50, 200], 0), ((100, 80), None, 0), ((250, 10), [50, 200], 0), ((251, 10), [50, 200], 1),
     ((40, 40), [50, 200], 0), ((39, 39), [50, 200], 1)],
)  # fmt: skip
def test_sizes_beyond_a_quarter_are_told(size, trained_px, warned):
    assert len(cautions.of_size(size, trained_px, 64)) == warned


def finding(**fields):
    usual = {
        "question": "what it does", "claim": "a claim.", "metric": "m", "value": None, "interval": None, "n": 9,
        "unit": "pictures", "method": "", "limits": "",
    }  # fmt: skip
    return Finding(**{**usual, **fields})


def card_of(*findings):
    return Card(title="", task="", summary="", findings=findings, cost=None)


def texts(card, *answered):
    return [one.text for one in Cautions.of(card).on(answered)]


def test_a_class_it_is_clearly_weaker_at_is_told_where_it_is_answered():
    series = {
        "label": ["all classes", "cat", "dog"], "value": [0.8, 0.5, 0.75], "low": [0.7, 0.4, 0.6],
        "high": [0.9, 0.6, 0.85], "n": [90, 40, 50],
    }  # fmt: skip
    card = card_of(finding(metric="recall by class", series=series))
    (said,) = texts(card, "cat")
    assert "weaker at cat: recall 0.50" in said and "40 pictures" in said
    assert texts(card, "dog") == []
    assert texts(card_of(finding(metric="error by class", series=series)), "cat") == []


def test_a_frequent_confusion_is_told_where_its_answer_is_given():
    series = {"truth": ["cat", "cat", "dog", "dog"], "answer": ["cat", "dog", "cat", "dog"],
              "share": [0.4, 0.6, 0.1, 0.9], "n": [4, 60, 1, 9]}  # fmt: skip
    card = card_of(finding(metric="confusion", plot="matrix", series=series))
    assert texts(card, "dog") == [
        "It took 60% of cat for dog (60 of those it was judged on): where it says dog, the truth may be cat."
    ]
    assert texts(card, "cat") == []


def test_a_group_that_it_fails_is_told_where_it_may_matter():
    of_group = {"question": "whom it fails", "group": "race = asian", "verdict": "fail"}
    positive = finding(metric="gap in false-positive rate of male", **of_group)
    negative = finding(metric="gap in false-negative rate of male", **of_group)
    passed = finding(metric="gap in accuracy", **{**of_group, "verdict": "pass"})
    assert len(texts(card_of(positive, passed), "male")) == 1
    assert texts(card_of(positive), "female") == []
    assert texts(card_of(negative), "male") == []
    assert texts(card_of(negative), "female")[0].startswith("If race is asian: a claim.")


def test_no_card_tells_nothing():
    assert Cautions.of(None).on(["cat"]) == ()


WITHOUT_TORCH = textwrap.dedent(
    """
    import json, sys
    from pathlib import Path
    from starlette.testclient import TestClient
    from clearsight.serving.application import application
    from clearsight.serving.limits import Limits
    from clearsight.serving.service import Service
    from clearsight.verbs.serve import _served

    model = _served(sys.argv[1], batch=8, policy=True, risk=None, log=None)
    with TestClient(application(Service([model], Limits())), base_url="http://127.0.0.1") as client:
        file = {"file": ("a.png", Path(sys.argv[2]).read_bytes())}
        answer = client.post("/v1/predict", files=file).json()
        page = client.post("/", files=file)
        assert page.status_code == 200 and "data:image/jpeg" in page.text
    assert "torch" not in sys.modules, "torch was imported"
    print(json.dumps(answer))
    """
)


def test_an_exported_model_is_served_without_torch(tiny_run, scenes, tmp_path):
    pytest.importorskip("onnxruntime")
    exported = cs.export(tiny_run, to="onnx", out=tmp_path / "model.onnx").path
    asked = [sys.executable, "-W", "ignore", "-c", WITHOUT_TORCH, str(exported), str(scenes[0])]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    served = json.loads(done.stdout)
    expected = results(cs.predict(tiny_run, scenes[0]))
    assert [row["category_name"] for row in served["rows"]] == [row["category_name"] for row in expected]
    assert [row["score"] for row in served["rows"]] == pytest.approx([row["score"] for row in expected], abs=1e-3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"port": 99999}, "Expected a number from 1 to 65535"),
        ({"max_files": 0}, "--max-files is 0"),
        ({"batch": 0}, "--batch is 0"),
        ({"token": "short"}, "the token has 5 characters"),
        ({"port": 0, "risk": 0.03}, "no policy was settled for an error of 0.03"),
        ({"port": 0, "log": "/nowhere/log.jsonl"}, "/nowhere is no folder"),
    ],
)
def test_mistakes_are_one_clear_error(tiny_run, options, words):
    with pytest.raises(ValueError, match=words):
        cs.serve(tiny_run.path, **options)


def test_a_folder_that_is_no_run_is_one_clear_error(tmp_path):
    with pytest.raises(ValueError, match="there is no run in"):
        cs.serve(tmp_path, port=0)
