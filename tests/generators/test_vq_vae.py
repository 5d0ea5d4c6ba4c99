"""The vector-quantised autoencoder: nearest codes, who learns from what, draws code by code, and a run."""

import copy
import dataclasses
import itertools
import math

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from clearsight.generators.causal_attention import CausalNetwork
from clearsight.generators.vq_vae import VqVae, VqVaeConfig
from clearsight.sources.batches.views import at_once
from clearsight.training import loop
from clearsight.types import Batch, Generator, Label

SMALL = {"size": (8, 12), "channels": 1, "codes": 5, "code_width": 4, "width": 4, "prior_width": 32, "prior_depth": 1}


def built(names=(), seed=0, **settings):
    torch.manual_seed(seed)
    return VqVae(VqVaeConfig(**{**SMALL, **settings}), names)


def lively(network):
    """The network with weights that all matter: its residual blocks begin as nothing."""
    for weight in network.parameters():
        nn.init.normal_(weight, 0, 0.3)
    return network.eval()


def batch(count=4, size=(8, 12), seed=1, progress=0.5):
    images = torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(seed))
    truths = [Label(index=k % 2) for k in range(count)]
    return Batch(images=images, truths=truths, ids=[""] * count, progress=progress)


def moved(network, *names):
    """The parts that these losses alone give a gradient."""
    network.zero_grad(set_to_none=True)
    losses = network.losses(batch())
    torch.stack([losses[name] for name in names]).sum().backward()
    return {
        name.split(".")[0]
        for name, weight in network.named_parameters()
        if weight.grad is not None and bool(weight.grad.any())
    }


@torch.no_grad()
def test_codes_are_the_nearest_entries():
    network = lively(built())
    vectors = network._vectors(network.pixels.observed(batch().images))
    codes = network.encode(batch().images)
    assert codes.shape == (4, 4, 6)
    for place in itertools.product(range(4), range(4), range(6)):
        apart = [float((vectors[place] - entry).square().sum()) for entry in network.codebook]
        assert apart[codes[place]] == min(apart)


def test_each_loss_moves_what_it_should():
    network = lively(built())
    assert moved(network, "prior") == {"prior"}
    assert moved(network, "codebook") == {"codebook"}
    assert moved(network, "commitment") == {"encoder", "to_codes"}
    assert moved(network, "reconstruction") == {"encoder", "to_codes", "from_codes", "decoder"}


def test_gradients_pass_straight_through_the_codebook():
    network = lively(built())
    seen = {}
    network.to_codes.register_full_backward_hook(lambda module, given, made: seen.update(vectors=made[0]))
    network.from_codes.register_full_backward_hook(lambda module, given, made: seen.update(entries=given[0]))
    network.losses(batch())["reconstruction"].backward()
    assert torch.equal(seen["vectors"], seen["entries"]) and bool(seen["vectors"].any())


def restarted(network, steps, progress):
    """The entries before and after so many batches, one of them being far from everything."""
    with torch.no_grad():
        network.codebook[1] = 100.0
        before = network.codebook.clone()
        for _ in range(steps):
            network.losses(batch(progress=progress))
    return before, network.codebook.detach()


def test_an_entry_that_nothing_uses_is_put_where_a_vector_is():
    network = lively(built()).train()
    before, after = restarted(network, 300, 0.1)
    assert float(before[1].abs().max()) == 100
    assert float(after[1].abs().max()) < 20 and bool(torch.isfinite(after).all())
    vectors = network._vectors(network.pixels.observed(batch().images)).flatten(0, 2).detach()
    assert float((vectors - after[1]).norm(dim=1).min()) < 1e-3


@pytest.mark.parametrize(("learning", "progress"), [(True, 0.6), (False, 0.1)])
def test_entries_stay_in_the_second_half_and_in_evaluation(learning, progress):
    network = lively(built()).train(learning)
    before, after = restarted(network, 300, progress)
    assert torch.equal(before, after)


@torch.no_grad()
def test_the_decoder_sees_entries_of_the_codebook():
    network = lively(built())
    images = batch().images
    by_hand = network.decoder(network.from_codes(network.codebook[network.encode(images)].permute(0, 3, 1, 2)))
    observed = network.pixels.observed(images)
    variance = (by_hand - observed).square().mean()
    nats = 96 / 2 * (math.log(2 * math.pi * float(variance)) + 1)
    assert abs(float(network.losses(batch())["reconstruction"]) - nats) < 1e-3
    assert torch.allclose(network.decode(network.encode(images))[:, :1], by_hand.clamp(0, 1), atol=1e-6)


def sequences(symbols, length):
    return torch.tensor(list(itertools.product(range(symbols), repeat=length)))


def log_probability(network, found, starts):
    logs = network(found, starts).log_softmax(-1)
    return logs.gather(2, found[:, :, None]).sum((1, 2))


@torch.no_grad()
def test_the_probabilities_of_all_sequences_add_up_to_one():
    network = lively(CausalNetwork(3, 3, 2, 32, 2))
    every = sequences(3, 3)
    for start in (0, 1):
        total = log_probability(network, every, torch.full((27,), start)).exp().sum()
        assert abs(float(total) - 1) < 1e-5


