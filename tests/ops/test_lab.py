"""CIE Lab against values computed pixel by pixel from the standard's equations, and against published colours."""

import math

import pytest
import torch

from clearsight.ops.colour_measures import colourfulness, error_in_ab, tones
from clearsight.ops.lab import grey_of, lab_of, rgb_of

# L*, a*, b* of sRGB colours under D65, as colour calculators print them (to two places).
PUBLISHED = {
    (255, 0, 0): (53.24, 80.09, 67.20),
    (0, 255, 0): (87.73, -86.18, 83.18),
    (0, 0, 255): (32.30, 79.19, -107.86),
    (255, 255, 255): (100.0, 0.0, 0.0),
    (0, 0, 0): (0.0, 0.0, 0.0),
    (119, 119, 119): (50.03, 0.0, 0.0),
    (255, 255, 0): (97.14, -21.55, 94.48),
}


def by_hand(red, green, blue):
    """The equations of IEC 61966-2-1 and CIE 15, for one pixel, in double precision."""

    def linear(value):
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    def root(value):
        return value ** (1 / 3) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116

    r, g, b = (linear(value) for value in (red, green, blue))
    x = (0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047
    y = 0.2126729 * r + 0.7151522 * g + 0.0721750 * b
    z = (0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883
    return 116 * root(y) - 16, 500 * (root(x) - root(y)), 200 * (root(y) - root(z))


@pytest.fixture(scope="module")
def images():
    return torch.rand(3, 3, 9, 11, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("colour", PUBLISHED, ids=str)
def test_known_colours_have_their_published_values(colour):
    found = lab_of(torch.tensor(colour).reshape(1, 3, 1, 1) / 255).flatten()
    assert found.tolist() == pytest.approx(PUBLISHED[colour], abs=0.02)


def test_every_pixel_is_what_the_equations_say(images):
    dark = images * 0.05  # the straight parts of both curves
    for batch in (images, dark):
        found = lab_of(batch)
        for row, down, across in ((0, 0, 0), (1, 4, 7), (2, 8, 10)):
            wanted = by_hand(*batch[row, :, down, across].double().tolist())
            assert found[row, :, down, across].tolist() == pytest.approx(wanted, abs=2e-3)


def test_there_and_back_is_the_same(images):
    assert torch.allclose(rgb_of(lab_of(images)), images, atol=2e-4)
    assert torch.allclose(rgb_of(lab_of(images * 0.01)), images * 0.01, atol=2e-4)
    beyond = rgb_of(torch.tensor([50.0, 120.0, -120.0]).reshape(1, 3, 1, 1))
    assert float(beyond.min()) >= 0 and float(beyond.max()) <= 1


def test_a_grey_picture_keeps_its_lightness_and_no_colour(images):
    grey = grey_of(images)
    assert torch.equal(grey[:, 0], grey[:, 1]) and torch.equal(grey[:, 0], grey[:, 2])
    assert torch.allclose(lab_of(grey)[:, 0], lab_of(images)[:, 0], atol=2e-3)
    assert float(lab_of(grey)[:, 1:].abs().max()) < 0.01
    assert torch.allclose(grey_of(grey), grey, atol=1e-5)


def test_black_has_a_gradient_that_is_a_number():
    images = torch.zeros(1, 3, 2, 2, requires_grad=True)
    rgb_of(lab_of(images)).sum().backward()
    assert bool(torch.isfinite(images.grad).all())


def test_the_error_in_ab_is_the_mean_distance_of_pixels(images):
    other = images.flip(0)
    total = 0.0
    for down in range(9):
        for across in range(11):
            one, two = (by_hand(*each[0, :, down, across].double().tolist()) for each in (images, other))
            total += math.hypot(one[1] - two[1], one[2] - two[2])
    assert float(error_in_ab(images, other)[0]) == pytest.approx(total / 99, rel=1e-4)
    assert float(error_in_ab(images, images).max()) == 0


def test_colourfulness_is_that_of_the_paper(images):
    red, green, blue = (255 * images[1].double()).flatten(1)
    first, second = red - green, (red + green) / 2 - blue
    wanted = math.sqrt(first.var(correction=0) + second.var(correction=0)) + 0.3 * math.sqrt(
        first.mean() ** 2 + second.mean() ** 2
    )
    assert float(colourfulness(images)[1]) == pytest.approx(wanted, rel=1e-5)
    assert float(colourfulness(grey_of(images)).max()) < 1e-3


def test_tones_are_means_over_the_picture(images):
    found, lab = tones(images), lab_of(images)
    assert torch.allclose(found["a*"], lab[:, 1].flatten(1).mean(1), atol=1e-4)
    assert torch.allclose(found["chroma"], lab[:, 1:].norm(dim=1).flatten(1).mean(1), atol=1e-3)
