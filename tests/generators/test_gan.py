"""What is particular to single networks: the gan's penalties, augmentations and conditionings, the first one's nets."""

import pytest
import torch
import torch.nn.functional as F
import torchvision.transforms.functional as TF
from torch import nn

from clearsight.generators.gan import Gan, GanConfig
from clearsight.generators.gan_2014 import Gan2014, Gan2014Config
from clearsight.generators.grids import starting_grid
from clearsight.generators.residual import Bounded, ResidualBlock, ResidualDiscriminator, ResidualGenerator, halved
from clearsight.generators.wgan_gp import WganGp, WganGpConfig
from clearsight.types import Batch, Label

SMALL = {"widths": (4, 8), "latents": 6, "size": (16, 16), "channels": 1}
NAMES = ("a", "b", "c")


def batch(count=5, progress=0.0):
    images = torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    return Batch(images=images, truths=[Label(index=k % 3) for k in range(count)], ids=list("abcde"), progress=progress)


@pytest.mark.parametrize(
    ("size", "grid"),
    [((28, 28), ((7, 7), 2)), ((32, 32), ((4, 4), 3)), ((48, 48), ((6, 6), 3)), ((8, 8), ((4, 4), 1)),
     ((64, 64), ((4, 4), 4)), ((32, 24), ((8, 6), 2)), ((30, 30), ((15, 15), 1))],
)  # fmt: skip
def test_grids_are_the_size_halved(size, grid):
    assert starting_grid(size) == grid


@pytest.mark.parametrize(("share", "count"), [(1.0, 5), (0.4, 2), (0.25, 2), (0.1, 1)])
@pytest.mark.parametrize(("progress", "weight"), [(0.0, 2.0), (0.5, 1.25), (1.0, 0.5)])
def test_the_penalty_is_that_of_each_picture_alone_at_the_weight_of_the_progress(progress, weight, share, count):
    """R1 + R2 written out: one picture at a time, with the noise the network drew."""
    torch.manual_seed(0)
    model = Gan(GanConfig(**SMALL, gradient_penalty=2.0, final_gradient_penalty=0.5, penalised_share=share), NAMES)
    given = batch(progress=progress)
    torch.manual_seed(7)
    losses = model.losses(given, "discriminator")
    torch.manual_seed(7)
    made = model.generator(torch.randn(5, 6)).detach()
    real = 2 * given.images.mean(1, keepdim=True) - 1
    squares, scores = [], []
    for one in (*real.split(1), *made.split(1)):
        one = one.clone().requires_grad_()
        score = model.discriminator(one)[0, 0]
        squares.append(torch.autograd.grad(score, one)[0].square().sum())
        scores.append(score.detach())
    expected = weight / 2 * (torch.stack(squares[:count]).mean() + torch.stack(squares[5 : 5 + count]).mean())
    assert losses["R1 + R2"].item() == pytest.approx(float(expected), rel=1e-4)
    pairing = F.softplus(torch.stack(scores[5:]) - torch.stack(scores[:5])).mean()
    assert losses["pairing"].item() == pytest.approx(float(pairing), rel=1e-4)
    torch.manual_seed(7)
    assert model.losses(given)["pairing"].item() == pytest.approx(
        float(F.softplus(torch.stack(scores[:5]) - torch.stack(scores[5:])).mean()), rel=1e-4
    )


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_augmentations_change_what_the_discriminator_sees_and_off_they_draw_nothing(player):
    torch.manual_seed(0)
    plain = Gan(GanConfig(**SMALL), NAMES)
    augmented = Gan(GanConfig(**SMALL, augment_translation=True, augment_colour=True, augment_cutout=True), NAMES)
    augmented.load_state_dict(plain.state_dict())
    found = []
    for model in (plain, augmented):
        torch.manual_seed(3)
        found.append(float(model.losses(batch(), player)["pairing"].detach()))
    assert found[0] != found[1]
    torch.manual_seed(3)
    plain.losses(batch(), player)
    after = torch.get_rng_state()
    torch.manual_seed(3)
    torch.randn(5, 6)
    assert torch.equal(after, torch.get_rng_state())


@pytest.mark.parametrize("conditioning", ["projection", "concatenation"])
def test_both_conditionings_tell_the_classes_apart(conditioning):
    torch.manual_seed(0)
    model = Gan(GanConfig(**SMALL, conditional=True, conditioning=conditioning), NAMES)
    images = torch.rand(2, 1, 16, 16)
    first, second = (F.one_hot(torch.tensor([k]), 3).float() for k in (0, 1))
    assert not torch.equal(model._scores(images, first.expand(2, -1)), model._scores(images, second.expand(2, -1)))


