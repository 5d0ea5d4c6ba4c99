"""What the evidence keeps for slices, and the pictures of confirmed ones: which are drawn, in what order, and where."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from clearsight.architectures.cnn import Cnn, CnnConfig
from clearsight.architectures.mlp import Mlp, MlpConfig
from clearsight.audits.slices import Search, Slice
from clearsight.evaluation import capturing
from clearsight.evaluation.alike import pooled_features
from clearsight.evaluation.slice_pictures import EACH, slice_pictures
from clearsight.metrics.means_apart import MeansApart
from clearsight.report.page import html
from clearsight.run import Run
from clearsight.sources import PictureDataset, Record
from clearsight.types import Card, Evidence, Label, Request, Scores

NAMES = ("ant", "bee")


@pytest.mark.parametrize("views", [{}, {"mirrored": True}, {"mirrored": True, "shifted": True}])
def test_the_features_of_a_network_without_a_backbone_are_what_its_last_layer_reads(views):
    torch.manual_seed(0)
    network = Cnn(CnnConfig(widths=(8, 12), **views), None, NAMES).eval()
    images = torch.rand(5, 3, 32, 32)
    with pooled_features(network) as found:
        answers = network.predict(images)
    (features,) = found
    assert features.shape == (5, 12), "one row for each picture, however many views it is answered by"
    with torch.inference_mode():
        probabilities = network.linear(features).softmax(1)
    torch.testing.assert_close(probabilities, torch.stack([one.probabilities for one in answers]))


def test_the_answer_by_views_is_the_mean_of_the_outputs_of_each_view():
    torch.manual_seed(1)
    network = Cnn(CnnConfig(widths=(8,), mirrored=True), None, NAMES).eval()
    images = torch.rand(3, 3, 16, 16)
    with torch.inference_mode():
        wanted = ((network(images) + network(images.flip(3))) / 2).softmax(1)
    torch.testing.assert_close(torch.stack([one.probabilities for one in network.predict(images)]), wanted)


def test_a_perceptron_has_features_too():
    network = Mlp(MlpConfig(widths=(16, 7), side_px=8), None, NAMES).eval()
    with pooled_features(network) as found:
        network.predict(torch.rand(4, 3, 20, 20))
        network.predict(torch.rand(2, 3, 20, 20))
    assert [tuple(one.shape) for one in found] == [(4, 7), (2, 7)]


def pictures(folder, count):
    """Grey pictures, each lighter than the one before it."""
    records = []
    for index in range(count):
        file = folder / f"{index}.png"
        Image.new("RGB", (40, 30), (index, index, index)).save(file)
        records.append(Record(id=f"picture {index}", picture=file, size=(30, 40), truth=Label(index=index % 2)))
    return PictureDataset(name="grey", split="test", class_names=NAMES, records=tuple(records), fingerprint="sha256:0")


def evidence_of(count, **more):
    ids = tuple(f"picture {index}" for index in range(count))
    return Evidence(
        task="classification",
        statistics=None,
        ids=ids,
        clusters=np.arange(count),
        features=np.zeros((count, 2)),
        **more,
    )


def test_conditions_are_measured_on_the_files(tmp_path):
    dataset = pictures(tmp_path, 6)
    (tmp_path / "3.png").write_bytes(b"no picture")
    found = capturing.with_conditions(evidence_of(6), dataset).conditions
    assert list(found) == ["brightness (mean grey value)"], "what is the same in all pictures is no condition"
    np.testing.assert_allclose(found["brightness (mean grey value)"], [0, 1, 2, np.nan, 4, 5])
    without = replace(evidence_of(6), features=None)
    assert capturing.with_conditions(without, dataset) is without


def test_of_very_many_pictures_some_are_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(capturing, "MEASURED_AT_MOST", 4)
    dataset = pictures(tmp_path, 9)
    (found,) = capturing.with_conditions(evidence_of(9), dataset, seed=1).conditions.values()
    known = np.isfinite(found)
    assert known.sum() == 4 and (found[known] == np.flatnonzero(known)).all()


def test_conditions_are_kept_with_the_evidence(tmp_path):
    from clearsight.metrics.regression import RegressionStatistics

    run = Run.create(tmp_path / "run", "cnn", "grey")
    statistics = RegressionStatistics(truth=np.arange(3.0), estimate=np.arange(3.0))
    evidence = replace(evidence_of(3), statistics=statistics, conditions={"brightness": np.array([1.0, np.nan, 3.0])})
    run.write_evidence("test", evidence)
    again = run.read_evidence("test", RegressionStatistics)
    np.testing.assert_array_equal(again.conditions["brightness"], evidence.conditions["brightness"])
    np.testing.assert_array_equal(again.features, evidence.features)


@pytest.fixture
def drawn(tmp_path):
    """A run, its request and the pictures of a slice of 20 among 40."""
    dataset = pictures(tmp_path, 40)
    run = Run.create(tmp_path / "run", "cnn", "grey")
    run.change(class_names=NAMES, settings={"model": {}})
    rows, score = np.arange(40) % 2 == 0, np.linspace(0.9, 0.1, 40)
    gap, p = MeansApart(part=rows.astype(int), clusters=np.arange(40), replicates=20).between(score, 1, sign=-1)
    one = Slice(name="slice 1", rows=rows, gap=gap, p=p, confirmed=True)
    request = Request(evidence=evidence_of(40))
    search = Search(discovery=~rows, test=rows, score=score, what="probability of the true class", found=(one,))
    request.shared["slices"] = search
    answer = Scores(probabilities=torch.tensor([0.75, 0.25]))
    return run, slice_pictures(run, dataset, request, lambda images: [answer for _ in images]), search


def test_the_pictures_are_of_the_slice_worst_first_and_in_the_run_folder(drawn):
    run, examples, search = drawn
    assert len(examples) == EACH
    rows = [int(example.caption.split(":")[0].removeprefix("picture ")) for example in examples]
    assert len(set(rows)) == EACH and search.found[0].rows[rows].all()
    assert [example.score for example in examples] == sorted(example.score for example in examples)
    assert examples[0].caption.endswith("predicted ant 0.75, bee 0.25; ground truth ant")
    assert {(example.kind, example.about) for example in examples} == {("slice", "Slice 1")}
    for example in examples:
        with Image.open(run.path / example.path) as picture:
            assert max(picture.size) <= 360


def test_they_stand_under_whom_it_fails(drawn):
    run, examples, _ = drawn
    card = Card(title="t", task="classification", summary="s", findings=(), cost=None, examples=tuple(examples))
    page = html(card, run.path)
    section = page[page.index('id="whom-it-fails"') : page.index('id="when-to-trust-it"')]
    assert section.count("<img ") == EACH and "Slice 1 <span>12 pictures" in section
    assert page.count("<img ") == EACH


def test_without_a_confirmed_slice_there_are_no_pictures(tmp_path):
    request = Request(evidence=replace(evidence_of(4), features=None))
    assert slice_pictures(SimpleNamespace(), None, request, None) == []
