"""From pictures to evidence, calibrators and findings: what each stand-in for a generator must score."""

import dataclasses

import numpy as np
import pytest
import torch
from test_extractors import striped

from clearsight import catalogue
from clearsight.audits import copies, generated, scores
from clearsight.generation import fitting
from clearsight.generation.evidence import calibrators, evidence_of, nearest_of, reference
from clearsight.generation.extractors import extractors_for
from clearsight.generation.pictures import Pictures
from clearsight.metrics.generation import GenerationStatistics
from clearsight.run import Run
from clearsight.types import Request

NAMES = ("vertical", "horizontal", "diagonal")
ABOUT = {"data": "stripes", "split": "test", "fingerprint": "x"}


@pytest.fixture(scope="module")
def found():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "STEPS", (150, 150))
        train, real = striped(600), striped(300, seed=1)
        pair = extractors_for(train, "evidence", NAMES)
    real = dataclasses.replace(real, groups={"light": np.array(["day", "night"] * 150)})
    return reference(train, real, pair, NAMES)


@pytest.fixture(scope="module")
def made():
    """A generator that makes only two of the three classes."""
    fresh = striped(400, seed=5)
    return fresh.select(np.flatnonzero(fresh.classes.numpy() < 2)[:250])


@pytest.fixture(scope="module")
def evidence(found, made):
    return evidence_of(found, dataclasses.replace(made, ids=tuple(f"made-{i}" for i in range(250))), ABOUT)


@pytest.fixture(scope="module")
def stand_ins(found):
    return calibrators(found, 250, about=ABOUT)


def values(evidence):
    ones = np.ones((1, evidence.statistics.images))
    return {m.name: float(m.compute(evidence.statistics, ones)[0]) for m in evidence.statistics.metrics()}


def test_rows_say_what_they_are(evidence):
    statistics = evidence.statistics
    assert isinstance(statistics, GenerationStatistics) and evidence.task == "generation"
    assert statistics.generated.sum() == 250 and len(evidence.ids) == 550 == len(evidence.clusters)
    assert set(evidence.groups["light"][:300]) == {"day", "night"} and set(evidence.groups["light"][300:]) == {
        "unknown"
    }
    assert evidence.counted == "250 generated and 300 real pictures"
    assert all(evidence.about[name] for name in ("first extractor", "second extractor", "resizer", "pixels", "data"))
    assert statistics.training_mix == pytest.approx(np.bincount(striped(600).classes) / 600)


def test_stand_ins_score_as_they_must(stand_ins):
    floor, ceiling, copied = (values(stand_ins[name]) for name in ("floor", "ceiling", "copies"))
    assert abs(floor["Fréchet distance"]) < 0.1 * ceiling["Fréchet distance"]
    assert floor["Fréchet distance, second extractor"] < 0.1 * ceiling["Fréchet distance, second extractor"]
    assert floor["KID x 1000"] < 0.1 * ceiling["KID x 1000"]
    assert floor["coverage"] > 0.8 > ceiling["coverage"] and floor["precision"] > ceiling["precision"]
    assert ceiling["two-sample AUC"] > 0.99 and floor["two-sample AUC"] < 0.7
    assert copied["Fréchet distance"] == floor["Fréchet distance"], "copies score as well as real pictures"
    assert copied["copy rate"] == 1.0 and floor["copy rate"] < 0.05


def test_what_a_generator_leaves_out_is_seen(evidence, stand_ins):
    found, floor = values(evidence), values(stand_ins["floor"])
    assert found["Fréchet distance"] > floor["Fréchet distance"] and found["recall"] < floor["recall"]
    assert found["class divergence"] > 0.2 > floor["class divergence"]


def test_copies_fail_and_new_pictures_do_not(evidence, stand_ins):
    (bad,), (good,) = (copies(Request(evidence=one, replicates=200)) for one in (stand_ins["copies"], evidence))
    assert bad.verdict == "fail" and "copies training pictures" in bad.claim and bad.value == 1.0
    assert good.verdict != "fail" and "by construction" in good.claim
    few = dataclasses.replace(evidence, statistics=dataclasses.replace(
        evidence.statistics, distance=np.full(550, np.nan)))  # fmt: skip
    (unknown,) = copies(Request(evidence=few, replicates=50))
    assert unknown.verdict == "insufficient" and unknown.value is None


def test_a_few_hidden_copies_are_found(found):
    fresh, train = striped(200, seed=7), found.train
    images = fresh.images.clone()
    noise = torch.randint(-12, 13, (30, 1, 16, 16), generator=torch.Generator().manual_seed(0))
    images[:30] = (train.images[40:70].int() + noise).clamp(0, 255).to(torch.uint8)
    mixed = Pictures(images=images, ids=fresh.ids)
    nearest = nearest_of(found, mixed)
    pairs = nearest.closest(30)
    assert sum(row < 30 and index == row + 40 for row, index in pairs) >= 27
    (finding,) = copies(Request(evidence=evidence_of(found, mixed, ABOUT, nearest), replicates=200))
    assert finding.verdict == "fail" and finding.value == pytest.approx(0.15, abs=0.05)


def test_one_table_of_scores_beside_the_stand_ins(evidence, stand_ins):
    request = Request(evidence=evidence, more=stand_ins, replicates=100)
    (finding,) = generated(request)
    assert list(finding.series)[:2] == ["score", "generated"]
    assert list(finding.series)[2:] == ["real training pictures", "shuffled pixels", "copies of training pictures"]
    assert len({len(column) for column in finding.series.values()}) == 1
    exact = values(evidence)
    assert finding.series["generated"] == pytest.approx([exact[name] for name in finding.series["score"]])
    assert "First extractor: own classifier" in finding.method and "250 generated and 300 real" in finding.claim
    assert generated(Request(evidence=evidence)) == (), "nothing to set beside"


def test_every_audit_takes_such_evidence(evidence, stand_ins):
    request = Request(evidence=evidence, more=stand_ins, replicates=60)
    for part in catalogue.parts("audits"):
        for finding in part.load()(request):
            assert finding.claim and finding.limits, part.name
    headline, *others = scores(request)
    assert headline.metric == "Fréchet distance" and "250 generated and 300 real pictures of stripes" in headline.claim
    assert all(finding.value is not None for finding in others)


def test_evidence_is_kept_in_a_run(evidence, tmp_path):
    run = Run.create(tmp_path / "run", "gan", "stripes")
    run.write_evidence("test", evidence)
    again = run.read_evidence("test", GenerationStatistics)
    assert values(again) == pytest.approx(values(evidence), nan_ok=True) and again.counted == evidence.counted


def test_sizes_that_differ_are_refused(found):
    with pytest.raises(ValueError, match="differ in size"):
        evidence_of(found, striped(10, side=20))
    with pytest.raises(ValueError, match="no held-out"):
        reference(found.train, found.real.select([]), found.extractors)