def test_in_lower_precision_the_penalties_and_the_scores_stay_in_float32():
    torch.manual_seed(0)
    model = Gan(GanConfig(**SMALL, penalised_share=0.4), NAMES)
    inside, scores = [], []
    model.discriminator.first.register_forward_hook(lambda module, inputs, output: inside.append(output.dtype))
    model.discriminator.register_forward_hook(lambda module, inputs, output: scores.append(output.dtype))
    found = []
    for low in (False, True):
        torch.manual_seed(1)
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            losses = model.losses(batch(), "discriminator")
        found.append({name: float(value.detach()) for name, value in losses.items()})
    assert inside == [torch.float32] * 3 + [torch.bfloat16] and scores == [torch.float32] * 4
    assert found[1] == pytest.approx(found[0], rel=0.05)


def test_bounded_values_have_a_gradient_that_leads_back_inside_only():
    values = torch.tensor([-3.0, -3.0, -0.5, 0.5, 3.0, 3.0], requires_grad=True)
    upward = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    bounded = Bounded.apply(values)
    bounded.backward(upward)
    assert bounded.tolist() == [-1.0, -1.0, -0.5, 0.5, 1.0, 1.0]
    # A step is against the gradient: -3 with a gradient of 1 would move further out, with -1 back inside.
    assert values.grad.tolist() == [0.0, -1.0, 1.0, -1.0, 1.0, 0.0]


def test_pictures_reach_black_and_white_and_come_back():
    """A generator that begins far outside learns grey by gradient descent: a plain cut would never move."""
    torch.manual_seed(0)
    generator = ResidualGenerator(6, 1, (4, 4), [4, 8], [0, 0])
    with torch.no_grad():
        generator.last.bias.fill_(-20.0)
    noise = torch.randn(8, 6)
    assert (generator(noise) == -1).all()
    steps = torch.optim.Adam(generator.parameters(), lr=0.5)
    for _ in range(100):
        steps.zero_grad()
        generator(noise).square().mean().backward()
        steps.step()
    assert generator(noise).square().mean() < 0.1


def test_the_critic_of_wgan_gp_is_held_between_pairs():
    torch.manual_seed(0)
    model = WganGp(WganGpConfig(width=4, latents=6, size=(16, 16), channels=1, gradient_penalty=10.0), NAMES)
    given = batch()
    torch.manual_seed(7)
    losses = model.losses(given, "critic")
    torch.manual_seed(7)
    noise, real = torch.randn(5, 6), 2 * given.images.mean(1, keepdim=True) - 1
    made = model.generator(noise).detach()
    share = torch.rand(5, 1, 1, 1)
    norms = []
    for one in (share * real + (1 - share) * made).split(1):
        one = one.clone().requires_grad_()
        norms.append(torch.autograd.grad(model.critic(one)[0], one)[0].norm())
    assert losses["penalty"].item() == pytest.approx(10 * float((torch.stack(norms) - 1).square().mean()), rel=1e-4)
    distance = model.critic(made).mean() - model.critic(real).mean()
    assert float(losses["distance"].detach()) == pytest.approx(float(distance.detach()), abs=1e-6)


def test_halving_is_the_smoothing_1_2_1_and_every_second_pixel():
    images = torch.rand(2, 3, 12, 8, generator=torch.Generator().manual_seed(0)).double()
    line = torch.tensor([0.25, 0.5, 0.25]).double()
    kernel = (line[:, None] * line).expand(3, 1, 3, 3)
    expected = F.conv2d(images[:, :, 1:, 1:], kernel, stride=2, groups=3)  # the cells away from the border
    assert torch.allclose(halved(images)[:, :, 1:, 1:], expected) and halved(images).shape == (2, 3, 6, 4)
    assert torch.equal(halved(torch.ones(1, 1, 4, 4)), torch.tensor([[[[0.5625, 0.75], [0.75, 1.0]]]]))


def test_residual_blocks_begin_as_nothing_with_smaller_filters_the_more_there_are():
    torch.manual_seed(0)
    feature = torch.randn(4, 64, 8, 8)
    blocks = {count: ResidualBlock(64, count) for count in (1, 4)}
    assert all(torch.equal(block(feature), feature) for block in blocks.values())
    ratio = blocks[1].first.weight.std() / blocks[4].first.weight.std()
    assert ratio.item() == pytest.approx(2, rel=0.02)


