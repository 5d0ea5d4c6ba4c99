"""The variational autoencoder: its likelihoods, its bound, its prior, and a run of it, against what must hold."""

import copy
import dataclasses
import math

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from clearsight.generators import pixel_likelihoods, variational
from clearsight.generators.latent_mixture import LatentMixture
from clearsight.generators.latent_paths import interpolation, spherical, traversal
from clearsight.generators.residual_maps import map_sizes
from clearsight.generators.vae import Vae, VaeConfig
from clearsight.sources.batches.views import at_once
from clearsight.training import loop
from clearsight.types import Batch, Generator, Label, Training

SMALL = {"size": (8, 12), "channels": 1, "latents": 3, "width": 4}


def built(names=(), seed=0, **settings):
    torch.manual_seed(seed)
    return Vae(VaeConfig(**{**SMALL, **settings}), names)


def lively(network):
    """The network with weights that all matter: its residual blocks begin as nothing."""
    for weight in network.parameters():
        nn.init.normal_(weight, 0, 0.2)
    return network.eval()


def pictures(count=4, size=(8, 12), seed=1):
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(seed))


def batch(progress=1.0, count=4, size=(8, 12), seed=1):
    truths = [Label(index=k % 2) for k in range(count)]
    return Batch(images=pictures(count, size, seed), truths=truths, ids=[""] * count, progress=progress)


# What a decoder says of pixels.


def test_bernoulli_is_that_of_torch_summed_over_pixels():
    maps, images = torch.randn(5, 3, 4, 6), torch.randint(2, (5, 3, 4, 6)).float()
    by_torch = torch.distributions.Bernoulli(logits=maps).log_prob(images).sum((1, 2, 3))
    assert torch.allclose(pixel_likelihoods.bernoulli(maps, images), by_torch, atol=1e-4)


def test_gaussian_is_that_of_torch_and_best_at_the_mean_squared_error():
    maps, images = torch.randn(5, 3, 4, 6), torch.rand(5, 3, 4, 6)
    best = pixel_likelihoods.optimal_variance(maps, images)
    by_torch = torch.distributions.Normal(maps, best.sqrt()).log_prob(images).sum((1, 2, 3))
    assert torch.allclose(pixel_likelihoods.gaussian(maps, images, best), by_torch, rtol=1e-5)
    sums = [pixel_likelihoods.gaussian(maps, images, best * share).sum() for share in (0.8, 1.0, 1.25)]
    assert sums[1] > max(sums[0], sums[2])


def test_a_constant_variance_loses_no_gradient():
    images = torch.rand(5, 1, 4, 6)
    maps = torch.randn(5, 1, 4, 6, requires_grad=True)
    pixel_likelihoods.gaussian(maps, images, pixel_likelihoods.optimal_variance(maps, images)).mean().backward()
    kept, maps.grad = maps.grad.clone(), None
    numbers = images[0].numel()
    # -D/2 log(mean squared error), differentiated through and through: the same per picture.
    (-0.5 * numbers * (images - maps).square().mean().log()).backward()
    assert torch.allclose(kept, maps.grad, atol=1e-5)


@pytest.mark.parametrize("mean", [-1.5, -1.0, -0.3, 0.02, 0.9])
@pytest.mark.parametrize("log_scale", [-9.0, -6.9, -4.0, -1.0, 1.0])
def test_the_discretised_logistic_gives_all_levels_together_one(mean, log_scale):
    levels = torch.arange(256).reshape(256, 1, 1, 1) / 255
    maps = torch.tensor([mean, log_scale]).reshape(1, 2, 1, 1).expand(256, -1, -1, -1).double()
    found = pixel_likelihoods.discretised_logistic(maps, levels.double())
    assert torch.isfinite(found).all() and abs(float(found.exp().sum()) - 1) < 1e-9


