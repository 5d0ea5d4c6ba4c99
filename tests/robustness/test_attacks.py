"""Attacks: the gradient of a linear model, never beyond the budget or [0, 1], and scores that fall."""

import shutil

import numpy as np
import pytest
import torch

import clearsight as cs
from clearsight.audits.attacks import METRIC
from clearsight.audits.out_of_distribution import NAMES
from clearsight.loading import familiarity, trained
from clearsight.robustness.attacks import Attacker, fgsm, pgd
from clearsight.robustness.damaged import drawn
from clearsight.run import Run

WEIGHT = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(0))


def linear(images):
    """The gradient of ``(WEIGHT * images).sum()``."""
    return WEIGHT.expand_as(images)


def pictures(count=4):
    return torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("budget", [1 / 255, 4 / 255, 0.3])
def test_of_a_linear_model_the_best_change_is_known(budget):
    """Each value goes as far as it may along the sign of its weight; no picture within the budget has a larger loss."""
    images = pictures()
    best = (images + budget * WEIGHT.sign()).clamp(0, 1)
    assert torch.allclose(fgsm(images, linear, budget), best)
    assert torch.allclose(pgd(images, linear, budget, torch.Generator().manual_seed(2)), best, atol=1e-6)


@pytest.mark.parametrize("budget", [1 / 255, 8 / 255])
def test_it_stays_within_the_budget_and_the_range(budget):
    images = pictures()
    images[0] = 0
    images[1] = 1

    def wild(given):
        return torch.randn(given.shape, generator=torch.Generator().manual_seed(int(given.sum() * 1e3) % 2**31))

    for attacked in (fgsm(images, wild, budget), pgd(images, wild, budget, torch.Generator().manual_seed(0))):
        assert float((attacked - images).abs().max()) <= budget + 1e-6
        assert float(attacked.min()) >= 0 and float(attacked.max()) <= 1


@pytest.fixture(scope="module")
def attacked(tiny_run, tmp_path_factory):
    path = tmp_path_factory.mktemp("attacked") / "run"
    shutil.copytree(tiny_run.path, path)
    return cs.stress(path, tests=["attacks", "strangers"], pictures=24), Run.open(path)


def headline(one):
    return float(one.statistics.metrics()[0].compute(one.statistics, np.ones((1, one.statistics.images)))[0])


def test_attacks_lower_the_score_and_the_report_says_that_others_may_lower_it_more(attacked):
    found, run = attacked
    finding = next(one for one in run.read_card().findings if one.metric == METRIC)
    scores = {name: headline(one) for name, one in found.evidence.items() if name.startswith("attack ")}
    assert scores["attack pgd-4"] < scores["attack none-0"] and scores["attack fgsm-4"] < scores["attack none-0"]
    assert "a stronger one may succeed" in finding.claim and finding.value == pytest.approx(min(scores.values()))
    assert set(finding.series["line"]) == {"FGSM", "PGD"}


def test_unlike_pictures_are_marked_by_predict(attacked, tmp_path):
    found, run = attacked
    names = {one.metric for one in run.read_card().findings}
    assert set(NAMES.values()) <= names
    kept = familiarity.kept(run)
    assert kept is not None and kept.pictures == 24 and found.threshold == kept.threshold
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    predicted = cs.predict(run, tmp_path / "noise.png", out=tmp_path / "out", min_score=0.0)
    assert predicted.likenesses[0].unlike and predicted.likenesses[0].score > kept.threshold
    assert ("unlike the training pictures", "1 of 1") in predicted.tally
    assert all(row["unlike"] for row in __import__("clearsight.verbs.predict", fromlist=["results"]).results(predicted))


def test_a_changed_network_marks_nothing_and_says_so(attacked, tmp_path):
    _, run = attacked
    shutil.copytree(run.path, tmp_path / "run")
    other = Run.open(tmp_path / "run")
    weights = other.read_weights()
    other.write_weights({name: value + 1e-3 if value.is_floating_point() else value for name, value in weights.items()})
    with pytest.warns(familiarity.ChangedNetwork, match="has changed since"):
        assert familiarity.kept(other) is None


def test_padding_is_not_attacked(tiny_run, rectangles):
    from clearsight.evaluation.judging import read_for
    from clearsight.inference.predictor import Predictor

    source = read_for(tiny_run, tiny_run.config.data, None, False)
    some = drawn(source.split("val"), 2, 0, 64)
    network = trained.load(tiny_run)
    attacker = Attacker(network, Predictor(network, 48), some, 0)  # 48 px on a canvas of 64
    images = [record.decode() for record in some.records]
    batch, places = attacker.predictor.laid(images, (64, 64))
    given = [record.answer() for record in some.records]
    from clearsight.ops import views

    truths = [views.placed(truth, (64, 64), at) for truth, at in zip(given, places, strict=True)]
    for attack in ("FGSM", "PGD"):
        changed = attacker._attacked(batch.float(), truths, places, [0, 1], attack, 4 / 255) != batch
        assert bool(changed[:, :, :48, :48].any()) and not bool(changed[:, :, 48:].any() | changed[:, :, :, 48:].any())


def test_a_test_that_is_not_there(attacked):
    _, run = attacked
    with pytest.raises(ValueError, match="no test named 'attack'. Did you mean attacks"):
        cs.stress(run, tests=["attack"])
