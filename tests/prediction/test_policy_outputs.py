"""`predict --policy`: every picture is decided or for a person, in every file, and the reason beside it."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import clearsight as cs
from clearsight.cli import app
from clearsight.loading.guarantees import kept
from clearsight.prediction.decisions import with_decision
from clearsight.run import Run
from clearsight.types import Decision


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    """Red and blue pictures, some so grey that a small network cannot know; and a run on them."""
    folder, rng = tmp_path_factory.mktemp("noisy"), np.random.default_rng(0)
    for index in range(360):
        split, name = "train" if index < 60 else "val", ("red", "blue")[index % 2]
        strength = 0 if index % 10 >= 8 else 60
        colour = np.array([110, 100, 110]) + (strength if name == "red" else -strength) * np.array([1, 0, -1])
        place = folder / split / name
        place.mkdir(parents=True, exist_ok=True)
        pixels = np.clip(colour + rng.integers(-30, 30, (16, 16, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(place / f"{index:03}.png")
    run = cs.train(
        "cnn", folder, epochs=4, out=tmp_path_factory.mktemp("runs") / "run", quiet=True,
        settings={"precision": "float32", "batch_size": 8, "widths": "8,16"},
    )  # fmt: skip
    return folder, run


def read(folder, name):
    with open(folder / f"{name}.csv", newline="") as file:
        return json.loads((folder / f"{name}.json").read_text()), list(csv.DictReader(file))


def test_every_picture_is_decided_or_for_a_person(noisy, tmp_path):
    folder, run = noisy
    guarantees = kept(Run.open(run.path).config)
    assert {one.promise for one in guarantees} == {"decide alone", "prediction set"} and guarantees[0].n == 300
    found = cs.predict(run, folder / "val", out=tmp_path / "out", policy=True)
    assert len(found.decisions) == 300 and {one.said for one in found.decisions} == {"decided", "to a person"}
    rows, cells = read(tmp_path / "out", "decisions")
    assert [row["decision"] for row in rows] == [one.said for one in found.decisions]
    assert [row["reason"] for row in rows] == [one.reason for one in found.decisions]
    assert [cell["decision"] for cell in cells] == [row["decision"] for row in rows]
    predictions, _ = read(tmp_path / "out", "predictions")
    assert [row["decision"] for row in predictions] == [row["decision"] for row in rows]
    assert all(row["prediction_set"] for row in predictions)
    decided = [row for row in predictions if row["decision"] == "decided"]
    wrong = [row for row in decided if f"/{row['class']}/" not in row["file_name"]]
    assert len(wrong) / len(decided) <= 0.05
    least = min(row["score"] for row in decided)
    assert all(row["score"] <= least for row in predictions if row["decision"] == "to a person")
    assert dict(found.tally)["decided"] == str(len(decided))
    assert dict(found.tally)["to a person"] == str(300 - len(decided))
    with Image.open(next((tmp_path / "out" / "overlays").iterdir())) as drawn:
        assert drawn.height > drawn.width, "the decision stands below the picture"
    assert "at most 5% with probability 90%" in found.promise and "300 pictures of the split val" in found.promise


def test_the_report_says_what_may_be_decided_alone(noisy):
    _, run = noisy
    findings = [one for one in run.read_card().findings if one.question == "when to trust it"]
    metrics = [one.metric for one in findings]
    assert "share it may decide alone" in metrics and "coverage of prediction sets" in metrics
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "may decide" in page and "exchangeable" in page
    again = cs.audit(run)
    assert [one.metric for one in again.findings if one.question == "when to trust it"] == metrics


def test_the_command_prints_the_promise_and_counts(noisy, tmp_path):
    folder, run = noisy
    out = str(tmp_path / "out")
    found = CliRunner().invoke(
        app, ["predict", str(run.path), str(folder / "val"), "--policy", "--risk", "0.1", "--out", out]
    )
    assert found.exit_code == 0 and "Promised: " in found.output and "to a person" in found.output
    pictures = sorted((folder / "val" / "red").iterdir())[:3]
    command = ["predict", str(run.path), *map(str, pictures), "--policy", "--json", "--quiet"]
    rows = json.loads(CliRunner().invoke(app, command).stdout)
    assert len(rows) == 3 and all(row["decision"] in ("decided", "to a person") and row["reason"] for row in rows)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"policy": True, "risk": 0.03}, "no policy was settled for an error of 0.03.*Choose it with --risk"),
        ({"risk": 0.05}, "--risk is the error allowed by a policy. Give --policy too"),
        ({"policy": True, "window": 64}, "--policy does not go with --window"),
    ],
)
def test_bad_choices_are_refused(noisy, options, says):
    folder, run = noisy
    with pytest.raises(ValueError, match=says):
        cs.predict(run, folder / "val", **options)


def test_a_run_without_guarantees_says_so(noisy, tmp_path):
    folder, run = noisy
    import shutil

    shutil.copytree(run.path, tmp_path / "old")
    old = Run.open(tmp_path / "old")
    old.change(settings={name: value for name, value in old.config.settings.items() if name != "guarantees"})
    with pytest.raises(ValueError, match="keeps no policy"):
        cs.predict(old, folder / "val", policy=True)


def test_a_detector_decides_on_whole_pictures(tiny_run, rectangles, tmp_path):
    found = cs.predict(tiny_run, rectangles / "JPEGImages", out=tmp_path / "out", policy=True, risk=0.2)
    rows, _ = read(tmp_path / "out", "decisions")
    assert len(rows) == len(found.decisions) == 110, "one for each picture, however many objects it holds"
    assert all(row["reason"] for row in rows)
    objects, _ = read(tmp_path / "out", "predictions")
    by_picture = {row["image_id"]: row["decision"] for row in rows}
    assert all(row["decision"] == by_picture[row["image_id"]] for row in objects)
    with pytest.raises(ValueError, match="--policy does not go with --min-score"):
        cs.predict(tiny_run, rectangles / "JPEGImages", policy=True, min_score=0.1)


def test_a_decision_is_written_below_in_as_many_lines_as_it_takes():
    picture = Image.new("RGB", (160, 90), "white")
    short = with_decision(picture, Decision(alone=True, reason="certain"))
    long = with_decision(picture, Decision(alone=False, reason="not certain enough, " * 6))
    assert short.width == long.width == 160 and 90 < short.height < long.height
    frames = [
        with_decision(picture, Decision(alone=alone, reason=reason), frame=True)
        for alone, reason in ((True, "certain"), (False, "not certain enough, " * 6))
    ]
    assert frames[0].size == frames[1].size and frames[0].height % 2 == 0
