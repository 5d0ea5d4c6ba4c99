"""Pixel recursive super-resolution: what each pixel may know, exact probabilities, draws, and what is refused."""

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F

from clearsight.architectures import PixelRecursive
from clearsight.architectures.causal_maps import CausalMaps, Scan
from clearsight.architectures.pixel_recursive import PixelRecursiveConfig
from clearsight.architectures.pixel_values import Logistics, Softmax, quantiles, scaled
from clearsight.ops.discretised_logistic import log_mass
from clearsight.ops.downscaling import downscaled
from clearsight.types import Batch

SMALL = PixelRecursiveConfig(
    size=(8, 12), channels=3, width=12, depth=2, conditioning_width=8, conditioning_depth=1, components=3
)
FAMILIES = [("softmax", 3), ("softmax", 1), ("logistics", 3), ("logistics", 1)]
each_family = pytest.mark.parametrize(("values", "channels"), FAMILIES)


def network(**settings):
    """A network whose weights are as after some steps."""
    config = dataclasses.replace(SMALL, **settings)
    torch.manual_seed(0)
    made = PixelRecursive(PixelRecursive.fitted(config, [], ()), None, ())
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    return made.eval()


def pictures(count, channels=3, seed=1):
    small = torch.rand(count, channels, 2, 3, generator=torch.Generator().manual_seed(seed))
    smooth = F.interpolate(small, size=(8, 12), mode="bilinear").expand(-1, 3, -1, -1)
    return (255 * smooth).round() / 255


def values_of(family, channels):
    torch.manual_seed(1)
    found = Softmax(channels, 6) if family == "softmax" else Logistics(channels, 3)
    with torch.no_grad():
        for weight in found.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return found


def maps_for(found, count=1):
    random = torch.Generator().manual_seed(2)
    return [
        0.5 * torch.randn(count, maps, 1, 1, generator=random) for maps in (found.conditioning_maps, found.prior_maps)
    ]


def test_features_of_a_pixel_know_the_pixels_before_it_and_no_other():
    torch.manual_seed(0)
    maps, images = CausalMaps(2, 8, 3).eval(), torch.randn(1, 2, 6, 7)
    with torch.no_grad():
        before = maps(images)
        for row, column in [(0, 0), (2, 3), (5, 6)]:
            changed = images.clone()
            changed[:, :, row, column] += 1.0
            apart = (maps(changed) - before).abs().amax((0, 1)).flatten() > 0
            place = row * 7 + column
            assert not apart[: place + 1].any()
            assert place == 41 or bool(apart[place + 1])


def test_pixel_by_pixel_it_finds_what_it_finds_at_once():
    torch.manual_seed(0)
    maps, images = CausalMaps(2, 8, 3).eval(), torch.randn(2, 2, 5, 6)
    scan = Scan(maps, 2, 5, 6)
    with torch.no_grad():
        whole = maps(images)
        for row in range(5):
            for column in range(6):
                assert torch.allclose(scan.features(row, column), whole[:, :, row, column], atol=1e-5)
                scan.tell(row, column, images[:, :, row, column])


