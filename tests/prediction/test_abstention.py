"""A confusion that must never happen is withheld: it never comes out, and the rows, tables and pictures say why."""

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image

import clearsight as cs
from clearsight import drawing
from clearsight.inference.abstention import Block, least_probability, withheld
from clearsight.loading.never import kept_blocks, pairs_of
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.run import Run
from clearsight.types import Abstained, Scores

NAMES = ("person", "animal", "thing")


def scores(*probabilities):
    return Scores(probabilities=torch.tensor(probabilities))


def test_the_answer_is_withheld_where_the_other_is_possible_and_only_there():
    block = Block(truth="person", answer="animal", least=0.1)
    kept = withheld(scores(0.05, 0.9, 0.05), [block], NAMES)
    assert isinstance(kept, Scores)
    assert isinstance(withheld(scores(0.1, 0.8, 0.1), [block], NAMES), Abstained)
    assert isinstance(withheld(scores(0.3, 0.1, 0.6), [block], NAMES), Scores), "another answer is no such confusion"
    never = Block(truth="person", answer="animal", least=0.0)
    assert isinstance(withheld(scores(0.0, 1.0, 0.0), [never], NAMES), Abstained), "0 withholds it always"


def test_no_picture_of_the_class_it_was_settled_on_passes():
    """Whatever the probabilities: every judged person keeps at least the settled probability of being one."""
    rng = np.random.default_rng(0)
    for _ in range(30):
        truth = rng.integers(0, 3, 40)
        probabilities = rng.dirichlet([0.3] * 3, 40)
        least, pictures = least_probability(probabilities, truth, 0)
        assert pictures == (truth == 0).sum()
        block = Block(truth="person", answer="animal", least=least)
        for row in probabilities[truth == 0]:
            said = withheld(scores(*row.tolist()), [block], NAMES)
            assert isinstance(said, Abstained) or int(said.probabilities.argmax()) != 1


def test_new_pictures_pass_as_rarely_as_promised():
    """Of n + 1 exchangeable pictures the new one is less probable than all n settled ones once in n + 1."""
    rng, n, passed, repeats = np.random.default_rng(1), 19, 0, 4000
    for _ in range(repeats):
        drawn = rng.beta(0.5, 0.5, n + 1)
        least, _ = least_probability(np.stack([drawn[:n], 1 - drawn[:n]], axis=1), np.zeros(n, dtype=int), 0)
        passed += drawn[n] < least
    assert passed / repeats <= 1 / (n + 1) + 0.012


def test_words_and_files_name_confusions(tmp_path):
    file = tmp_path / "never.txt"
    file.write_text("# gorillas\nperson > animal\n\nperson>thing@0.05\n")
    assert pairs_of([str(file), "thing>animal@0"], NAMES) == [
        ("person", "animal", None),
        ("person", "thing", 0.05),
        ("thing", "animal", 0.0),
    ]


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("person", "is no confusion. Expected"),
        ("a>b>c", "is no confusion"),
        ("persom>animal", "no class 'persom' to be confused. Did you mean person"),
        ("person>person", "names one class twice"),
        ("person>animal@3", "between 0 and 1"),
    ],
)
def test_bad_words_are_refused(word, says):
    with pytest.raises(ValueError, match=says):
        pairs_of([word], NAMES)


@pytest.fixture(scope="module")
def coloured(tmp_path_factory):
    """Pictures of two colours that hardly differ, so that a small network confuses them; and a run."""
    folder, rng = tmp_path_factory.mktemp("colours"), np.random.default_rng(0)
    for index in range(90):
        split, name = "train" if index < 30 else "val", ("red", "pink", "blue")[index % 3]
        colour = {"red": (150, 60, 60), "pink": (158, 66, 64), "blue": (50, 60, 200)}[name]
        place = folder / split / name
        place.mkdir(parents=True, exist_ok=True)
        pixels = np.clip(np.array(colour) + rng.integers(-60, 60, (24, 24, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(place / f"{index:02}.png")
    run = cs.train(
        "cnn",
        folder,
        epochs=2,
        out=tmp_path_factory.mktemp("runs") / "run",
        quiet=True,
        settings={"precision": "float32", "batch_size": 8},
    )
    return folder, run


def rows_of(folder):
    rows = json.loads((folder / "predictions.json").read_text())
    with open(folder / "predictions.csv", newline="") as file:
        return rows, list(csv.DictReader(file))


def test_a_blocked_confusion_never_comes_out(coloured, tmp_path):
    folder, run = coloured
    evidence = run.read_evidence("val", ClassificationStatistics)
    names, counts = evidence.statistics.class_names, evidence.statistics.confusions()[0]
    off = counts - np.diag(np.diag(counts))
    truth, answer = (names[index] for index in np.unravel_index(off.argmax(), off.shape))
    assert off.max() > 0, "the test needs a confusion"
    card = cs.audit(run, never=[f"{truth}>{answer}"])
    (told,) = [one for one in card.findings if one.metric == f"{truth} taken for {answer}"]
    assert told.verdict == "fail" and told.value == off.max() / counts[names.index(truth)].sum()
    assert [(block.truth, block.answer) for block in kept_blocks(Run.open(run.path).config)] == [(truth, answer)]

    cs.predict(run, folder / "val", out=tmp_path / "kept")
    rows, cells = rows_of(tmp_path / "kept")
    wrong = [row for row in rows if f"/{truth}/" in row["file_name"] and row["class"] == answer]
    withheld_rows = [row for row in rows if row["class"] is None]
    assert not wrong and len(withheld_rows) >= off.max()
    reason = f"{answer} may be {truth}, which must never be taken for it"
    assert {row["abstained"] for row in withheld_rows} == {reason}
    assert all(row["abstained"] == "" for row in rows if row["class"] is not None)
    assert [cell["abstained"] for cell in cells] == [row["abstained"] for row in rows]
    assert all(cell["class"] == (row["class"] or "") for cell, row in zip(cells, rows, strict=True))
    assert all(value is None for row in withheld_rows for value in row["probabilities"].values())
    assert len(list((tmp_path / "kept" / "overlays").iterdir())) == 60

    hard = cs.predict(run, folder / "val", never=[f"{truth}>{answer}@0"])
    answers = [one.probabilities.argmax() for one in hard.predictions if isinstance(one, Scores)]
    assert names.index(answer) not in [int(one) for one in answers]
    assert ("no answer: abstained", str(60 - len(answers))) in hard.tally

    lifted = cs.predict(run, folder / "val", never=["none"])
    assert all(isinstance(one, Scores) for one in lifted.predictions)
    cs.audit(run, never=["none"])
    assert kept_blocks(Run.open(run.path).config) == ()


def test_a_detector_is_not_blocked_but_told(tiny_run, rectangles):
    with pytest.raises(ValueError, match="withholds the one class of a picture"):
        cs.predict(tiny_run, rectangles / "JPEGImages" / "scene050.png", never=["brick>leaf"])


def test_an_overlay_says_that_there_is_no_answer():
    grey = torch.full((3, 32, 32), 90, dtype=torch.uint8)
    said = Abstained(reason="animal may be person, which must never be taken for it")
    assert drawing.answer_in_words(said, NAMES) == f"no answer: {said.reason}"
    assert drawing.overlay(said, grey, NAMES).size[0] >= 32
