"""Labels a run doubts, and pictures of errors: the right kind, the right place, and plain refusals."""

import json
import re
import shutil
from collections import Counter

import numpy as np
import pytest
import torch

import clearsight as cs
from clearsight import sources
from clearsight.evaluation import error_pictures as pictures_of_errors
from clearsight.evaluation.close_ups import close_up, match_picture
from clearsight.label_checks.page import EACH
from clearsight.label_checks.problems import problems_of
from clearsight.loading import trained
from clearsight.metrics.error_costs import CAUSES
from clearsight.printing import results
from clearsight.tasks import Detection
from clearsight.types import Boxes, Detections, Evidence

NAMES = ("brick", "leaf")


def boxes(*rows):
    return Boxes.of(torch.tensor([row[:4] for row in rows]).reshape(-1, 4), torch.tensor([row[4] for row in rows]))


def found(*rows):
    return Detections(
        xyxy=torch.tensor([row[:4] for row in rows], dtype=torch.float32).reshape(-1, 4),
        scores=torch.tensor([row[5] for row in rows]),
        labels=torch.tensor([row[4] for row in rows], dtype=torch.int64),
    )


def kinds(said_, true):
    return [(one.kind, one.found) for one in problems_of(match_picture(said_, true, 2), 0.5, NAMES)]


def test_each_kind_of_doubt():
    brick = (0.0, 0, 40, 40, 0)
    assert kinds(found((*brick, 0.9)), boxes(brick)) == []
    assert kinds(found((100, 100, 140, 140, 1, 0.9)), boxes(brick)) == [("missing box", "leaf")]
    assert kinds(found((0, 0, 40, 40, 1, 0.9)), boxes(brick)) == [("wrong class", "leaf")]
    assert kinds(found((0, 0, 40, 26, 0, 0.9)), boxes(brick)) == [("misplaced box", "brick")]
    assert kinds(found((100, 100, 140, 140, 1, 0.4)), boxes(brick)) == [], "not sure enough"


def test_a_sure_answer_as_labelled_takes_the_doubt_away():
    brick = (0.0, 0, 40, 40, 0)
    assert kinds(found((0, 0, 40, 40, 0, 0.95), (0, 0, 40, 40, 1, 0.9)), boxes(brick)) == []
    assert kinds(found((0, 0, 40, 40, 0, 0.6), (0, 0, 40, 40, 1, 0.9)), boxes(brick)) == [("wrong class", "leaf")]


def test_a_missing_box_may_touch_a_neighbour_that_was_found_but_not_one_that_was_not():
    brick, beside = (0.0, 0, 40, 40, 0), (25.0, 0, 65, 40, 0, 0.9)
    assert kinds(found((*brick, 0.95), beside), boxes(brick)) == [("missing box", "brick")]
    assert kinds(found(beside), boxes(brick)) == [], "it may be that very object, badly found"
    assert kinds(found((*brick, 0.95), beside, (26.0, 0, 66, 40, 1, 0.8)), boxes(brick)) == [
        ("missing box", "brick")
    ], "one doubt a place"


def surely_right(folder, run):
    """The pictures with one object that the run finds, and shows."""
    predictor, least = trained.predictor(run), trained.deployed(run.config)["threshold"]
    source = sources.read(folder).aligned(run.config.class_names)
    right = set()
    for dataset in source.splits.values():
        for sample in (dataset[row] for row in range(len(dataset))):
            (said_,) = predictor([sample.image])
            looked = match_picture(said_, sample.truth, 2)
            if len(sample.truth) == 1 and len(said_) and looked.met[0] == 0 and looked.cause[0] == 0:
                right |= {sample.id} if float(looked.found.scores[0]) >= least else set()
    return right