def test_the_discretised_logistic_is_the_mass_between_two_edges():
    mean, scale, level = 0.1, 0.05, 150
    maps = torch.tensor([mean, math.log(scale)]).reshape(1, 2, 1, 1).double()
    found = pixel_likelihoods.discretised_logistic(maps, torch.full((1, 1, 1, 1), level / 255).double())

    def below(x):
        return 1 / (1 + math.exp(-(x - mean) / scale))

    by_hand = below((2 * level + 1) / 255 - 1) - below((2 * level - 1) / 255 - 1)
    assert abs(float(found) - math.log(by_hand)) < 1e-6


def test_the_discretised_logistic_learns_from_far_away():
    maps = torch.tensor([-1.0, -6.0]).reshape(1, 2, 1, 1).requires_grad_()
    pixel_likelihoods.discretised_logistic(maps, torch.full((1, 1, 1, 1), 0.8)).sum().backward()
    assert torch.isfinite(maps.grad).all() and maps.grad[0, 0] > 0 and maps.grad[0, 1] > 0


# The bound.


def test_the_divergence_in_closed_form_is_that_of_sampling():
    mean, log_variance = torch.tensor([[0.7, -0.2, 0.0]]), torch.tensor([[-1.0, 0.5, 0.0]])
    latents = variational.draw(mean, log_variance, 200_000, torch.Generator().manual_seed(0))
    sampled = -variational.log_ratio(latents, mean, log_variance).mean()
    closed = variational.divergences(mean, log_variance)
    by_torch = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, (log_variance / 2).exp()), torch.distributions.Normal(0.0, 1.0)
    )
    assert torch.allclose(closed, by_torch, atol=1e-6) and float(closed[0, 2]) == 0
    assert abs(float(sampled - closed.sum())) < 0.01


def test_the_ratio_is_that_of_the_two_densities():
    mean, log_variance, latents = torch.randn(4, 3), torch.randn(4, 3), torch.randn(5, 4, 3)
    posterior = torch.distributions.Normal(mean, (log_variance / 2).exp()).log_prob(latents).sum(-1)
    prior = torch.distributions.Normal(0.0, 1.0).log_prob(latents).sum(-1)
    assert torch.allclose(variational.log_ratio(latents, mean, log_variance), prior - posterior, atol=1e-4)


def test_free_bits_hold_each_latent_at_their_price_and_none_change_nothing():
    divergence = torch.tensor([[0.1, 2.0], [0.3, 1.0]])
    assert torch.isclose(variational.with_free_bits(divergence, 0.0), divergence.sum(1).mean())
    assert torch.isclose(variational.with_free_bits(divergence, 0.5), torch.tensor(0.5 + 1.5))


@torch.no_grad()
def test_losses_after_the_warm_up_are_the_plain_bound_in_nats_per_picture():
    network = lively(built(likelihood="bernoulli", binarisation="threshold"))
    torch.manual_seed(5)
    losses = network.losses(batch())
    torch.manual_seed(5)
    images = (pictures().mean(1, keepdim=True) >= 0.5).float()
    mean, log_variance = network.encoder(2 * images - 1).chunk(2, 1)
    latents = mean + (log_variance / 2).exp() * torch.randn(1, 4, 3)[0]
    pixels = torch.distributions.Bernoulli(logits=network.decoder(latents)).log_prob(images).sum((1, 2, 3))
    divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1)
    assert torch.isclose(losses["reconstruction"], -pixels.mean(), rtol=1e-5)
    assert torch.isclose(losses["divergence"], divergence.mean(), rtol=1e-5)


@torch.no_grad()
def test_the_divergence_warms_up():
    network = lively(built(kl_warmup_share=0.2))
    found = [float(network.losses(batch(progress))["divergence"]) for progress in (0.0, 0.1, 0.2, 0.9)]
    assert found[0] == 0 and abs(found[1] - found[2] / 2) < 1e-3 and abs(found[2] - found[3]) < 1e-3


