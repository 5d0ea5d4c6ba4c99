import pytest
import torch
from torch import nn

from clearsight.inference import windows
from clearsight.inference.predictor import Predictor
from clearsight.inference.windows import WindowedPredictor, hat, starts
from clearsight.types import ClassProbabilities, Picture, Training


class ByColour(nn.Module):
    """Says of every pixel which colour is strongest: what it answers does not depend on the window."""

    tasks, config_type, training_defaults, strides = ("segmentation",), dict, Training(), (32,)

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(8.0))
        self.largest = 0

    def forward(self, images):
        self.largest = max(self.largest, images.numel())
        return images * self.scale

    @torch.inference_mode()
    def predict(self, images):
        return [ClassProbabilities(probabilities=one) for one in self(images).softmax(1)]


@pytest.mark.parametrize(("side", "window"), [(100, 100), (40, 64), (101, 100), (1000, 96), (97, 32), (65, 64)])
def test_windows_cover_every_pixel_overlap_and_stay_inside(side, window):
    found = starts(side, window)
    covered = torch.zeros(side)
    for start in found:
        assert start >= 0 and (start + window <= side or side < window)
        covered[start : start + window] += 1
    assert bool((covered > 0).all()) and found == sorted(set(found))
    steps = [b - a for a, b in zip(found, found[1:], strict=False)]
    assert all(step <= round(window * 0.75) for step in steps)


def test_a_hat_is_symmetric_and_never_nothing():
    assert torch.allclose(hat(31), hat(31).flip(0)) and float(hat(200).min()) > 0 and float(hat(31).max()) == 1


@pytest.mark.parametrize("size", [(150, 220), (64, 333), (400, 64), (64, 40)])
def test_windows_say_what_one_look_says_where_the_answer_is_local(size):
    image = torch.randint(0, 256, (3, *size), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    (whole,) = Predictor(ByColour(), max(size))([image])
    (pieces,) = WindowedPredictor(ByColour(), 64, window_px=64, batch=3)([image])
    assert pieces.labels.shape == size == pieces.confidence.shape
    assert torch.allclose(pieces.confidence, whole.confidence, atol=1e-5)
    assert bool((pieces.labels == whole.labels).float().mean() > 0.999)  # equal colours may fall either way


class Negative(ByColour):
    """Makes the negative of a picture, which does not depend on the window either."""

    own_pixels = True

    @torch.inference_mode()
    def predict(self, images):
        self.largest = max(self.largest, images.numel())
        return [Picture(image=1 - one) for one in images]


def test_pictures_made_by_windows_are_those_made_in_one_look():
    sizes = [(150, 220), (40, 50), (30, 60), (20, 20), (64, 333), (64, 64)]
    images = [torch.randint(0, 256, (3, *size), dtype=torch.uint8) for size in sizes]
    predictor = WindowedPredictor(Negative(), 32, window_px=64, batch=2)
    found = list(predictor(iter(images)))
    for image, one in zip(images, found, strict=True):
        assert torch.allclose(one.image, 1 - image.float() / 255, atol=1e-5), "each in its own pixels, in order"
    assert predictor.model.largest <= 2 * 3 * 64 * 64


class Enlarged(ByColour):
    """Repeats every pixel three times each way, which does not depend on the window either."""

    own_pixels, factor, strides = True, 3, (16,)

    @torch.inference_mode()
    def predict(self, images):
        self.largest = max(self.largest, images.numel())
        return [Picture(image=one.repeat_interleave(3, 1).repeat_interleave(3, 2)) for one in images]


def test_larger_pictures_are_blended_at_their_own_size():
    images = [torch.randint(0, 256, (3, *size), dtype=torch.uint8) for size in [(150, 220), (40, 51), (64, 333)]]
    wanted = [image.float().div(255).repeat_interleave(3, 1).repeat_interleave(3, 2) for image in images]
    predictor = WindowedPredictor(Enlarged(), 32, window_px=64, batch=2)
    for found, one in zip(predictor(iter(images)), wanted, strict=True):
        assert found.image.shape == one.shape and torch.allclose(found.image, one, atol=1e-5)
    assert predictor.model.largest <= 2 * 3 * 64 * 64
    for found, one in zip(Predictor(Enlarged(), 32)(iter(images)), wanted, strict=True):
        assert torch.allclose(found.image, one, atol=1e-5), "the padding of its canvas is cut off"


def test_a_network_never_sees_more_than_its_windows_and_small_pictures_keep_their_order():
    model = ByColour()
    predictor = WindowedPredictor(model, 64, window_px=64, batch=2)
    sizes = [(40, 50), (300, 200), (64, 64), (90, 30)]
    found = list(predictor(torch.zeros(3, *size, dtype=torch.uint8) for size in sizes))
    assert [tuple(one.labels.shape) for one in found] == sizes
    assert predictor.model.largest <= 2 * 3 * 64 * 64


def test_windows_without_sense_are_refused():
    with pytest.raises(ValueError, match="32 px or more"):
        WindowedPredictor(ByColour(), 64, window_px=8)
    assert windows.OVERLAP == 0.25
