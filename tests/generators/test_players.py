"""What every network of two players keeps: asked of all of them through the catalogue."""

import pytest
import torch

from clearsight import catalogue
from clearsight.types import Adversarial, Batch, ClassMap, Generator, Label

NAMES = ("a", "b", "c")
PARTS = [part for part in catalogue.parts("generators") if hasattr(part.load(), "turns")]
SMALL = {"width": 8, "widths": (8, 8, 16), "hidden_units": 64, "maxout_units": 12, "latents": 10}
FROM_NOISE = [part for part in PARTS if part.load().config_type().made_from is None]  # which may know classes
each_from_noise = pytest.mark.parametrize("part", FROM_NOISE, ids=lambda part: part.name)
each_part = pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
KINDS = [((28, 28), 1, False), ((32, 32), 3, False), ((28, 28), 3, True), ((32, 32), 1, True), ((24, 32), 3, True)]
each_kind = pytest.mark.parametrize(("size", "channels", "conditional"), KINDS, ids=str)


def config_of(kind, **wanted):
    own = kind.config_type.__dataclass_fields__
    return kind.config_type(**{name: value for name, value in {**SMALL, **wanted}.items() if name in own})


def built(part, size=(28, 28), channels=1, conditional=False, **wanted):
    kind = part.load()
    config = config_of(kind, size=size, channels=channels, conditional=conditional and part in FROM_NOISE, **wanted)
    config = kind.fitted(config, batch(part, size).truths, NAMES)
    torch.manual_seed(0)
    return kind(config, NAMES)


def maps_of(count, size=(28, 28)):
    """Label maps of three classes, with some pixels of none."""
    maps = torch.randint(4, (count, *size), generator=torch.Generator().manual_seed(2), dtype=torch.uint8)
    return torch.where(maps == 3, 255, maps)


def batch(part, size=(28, 28), count=6, labelled=True, progress=0.3):
    images = torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(1))
    images = images.contiguous(memory_format=torch.channels_last)
    truths = [Label(index=k % 3) if labelled else None for k in range(count)]
    if part not in FROM_NOISE:
        truths = [ClassMap(labels=one) for one in maps_of(count, size)]
    return Batch(images=images, truths=truths, ids=[str(k) for k in range(count)], progress=progress)


def latents_of(model, count=4, seed=3):
    return model.latents(count, torch.Generator().manual_seed(seed))


def pictures(model, latents, classes=None):
    """Pictures of these latents, from label maps where the network needs some; each its own."""
    given = [] if model.config.made_from is None else [maps_of(len(latents), model.config.size)]
    return model.sample(latents, classes, *given)


def players(model):
    """Their names, in the order in which each first has a turn."""
    return list(dict.fromkeys(player for turn in model.turns for player in turn))


@each_part
def test_it_is_a_generator_of_two_players(part):
    model = built(part)
    assert isinstance(model, Generator) and isinstance(model, Adversarial)
    assert model.config_type is type(model.config) and model.strides == ()
    assert model.training_defaults.precision in ("auto", "float32")
    # Who learns from noise alone would make mirrored pictures; a label map is mirrored with its picture.
    assert model.training_defaults.flips == ("none" if part in FROM_NOISE else "data")
    assert len(players(model)) == 2 and players(model)[-1] == "generator"


@each_part
def test_every_weight_belongs_to_exactly_one_player(part):
    model = built(part)
    owned = [id(weight) for player in players(model) for weight in model.get_submodule(player).parameters()]
    assert sorted(owned) == sorted(id(weight) for weight in model.parameters()) and len(set(owned)) == len(owned)


@each_part
@each_kind
def test_losses_are_finite_float32_and_reach_every_weight_of_the_player(part, size, channels, conditional):
    model = built(part, size, channels, conditional).train()
    with torch.no_grad():
        for weight in model.parameters():  # layers that begin at zero hide what lies before them
            weight.add_(0.01 * torch.randn_like(weight))
            if weight.numel() == 1:  # the bias of a score: of scores within both margins a hinge loss has no gradient
                weight.add_(2)
    for player in players(model):
        model.zero_grad(set_to_none=True)
        losses = model.losses(batch(part, size), player)
        assert losses and all(value.ndim == 0 and value.dtype == torch.float32 for value in losses.values())
        assert all(torch.isfinite(value) for value in losses.values())
        sum(losses.values()).backward()
        for name, weight in model.get_submodule(player).named_parameters():
            assert weight.grad is not None and torch.isfinite(weight.grad).all() and weight.grad.any(), name


@each_from_noise
def test_without_labels_it_learns_without_classes_and_with_classes_it_says_what_is_missing(part):
    assert built(part).losses(batch(part, labelled=False))
    with pytest.raises(ValueError, match="names no class"):
        built(part, conditional=True).losses(batch(part, labelled=False))
    kind = part.load()
    with pytest.raises(ValueError, match="conditional is set"):
        kind.fitted(config_of(kind, size=(28, 28), channels=1, conditional=True), [None], NAMES)


@each_part
@each_kind
def test_pictures_are_of_the_size_in_the_unit_range_and_finite(part, size, channels, conditional):
    model = built(part, size, channels, conditional).eval()
    classes = torch.tensor([0, 1, 2, 0]) if model.config.conditional else None
    found = pictures(model, latents_of(model), classes)
    assert found.shape == (4, 3, *size) and found.dtype == torch.float32 and not found.requires_grad
    assert torch.isfinite(found).all() and found.min() >= 0 and found.max() <= 1
    if channels == 1:
        assert torch.equal(found[:, 0], found[:, 1]) and torch.equal(found[:, 0], found[:, 2])
    far = pictures(model, 1000 * latents_of(model), classes)
    assert far.min() >= 0 and far.max() <= 1