@torch.no_grad()
def test_the_bound_of_one_sample_is_the_bound_and_several_are_tighter():
    network = lively(built(likelihood="bernoulli", binarisation="threshold"))
    images = pictures(1).expand(4000, -1, -1, -1)
    bounds = [network.negative_log_likelihood(images, k, torch.Generator().manual_seed(k)).mean() for k in (1, 4, 16)]
    plain = sum(network.losses(Batch(images=images, truths=[None] * 4000, ids=[""] * 4000, progress=1.0)).values())
    spread = network.negative_log_likelihood(images, 1).std() / 4000**0.5
    assert abs(float(bounds[0] - plain)) < 5 * float(spread)
    assert bounds[0] > bounds[1] > bounds[2]


@torch.no_grad()
def test_the_last_share_of_the_run_is_trained_on_several_samples():
    network = lively(built(likelihood="bernoulli", binarisation="threshold", importance_samples=8))
    assert set(network.losses(batch(0.5))) == {"reconstruction", "divergence"}
    torch.manual_seed(0)
    several = network.losses(batch(0.9))
    assert set(several) == {"importance_weighted"}
    found = torch.stack([network.losses(batch(0.9))["importance_weighted"] for _ in range(300)])
    measured = network.negative_log_likelihood(pictures().repeat(300, 1, 1, 1), 8).mean()
    assert abs(float(found.mean() - measured)) < 5 * float(found.std()) / 300**0.5 * 2**0.5


class Linear(nn.Module):
    """Vectors to maps, or maps to vectors, by one matrix."""

    def __init__(self, matrix, offset, shape):
        super().__init__()
        self.matrix, self.offset, self.shape = matrix, offset, shape

    def forward(self, given):
        return (given.flatten(1) @ self.matrix.T + self.offset).unflatten(1, self.shape)


def test_the_likelihood_by_sampling_meets_that_of_a_linear_gaussian_model():
    """x = W z + b + noise is normal with covariance W W' + variance I, and its posterior is known (Bishop 2006, 2.3.3).

    With an encoder that is off the posterior, as every learnt one is, so that the weights have something to do.
    """
    random = torch.Generator().manual_seed(0)
    network = built(latents=2)
    numbers, variance = 8 * 12, 0.3
    weight = 0.3 * torch.randn(numbers, 2, generator=random)
    offset = torch.rand(numbers, generator=random)
    network.decoder = Linear(weight, offset, (1, 8, 12))
    network.pixels.variance.fill_(variance)
    precision = torch.eye(2) + weight.T @ weight / variance
    back = torch.linalg.solve(precision, weight.T) / variance
    spread = torch.linalg.inv(precision).diagonal().mul(1.5).log()
    # The encoder sees 2x - 1; its outputs are two means and two log variances.
    matrix = torch.cat([back / 2, torch.zeros(2, numbers)])
    shifts = torch.cat([back @ (0.5 - offset) + 0.1, spread])
    network.encoder = Linear(matrix, shifts, (4,))
    grey = torch.rand(6, 1, 8, 12, generator=random).expand(-1, 3, -1, -1)
    covariance = weight.double() @ weight.double().T + variance * torch.eye(numbers).double()
    exact = -torch.distributions.MultivariateNormal(offset.double(), covariance).log_prob(
        grey[:, 0].flatten(1).double()
    )
    sampled = network.negative_log_likelihood(grey, 4000, random)
    bound = network.negative_log_likelihood(grey, 1, random)
    assert sampled.dtype == torch.float64 and torch.allclose(sampled, exact, atol=0.06)
    assert float((bound - exact).mean()) > 0.05