def test_planted_mistakes_are_listed_first(rectangles, tiny_run, tmp_path):
    """A leaf called a brick and an object without its label, in a copy of the data the run learnt from."""
    folder = shutil.copytree(rectangles, tmp_path / "damaged")
    planted = {}
    surely = surely_right(rectangles, tiny_run)
    for path in sorted((folder / "Annotations").glob("*.xml")):
        text = path.read_text()
        if path.stem in surely and len(planted) < 6:
            if len(planted) % 2:
                swapped = text.replace("brick", "#").replace("leaf", "brick").replace("#", "leaf")
                path.write_text(swapped)
                planted[path.stem] = "wrong class"
            else:
                path.write_text(re.sub("<object>.*</object>", "", text))
                planted[path.stem] = "missing box"
    out = tmp_path / "out"
    described = cs.data(folder, run=tiny_run, out=out)
    listed = {(one.id, one.kind) for one in described.likely_problems}
    assert len(planted) >= 2 and listed >= set(planted.items())
    page, rows = (out / "problems.html").read_text(), json.loads((out / "problems.json").read_text())
    assert len(rows) == len(described.likely_problems)
    shown = sum(min(count, EACH) for count in Counter(row["kind"] for row in rows).values())
    assert page.count("<figure>") == shown
    assert "<script" not in page and "Dashed: the label" in page
    assert {row["id"] for row in rows} >= set(planted)
    words = results.description(described)
    assert "the surest first" in words and str(out / "problems.html") in words
    assert json.dumps(described.as_dict())


def test_what_does_not_fit_is_refused_before_any_work(rectangles, tiny_run, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    with pytest.raises(ValueError, match="not empty"):
        cs.data(rectangles, run=tiny_run, out=tmp_path / "full")
    with pytest.raises(ValueError, match="size_px is 0"):
        cs.data(rectangles, size_px=0)
    (tmp_path / "classes" / "train" / "a").mkdir(parents=True)
    (tmp_path / "classes" / "train" / "b").mkdir()
    for name in "ab":
        shutil.copy(rectangles / "JPEGImages" / f"scene00{int(name == 'b')}.png", tmp_path / "classes" / "train" / name)
    with pytest.raises(ValueError, match="searched for among boxes"):
        cs.data(tmp_path / "classes", run=tiny_run)


class Pictures:
    """Six pictures, one for each cause of error."""

    truth = boxes((20.0, 20, 60, 60, 0))
    said = (
        found((20, 20, 60, 60, 1, 0.9)),
        found((20, 40, 60, 80, 0, 0.9)),
        found((20, 40, 60, 80, 1, 0.9), (20, 20, 60, 60, 0, 0.8)),
        found((20, 20, 60, 60, 0, 0.9), (20, 22, 60, 62, 0, 0.8)),
        found((20, 20, 60, 60, 0, 0.9), (100, 100, 130, 130, 1, 0.8)),
        found((20, 20, 60, 60, 0, 0.1)),
    )

    def __getitem__(self, row):
        from clearsight.types import Sample

        return Sample(id=f"picture {row}", image=torch.full((3, 140, 160), row, dtype=torch.uint8), truth=self.truth)


class Folder:
    """What is asked of a run, and the files written into it."""

    def __init__(self):
        self.files = {}
        self.config = type("Config", (), {"class_names": NAMES})

    def write_file(self, name, content):
        self.files[name] = content


def test_every_cause_has_its_picture_and_its_words():
    data, folder = Pictures(), Folder()
    statistics = Detection().statistics(list(data.said), [data.truth] * 6, NAMES)
    judged = Evidence(task="detection", statistics=statistics, ids=("",) * 6, clusters=np.arange(6))
    examples = pictures_of_errors.error_pictures(
        folder, data, judged, lambda images: [data.said[int(image[0, 0, 0])] for image in images]
    )
    assert [example.about for example in examples] == [pictures_of_errors.TITLES[cause] for cause in CAUSES]
    words = [example.caption for example in examples]
    assert words[0] == "called leaf 0.90, is brick (picture 0)"
    assert words[1] == "brick 0.90, IoU 0.33 with the object (picture 1)"
    assert words[2] == "called leaf 0.90, IoU 0.33 with the brick (picture 2)"
    assert words[3] == "brick 0.80 again, where a better box is (picture 3)"
    assert words[4] == "called leaf 0.80, no object is labelled here (picture 4)"
    assert words[5] == "brick missed (picture 5)"
    assert set(folder.files) == {example.path for example in examples}
    assert all(content[:2] == b"\xff\xd8" for content in folder.files.values())


def test_a_close_up_shows_the_place_and_stays_inside_the_picture():
    image = torch.zeros((3, 200, 300), dtype=torch.uint8)
    image[0, :20, 280:] = 255
    picture = close_up(image, found(), boxes((280.0, 0, 300, 20, 0)), NAMES)
    pixels = np.asarray(picture)
    assert picture.width == picture.height and 300 <= picture.width <= 600
    assert (pixels[..., 0] > 200).mean() == pytest.approx((20 / 96) ** 2, rel=0.3)
