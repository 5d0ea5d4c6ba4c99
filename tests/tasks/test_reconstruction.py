"""The reconstruction task: what it refuses, what it measures, its baseline."""

import numpy as np
import pytest
import torch

from clearsight import catalogue
from clearsight.metrics.reconstruction import ReconstructionStatistics
from clearsight.ops import similarity
from clearsight.ops.degradations import Grey, Smaller
from clearsight.tasks import Reconstruction
from clearsight.types import Label, Picture, Statistics, Task


def picture(*size, seed=0, value=None):
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(seed))
    return Picture(image=image if value is None else torch.full((3, *size), value))


def test_is_found_in_the_catalogue():
    task = catalogue.find("tasks", "reconstruction").load()()
    assert isinstance(task, Task) and task.truth_type is Picture
    nothing = task.statistics([], [], ())
    assert isinstance(nothing, Statistics) and nothing.images == 0 and task.settle(nothing) == {}


def test_pictures_of_several_sizes_are_measured_one_by_one():
    sizes = [(20, 30), (30, 20), (20, 30), (8, 8)]
    true = [picture(*size, seed=seed) for seed, size in enumerate(sizes)]
    found = [Picture(image=(one.image + 0.05).clamp(0, 1)) for one in true]
    statistics = Reconstruction().statistics(found, true, ())
    for row, (one, original) in enumerate(zip(found, true, strict=True)):
        alone = [measure(one.image[None], original.image[None]) for measure in (similarity.psnr, similarity.ms_ssim)]
        assert statistics.psnr[row] == pytest.approx(float(alone[0]), rel=1e-5)
        assert statistics.ms_ssim[row] == pytest.approx(float(alone[1]), rel=1e-4)
    ones = np.ones((1, 4))
    values = {metric.name: float(metric.compute(statistics, ones)[0]) for metric in statistics.metrics()}
    assert values["PSNR"] == pytest.approx(statistics.psnr.mean())
    assert values["RMSE"] == pytest.approx(255 * np.sqrt(statistics.squared_error.mean()))
    parts = [Reconstruction().statistics(found[:2], true[:2], ()), Reconstruction().statistics(found[2:], true[2:], ())]
    joined = ReconstructionStatistics.joined(parts)
    assert np.allclose(joined.ssim, statistics.ssim) and statistics.each()[1].shape == (4,)


def test_what_was_given_adds_its_own_measures_and_their_metrics():
    true = [Picture(image=picture(*size, seed=k).image, degradation=Grey()) for k, size in enumerate([(8, 8), (12, 8)])]
    found = [Picture(image=Grey()(one.image[None], torch.Generator())[0]) for one in true]
    statistics = Reconstruction().statistics(found, true, ())
    names = [metric.name for metric in statistics.metrics()]
    assert names == ["error in ab", "PSNR", "SSIM", "MS-SSIM", "RMSE", "colourfulness"]
    ones = np.ones((1, 2))
    values = {metric.name: float(metric.compute(statistics, ones)[0]) for metric in statistics.metrics()}
    assert values["error in ab"] == pytest.approx(statistics.measures["true chroma"].mean(), abs=0.05)
    assert values["colourfulness"] < 1e-4
    parts = [Reconstruction().statistics(found[k : k + 1], true[k : k + 1], ()) for k in (0, 1)]
    joined = ReconstructionStatistics.joined(parts)
    assert all(np.allclose(joined.measures[name], each) for name, each in statistics.measures.items())
    larger = [Picture(image=one.image, degradation=Smaller(factor=4)) for one in true]
    named = [metric.name for metric in Reconstruction().statistics(true, larger, ()).metrics()]
    assert named == ["PSNR", "SSIM", "MS-SSIM", "RMSE", "consistency"]


def test_values_outside_of_0_to_1_count_as_its_ends():
    statistics = Reconstruction().statistics([picture(8, 8, value=1.7)], [picture(8, 8, value=1.0)], ())
    assert statistics.squared_error[0] == 0


@pytest.mark.parametrize(
    ("found", "true", "words"),
    [
        (picture(8, 8), None, "1 pictures came with 0 originals"),
        (picture(8, 8), Label(index=0), "1 pictures came with 0 originals"),
        (picture(8, 9), picture(9, 8), "9 x 8 and 8 x 9 px"),
        (picture(8, 8, value=float("nan")), picture(8, 8), "not finite"),
    ],
)
def test_what_cannot_be_judged_is_refused(found, true, words):
    with pytest.raises(ValueError, match=words):
        Reconstruction().statistics([found], [true], ())


def test_an_option_is_refused():
    with pytest.raises(ValueError, match="no option threshold"):
        Reconstruction().statistics([], [], ()).with_options(threshold=0.5)


def test_the_baseline_is_the_mean_training_picture():
    truths = [picture(10, 12, value=0.2), picture(10, 12, value=0.6)]
    rule = Reconstruction().baseline(iter(truths), [(10, 12)] * 2, ())
    assert torch.allclose(rule((10, 12)).image, torch.full((3, 10, 12), 0.4))
    assert rule((7, 33)).image.shape == (3, 7, 33)
    mixed = Reconstruction().baseline(
        iter([picture(10, 12, value=0.2), picture(500, 300, value=0.6)]), [(10, 12), (500, 300)], ()
    )
    assert torch.allclose(mixed((20, 20)).image, torch.full((3, 20, 20), 0.4), atol=1e-5)
    with pytest.raises(ValueError, match="no training pictures"):
        Reconstruction().baseline(iter([]), [], ())
