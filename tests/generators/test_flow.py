"""Flow matching: perfect velocities, samplers on equations with a known end, pairing, classes, conditions, a run."""

import copy
import dataclasses
import itertools
import math

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from clearsight.generators import flow_paths
from clearsight.generators.flow import Flow, FlowConfig
from clearsight.generators.unet import UNet
from clearsight.sources.batches.views import at_once
from clearsight.training import loop
from clearsight.types import Batch, Generator, Label

SMALL = {"size": (8, 12), "channels": 1, "widths": (8, 16), "steps": 4}


def built(names=(), seed=0, **settings):
    torch.manual_seed(seed)
    return Flow(FlowConfig(**{**SMALL, **settings}), names)


def lively(network):
    """The network with weights that all matter: it begins with velocity 0."""
    torch.manual_seed(3)
    for weight in network.parameters():
        nn.init.normal_(weight, 0, 0.2)
    return network.eval()


def pictures(count=4, size=(8, 12), seed=1):
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(seed))


def batch(count=4, size=(8, 12), seed=1, progress=0.5):
    truths = [Label(index=k % 2) for k in range(count)]
    return Batch(images=pictures(count, size, seed), truths=truths, ids=[""] * count, progress=progress)


class Towards(nn.Module):
    """The velocity to one point, whatever the noise: (point - x) / (1 - time)."""

    def __init__(self, point):
        super().__init__()
        self.point, self.first = point, nn.Conv2d(1, 1, 1)

    def forward(self, x, time, classes=None):
        return (self.point - x) / (1 - time)[:, None, None, None].clamp(min=1e-6)


def test_the_loss_of_a_perfect_velocity_is_0_and_its_samples_are_the_picture():
    network = built()
    image = torch.rand(1, 1, 8, 12)
    network.network = Towards(2 * image - 1)
    same = Batch(images=image.expand(64, 3, -1, -1), truths=[None] * 64, ids=[""] * 64)
    assert float(network.losses(same)["velocity"].detach()) < 1e-4
    found = network.sample(network.latents(3, torch.Generator().manual_seed(0)))
    # Straight lines: Euler is exact in any number of steps; Heun asks at time 1, where all is over.
    network.config = dataclasses.replace(network.config, sampler="euler")
    assert torch.allclose(network.sample(network.latents(3, torch.Generator().manual_seed(1))), image, atol=1e-5)
    assert found.shape == (3, 3, 8, 12)


@torch.no_grad()
def test_the_loss_of_no_velocity_is_the_variance_of_the_line():
    """Of a network that begins with 0: E |x1 - x0|^2 per number is that of the picture, plus 1 of the noise."""
    network = built()
    images = pictures(2000)
    grey = 2 * images.mean(1) - 1
    torch.manual_seed(0)
    found = network.losses(Batch(images=images, truths=[None] * 2000, ids=[""] * 2000))["velocity"]
    assert abs(float(found) - float(grey.square().mean()) - 1) < 0.02


def test_heun_is_more_exact_than_euler_and_each_falls_as_it_should():
    """dx/dt = x cos(t) ends in exp(sin 1)."""
    start = torch.ones(1, 1, dtype=torch.float64)
    exact = math.exp(math.sin(1))

    def error(sampler, steps):
        end = flow_paths.integrated(lambda x, time: x * time.cos()[:, None], start, steps, sampler)
        return abs(float(end) - exact)

    assert error("heun", 20) < error("euler", 20) / 10
    assert 1.8 < error("euler", 20) / error("euler", 40) < 2.2
    assert 3.6 < error("heun", 20) / error("heun", 40) < 4.4


def test_optimal_pairs_are_the_closest_of_all_orders():
    noise, images = torch.randn(5, 1, 2, 2), torch.randn(5, 1, 2, 2)
    paired = flow_paths.optimally_paired(noise, images)
    best = min(float((images - noise[list(order)]).square().sum()) for order in itertools.permutations(range(5)))
    assert abs(float((images - paired).square().sum()) - best) < 1e-4
    assert sorted(paired.flatten().tolist()) == sorted(noise.flatten().tolist())


def test_optimal_pairs_stay_within_a_class():
    noise, images, classes = torch.randn(8, 1, 2, 2), torch.randn(8, 1, 2, 2), torch.tensor([0, 1, 0, 1, 1, 0, 2, 1])
    paired = flow_paths.optimally_paired(noise, images, classes)
    for one in range(3):
        where = classes == one
        assert torch.equal(paired[where], flow_paths.optimally_paired(noise[where], images[where]))