@pytest.mark.parametrize("family", ["softmax", "logistics"])
def test_the_probabilities_of_all_grey_levels_sum_to_one(family):
    found = values_of(family, 1)
    conditioning, prior = (one.expand(256, -1, -1, -1) for one in maps_for(found))
    levels = torch.arange(256).reshape(256, 1, 1, 1)
    centre = torch.full((256, 1, 1, 1), 0.2)
    for both in (prior, None):
        total = found.log_likelihoods(conditioning, both, centre, levels).double().exp().sum()
        assert float(total.detach()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("family", ["softmax", "logistics"])
def test_the_last_channel_is_a_distribution_whatever_came_before(family):
    found = values_of(family, 3)
    conditioning, prior = (one.expand(256, -1, -1, -1) for one in maps_for(found))
    centre = torch.full((256, 3, 1, 1), 0.1)
    totals = []
    for red, green in [(100, 120), (3, 250)]:
        levels = torch.stack([torch.full((256,), red), torch.full((256,), green), torch.arange(256)], 1)
        log = found.log_likelihoods(conditioning, prior, centre, levels[:, :, None, None])
        totals.append(float(log.double().exp().sum().detach()))
    if family == "logistics":
        parts = found._parts((conditioning + prior)[0, :, 0, 0])
        for total, (red, green) in zip(totals, [(100, 120), (3, 250)], strict=True):
            weights, means, scales, shares = parts
            first = log_mass(torch.tensor(float(red)), 0.1 + means[:, 0], scales[:, 0])
            follows = 0.1 + means[:, 1] + shares[:, 0] * (scaled(torch.tensor(red)) - 0.1)
            second = log_mass(torch.tensor(float(green)), follows, scales[:, 1])
            by_hand = (weights.log_softmax(0) + first + second).double().exp().sum()
            assert total == pytest.approx(float(by_hand.detach()), rel=1e-3)
    else:
        # Of all greens after one red the totals are a distribution too, times the probability of that red.
        red_alone = []
        for red in (100, 3):
            grid = torch.cartesian_prod(torch.tensor([red]), torch.arange(256), torch.arange(256)[::64])
            log = found.log_likelihoods(
                conditioning[:1].expand(len(grid), -1, -1, -1), prior[:1].expand(len(grid), -1, -1, -1),
                centre[:1].expand(len(grid), -1, -1, -1), grid[:, :, None, None],
            )  # fmt: skip
            red_alone.append(float(log.double().exp().sum().detach()))
        assert all(0 < total < 1 for total in (*totals, *red_alone))


@pytest.mark.parametrize("family", ["softmax", "logistics"])
def test_draws_occur_as_often_as_their_probability(family):
    found, count = values_of(family, 1), 20_000
    if family == "logistics":
        found = Logistics(1, 1)
    conditioning, prior = maps_for(found)
    centre = torch.full((1, 1, 1, 1), -0.3)
    levels = torch.arange(256).reshape(256, 1, 1, 1)
    expected = found.log_likelihoods(
        conditioning.expand(256, -1, -1, -1), prior.expand(256, -1, -1, -1), centre.expand(256, -1, -1, -1), levels
    )
    shares = ((torch.arange(count, dtype=torch.float64) + 0.5) / count)[:, None].expand(-1, 2)
    with torch.no_grad():
        drawn = found.draw(
            conditioning[:, :, 0, 0].expand(count, -1), prior[:, :, 0, 0].expand(count, -1),
            centre[:, :, 0, 0].expand(count, -1), shares, 1.0,
        )  # fmt: skip
    found_shares = torch.bincount(drawn[:, 0].long(), minlength=256) / count
    assert float((found_shares - expected.detach().exp()).abs().max()) < 3 / count


@each_family
def test_a_drawn_picture_is_what_the_same_noise_makes_of_the_whole(values, channels):
    made = network(values=values, channels=channels)
    given = pictures(2, channels)[:, :, ::4, ::4]
    noise = made.noise_for(given, 7)
    drawn = made.draw(given, noise)
    own = drawn[:, :channels]
    centre = 2 * F.interpolate(given[:, :channels], size=(8, 12), mode="bicubic", antialias=True) - 1
    with torch.no_grad():
        conditioning = made(given)
        seen = torch.cat([2 * own - 1, 2 * own - 1 - centre], 1)
        prior = made.prior(F.relu(made.causal(seen)))
        again, shares = torch.zeros_like(own), quantiles(noise)
        for row in range(8):
            for column in range(12):
                here = (slice(None), slice(None), row, column)
                again[here] = made.values.draw(
                    conditioning[here], prior[here], centre[here], shares[:, row, column], 1.0
                )
    assert float((again / 255 != own).float().mean()) < 0.005  # but for ties of rounding


@each_family
def test_pictures_it_draws_are_likely_and_the_probability_is_exact(values, channels):
    made = network(values=values, channels=channels)
    given = pictures(3, channels)[:, :, ::4, ::4]
    drawn = made.draw(given, made.noise_for(given, 0))
    likely = made.bits_per_dim(given, drawn)
    assert bool((likely > 0).all()) and bool((likely < 8).all())
    alone = made.bits_per_dim(given[1:2], drawn[1:2])
    assert float(alone) == pytest.approx(float(likely[1]), abs=1e-4)


def test_the_same_seed_and_picture_give_the_same_draw_whatever_is_beside_it():
    made = network()
    given = pictures(5)[:, :, ::4, ::4]
    first = made.draw(given, made.noise_for(given, 3))
    alone = made.draw(given[2:3], made.noise_for(given[2:3], 3))
    assert torch.equal(alone[0], first[2])
    for other in (made.noise_for(given, 4), made.noise_for(given, 3, 1)):
        assert not torch.equal(made.draw(given, other), first)
    found = made.predict(given)
    assert torch.equal(found[2].image, made.predict(given[2:3])[0].image) and found[0].image.shape == (3, 8, 12)


def test_a_low_temperature_draws_less_varied_pictures():
    made = network()
    given = pictures(1)[:, :, ::4, ::4].expand(16, -1, -1, -1)
    noise = torch.stack([made.noise_for(given[:1], 0, k)[0] for k in range(16)])
    spread = [float(made.draw(given, noise, temperature).std(0).mean()) for temperature in (0.05, 0.5, 1.0)]
    assert spread[0] < 0.5 * spread[1] < 0.5 * spread[2]


@each_family
def test_it_learns_a_few_pictures(values, channels):
    torch.manual_seed(0)
    made = PixelRecursive(dataclasses.replace(SMALL, values=values, channels=channels), None, ())
    images = pictures(8, channels)
    batch = Batch(images=images, truths=[None] * 8, ids=list("abcdefgh"))
    optimizer = torch.optim.Adam(made.parameters(), lr=5e-3)
    seen = []
    for _ in range(25):
        losses = made.losses(batch)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        seen.append(float(losses["bits per dimension"].detach()))
    assert seen[-1] < seen[0] - 1
    given = downscaled(images, 4)
    exact = made.eval().bits_per_dim(given, images)
    assert float(exact.mean()) == pytest.approx(float(made.losses(batch)["bits per dimension"].detach()), abs=1e-3)
    assert math.isfinite(float(exact.max()))


def test_the_start_is_a_distribution_round_the_enlarged_picture():
    made = PixelRecursive(SMALL, None, ())
    images = pictures(4)
    given = downscaled(images, 4)
    assert float(made.eval().bits_per_dim(given, images).mean()) < 6.5


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"factor": 3}, "factor is 3. Expected 2, 4 or 8"),
        ({"size": (30, 32)}, "that the factor, 4, divides"),
        ({"channels": 2}, "channels is 2"),
        ({"values": "gaussian"}, "values is 'gaussian'. Expected softmax or logistics"),
        ({"components": 0}, "components is 0"),
        ({"temperature": 0.0}, "temperature is 0. Expected a number above 0"),
        ({"draw_seed": -1}, "draw_seed is -1"),
    ],
)
def test_what_cannot_be_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        PixelRecursiveConfig(**settings)


def test_pictures_of_another_size_than_it_learnt_are_refused():
    made = network()
    for size in [(8, 12), (2, 4), (64, 64)]:
        with pytest.raises(ValueError, match=f"a picture is {size[1]} x {size[0]} px.*Expected pictures of 3 x 2 px"):
            made.predict(torch.rand(1, 3, *size))
    with pytest.raises(ValueError, match="size is not set"):
        PixelRecursive(PixelRecursiveConfig(), None, ())
