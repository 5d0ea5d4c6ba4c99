"""Copies of training pictures are found, also shifted, mirrored and noisy; new pictures raise no alarm."""

import os
from io import BytesIO
from pathlib import Path

import numpy as np
import polars
import pytest
import torch
from PIL import Image

from clearsight.generation.copying import CANDIDATES, Seen, nearest_training, shifted_differences
from clearsight.metrics.copies import copy_rate

DATA = os.environ.get("CLEARSIGHT_DATA")


def poor_features(images):
    """The mean and the spread of a picture: features that hold next to nothing, as a classifier's may."""
    grey = images[:, 0].float().flatten(1) / 255
    return torch.stack([grey.mean(1), grey.std(1)], dim=1)


def seen(images):
    return Seen(images=images, features=poor_features(images))


def pictures(count, seed, side=16):
    """Smooth random pictures, no two alike."""
    random = torch.Generator().manual_seed(seed)
    small = torch.rand(count, 3, 5, 5, generator=random)
    large = torch.nn.functional.interpolate(small, (side, side), mode="bilinear", align_corners=True)
    return (255 * large).round().to(torch.uint8)


def test_differences_against_a_loop():
    random = torch.Generator().manual_seed(0)
    one, other = torch.rand(2, 3, 9, 12, generator=random), torch.rand(2, 2, 3, 9, 12, generator=random)
    found = shifted_differences(one, other)
    for picture in range(2):
        for candidate in range(2):
            least = np.inf
            for mirrored in (False, True):
                whole = other[picture, candidate].numpy()
                whole = whole[:, :, ::-1] if mirrored else whole
                for dy in range(-2, 3):
                    for dx in range(-2, 3):
                        apart = whole[:, 2 + dy : 7 + dy, 2 + dx : 10 + dx] - one[picture, :, 2:7, 2:10].numpy()
                        least = min(least, float(np.sqrt((apart**2).mean())))
            assert float(found[picture, candidate]) == pytest.approx(least, abs=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        lambda images: images,
        lambda images: images.roll(1, 3),
        lambda images: images.roll((2, -1), (2, 3)),
        lambda images: images.flip(3),
        lambda images: (
            (images.int() + torch.randint(-8, 9, images.shape, generator=torch.Generator().manual_seed(0)))
            .clamp(0, 255)
            .to(torch.uint8)
        ),
    ],
    ids=["as it is", "a pixel to the right", "two pixels and one", "mirrored", "noisy"],
)
def test_a_changed_copy_has_its_original(change):
    training = pictures(400, 0)
    found = nearest_training(seen(change(training[:40])), seen(training))
    right = found.index == np.arange(40)
    assert right.mean() >= 0.9 and np.median(found.relative) < 0.35
    fresh = nearest_training(seen(pictures(40, 7)), seen(training))
    assert np.median(fresh.relative) > 0.5
    assert {index for _, index in found.closest(3)} <= set(range(40))


def test_a_training_picture_is_not_its_own_neighbour():
    training = pictures(60, 0)
    itself = nearest_training(seen(training), seen(training))
    others = nearest_training(seen(training), seen(training), own=np.arange(60))
    assert (itself.relative == 0).all() and (itself.index == np.arange(60)).all()
    assert (others.index != np.arange(60)).all() and (others.relative > 0.1).all()


def test_pictures_that_are_all_the_same_tell_nothing():
    same = torch.full((30, 3, 16, 16), 7, dtype=torch.uint8)
    assert (nearest_training(seen(same), seen(same)).relative == 1).all()
    few = nearest_training(seen(same), seen(same[:2]))
    assert np.isnan(few.relative).all() and few.closest(5) == []


def test_large_pictures_are_compared_small():
    training = pictures(30, 0, side=80)
    found = nearest_training(seen(training.roll(4, 3)), seen(training))
    assert (found.index == np.arange(30)).mean() >= 0.9
    assert CANDIDATES < 30


def digits(count):
    table = polars.read_parquet(Path(DATA) / "mnist" / "train.parquet")
    rows = np.random.default_rng(0).permutation(len(table))[:count].tolist()
    found = [np.array(Image.open(BytesIO(table["image"][row]["bytes"])).convert("RGB")) for row in rows]
    return torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2).contiguous()


@pytest.fixture(scope="module")
def mnist():
    """Training digits, held-out ones, and new ones."""
    if not DATA:
        pytest.skip("needs CLEARSIGHT_DATA")
    images = digits(4600)
    return images[:3000], images[3000:3600], images[3600:]


def relative(images, training):
    return nearest_training(seen(images), seen(training)).relative


def test_digits_that_are_copied_are_found_and_new_ones_are_not(mnist):
    training, held_out, new = mnist
    held = relative(held_out, training)
    random = torch.Generator().manual_seed(1)
    originals = training[torch.randperm(len(training), generator=random)[:100]]
    noise = torch.randint(-12, 13, originals.shape[:1] + (1, 28, 28), generator=random)
    copies = torch.cat(
        [originals[:40], originals[40:70].roll(1, 3), (originals[70:].int() + noise[70:]).clamp(0, 255).to(torch.uint8)]
    )
    found = relative(copies, training)
    threshold = np.quantile(held, 0.01)
    assert (found < threshold).mean() >= 0.95, np.sort(found)[-10:]
    rates = []
    fresh = relative(new, training)
    for start in range(0, len(new), 250):
        some = fresh[start : start + 250]
        distance = np.concatenate([held, some])
        kind = np.arange(len(distance)) >= len(held)
        rates.append(copy_rate(distance, kind, np.ones((1, len(distance))))[0])
    assert np.mean(rates) < 0.03, rates