def test_bits_per_dim_are_nats_over_numbers_and_of_a_gaussian_with_its_levels():
    images = pictures()
    levelled = lively(built(likelihood="logistic", channels=3))
    nats = levelled.negative_log_likelihood(images, 5)
    assert torch.allclose(levelled.bits_per_dim(images, 5), nats / (3 * 96 * math.log(2)))
    # A standard deviation of 2 levels around means that are right: the entropy of that, log2(2 sqrt(2 pi e)) bits.
    network = built()
    network.pixels.variance.fill_((2 / 256) ** 2)
    network.encoder = Linear(torch.zeros(6, 96), torch.zeros(6), (6,))
    network.decoder = Linear(torch.zeros(96, 3), torch.full((96,), 0.5), (1, 8, 12))
    noise = 0.5 + 2 / 256 * torch.randn(400, 1, 8, 12, generator=torch.Generator().manual_seed(9))
    levels = (noise * 256).floor().clamp(0, 255) / 255
    found = network.bits_per_dim(levels.expand(-1, 3, -1, -1), 1).mean()
    # Cutting to whole levels and adding noise moves a pixel by two uniform errors, of 1/12 each.
    moved = (1 / 6) / 4 / 2 / math.log(2)
    assert abs(float(found) - math.log2(2 * math.sqrt(2 * math.pi * math.e)) - moved) < 0.02


def test_memory_is_bounded_without_changing_the_figure(monkeypatch):
    network, most = built(likelihood="bernoulli", binarisation="threshold"), []
    network.decoder.register_forward_hook(lambda module, given, made: most.append(len(made)))
    whole = network.negative_log_likelihood(pictures(6), 400)
    assert max(most) > 100
    monkeypatch.setattr("clearsight.generators.vae.PIXELS_AT_ONCE", 8 * 12 * 4)
    most.clear()
    parts = network.negative_log_likelihood(pictures(6), 400)
    assert max(most) == 4 and sum(most) == 6 * 400
    assert torch.allclose(parts, whole, atol=0.1)


# Pictures in and out.


