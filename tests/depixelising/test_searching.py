"""The search: where latents may lie, that it finds the best of them, when it ends, and what follows it."""

import itertools
import math

import pytest
import torch
from tiny import FACTOR, Linear

from clearsight import catalogue
from clearsight.depixelising.finishing import finished
from clearsight.depixelising.plan import Plan
from clearsight.depixelising.restoring import how_each, restored
from clearsight.depixelising.searching import searched, starts
from clearsight.types import Generator, LatentGenerator

PARTS = catalogue.parts("generators")
SMALL = {"width": 8, "widths": (8, 8), "blocks": (0, 0), "hidden_units": 16, "maxout_units": 6, "latents": 6}


def built(part, conditional=False, **wanted):
    kind = part.load()
    own = kind.config_type.__dataclass_fields__
    asked = {**SMALL, "size": (16, 16), "channels": 1, "conditional": conditional, **wanted}
    torch.manual_seed(0)
    return kind(kind.config_type(**{name: value for name, value in asked.items() if name in own}), ("a", "b")).eval()


def given_of(network, seed=0, count=3):
    """Small pictures of latents that nobody knows, in 8 bits."""
    latents = torch.randn(count, len(network.basis), generator=torch.Generator().manual_seed(seed))
    latents *= math.sqrt(latents.shape[1]) / latents.norm(dim=1, keepdim=True)
    pictures = network.rendered(latents).detach().clamp(0, 1)
    return (255 * torch.nn.functional.avg_pool2d(pictures, FACTOR)).round().to(torch.uint8)


def asked_for(part):
    """Both with classes and without, but for what is made from label maps, which have no class."""
    return [(part, conditional) for conditional in (False, True) if part.name != "synthesis" or not conditional]


@pytest.mark.parametrize(
    ("part", "conditional"),
    [pair for part in PARTS for pair in asked_for(part)],
    ids=lambda one: getattr(one, "name", str(one)),
)
def test_generators_of_one_vector_can_be_searched_and_no_others(part, conditional):
    network = built(part, conditional)
    assert isinstance(network, Generator)
    assert isinstance(network, LatentGenerator) == (part.name not in ("flow", "vq-vae", "synthesis"))
    if not isinstance(network, LatentGenerator):
        return
    latents = network.latents(4, torch.Generator().manual_seed(1)).requires_grad_()
    assert latents.ndim == 2 and network.latent_prior in ("normal", "uniform")
    classes = torch.tensor([0, 1, 0, 1]) if conditional else None
    shown = network.rendered(latents, classes)
    torch.testing.assert_close(shown.detach(), network.sample(latents, classes))
    assert not network.sample(latents, classes).requires_grad
    (slope,) = torch.autograd.grad(shown.sum(), latents)
    assert bool((slope != 0).any())
    limit = math.sqrt(3) + 1e-6 if network.latent_prior == "uniform" else math.inf
    assert float(latents.detach().abs().max()) <= limit


def test_a_mixture_is_named_as_the_prior_it_is():
    (vae,) = (part for part in PARTS if part.name == "vae")
    assert built(vae, prior="mixture").latent_prior == "mixture"


@pytest.mark.parametrize("prior", ["normal", "uniform", "mixture"])
def test_latents_stay_where_the_prior_is_and_the_best_there_is_found(prior):
    network = Linear(prior)
    network.requires_grad_(False)
    # Nothing the network makes is as dark as this.
    given = torch.full((2, 3, 2, 2), 0.2)
    given[:, 0] = torch.rand(2, 2, 2, generator=torch.Generator().manual_seed(2))
    given = given.repeat_interleave(6, 0)
    plan = Plan(factor=FACTOR, epsilon=1e-6, steps=300, restarts=6)
    begun = 1.3 * starts(network, 2, plan)
    found = searched(network, given, begun, None, plan)
    if prior == "uniform":
        side = torch.linspace(-math.sqrt(3), math.sqrt(3), 300)
        allowed = torch.cartesian_prod(side, side)
        assert float(found.latents.abs().max()) <= math.sqrt(3) + 1e-6
    else:
        angle = torch.linspace(0, 2 * math.pi, 20_000)
        allowed = math.sqrt(2) * torch.stack([angle.cos(), angle.sin()], 1)
        lengths = torch.full((12,), math.sqrt(2)) if prior == "normal" else begun.norm(dim=1)
        torch.testing.assert_close(found.latents.norm(dim=1), lengths)
    reached = []
    for row in range(12):
        scale = begun[row].norm() / math.sqrt(2) if prior == "mixture" else 1.0
        small = torch.nn.functional.avg_pool2d(network.rendered(allowed * scale), FACTOR)
        least = float((small - given[row]).square().mean((1, 2, 3)).min())
        assert float(found.errors[row]) > least * 0.999
        reached.append(float(found.errors[row]) < least * 1.001)
    # On a circle there may be a second, lesser valley, in which some of the searches end.
    assert sum(reached[:6]) >= 2 and sum(reached[6:]) >= 2
    assert found.steps.tolist() == [300] * 12