@torch.no_grad()
def test_optimal_coupling_is_part_of_the_loss():
    torch.manual_seed(0)
    independent = built().losses(batch(64))["velocity"]
    torch.manual_seed(0)
    coupled = built(coupling="optimal-transport").losses(batch(64))["velocity"]
    assert coupled < independent  # of a network that says 0, the loss is the mean squared length of the lines


@pytest.mark.parametrize("size", [(28, 28), (9, 31), (16, 8)], ids=str)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("patch", [1, 2])
def test_pictures_of_any_size_are_made(size, channels, patch):
    network = built(size=size, channels=channels, patch=patch, widths=(8, 16, 16))
    assert isinstance(network, Generator)
    latents = network.latents(3, torch.Generator().manual_seed(0))
    assert latents.shape == (3, channels, *size)
    made = network.sample(latents)
    assert made.shape == (3, 3, *size) and made.min() >= 0 and made.max() <= 1
    assert torch.equal(made, network.sample(network.latents(3, torch.Generator().manual_seed(0))))


@pytest.mark.parametrize("low", [False, True], ids=["float32", "bfloat16"])
def test_every_weight_learns(low):
    network = lively(built(("a", "b"), conditional=True, channels=3, condition="coarse", depth=2)).train()
    with torch.autocast("cpu", torch.bfloat16, enabled=low):
        loss = network.losses(batch())["velocity"]
    assert loss.dtype == torch.float32
    loss.backward()
    assert all(weight.grad is not None and torch.isfinite(weight.grad).all() for weight in network.parameters())


def test_samples_are_computed_in_float32_whatever_surrounds_them():
    network = lively(built())
    latents = network.latents(2, torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        made = network.sample(latents)
    assert made.dtype == torch.float32 and torch.equal(made, network.sample(latents))


@torch.no_grad()
def test_the_network_tells_times_apart():
    network = lively(UNet(1, 1, (8, 16), 1, 1, 0))
    x = torch.randn(1, 1, 8, 8).expand(2, -1, -1, -1)
    apart = network(x, torch.tensor([0.30, 0.31]))
    assert not torch.allclose(apart[0], apart[1], atol=1e-4)


def test_a_class_changes_the_picture_and_guidance_exaggerates_it():
    network = lively(built(("a", "b"), conditional=True, sampler="euler", steps=1))
    latents = 0.1 * network.latents(3, torch.Generator().manual_seed(0))
    classes = torch.tensor([0, 1, 1])
    made = network.sample(latents, classes)
    assert not torch.allclose(made, network.sample(latents, 1 - classes), atol=1e-3)

    def velocity(guidance, labels):
        network.config = dataclasses.replace(network.config, guidance=guidance)
        return network._guided(latents, torch.zeros(3), labels, None)

    with torch.no_grad():
        anyway, plain, more = velocity(1.0, classes * 0 + 2), velocity(1.0, classes), velocity(3.0, classes)
    assert torch.allclose(more - anyway, 3 * (plain - anyway), atol=1e-4)


@torch.no_grad()
def test_labels_are_dropped_as_often_as_asked():
    network, seen = built(("a", "b"), conditional=True, label_dropout=0.25), []

    class Watching(nn.Module):
        def forward(self, x, time, classes=None):
            seen.append(classes)
            return x

    network.network = Watching()
    torch.manual_seed(0)
    network.losses(batch(2000))
    assert abs(float((seen[0] == 2).float().mean()) - 0.25) < 0.04
    kept = seen[0] != 2
    assert torch.equal(seen[0][kept], (torch.arange(2000) % 2)[kept])


@pytest.mark.parametrize("condition", ["grey", "coarse"])
def test_pictures_are_completed_from_what_is_given(condition):
    network = lively(built(channels=3, condition=condition))
    latents, images = network.latents(2, torch.Generator().manual_seed(0)), pictures(2)
    given = network.given(images)
    assert given.shape[2:] == (8, 12)
    # What is already grey or coarse stays so.
    known = ((given + 1) / 2).expand(-1, 3, -1, -1)
    assert torch.allclose(network.given(known), given, atol=1e-6)
    made = network.sample(latents, condition=images)
    assert torch.allclose(made, network.sample(latents, condition=known), atol=1e-4)
    assert not torch.allclose(made, network.sample(latents, condition=images.flip(0)), atol=1e-3)


def test_a_coarse_picture_is_the_mean_of_its_parts():
    given = built(channels=3, condition="coarse").given(pictures(1))
    assert torch.allclose((given[0, :, 0, 0] + 1) / 2, pictures(1)[0, :, :4, :4].mean((1, 2)), atol=1e-6)
    assert torch.equal(given[0, :, :4, :4], given[0, :, :1, :1].expand(-1, 4, 4))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"widths": (12, 16)}, "multiples of 8"),
        ({"widths": ()}, "multiples of 8"),
        ({"sampler": "midpoint"}, "euler, heun"),
        ({"steps": 0}, "steps is 0"),
        ({"coupling": "sinkhorn"}, "independent, optimal-transport"),
        ({"guidance": 2.0}, "conditional=yes"),
        ({"condition": "grey", "channels": 1}, "pictures are grey"),
        ({"condition": "coarse", "size": (30, 32)}, "no multiple of coarse_factor 4"),
        ({"condition": "grey", "channels": 3, "coupling": "optimal-transport"}, "Expected independent"),
        ({"label_dropout": 1.0}, "label_dropout"),
    ],
)
def test_bad_settings_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        FlowConfig(**settings)


