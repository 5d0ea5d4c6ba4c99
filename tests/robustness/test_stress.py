"""The verb: a detector judged on damaged pictures, what is kept, what an interrupted test goes on with, the report."""

import shutil

import numpy as np
import pytest
import torch

import clearsight as cs
from clearsight.audits.under_corruption import MEAN, belongs
from clearsight.corruptions import ELASTIC, FOG, GAUSSIAN_NOISE
from clearsight.metrics.detection import DetectionStatistics
from clearsight.robustness.damaged import damaged, drawn
from clearsight.run import Run
from clearsight.sources import PictureDataset, Record
from clearsight.types import Boxes

CHOSEN = {"tests": ["corruptions"], "corruptions": ["fog", "elastic"], "severities": [1, 5], "pictures": 70}


@pytest.fixture(scope="module")
def stressed(tiny_run, tmp_path_factory):
    """A copy of the run on the rectangles, tested once."""
    path = tmp_path_factory.mktemp("stressed") / "run"
    shutil.copytree(tiny_run.path, path)
    return cs.stress(path, **CHOSEN), Run.open(path)


def test_the_report_tells_what_breaks_it(stressed):
    found, run = stressed
    card = run.read_card()
    mine = [finding for finding in card.findings if belongs(finding)]
    assert [one.claim for one in mine] == [one.claim for one in found.findings]
    assert mine[0].metric == MEAN and mine[0].n == 70 and mine[0].interval is not None
    assert {"fog", "elastic"} < set(mine[0].series["label"])
    shown = [one for one in card.examples if one.kind == "corrupted"]
    assert len(shown) == 2 and all((run.path / one.path).is_file() for one in shown)
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "Corruptions" in page and mine[0].claim[:30] in page
    assert not any("noise, blur" in gap for gap in card.untested) and found.conditions == 4 and found.again == 0


def test_losses_are_compared_by_the_groups_of_the_training(stressed):
    found, _ = stressed
    assert any(finding.group and finding.group.startswith("light") for finding in found.findings)


def test_evidence_of_each_condition_is_kept_apart_from_that_of_the_run(stressed):
    found, run = stressed
    kept = run.evidence_in("stress")
    assert len(kept) == 5 and not any(name.startswith("stress") for name in run.evidence_names)
    one = run.read_evidence(next(name for name in kept if name.endswith("fog-5")), DetectionStatistics)
    assert one.about["corruption"] == "fog" and "70 drawn with seed 0" in one.about["pictures"]
    assert one.ids == found.evidence["none-0"].ids and (one.clusters == found.evidence["none-0"].clusters).all()


def test_an_audit_afterwards_tells_of_it_too(stressed):
    _, run = stressed
    again = cs.audit(run)
    assert any(belongs(finding) for finding in again.findings)
    assert sum(one.kind == "corrupted" for one in again.examples) == 2


def test_what_was_judged_is_not_judged_again_and_what_is_missing_is(stressed, tmp_path):
    found, run = stressed
    shutil.copytree(run.path, tmp_path / "run")
    lost = next((tmp_path / "run" / "evidence" / "stress").glob("*fog-5*"))
    lost.unlink()
    again = cs.stress(tmp_path / "run", **CHOSEN)
    assert again.again == 4 and lost.is_file()
    assert again.findings[0].value == pytest.approx(found.findings[0].value)
    more = cs.stress(tmp_path / "run", **CHOSEN | {"corruptions": ["jpeg"]})
    assert {"fog", "elastic", "jpeg"} < set(more.findings[0].series["label"]), "a further test adds to it"
    other = cs.stress(tmp_path / "run", **CHOSEN | {"seed": 1, "corruptions": ["jpeg"], "severities": [2]})
    assert other.again == 0 and "fog" not in other.findings[0].series["label"], "other pictures are another test"


def test_severe_damage_costs_more_than_slight(stressed):
    found, _ = stressed
    score = {name: float(one.statistics.metrics()[0].compute(one.statistics, np.ones((1, 70)))[0])
             for name, one in found.evidence.items()}  # fmt: skip
    assert score["fog-5"] < score["none-0"] and score["elastic-1"] > 0.5 * score["none-0"]


def test_mistakes_are_said(stressed):
    _, run = stressed
    for options, words in (
        ({"corruptions": ["frog"]}, "no corruption named 'frog'. Did you mean .*fog"),
        ({"severities": [7]}, "severity is 7"),
        ({"severities": []}, "severity is empty"),
        ({"pictures": 1}, "pictures is 1"),
        ({"by": ["sex"]}, "no attribute 'sex'"),
        ({"split": "train"}, "was trained on the split train"),
    ):
        with pytest.raises(ValueError, match=words):
            cs.stress(run, **options)


def dataset(side=80):
    random = np.random.default_rng(0)
    pixels = [torch.from_numpy(random.integers(0, 256, (3, side, side), dtype=np.uint8)) for _ in range(9)]
    truth = Boxes.of(torch.tensor([[10.0, 20, 50, 60]]), torch.tensor([0]))
    records = tuple(
        Record(id=f"p{k}", picture=one.clone, size=(side, side), truth=truth) for k, one in enumerate(pixels)
    )
    return PictureDataset(name="d", split="val", class_names=("a",), records=records, fingerprint="f")


def test_pictures_are_drawn_by_the_seed_in_their_order():
    whole = dataset()
    one, again, other = (drawn(whole, 4, seed, None) for seed in (0, 0, 1))
    ids = [record.id for record in one.records]
    assert ids == sorted(ids) and len(ids) == 4 and ids == [record.id for record in again.records]
    assert ids != [record.id for record in other.records] and len(drawn(whole, 100, 0, None)) == 9


def test_pictures_are_damaged_as_the_network_sees_them_and_keep_their_size():
    some = drawn(dataset(), 3, 0, 40)
    clean, noisy = damaged(some, None, 0, 0)[0], damaged(some, GAUSSIAN_NOISE, 5, 0)[0]
    assert clean.image.shape == noisy.image.shape == (3, 80, 80) and noisy.truth == clean.truth
    seen = some.records[0].decode()
    assert seen.shape == (3, 40, 40)
    expected = GAUSSIAN_NOISE(seen, 5, some.records[0].id, 0).float()
    shrunk = torch.nn.functional.avg_pool2d(noisy.image.float()[None], 2)[0]
    assert float(np.corrcoef(shrunk.flatten(), expected.flatten())[0, 1]) > 0.9
    whole = drawn(dataset(), 3, 0, None)
    assert bool((damaged(whole, FOG, 2, 0)[1].image == FOG(whole.records[1].decode(), 2, whole.records[1].id, 0)).all())


def test_boxes_move_with_the_picture_and_stay_elsewhere():
    some = drawn(dataset(), 3, 0, 40)
    assert not torch.equal(damaged(some, ELASTIC, 5, 0)[0].truth.xyxy, some.records[0].truth.xyxy)
    assert torch.equal(damaged(some, FOG, 5, 0)[0].truth.xyxy, some.records[0].truth.xyxy)
