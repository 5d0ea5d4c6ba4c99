"""Decisions on pictures as lines of a log: what each holds, and that it is of the model and picture it names."""

import hashlib
import json
import shutil

import pytest

import clearsight as cs
from clearsight.prediction.decision_log import decided


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lines(log):
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def test_every_picture_is_a_line_and_the_log_is_verified(tiny_run, rectangles, tmp_path):
    pictures = sorted((rectangles / "JPEGImages").glob("scene05?.png"))
    log = tmp_path / "decisions.jsonl"
    found = cs.predict(tiny_run, pictures, log=log, min_score=0.05)
    told = lines(log)
    assert [line["picture"] for line in told] == [str(path) for path in pictures]
    assert [line["picture_sha256"] for line in told] == [sha256(path) for path in pictures]
    assert {line["weights"] for line in told} == {sha256(tiny_run.path / "weights.safetensors")}
    assert {line["settings"] for line in told} == {sha256(tiny_run.path / "run.json")}
    for line, prediction in zip(told, found.predictions, strict=True):
        assert len(line["answer"]) == len(prediction.scores)
        assert all({"category_name", "bbox", "score"} == set(one) for one in line["answer"])
        best = max((one["score"] for one in line["answer"]), default=None)
        assert line["confidence"] == best and line["decision"] is None
    assert cs.verify(log).valid and cs.verify(log).covered == len(pictures)
    cs.predict(tiny_run, pictures[:2], log=log)
    assert cs.verify(log).covered == len(pictures) + 2


def test_a_bad_place_or_a_changed_log_is_refused_before_anything_is_predicted(
    tiny_run, rectangles, tmp_path, monkeypatch
):
    picture = rectangles / "JPEGImages" / "scene050.png"
    log = tmp_path / "decisions.jsonl"
    cs.predict(tiny_run, picture, log=log)
    log.write_text(log.read_text().replace("scene050", "scene051"))
    monkeypatch.setattr("clearsight.loading.trained.predictor", lambda *_, **__: pytest.fail("it predicted"))
    with pytest.raises(ValueError, match="nothing is appended.*line 1 was changed"):
        cs.predict(tiny_run, picture, log=log)
    with pytest.raises(ValueError, match="is no folder"):
        cs.predict(tiny_run, picture, log=tmp_path / "none" / "log.jsonl")
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], {"answer": [], "confidence": None, "decision": None, "reason": ""}),
        (
            [{"class": "cat", "score": 0.9, "probabilities": {"cat": 0.9}, "decision": "decided", "reason": "sure"}],
            {"answer": [{"class": "cat", "score": 0.9}], "confidence": 0.9, "decision": "decided", "reason": "sure"},
        ),
        (
            [{"class": None, "score": None, "abstained": "may be a person"}],
            {
                "answer": [{"class": None, "score": None}], "confidence": None, "decision": "to a person",
                "reason": "may be a person",
            },
        ),
        (
            [{"shares": {"sky": 1.0}, "mean_confidence": 0.7}],
            {
                "answer": [{"shares": {"sky": 1.0}, "mean_confidence": 0.7}], "confidence": 0.7, "decision": None,
                "reason": "",
            },
        ),
    ],
)  # fmt: skip
def test_rows_as_an_answer(rows, expected):
    assert decided(rows) == expected