@torch.no_grad()
def test_no_place_sees_itself_or_what_comes_after():
    network = lively(CausalNetwork(4, 5, 1, 32, 2))
    one = torch.tensor([[0, 1, 2, 3, 0]])
    before, start = network(one, torch.zeros(1, dtype=torch.long)), torch.zeros(1, dtype=torch.long)
    for place in range(5):
        other = one.clone()
        other[0, place] = 3 - other[0, place]
        after = network(other, start)
        assert torch.allclose(before[:, : place + 1], after[:, : place + 1], atol=1e-5)
        assert place == 4 or not torch.allclose(before[:, place + 1], after[:, place + 1], atol=1e-3)


@torch.no_grad()
def test_sequences_are_drawn_as_often_as_they_are_probable():
    network = lively(CausalNetwork(3, 2, 1, 32, 1))
    noise = torch.randn(20_000, 2, 3, generator=torch.Generator().manual_seed(0))
    drawn = network.draw(noise, torch.zeros(20_000, dtype=torch.long))
    every = sequences(3, 2)
    probable = log_probability(network, every, torch.zeros(9, dtype=torch.long)).exp()
    often = torch.stack([(drawn == one).all(1).float().mean() for one in every])
    assert torch.allclose(often, probable, atol=0.015)
    least = network.draw(0 * noise[:1], torch.zeros(1, dtype=torch.long))[0, 0]
    assert int(least) == int(network(torch.zeros(1, 0, dtype=torch.long), torch.zeros(1, dtype=torch.long)).argmax())


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli", "logistic"])
@pytest.mark.parametrize("size", [(28, 28), (9, 31)], ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_of_any_size_are_made_and_every_weight_learns(likelihood, size, channels):
    network = built(("a", "b"), likelihood=likelihood, size=size, channels=channels, conditional=True)
    assert isinstance(network, Generator)
    losses = network.losses(batch(size=size))
    assert all(torch.isfinite(value) and value.dtype == torch.float32 for value in losses.values())
    sum(losses.values()).backward()
    assert all(weight.grad is not None and torch.isfinite(weight.grad).all() for weight in network.parameters())
    latents = network.latents(2, torch.Generator().manual_seed(0))
    made = network.sample(latents, torch.tensor([0, 1]))
    assert made.shape == (2, 3, *size) and made.min() >= 0 and made.max() <= 1
    assert torch.equal(made, network.sample(latents, torch.tensor([0, 1])))


@torch.no_grad()
def test_a_class_changes_the_picture():
    network = lively(built(("a", "b"), conditional=True))
    latents = network.latents(4, torch.Generator().manual_seed(0))
    made = [network.sample(latents, torch.full((4,), label)) for label in (0, 1)]
    assert not torch.allclose(*made, atol=1e-3)
    with pytest.raises(ValueError, match="no class was asked for"):
        network.sample(latents)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"codes": 1}, "codes is 1"),
        ({"code_width": 0}, "code_width is 0"),
        ({"commitment": -1.0}, "commitment"),
        ({"prior_width": 50}, "multiple of 32"),
        ({"likelihood": "normal"}, "gaussian, bernoulli, logistic"),
    ],
)
def test_bad_settings_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        VqVaeConfig(**settings)


class Meter:
    def kwh_so_far(self):
        return 0.0


def run(state=None, seed=0, stop=lambda: False):
    network, saved = built(("a", "b"), seed=seed, conditional=True, likelihood="bernoulli"), []
    clock = loop.Clock(loop.Budget(epochs=2), 10, Meter())
    hooks = loop.Hooks(save=lambda state: saved.append(copy.deepcopy(state)), stop=stop)
    training = dataclasses.replace(VqVae.training_defaults, batch_size=4)
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
    pairs = zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_it_learns_two_pictures_and_how_often_each_occurs():
    images = torch.zeros(4, 3, 8, 12)
    images[0, :, :, :6] = images[1:, :, :, 6:] = 1
    network = built(width=8, likelihood="bernoulli")
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    both = Batch(images=images.repeat_interleave(4, 0), truths=[None] * 16, ids=[""] * 16)
    for _ in range(600):
        optimizer.zero_grad()
        sum(network.losses(both).values()).backward()
        optimizer.step()
    losses = network.eval().losses(both)
    # The codes of a picture cost what the picture does: -log 1/4 for one in four, -log 3/4 for the others.
    assert abs(float(losses["prior"].detach()) - (0.25 * math.log(4) + 0.75 * math.log(4 / 3))) < 0.1
    made = network.sample(network.latents(200, torch.Generator().manual_seed(0)))
    apart = torch.stack([(made - image).abs().mean((1, 2, 3)) for image in images[:2]])
    assert float(apart.min(0).values.quantile(0.95)) < 0.05
    assert abs(float((apart.argmin(0) == 0).float().mean()) - 0.25) < 0.1