def test_what_does_not_fit_the_network_is_refused():
    plain, coarse = built(), built(channels=3, condition="coarse")
    latents = plain.latents(2, torch.Generator())
    with pytest.raises(ValueError, match="Expected both before"):
        Flow(FlowConfig(), ())
    with pytest.raises(ValueError, match="conditional is set"):
        Flow.fitted(FlowConfig(conditional=True), [None], ())
    with pytest.raises(ValueError, match="Expected \\(8, 12\\) px"):
        plain.losses(batch(size=(8, 8)))
    with pytest.raises(ValueError, match="no class was asked for"):
        built(("a", "b"), conditional=True).sample(latents)
    with pytest.raises(ValueError, match="Expected none"):
        plain.sample(latents, condition=pictures(2))
    with pytest.raises(ValueError, match="one for each latent"):
        coarse.sample(coarse.latents(2, torch.Generator()))
    with pytest.raises(ValueError, match="3 pictures"):
        coarse.sample(coarse.latents(2, torch.Generator()), condition=pictures(3))


class Meter:
    def kwh_so_far(self):
        return 0.0


def run(state=None, seed=0, stop=lambda: False):
    network = built(("a", "b"), seed=seed, conditional=True, coupling="optimal-transport")
    saved = []
    clock = loop.Clock(loop.Budget(epochs=2), 10, Meter())
    hooks = loop.Hooks(save=lambda state: saved.append(copy.deepcopy(state)), stop=stop)
    training = dataclasses.replace(Flow.training_defaults, batch_size=4)
    fabric = Fabric(accelerator="cpu", devices=1)

    def make(step, progress):
        return batch(seed=step, progress=progress)

    try:
        return loop.fit(network, make, at_once, clock, training, fabric, hooks, state), saved
    except loop.Interrupted:
        return None, saved


def test_a_run_that_was_stopped_ends_in_the_weights_of_one_that_never_was():
    whole, _ = run()
    asked = iter([False] * 11 + [True] * 100)
    stopped, saved = run(stop=lambda: next(asked))
    assert stopped is None and saved[-1]["step"] == 12
    resumed, _ = run(state=saved[-1], seed=999)
    assert all(
        torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    )


def test_it_learns_two_pictures():
    images = torch.zeros(2, 3, 8, 12)
    images[0, :, :, :6] = images[1, :, :, 6:] = 1
    network = built(sampler="heun", steps=10, widths=(16, 16))
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    both = Batch(images=images.repeat(32, 1, 1, 1), truths=[None] * 64, ids=[""] * 64)
    for _ in range(250):
        optimizer.zero_grad()
        network.losses(both)["velocity"].backward()
        optimizer.step()
    made = network.eval().sample(network.latents(40, torch.Generator().manual_seed(0)))
    apart = torch.stack([(made - image).abs().mean((1, 2, 3)) for image in images])
    closest = apart.min(0)
    assert float(closest.values.median()) < 0.1 and set(closest.indices.tolist()) == {0, 1}