def test_every_search_ends_for_itself_as_soon_as_it_is_near_enough():
    network = Linear().requires_grad_(False)
    plan = Plan(factor=FACTOR, epsilon=1e-4, steps=200, restarts=3)
    found = restored(network, given_of(network), plan)
    assert bool(found.matched.all()) and bool((found.psnr >= 40).all())
    assert len(set(found.steps.flatten().tolist())) > 3 and int(found.steps.max()) < 200
    lax = restored(network, given_of(network), Plan(factor=FACTOR, epsilon=0.5, restarts=3))
    assert not lax.steps.any() and bool(lax.matched.all()) and not lax.moved.any()
    drawn = starts(network, 3, plan)
    drawn = drawn * (math.sqrt(2) / drawn.norm(dim=1, keepdim=True))
    expected = (255 * network.rendered(drawn).clamp(0, 1)).round().to(torch.uint8)
    assert torch.equal(lax.pictures.flatten(0, 1), expected)


def test_the_same_seed_gives_the_same_pictures_whatever_else_is_restored():
    network, plan = Linear().requires_grad_(False), Plan(factor=FACTOR, epsilon=1e-5, restarts=2)
    given = given_of(network)
    one, again = restored(network, given, plan), restored(network, given, plan)
    assert torch.equal(one.pictures, again.pictures) and torch.equal(one.errors, again.errors)
    assert torch.equal(restored(network, given[:1], plan).pictures, one.pictures[:1])
    other = restored(network, given, Plan(factor=FACTOR, epsilon=0.5, restarts=2, seed=1))
    assert not torch.equal(
        restored(network, given, Plan(factor=FACTOR, epsilon=0.5, restarts=2)).pictures, other.pictures
    )
    assert all(weight.grad is None for weight in network.parameters())


def test_classes_are_asked_for_in_turn():
    network = Linear(conditional=True).requires_grad_(False)
    found = restored(network, given_of(network), Plan(factor=FACTOR, restarts=2, epsilon=0.5), labels=[3, 1, 2])
    assert found.labels.tolist() == [[3, 1], [2, 3], [1, 2]]


@pytest.mark.parametrize("finish", ["weights", "projection"])
def test_what_follows_the_search_agrees_with_what_was_given_and_leaves_the_network_as_it_was(finish):
    network = Linear().requires_grad_(False)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    # The first can be made; the second, of one colour that the network does not make, cannot.
    given = torch.cat([given_of(network, count=1), torch.full((1, 3, 2, 2), 115, dtype=torch.uint8)])
    given[1, 0] = 140
    plan = {"factor": FACTOR, "epsilon": 1e-4, "restarts": 2}
    plain, after = (restored(network, given, Plan(**plan, finish=one)) for one in ("none", finish))
    assert plain.matched.tolist() == [[True, True], [False, False]] and not plain.moved.any()
    assert bool(after.matched.all())
    assert torch.equal(after.pictures[0], plain.pictures[0])
    torch.testing.assert_close(after.searched, plain.searched)
    assert after.moved[0].tolist() == [0, 0] and bool((after.moved[1] > 1).all())
    assert how_each(after) == [["search"] * 2, [f"search, then {finish}"] * 2]
    assert how_each(plain) == [["search"] * 2] * 2
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(weight.requires_grad for weight in network.parameters())


def test_the_projection_is_the_nearest_picture_that_agrees():
    network = Linear()
    random = torch.Generator().manual_seed(0)
    pictures = 0.5 + 0.1 * torch.rand(2, 3, 4, 4, generator=random)
    given = 0.4 + 0.2 * torch.rand(2, 3, 2, 2, generator=random)
    plan = Plan(factor=FACTOR, finish="projection")
    found = finished(network, pictures, given, torch.zeros(2, 2), None, plan)
    for n, c, i, j in itertools.product(range(2), range(3), range(2), range(2)):
        square = (slice(2 * i, 2 * i + 2), slice(2 * j, 2 * j + 2))
        gap = given[n, c, i, j] - pictures[n, c][square].mean()
        torch.testing.assert_close(found[n, c][square], pictures[n, c][square] + gap)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"factor": 1}, "factor is 1"),
        ({"restarts": 0}, "restarts is 0"),
        ({"steps": 0}, "steps is 0"),
        ({"epsilon": 0.0}, "30 dB"),
        ({"epsilon": 1.0}, "epsilon is 1"),
        ({"rate": 0.0}, "rate is 0"),
        ({"finish": "magic"}, "none, weights, projection"),
        ({"filter": "nearest"}, "box, bicubic"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_for_is_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        Plan(**{"factor": 2, **wrong})