def test_drawn_pixels_are_white_with_their_brightness():
    network = built(likelihood="bernoulli")
    grey = torch.full((200, 3, 8, 12), 0.3)
    drawn = network.pixels.observed(grey, torch.Generator().manual_seed(0))
    assert drawn.shape == (200, 1, 8, 12) and set(drawn.unique().tolist()) == {0.0, 1.0}
    assert abs(float(drawn.mean()) - 0.3) < 0.02
    assert torch.equal(drawn, network.pixels.observed(grey, torch.Generator().manual_seed(0)))
    assert float(built(likelihood="bernoulli", binarisation="threshold").pixels.observed(grey).sum()) == 0


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli", "logistic"])
@pytest.mark.parametrize("size", [(28, 28), (9, 31), (16, 8)], ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_of_any_size_are_made_and_every_weight_learns(likelihood, size, channels):
    network = built(("a", "b"), likelihood=likelihood, size=size, channels=channels, conditional=True)
    assert isinstance(network, Generator)
    sum(network.losses(batch(size=size)).values()).backward()
    assert all(weight.grad is not None and torch.isfinite(weight.grad).all() for weight in network.parameters())
    latents = network.latents(5, torch.Generator().manual_seed(0))
    made = network.sample(latents, torch.tensor([0, 1, 0, 1, 0]))
    assert made.shape == (5, 3, *size) and made.min() >= 0 and made.max() <= 1
    assert torch.equal(latents, network.latents(5, torch.Generator().manual_seed(0)))


def test_maps_are_halved_down_to_seven_px():
    assert map_sizes((28, 28)) == [(28, 28), (14, 14), (7, 7)]
    assert map_sizes((64, 64))[-1] == (8, 8) and map_sizes((9, 31)) == [(9, 31), (5, 16)]


@torch.no_grad()
def test_a_class_changes_the_picture_and_what_is_encoded():
    network = lively(built(("a", "b"), conditional=True))
    latents, images = network.latents(3, torch.Generator().manual_seed(0)), pictures(3)
    one, other = torch.zeros(3, dtype=torch.long), torch.ones(3, dtype=torch.long)
    assert not torch.allclose(network.sample(latents, one), network.sample(latents, other), atol=1e-3)
    assert not torch.allclose(network.encode(images, one)[0], network.encode(images, other)[0], atol=1e-3)


@torch.no_grad()
def test_the_variance_is_followed_in_training_only():
    network = built()
    network.train().losses(batch())
    moved = float(network.pixels.variance)
    assert moved != 1.0
    network.eval().losses(batch())
    network.negative_log_likelihood(pictures(), 2)
    assert float(network.pixels.variance) == moved


def test_active_units_are_those_whose_means_vary():
    network = built(latents=3)
    matrix = torch.zeros(6, 96)
    matrix[0], matrix[1] = 1.0, 1e-4
    network.encoder = Linear(matrix, torch.zeros(6), (6,))
    assert network.active_units(pictures(300)) == 1


# The prior.


def test_a_mixture_that_is_not_fitted_is_the_standard_normal():
    mixture = LatentMixture(4, 3)
    drawn = mixture.draw(20_000, torch.Generator().manual_seed(0))
    assert torch.allclose(drawn.mean(0), torch.zeros(3), atol=0.03)
    assert torch.allclose(torch.cov(drawn.T), torch.eye(3), atol=0.05)


def test_a_fitted_mixture_draws_what_it_was_fitted_on():
    random = torch.Generator().manual_seed(0)
    centres = torch.tensor([[4.0, 0.0], [-4.0, 1.0]])
    vectors = centres[torch.arange(3000) % 3 % 2] + 0.3 * torch.randn(3000, 2, generator=random)
    mixture = LatentMixture(2, 2)
    mixture.fit(vectors)
    drawn = mixture.draw(20_000, random)
    assert torch.allclose(drawn.mean(0), vectors.mean(0), atol=0.1)
    assert torch.allclose(torch.cov(drawn.T), torch.cov(vectors.T), atol=0.3)
    assert abs(float((drawn[:, 0] > 0).float().mean()) - 2 / 3) < 0.02
    assert float((drawn[:, 0].abs() < 2).float().mean()) < 0.001


def test_the_mixture_is_saved_with_the_weights():
    network = lively(built(prior="mixture", components=2))
    before = network.latents(4, torch.Generator().manual_seed(0))
    network.fit_prior(pictures(60))
    again = built(prior="mixture", components=2)
    again.load_state_dict(network.state_dict())
    drawn = [each.latents(4, torch.Generator().manual_seed(0)) for each in (network, again)]
    assert torch.equal(*drawn) and not torch.allclose(drawn[0], before)
    with pytest.raises(ValueError, match="2 pictures. Expected at least 4"):
        network.fit_prior(pictures(2))
    plain = lively(built())
    state = copy.deepcopy(plain.state_dict())
    plain.fit_prior(pictures(60))
    assert all(torch.equal(value, state[name]) for name, value in plain.state_dict().items())


# Paths.


def test_a_spherical_path_keeps_to_its_ends_its_length_and_its_pace():
    first, last = torch.tensor([3.0, 0.0, 0.0]), torch.tensor([0.0, 3.0, 0.0])
    points = spherical(first, last, torch.linspace(0, 1, 7))
    assert torch.allclose(points[0], first) and torch.allclose(points[-1], last, atol=1e-6)
    assert torch.allclose(points.norm(dim=1), torch.full((7,), 3.0))
    angles = torch.arctan2(points[:, 1], points[:, 0])
    assert torch.allclose(angles, torch.linspace(0, math.pi / 2, 7), atol=1e-5)
    straight = spherical(first, 2 * first, torch.tensor([0.5]))
    assert torch.allclose(straight, 1.5 * first)


def test_an_interpolation_begins_and_ends_in_the_pictures_of_its_latents():
    network = lively(built())
    latents = network.latents(2, torch.Generator().manual_seed(0))
    made, ends = interpolation(network, *latents, steps=5), network.sample(latents)
    assert made.shape == (5, 3, 8, 12) and torch.allclose(made[[0, -1]], ends, atol=1e-5)
    with pytest.raises(ValueError, match="at least 2"):
        interpolation(network, *latents, steps=1)


def test_a_traversal_changes_one_latent():
    network = lively(built())
    (latent,) = network.latents(1, torch.Generator().manual_seed(0))
    made = traversal(network, latent, 1, torch.tensor([float(latent[1]), 2.0]))
    changed = latent.clone()
    changed[1] = 2.0
    assert torch.allclose(made, network.sample(torch.stack([latent, changed])), atol=1e-6)
    with pytest.raises(ValueError, match="latent 3"):
        traversal(network, latent, 3, torch.zeros(1))


# What is refused, and a run.


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"latents": 0}, "latents is 0"),
        ({"likelihood": "normal"}, "gaussian, bernoulli, logistic"),
        ({"prior": "vamp"}, "normal, mixture"),
        ({"free_nats": -1.0}, "free_nats"),
        ({"kl_warmup_share": 0.9, "importance_samples": 5}, "overlap"),
    ],
)
def test_bad_settings_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        VaeConfig(**settings)