def test_pictures_and_scores_begin_at_a_sensible_scale():
    torch.manual_seed(0)
    scores = ResidualDiscriminator(1, 1, (4, 4), [16, 32, 64], [1, 1, 1])(torch.randn(64, 1, 16, 16))
    pictures = ResidualGenerator(6, 1, (4, 4), [16, 32, 64], [1, 1, 1])(torch.randn(64, 6))
    assert 0.1 < scores.std().item() < 10 and 0.1 < pictures.std().item() <= 1 and pictures.abs().max() <= 1


def test_the_first_gan_has_the_sizes_of_its_authors():
    model = Gan2014(Gan2014Config(size=(28, 28), channels=1), NAMES)
    shapes = [tuple(weight.shape) for weight in model.generator.parameters() if weight.ndim == 2]
    assert shapes == [(1200, 100), (1200, 1200), (784, 1200)]
    shapes = [tuple(weight.shape) for weight in model.discriminator.parameters() if weight.ndim == 2]
    assert shapes == [(240 * 5, 784), (240 * 5, 240), (1, 240)]
    assert model.turns == (("discriminator", "generator"),)  # where they take turns it often collapses
    optimizer = model.optimizer("generator", model.training_defaults)
    for progress, momentum in ((0.0, 0.5), (0.5, 0.6), (1.0, 0.7)):
        model.schedule(optimizer, "generator", progress)
        assert optimizer.param_groups[0]["momentum"] == pytest.approx(momentum)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1 / 1.000004**125_000)


def test_its_convolutional_generator_is_a_grid_of_ten_for_32_px():
    config = Gan2014Config(size=(32, 32), channels=3, nets="convolutional", hidden_units=800)
    model = Gan2014(config, NAMES)
    grid = model.generator.layers[4]
    assert tuple(grid.unflattened_size) == (8, 10, 10)  # 8000 units would be 80 maps
    for size in ((8, 8), (28, 28), (33, 20)):
        config = Gan2014Config(size=size, channels=1, nets="convolutional", hidden_units=100, maxout_units=8)
        model = Gan2014(config, NAMES)
        assert model.eval().sample(model.latents(2, torch.Generator())).shape == (2, 3, *size)
        images = torch.rand(2, 3, *size)
        given = Batch(images=images, truths=[None, None], ids=["a", "b"])
        assert all(torch.isfinite(value) for value in model.train().losses(given, "discriminator").values())


def test_a_maxout_unit_is_the_largest_of_its_pieces():
    model = Gan2014(Gan2014Config(size=(8, 8), channels=1, maxout_units=3), NAMES).eval()
    layer = model.discriminator.layers[1]
    rows = torch.rand(4, 64)
    outputs = layer.layer(rows)
    expected = torch.stack([outputs[:, 5 * k : 5 * k + 5].max(1).values for k in range(3)], 1)
    assert torch.equal(layer(rows), expected)


@pytest.mark.parametrize("size", [(16, 16), (18, 21)], ids=str)
def test_the_perceptrons_of_2014_begin_at_the_mean_picture(size):
    """At the size of the pictures given, and at a larger one of which they are the middle."""
    torch.manual_seed(0)
    model = Gan2014(Gan2014Config(size=size, channels=1, hidden_units=3, maxout_units=3), NAMES)
    images = batch().images
    images[:, :, 0], images[:, :, 1] = 0, 1  # a row that is always black, and one that is always white
    model.prepare(images)
    with torch.no_grad():
        for layer in model.generator:
            if isinstance(layer, nn.Linear):
                layer.weight.zero_()
        begun = model.generator(torch.zeros(1, 100))[0]
    middle = TF.center_crop(begun, [16, 16])
    torch.testing.assert_close(middle, images.mean(1, keepdim=True).mean(0), atol=2e-4, rtol=1e-4)
    assert begun.shape[1:] == size and begun[0, 0].max() < 2e-4  # above the middle it is as dark as its first row


def test_the_discriminator_of_2014_minimises_half_the_sum():
    torch.manual_seed(0)
    model = Gan2014(Gan2014Config(size=(16, 16), channels=1, hidden_units=3, maxout_units=3), NAMES)
    for weight in model.discriminator.parameters():
        nn.init.zeros_(weight)  # every picture at even odds: each cross-entropy is the logarithm of 2
    even = torch.tensor(2.0).log().item()
    with torch.no_grad():
        losses, made = model.losses(batch(), "discriminator"), model.losses(batch())["made"]
    assert [float(loss) for loss in losses.values()] == pytest.approx([even / 2, even / 2])
    assert made.item() == pytest.approx(even)
