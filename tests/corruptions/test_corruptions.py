"""Every corruption: the same bytes for the same seed, worse with severity, any size; and what each is defined to do."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from clearsight import catalogue
from clearsight.corruptions import (
    BRIGHTNESS,
    CONTRAST,
    FOG,
    GAUSSIAN_NOISE,
    IMPULSE_NOISE,
    JPEG,
    OVEREXPOSURE,
    PIXELATE,
    SATURATION,
    SHOT_NOISE,
    SPECKLE_NOISE,
    UNDEREXPOSURE,
)
from clearsight.corruptions.corruption import FAMILIES, SEVERITIES
from clearsight.corruptions.kernels import convolved, disk, line

PARTS = catalogue.parts("corruptions")
EVERY = [part.load() for part in PARTS]
# Where nothing is drawn at random, the outcome does not depend on the seed.
FIXED = {
    "brightness", "contrast", "saturation", "overexposure", "underexposure", "jpeg", "pixelate", "defocus-blur",
    "gaussian-blur", "zoom-blur",
}  # fmt: skip


def scene(height=56, width=72, seed=0):
    """Smooth colours with edges, as uint8 ``3 h w``: something for every corruption to spoil."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / random.uniform(4, 12)) * np.cos(y / random.uniform(4, 12)) for _ in range(3)]
    pixels = 127 + 70 * np.stack(waves)
    pixels[:, height // 4 : height // 2, width // 4 : width // 2] = random.integers(0, 255, (3, 1, 1))
    return torch.from_numpy(pixels.clip(0, 255).astype(np.uint8))


def apart(one, other):
    return float((one.float() - other.float()).abs().mean())


def test_there_are_at_least_fifteen_of_every_family():
    assert len(EVERY) >= 15 and {one.family for one in EVERY} == set(FAMILIES)
    assert [one.name for one in EVERY] == [part.name for part in PARTS]


@pytest.mark.parametrize("corruption", EVERY, ids=lambda one: one.name)
def test_the_same_seed_gives_the_same_bytes_and_the_picture_is_not_changed(corruption):
    image = scene()
    before = image.clone()
    first = corruption(image, 3, "scene", 7)
    assert first.dtype == torch.uint8 and first.shape == image.shape and bool((image == before).all())
    assert bool((corruption(image, 3, "scene", 7) == first).all())
    others = [corruption(image, 3, "another", 7), corruption(image, 3, "scene", 8)]
    assert all(bool((one == first).all()) == (corruption.name in FIXED) for one in others)


@pytest.mark.parametrize("corruption", EVERY, ids=lambda one: one.name)
def test_it_is_worse_with_every_severity_on_average(corruption):
    images = [scene(seed=seed) for seed in range(4)]
    errors = [
        np.mean([apart(corruption(image, severity, str(seed)), image) for seed, image in enumerate(images)])
        for severity in SEVERITIES
    ]
    assert errors[0] > 0 and all(more > less for less, more in zip(errors, errors[1:], strict=False)), errors


@pytest.mark.parametrize("corruption", EVERY, ids=lambda one: one.name)
@pytest.mark.parametrize("size", [(1, 1), (2, 7), (28, 28), (40, 9)])
def test_pictures_of_any_size(corruption, size):
    image = scene(*size)
    for severity in (1, 5):
        assert corruption(image, severity).shape == image.shape


@pytest.mark.parametrize("severity", [0, 6, -1])
def test_a_severity_that_is_not_there(severity):
    with pytest.raises(ValueError, match=f"severity is {severity}. Expected a whole number from 1 to 5"):
        FOG(scene(), severity)


def grey(value, side=120):
    return torch.full((3, side, side), value, dtype=torch.uint8)


def test_noise_has_the_spread_it_says():
    spread = lambda one: float((one(grey(128), 1).double() / 255).std())  # noqa: E731
    mean = 128 / 255
    assert spread(GAUSSIAN_NOISE) == pytest.approx(GAUSSIAN_NOISE.levels[0], rel=0.03)
    assert spread(SPECKLE_NOISE) == pytest.approx(SPECKLE_NOISE.levels[0] * mean, rel=0.03)
    # Of n photons that white has, a value v is made of nv on average, with that variance too.
    assert spread(SHOT_NOISE) == pytest.approx(np.sqrt(mean / SHOT_NOISE.levels[0]), rel=0.03)


def test_impulses_strike_the_share_they_say_black_and_white_alike():
    found = IMPULSE_NOISE(grey(128), 4).numpy()
    shares = [(found == value).mean() for value in (0, 255)]
    assert shares == pytest.approx([IMPULSE_NOISE.levels[3] / 2] * 2, rel=0.06) and set(np.unique(found)) == {
        0,
        128,
        255,
    }


def test_light():
    image = scene()
    pixels = image.double() / 255
    bright = (pixels.amax(0) + BRIGHTNESS.levels[1]).clamp(max=1)
    assert torch.allclose(BRIGHTNESS(image, 2).double().amax(0) / 255, bright, atol=0.01)
    mean = pixels.mean((1, 2), keepdim=True)
    assert torch.allclose(CONTRAST(image, 2).double() / 255, mean + CONTRAST.levels[1] * (pixels - mean), atol=0.003)
    faded = SATURATION(image, 5).float()
    assert apart(faded[0], faded[1]) < 1 and apart(faded[1], faded[2]) < 1
    assert bool((SATURATION(grey(90), 3) == 90).all())


def test_exposure_multiplies_light_and_not_its_code():
    """By the definition of sRGB: a value of 188 is about half of the light of 255."""
    half, whole = 188, 255
    darker = UNDEREXPOSURE.spoil(np.full((3, 1, 1), whole / 255, dtype=np.float32), 1.0, np.random.default_rng(0))
    assert darker * 255 == pytest.approx(half, abs=0.6)
    lighter = OVEREXPOSURE.spoil(np.full((3, 1, 1), half / 255, dtype=np.float32), 1.0, np.random.default_rng(0))
    assert lighter * 255 == pytest.approx(whole, abs=1)


def test_jpeg_is_that_of_the_library():
    image, file = scene(), io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=JPEG.levels[4])
    with Image.open(file) as read:
        assert (JPEG(image, 5).permute(1, 2, 0).numpy() == np.asarray(read)).all()