@each_part
def test_the_same_random_state_gives_the_same_pictures_another_others(part):
    model = built(part).eval()
    first, again, other = (pictures(model, latents_of(model, seed=seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first, other)
    before = torch.get_rng_state()
    latents_of(model)
    assert torch.equal(before, torch.get_rng_state())  # drawn from the generator given, not from the global one
    assert len(latents_of(model, count=0)) == 0


@each_part
def test_a_picture_does_not_depend_on_those_made_beside_it(part):
    model = built(part).eval()
    latents = latents_of(model)
    whole, first = pictures(model, latents), pictures(model, latents[:1])
    assert torch.allclose(whole[:1], first, atol=1e-6)


@each_part
def test_latents_vary_about_zero_so_that_scaling_them_truncates(part):
    model = built(part)
    drawn = latents_of(model, 4000)
    assert abs(float(drawn.mean())) < 0.02 and abs(float(drawn.var()) - 1) < 0.03


@each_from_noise
def test_pictures_change_with_the_class_and_wrong_classes_are_refused(part):
    model = built(part, conditional=True).eval()
    one = latents_of(model, 1).expand(3, -1)
    found = model.sample(one, torch.tensor([0, 1, 2]))
    assert not torch.equal(found[0], found[1]) and not torch.equal(found[1], found[2])
    for wrong in (None, torch.tensor([0]), torch.tensor([0, 1, 3]), torch.tensor([-1, 0, 1])):
        with pytest.raises(ValueError, match="Expected"):
            model.sample(one, wrong)
    with pytest.raises(ValueError, match="trained without"):
        built(part).eval().sample(one, torch.tensor([0, 1, 2]))


@each_from_noise
def test_the_discriminator_sees_the_class(part):
    """The same pictures and the same noise under other labels give other losses."""
    model = built(part, conditional=True).train()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.02 * torch.randn_like(weight))
    player, given = players(model)[0], batch(part)
    other = Batch(images=given.images, truths=[Label(index=2)] * 6, ids=given.ids, progress=given.progress)
    found = []
    for one in (given, given, other):
        torch.manual_seed(0)
        found.append({name: float(value.detach()) for name, value in model.losses(one, player).items()})
    assert found[0] == found[1] != found[2]


CONVOLUTIONAL = [part for part in PARTS if part.name not in ("gan-2014", "synthesis")]  # others take any size


@pytest.mark.parametrize("part", CONVOLUTIONAL, ids=lambda part: part.name)
@pytest.mark.parametrize("size", [(9, 9), (31, 32), (34, 34), (100, 28)], ids=str)
def test_sizes_it_cannot_make_are_refused_with_one_that_works(part, size):
    kind = part.load()
    config = config_of(kind, size=size, channels=1)
    with pytest.raises(ValueError, match="cannot be made") as refusal:
        kind.fitted(config, [], NAMES)
    with pytest.raises(ValueError, match="cannot be made"):
        kind(config, NAMES)
    height, width = (int(word) for word in str(refusal.value).split("such as ")[1].split(" px")[0].split(" x "))
    kind.fitted(config_of(kind, size=(height, width), channels=1), [], NAMES)


@pytest.mark.parametrize("size", [(8, 8), (16, 24), (48, 48), (64, 64)], ids=str)
@each_part
def test_it_makes_pictures_of_other_sizes(part, size):
    model = built(part, size).eval()
    assert pictures(model, latents_of(model, 1)).shape == (1, 3, *size)
    assert model.train().losses(batch(part, size, count=2), players(model)[0])


@each_part
def test_it_is_not_built_before_size_and_channels_are_known(part):
    kind = part.load()
    for known in ({"size": (28, 28)}, {"channels": 1}, {}):
        with pytest.raises(ValueError, match="Expected those of the training pictures"):
            kind.fitted(config_of(kind, **known), batch(part).truths, NAMES)


@each_part
def test_schedules_leave_a_rate_that_is_positive_and_restartable(part):
    model = built(part)
    for player in players(model):
        optimizer = model.optimizer(player, model.training_defaults)
        rates = []
        for progress in (0.0, 0.5, 1.0, 0.0):
            model.schedule(optimizer, player, progress)
            rates.append(optimizer.param_groups[0]["lr"])
        assert rates[0] == model.training_defaults.learning_rate == rates[3] and rates[0] >= rates[1] >= rates[2] > 0


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("gan", {"conditioning": "prayer"}), ("gan", {"blocks": ()}), ("gan", {"penalised_share": 0.0}),
        ("gan", {"gradient_penalty": -1.0}),
        ("gan", {"final_beta2": 1.0}), ("gan", {"widths": (8, 0)}), ("gan-2014", {"nets": "deep"}),
        ("gan-2014", {"latents": 0}), ("dcgan", {"width": 0}), ("wgan-gp", {"critic_updates": 0}),
        ("wgan-gp", {"gradient_penalty": -1.0}), ("gan", {"size": (7, 8)}), ("dcgan", {"channels": 2}),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(name, wrong):
    with pytest.raises(ValueError, match="Expected"):
        config_of(catalogue.find("generators", name).load(), **wrong)
