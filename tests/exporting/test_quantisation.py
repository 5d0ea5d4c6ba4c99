"""8-bit exports: only convolutions of feature maps are rounded, what is lost is said, and too much is refused."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import clearsight as cs
from clearsight.exported import formats
from clearsight.exporting import accuracy_loss, quantisation
from clearsight.loading import trained

openvino = pytest.importorskip("openvino")
pytest.importorskip("nncf")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

# Calibrations by NNCF take 40 s: they run with -m slow, before a release.
calibrates = pytest.mark.slow


@pytest.fixture(scope="module")
def integers(tiny_run, tmp_path_factory):
    """The run in 8-bit integers; it learnt little, so any loss is accepted. Tests must not change it."""
    path = tmp_path_factory.mktemp("models") / "int8.xml"
    return cs.export(tiny_run, to="openvino", out=path, precision="int8", calibrate=8, max_loss=1.0)


class Scene(nn.Module):
    """A trunk with every case: dense, depthwise and grouped convolutions, SiLU, and arithmetic on coordinates."""

    def __init__(self):
        super().__init__()
        self.dense, self.mixing = nn.Conv2d(3, 32, 3), nn.Conv2d(32, 32, 3, padding=1)
        self.last = nn.Conv2d(32, 4, 1)
        self.depthwise, self.grouped = (nn.Conv2d(32, 32, 3, padding=1, groups=groups) for groups in (32, 2))

    def forward(self, pictures):
        maps = nn.functional.silu(self.dense(pictures.permute(0, 3, 1, 2).float() / 255))
        maps = nn.functional.silu(self.mixing(self.depthwise(maps)))
        distances = self.last(nn.functional.relu(self.grouped(maps)) + maps).flatten(2).exp()
        points = torch.arange(distances.shape[2])
        return points - distances[:, :2], points * distances[:, 2:]


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    path = tmp_path_factory.mktemp("scene") / "scene.onnx"
    torch.manual_seed(0)
    picture = torch.zeros(1, 16, 16, 3, dtype=torch.uint8)
    torch.onnx.export(Scene().eval(), picture, str(path), dynamo=False, opset_version=17)
    return openvino.Core().read_model(path)


@calibrates
def test_only_convolutions_with_kernels_for_integers_are_rounded(scene):
    model = scene.clone()
    quantisation.fold_constants(model)
    kept = set(quantisation.kept_in_float(model))
    kinds = {one.get_friendly_name(): one.get_type_name() for one in model.get_ordered_ops()}
    rounded = [kind for name, kind in kinds.items() if name not in kept and "Convolution" in kind]
    assert sorted(rounded) == ["Convolution", "GroupConvolution"]  # not the first, the last and the one in two groups
    assert sum(kind == "GroupConvolution" for name, kind in kinds.items() if name in kept) == 1
    assert sum(kind == "Convolution" for name, kind in kinds.items() if name in kept) == 2
    assert not {"Exp", "Slice"} & {kind for name, kind in kinds.items() if name not in kept}
    assert all(name in kept for name, kind in kinds.items() if kind == "Multiply")  # SiLU and coordinates


@calibrates
def test_every_rounded_convolution_takes_and_weighs_256_levels(scene):
    random = np.random.default_rng(0)
    examples = [[random.integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)] for _ in range(4)]
    model = quantisation.quantised(scene.clone(), examples)
    levels = 0
    for one in model.get_ordered_ops():
        if one.get_type_name() in quantisation.CONVOLUTIONS:
            levels += one.input_value(0).get_node().get_type_name() == "FakeQuantize"
    assert levels == 2
    plain, rounded = (openvino.Core().compile_model(each, "CPU") for each in (scene, model))
    for one, two in zip(plain(examples[0]).values(), rounded(examples[0]).values(), strict=True):
        assert 0 < np.abs(one - two).max() < 0.1 * np.abs(one).max()


def test_channels_between_two_convolutions_get_one_range_and_the_function_stays():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3, groups=1), nn.Conv2d(8, 5, 1), nn.SiLU(), nn.Conv2d(5, 4, 1))
    with torch.no_grad():
        for part in (network[0].weight, network[0].bias):
            part.mul_(torch.logspace(-2, 0, 8).reshape(-1, *[1] * (part.dim() - 1)))
    pictures = [torch.rand(1, 3, 12, 12) for _ in range(3)]
    even = quantisation.equalised(network, pictures)
    for picture in pictures:
        torch.testing.assert_close(even(picture), network(picture), atol=1e-5, rtol=1e-4)
    largest = torch.stack([even[0](picture).abs().amax((0, 2, 3)) for picture in pictures]).amax(0)
    before = torch.stack([network[0](picture).abs().amax((0, 2, 3)) for picture in pictures]).amax(0)
    assert before.max() / before.min() > 20 and largest.max() / largest.min() < 1.01
    assert torch.equal(even[3].weight, network[3].weight)  # behind an activation: left alone


def test_a_map_with_a_second_reader_is_left_alone():
    class Forked(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 1)

        def forward(self, pictures):
            maps = self.first(pictures)
            return self.second(maps) + maps

    network = Forked()
    assert quantisation.equalised(network, [torch.rand(1, 3, 12, 12)]) is network


@calibrates
def test_what_is_lost_is_kept_and_said(integers, tiny_run):
    content = json.loads(integers.path.with_name("int8.xml.json").read_text())
    loss = content["check"]["accuracy"]
    assert content["precision"] == "int8" and content["check"]["calibration_pictures"] == 8
    assert loss["n"] == 70 and loss["split"] == "val" and loss["metric"] == "AP"
    assert loss["difference"] == pytest.approx(loss["exported"] - loss["run"])
    assert loss["interval"][0] < loss["interval"][1] and loss["clusters"] == 12
    evidence = tiny_run.read_evidence("val", trained.task_of(tiny_run.config).statistics_type)
    headline = evidence.statistics.metrics()[0]
    assert loss["run"] == pytest.approx(headline.compute(evidence.statistics, np.ones((1, 70)))[0], abs=0.01)
    for part in ("int8, calibrated on 8 pictures", "of the run", "exported", "paired", "70 pictures of the split val"):
        assert part in integers.said


@calibrates
def test_the_file_computes_in_integers_and_is_smaller(integers, tiny_run, tmp_path):
    plain = cs.export(tiny_run, to="openvino", out=tmp_path / "model.xml")
    assert plain.description.precision == "float32" and "accuracy" not in plain.description.check
    sizes = [each.path.with_suffix(".bin").stat().st_size for each in (integers, plain)]
    assert sizes[0] < 0.6 * sizes[1]
    compiled = openvino.Core().compile_model(integers.path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    kinds = [one.get_rt_info()["runtimePrecision"].astype(str) for one in compiled.get_runtime_model().get_ordered_ops()
             if one.get_rt_info()["layerType"].astype(str) == "Convolution"]  # fmt: skip
    assert {"u8", "i8"} & set(kinds) and len(kinds) > 40


@calibrates
def test_too_much_loss_is_refused_and_nothing_left(tiny_run, tmp_path, monkeypatch):
    honest = accuracy_loss._AsPredictor.__call__

    def worse(self, images):
        for found in honest(self, images):
            yield type(found)(xyxy=found.xyxy + 8, scores=found.scores, labels=found.labels)

    monkeypatch.setattr(accuracy_loss._AsPredictor, "__call__", worse)
    with pytest.raises(ValueError, match=r"Expected a loss of at most 0\.01.*--max-loss"):
        cs.export(tiny_run, to="openvino", out=tmp_path / "model.xml", precision="int8", calibrate=4)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("options", "words"), [
    ({"to": "onnx", "precision": "int8"}, "int8 is for OpenVINO"), ({"precision": "int4"}, "float32, int8"),
    ({"to": "openvino", "precision": "int8", "calibrate": 0}, "at least 1"),
])  # fmt: skip
def test_what_integers_cannot_do_is_refused(tiny_run, options, words):
    with pytest.raises(ValueError, match=words):
        cs.export(tiny_run, **options)


def test_without_the_data_nothing_is_calibrated(tiny_run, tmp_path):
    shutil.copytree(tiny_run.path, tmp_path / "run")
    content = json.loads((tmp_path / "run" / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps(content | {"data": str(tmp_path / "gone")}))
    with pytest.raises(ValueError, match="calibrated and judged on the data of the run"):
        cs.export(tmp_path / "run", to="openvino", precision="int8")
    assert not (tmp_path / "run" / "model.xml").exists()


def test_a_missing_nncf_is_named_with_what_to_install(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(ValueError, match=r"pip install '\.\[int8\]'"):
        cs.export(tiny_run, to="openvino", out=tmp_path / "model.xml", precision="int8")
    assert not list(tmp_path.iterdir())


@calibrates
def test_integers_predict_without_torch_and_nncf(integers, rectangles):
    code = "import sys\nsys.modules['torch'] = sys.modules['nncf'] = None\nfrom clearsight.cli import main\nmain()"
    picture = rectangles / "JPEGImages" / "scene050.png"
    done = subprocess.run(
        [sys.executable, "-c", code, "predict", str(integers.path), str(picture), "--json", "--min-score", "0"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    assert len(formats.open_engine(integers.path, 1)[0](np.zeros((1, 64, 64, 3), np.uint8))) == 3
