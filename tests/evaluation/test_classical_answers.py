"""Answers that need no network: the trivial one first, each of the size it should be, the mean colour by hand."""

import pytest
import torch

from clearsight.evaluation.classical_answers import candidates
from clearsight.ops.colour_measures import error_in_ab
from clearsight.ops.degradations import Grey, Noisy, Smaller
from clearsight.ops.lab import lab_of
from clearsight.types import Picture, Sample


def pairs(degradation):
    """Three pairs of what is given and the original, as a run is judged on."""
    random, found = torch.Generator().manual_seed(0), []
    for number in range(3):
        image = (torch.rand(3, 8, 12, generator=random) * 200 + 20).to(torch.uint8)
        given = (degradation(image[None].float() / 255, random)[0] * 255).round().to(torch.uint8)
        truth = Picture(image=image.float() / 255, degradation=degradation)
        found.append(Sample(id=str(number), image=given, truth=truth))
    return found


@pytest.mark.parametrize(
    ("degradation", "names"),
    [
        (Noisy(noise="gaussian", level=25.0), ["identity", "Gaussian filter", "median filter"]),
        (Grey(), ["grey", "mean colour"]),
        (Smaller(factor=4), ["nearest", "bicubic", "Lanczos"]),
    ],
    ids=str,
)
def test_each_gives_whole_pictures_and_the_first_leaves_what_was_given(degradation, names):
    training = pairs(degradation)
    found = candidates(degradation, training)
    assert list(found) == names
    for settings in found.values():
        for one in settings:
            made = list(one([sample.image for sample in training]))
            assert one.words and [each.image.shape for each in made] == [(3, 8, 12)] * 3
            assert all(float(each.image.min()) >= 0 and float(each.image.max()) <= 1 for each in made)
    (first,) = found[names[0]][0]([training[0].image])
    repeated = training[0].image.float().div(255)
    for axis in (1, 2):
        repeated = repeated.repeat_interleave(degradation.factor, axis)
    assert torch.allclose(first.image, repeated, atol=1e-6)


def test_the_mean_colour_is_that_of_the_training_pictures_and_keeps_the_lightness():
    training = pairs(Grey())
    (answer,) = candidates(Grey(), training)["mean colour"]
    wanted = torch.stack([lab_of(one.truth.image[None])[0, 1:].mean((1, 2)) for one in training]).mean(0)
    (made,) = answer([training[0].image])
    lab = lab_of(made.image[None])[0]
    assert lab[1:].flatten(1).mean(1).tolist() == pytest.approx(wanted.tolist(), abs=0.1)
    assert torch.allclose(lab[0], lab_of(training[0].image[None].float() / 255)[0, 0], atol=0.1)
    grey = error_in_ab(training[0].image[None].float() / 255, training[0].truth.image[None])
    assert float(grey) > 0