def test_blocks_hold_the_mean_of_what_they_cover():
    image = scene(224, 224)
    found = PIXELATE(image, 1).float()  # 56 blocks of 4 px
    assert len(torch.unique(found[0], dim=0)) <= 56 and apart(found.mean((1, 2)), image.float().mean((1, 2))) < 1


@pytest.mark.parametrize("kernel", [disk(0.2), disk(3.4), line(1.0, 0.3), line(9.5, 2.0), line(9.5, 0.0)])
def test_kernels_sum_to_one_around_their_middle(kernel):
    at = np.arange(len(kernel)) - len(kernel) // 2
    assert kernel.sum() == pytest.approx(1, abs=1e-5) and (kernel >= 0).all() and len(kernel) % 2 == 1
    assert [kernel.sum(1) @ at, kernel.sum(0) @ at] == pytest.approx([0, 0], abs=0.02)


def test_convolution_is_a_slow_sum():
    pixels, kernel = np.random.default_rng(0).random((3, 7, 9), dtype=np.float32), line(3.0, 0.7)
    reach = len(kernel) // 2
    padded = np.pad(pixels, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    slow = np.zeros_like(pixels)
    for y in range(7):
        for x in range(9):
            window = padded[:, y : y + 2 * reach + 1, x : x + 2 * reach + 1]
            slow[:, y, x] = (window * kernel[::-1, ::-1]).sum((1, 2))
    assert np.allclose(convolved(pixels, kernel), slow, atol=1e-5)


@pytest.mark.parametrize("name", ["snow", "rain"])
def test_a_small_picture_is_covered_by_flakes_no_more_than_a_large_one(name):
    """Spots cannot be finer than a pixel: drawn as many, they would hide all of a picture of 32 px."""
    corruption = next(one for one in EVERY if one.name == name)

    def hidden(side):
        """How much of the contrast of a fine pattern is lost at severity 3, on average."""
        cells = np.indices((32, 32)).sum(0) % 2 * 255
        pixels = torch.from_numpy(np.kron(cells, np.ones((side // 32, side // 32))).astype(np.uint8)).repeat(3, 1, 1)
        left = [corruption(pixels, 3, str(seed), seed).float().std() / pixels.float().std() for seed in range(8)]
        return 1 - float(np.mean(left))

    assert hidden(32) < 1.3 * hidden(224) < 0.9