def test_what_does_not_fit_the_network_is_refused():
    plain, classes = built(), built(("a", "b"), conditional=True)
    latents = plain.latents(2, torch.Generator())
    with pytest.raises(ValueError, match="Expected both before"):
        Vae(VaeConfig(), ())
    with pytest.raises(ValueError, match="conditional is set"):
        Vae.fitted(VaeConfig(conditional=True), [None], ())
    with pytest.raises(ValueError, match="Expected \\(8, 12\\) px"):
        plain.losses(batch(size=(8, 8)))
    with pytest.raises(ValueError, match="trained without classes"):
        plain.sample(latents, torch.zeros(2, dtype=torch.long))
    with pytest.raises(ValueError, match="no class was asked for"):
        classes.sample(latents)
    with pytest.raises(ValueError, match="from 0 to 1"):
        classes.sample(latents, torch.tensor([0, 2]))
    with pytest.raises(ValueError, match="importance samples"):
        plain.negative_log_likelihood(pictures(), 0)


class Meter:
    def kwh_so_far(self):
        return 0.0


def run(state=None, seed=0, stop=lambda: False, epochs=4, **settings):
    network = built(seed=seed, likelihood="bernoulli", importance_samples=3, **settings)
    saved = []
    clock = loop.Clock(loop.Budget(epochs=epochs), 10, Meter())
    hooks = loop.Hooks(save=lambda state: saved.append(copy.deepcopy(state)), stop=stop)
    training = dataclasses.replace(Vae.training_defaults, batch_size=4)

    def make(step, progress):
        return dataclasses.replace(batch(progress, seed=step), truths=[None] * 4)

    fabric = Fabric(accelerator="cpu", devices=1)
    assert isinstance(training, Training)
    try:
        return loop.fit(network, make, at_once, clock, training, fabric, hooks, state), saved
    except loop.Interrupted:
        return None, saved


def test_a_run_that_was_stopped_ends_in_the_weights_of_one_that_never_was():
    whole, _ = run()
    asked = iter([False] * 17 + [True] * 100)
    stopped, saved = run(stop=lambda: next(asked))
    assert stopped is None and saved[-1]["step"] == 18
    resumed, _ = run(state=saved[-1], seed=999)
    assert all(
        torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    )


def test_it_learns():
    """Pictures half black and half white, left or right: log 2 = 0.69 nats on average is the least, 66 at the start."""
    images = torch.zeros(2, 3, 8, 12)
    images[0, :, :, :6] = images[1, :, :, 6:] = 1
    network = built(likelihood="bernoulli", kl_warmup_share=0.0, latents=1, width=8)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    both = Batch(images=images.repeat(8, 1, 1, 1), truths=[None] * 16, ids=[""] * 16, progress=1.0)
    for _ in range(600):
        optimizer.zero_grad()
        sum(network.losses(both).values()).backward()
        optimizer.step()
    nats = network.eval().negative_log_likelihood(images, 500)
    assert math.log(2) - 0.1 < float(nats.mean()) < 2
