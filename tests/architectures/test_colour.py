"""The model of colours: what it learns, what it sees, what it leaves as it was, what is refused."""

import pytest
import torch

from clearsight.architectures import Colour
from clearsight.architectures.colour import ColourConfig
from clearsight.inference.predictor import Predictor
from clearsight.ops import ab_classes
from clearsight.ops.colour_measures import error_in_ab
from clearsight.ops.lab import grey_of, lab_of
from clearsight.types import Batch

SMALL = {"widths": (8, 16), "answer": "classes"}


def network(**settings):
    torch.manual_seed(0)
    return Colour(ColourConfig(**SMALL | settings), None, ())


def told_by_lightness(count=8, side=16):
    """Pictures whose colour follows their lightness: dark ones blue, light ones orange, in blobs."""
    random = torch.Generator().manual_seed(1)
    level = torch.nn.functional.interpolate(torch.rand(count, 1, 4, 4, generator=random), size=side, mode="bilinear")
    blue, orange = (torch.tensor(one).reshape(1, 3, 1, 1) for one in ((0.1, 0.2, 0.6), (1.0, 0.7, 0.3)))
    return blue + (orange - blue) * level


def batch(images):
    return Batch(images=images, truths=[None] * len(images), ids=[str(k) for k in range(len(images))])


@pytest.mark.parametrize("answer", ["classes", "regression"])
def test_it_learns_colours_that_lightness_tells(answer):
    model, images = network(answer=answer), told_by_lightness()
    model.prepare(images)
    optimizer = torch.optim.AdamW(model.train().parameters(), lr=1e-2)
    for _ in range(60):
        loss = sum(model.losses(batch(images)).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    grey = grey_of(images)
    found = torch.stack([one.image for one in model.eval().predict(grey)])
    assert float(error_in_ab(found, images).mean()) < 0.5 * float(error_in_ab(grey, images).mean())


def test_what_colour_it_is_given_plays_no_part():
    model, images = network().eval(), told_by_lightness(2)
    of_colour, of_grey = (torch.stack([one.image for one in model.predict(each)]) for each in (images, grey_of(images)))
    assert torch.allclose(of_colour, of_grey, atol=1e-3)


def test_lightness_stays_in_the_pictures_own_pixels_where_the_network_sees_them_smaller():
    image = torch.randint(80, 170, (1, 50, 71), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    image = image.expand(3, -1, -1)
    model = network().eval()
    model.last.weight.data.mul_(0.1)
    for dtype in (torch.float32, torch.bfloat16):
        (found,) = Predictor(model, 32, dtype=dtype)(iter([image]))
        light, given = lab_of(found.image[None])[0, 0], lab_of(image[None].float() / 255)[0, 0]
        assert found.image.shape == (3, 50, 71) and float((light - given).abs().median()) < 0.1


def test_rare_colours_count_more_once_it_has_seen_some_pictures():
    model, images = network(), told_by_lightness()
    model.prepare(images)
    common = ab_classes.encoded(lab_of(images)[:, 1:].permute(0, 2, 3, 1).reshape(-1, 2), model.centres)[0][:, 0]
    assert float(model.weights[common.mode().values]) < 1 < float(model.weights.max())
    assert "weights" in model.state_dict() and "centres" not in model.state_dict()


def test_training_pictures_without_colour_are_refused():
    Colour.check_pictures(told_by_lightness())
    with pytest.raises(ValueError, match="8 of 8 training pictures that were looked at have no colour"):
        Colour.check_pictures(grey_of(told_by_lightness()))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"answer": "guess"}, "answer is 'guess'. Expected classes or regression"),
        ({"uniform": 0.0}, "uniform is 0.0"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"widths": (32,)}, "channels of two maps or more"),
        ({"depth": 0}, "depth is 0"),
    ],
)
def test_what_cannot_be_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        ColourConfig(**settings)
