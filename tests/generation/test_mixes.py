"""Evidence of the groups a generator makes: pictures of known groups, seen by classifiers trained on others."""

import dataclasses

import numpy as np
import pytest
import torch
from test_extractors import striped

from clearsight.audits import group_mix, truncation
from clearsight.generation import fitting
from clearsight.generation.declared import declared
from clearsight.generation.evidence import evidence_of, reference
from clearsight.generation.extractors import classifier_of, extractors_for
from clearsight.generation.mixes import mixes_of
from clearsight.run import Run
from clearsight.types import Request

NAMES = ("vertical", "horizontal", "diagonal")


def in_groups(pictures, few=5):
    """The same pictures; their direction is a group too, and ``few`` of them are of a group of their own."""
    words = np.array([NAMES[k] for k in pictures.classes])
    words[:few] = "dotted"
    halves = np.array(["left" if k % 2 else "right" for k in range(len(pictures))])
    return dataclasses.replace(
        pictures, groups={"direction": words, "chance": halves, "alike": np.full(len(words), "x")}
    )


@pytest.fixture(scope="module")
def found():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "STEPS", (150, 150))
        train, real = in_groups(striped(600)), in_groups(striped(300, seed=1))
        return reference(train, real, extractors_for(train, "mixes", NAMES), NAMES)


@pytest.fixture(scope="module")
def generated():
    """No diagonal ones at all at truncation 0.6, a few at 1."""
    fresh = striped(600, seed=5)
    at_one = fresh.select([k for k in range(600) if fresh.classes[k] < 2 or k % 5 == 0][:240])
    at_less = fresh.select(np.flatnonzero(fresh.classes.numpy() < 2)[:200])
    return {
        scale: dataclasses.replace(one, ids=tuple(f"generated-{k}" for k in range(len(one))), classes=None)
        for scale, one in ((1.0, at_one), (0.6, at_less))
    }


@pytest.fixture(scope="module")
def evidence(found, generated):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "STEPS", (150, 150))
        return mixes_of(found, generated, ("direction", "chance", "alike"), "mixes", {"split": "test"})


@pytest.fixture(scope="module")
def findings(found, generated, evidence):
    whole = evidence_of(found, generated[1.0])
    return {f.group: f for f in group_mix(Request(evidence=whole, more=evidence, replicates=200))}, truncation(
        Request(evidence=whole, more=evidence, replicates=200)
    )


def test_rows_are_held_out_and_generated_pictures(evidence, generated):
    assert list(evidence) == ["mix-class", "mix-direction", "mix-chance", "mix-alike"]
    one = evidence["mix-direction"]
    statistics = one.statistics
    assert statistics.group_names == tuple(sorted(NAMES)) and statistics.left_out == ("dotted",)
    assert (statistics.truth >= 0).sum() == 295 and statistics.truncations == (1.0, 0.6)
    assert (statistics.truncation == 1.0).sum() == 240 and (statistics.truncation == 0.6).sum() == 200
    np.testing.assert_allclose(statistics.probabilities.sum(1), 1)
    # The same latents make a cluster.
    at_one, at_less = (np.flatnonzero(statistics.truncation == scale) for scale in (1.0, 0.6))
    assert (one.clusters[at_one[:200]] == one.clusters[at_less]).all()
    assert len(np.unique(one.clusters)) == 295 + 240


def test_the_mix_is_found_and_the_classifier_is_of_the_training_pictures(findings, generated):
    made, further = findings
    true = np.bincount(striped(600, seed=5).classes, minlength=3)
    assert true.min() > 0
    for attribute in ("class", "direction"):
        series = made[attribute].series
        row = series["label"].index("diagonal")
        assert series["low"][row] < 0.2 and series["high"][row] < 0.25 and "diagonal" in made[attribute].claim
    change = next(one for one in further if one.group == "direction")
    last = [y for name, x, y in zip(*(change.series[k] for k in ("line", "x", "y")), strict=True)
            if name == "diagonal" and x == 0.6]  # fmt: skip
    assert last[0] < 0.05


def test_what_pictures_do_not_show_is_refused(findings):
    made, further = findings
    assert made["chance"].verdict == "insufficient" and "too weak" in made["chance"].claim
    assert made["alike"].verdict == "insufficient" and "It takes 2 to 50" in made["alike"].claim
    assert {one.group for one in further} == {"class", "direction"}


def test_evidence_is_kept_in_the_run_folder(evidence, tmp_path):
    run = Run.create(tmp_path / "run", "vae", "stripes")
    for name, one in evidence.items():
        run.write_evidence(f"{name}-test", one)
        kept = run.read_evidence(f"{name}-test", type(one.statistics))
        assert kept.statistics.group_names == one.statistics.group_names and kept.ids == one.ids
        np.testing.assert_array_equal(kept.statistics.probabilities, one.statistics.probabilities)


def test_classifiers_of_two_attributes_with_equal_groups_are_kept_apart(monkeypatch):
    monkeypatch.setattr(fitting, "STEPS", (20, 20))
    train = striped(120)
    straight = dataclasses.replace(train, classes=(train.classes < 2).long())
    upright = dataclasses.replace(train, classes=(train.classes == 0).long())
    digests = {
        name: classifier_of(pictures, "same", name, ("no", "yes")).digest
        for name, pictures in (("straight", straight), ("upright", upright), ("again", straight))
    }
    assert digests["straight"] != digests["upright"]
    assert classifier_of(straight, "same", "straight", ("no", "yes")).digest == digests["straight"]
    assert torch.equal(straight.classes, (train.classes < 2).long())


def test_a_reference_is_uniform_or_a_table(tmp_path):
    groups = {"race": ["a", "b"], "gender": ["f", "m", "x"]}
    assert declared(None, groups) == {}
    assert declared("uniform", groups)["gender"] == pytest.approx({"f": 1 / 3, "m": 1 / 3, "x": 1 / 3})
    table = tmp_path / "shares.csv"
    table.write_text("race,count\na,30\nb,10\n")
    assert declared(table, {"race": ["a", "b"]}) == {"race": {"a": 0.75, "b": 0.25}}
    assert set(declared(table, groups)) == {"race"}
    table.write_text("race,gender,count\na,f,2\na,m,0\nb,m,1\nb,x,1\n")
    found = declared(table, groups)
    assert found["gender"] == pytest.approx({"f": 0.5, "m": 0.25, "x": 0.25})
    assert found["race"] == pytest.approx({"a": 0.5, "b": 0.5})


def test_a_reference_that_cannot_be_is_one_message(tmp_path):
    table = tmp_path / "shares.csv"
    table.write_text("race,share\na,0.5\nb,0.25\nc,0.25\n")
    with pytest.raises(ValueError, match="shares.csv gives a share to c. The groups of race in the data are: a, b"):
        declared(table, {"race": ["a", "b"]})
    table.write_text("race,share\na,1\n")
    with pytest.raises(ValueError, match="b"):
        declared(table, {"race": ["a", "b"]})
    with pytest.raises(ValueError, match="--by"):
        declared("uniform", {})
    with pytest.raises(ValueError, match=r"none\.csv"):
        declared(tmp_path / "none.csv", {"race": ["a", "b"]})
