"""What a network is given of a picture: noise, greys, smaller pictures, and what each is measured by."""

import numpy as np
import pytest
import torch
from PIL import Image

from clearsight.ops.degradations import Grey, Noisy, Smaller
from clearsight.ops.downscaling import downscaled
from clearsight.types import Degradation

EACH = (Noisy(noise="gaussian", level=25.0), Grey(), Smaller(factor=2), Smaller(factor=4, filter="bicubic"))


@pytest.fixture(scope="module")
def images():
    small = torch.rand(2, 3, 5, 6, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(small, size=(24, 32), mode="bilinear")


@pytest.mark.parametrize("degradation", EACH, ids=str)
def test_each_gives_pictures_of_its_size_and_says_what_it_is(degradation, images):
    given = degradation(images, torch.Generator().manual_seed(0))
    again = degradation(images, torch.Generator().manual_seed(0))
    assert isinstance(degradation, Degradation) and str(degradation) and degradation.work
    assert given.shape == (2, 3, 24 // degradation.factor, 32 // degradation.factor)
    assert torch.equal(given, again) and float(given.min()) >= 0 and float(given.max()) <= 1
    measures = degradation.measures(images, images)
    assert all(one.shape == (2,) and bool(torch.isfinite(one).all()) for one in measures.values())
    assert hash(degradation) is not None and degradation == type(degradation)(**vars(degradation))


def test_squares_are_averaged_and_the_bicubic_filter_is_that_of_pillow(images):
    boxes = downscaled(images, 4)
    assert float(boxes[1, 2, 3, 5]) == pytest.approx(float(images[1, 2, 12:16, 20:24].mean()), abs=1e-6)
    theirs = Image.fromarray(images[0, 1].numpy()).resize((16, 12), Image.Resampling.BICUBIC)
    assert np.allclose(downscaled(images, 2, "bicubic")[0, 1].numpy(), np.asarray(theirs), atol=1e-4)
    assert downscaled(images, 1) is images


def test_consistency_is_high_where_the_enlarged_picture_gives_back_what_was_given(images):
    degradation = Smaller(factor=4)
    repeated = downscaled(images, 4).repeat_interleave(4, 2).repeat_interleave(4, 3)
    other = repeated + 0.1
    assert float(degradation.measures(repeated, images)["consistency"].min()) > 50
    assert degradation.measures(other, images)["consistency"].tolist() == pytest.approx([20.0] * 2, abs=0.3)


def test_a_grey_answer_has_the_whole_colour_as_its_error(images):
    given = Grey()(images, torch.Generator())
    measures = Grey().measures(given, images)
    assert torch.allclose(measures["error in ab"], measures["true chroma"], atol=0.02)
    assert float(measures["colourfulness"].max()) < 1e-3 < float(measures["true colourfulness"].min())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Noisy(noise="snow", level=1.0), "noise is 'snow'"),
        (lambda: Smaller(factor=1), "from 2 on"),
        (lambda: Smaller(factor=2, filter="sinc"), "Expected box, bicubic"),
    ],
)
def test_what_cannot_be_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
