"""Pictures from label maps: the norm written out, what a map changes, what is refused, losses by hand."""

import pytest
import torch
import torch.nn.functional as F

from clearsight.generators import asked_maps
from clearsight.generators.spade import SpatiallyAdaptiveNorm
from clearsight.generators.synthesis import Synthesis, SynthesisConfig
from clearsight.ops.adversarial_losses import hinge
from clearsight.types import Batch, ClassMap, Label

NAMES = ("sky", "road", "car")
SMALL = {"size": (16, 24), "channels": 3, "widths": (4, 8), "map_width": 4, "latents": 5, "patch_widths": (4, 8)}


def maps(count=4, seed=0, size=(16, 24)):
    found = torch.randint(4, (count, *size), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    return torch.where(found == 3, 255, found)


def built(**settings):
    torch.manual_seed(0)
    return Synthesis(SynthesisConfig(**{**SMALL, **settings}), NAMES)


def batch(count=4):
    images = torch.rand(count, 3, 16, 24, generator=torch.Generator().manual_seed(1))
    return Batch(images=images, truths=[ClassMap(labels=one) for one in maps(count)], ids=["a"] * count)


def test_the_norm_is_equation_1_written_out_pixel_by_pixel():
    torch.manual_seed(0)
    norm = SpatiallyAdaptiveNorm(2, 4, 3).train()
    feature, labels = torch.randn(3, 2, 5, 4), asked_maps.planes(maps(3, size=(5, 4)), 3)
    found = norm(feature, labels)
    both = norm.scale_and_shift(F.relu(norm.look(labels)))
    for channel in range(2):
        values = feature[:, channel]
        mean, deviation = values.mean(), ((values - values.mean()) ** 2).mean().sqrt()
        for picture, row, column in ((0, 0, 0), (1, 4, 3), (2, 2, 1)):
            scale, shift = both[picture, channel, row, column], both[picture, 2 + channel, row, column]
            expected = scale * (values[picture, row, column] - mean) / deviation + shift
            assert found[picture, channel, row, column].item() == pytest.approx(expected.item(), rel=1e-3, abs=1e-4)


def test_a_map_is_a_plane_for_each_class_and_one_for_pixels_of_none():
    found = asked_maps.planes(torch.tensor([[[0, 2], [255, 1]]], dtype=torch.uint8), 3)
    assert found.shape == (1, 4, 2, 2) and torch.equal(found.sum(1), torch.ones(1, 2, 2))
    assert found[0, :, 0, 0].tolist() == [1, 0, 0, 0] and found[0, :, 0, 1].tolist() == [0, 0, 1, 0]
    assert found[0, :, 1, 0].tolist() == [0, 0, 0, 1]
    larger = asked_maps.resized(found, (4, 4))
    assert torch.equal(larger[:, :, ::2, ::2], found) and torch.equal(larger[:, :, 1::2, 1::2], found)


@pytest.mark.parametrize("ignored", [False, True])
def test_a_changed_area_of_the_map_changes_the_picture_there_most(ignored):
    model = built().eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    one = torch.zeros(1, 16, 24, dtype=torch.uint8)
    other = one.clone()
    other[:, :6, :6] = 255 if ignored else 2
    noise = model.latents(1, torch.Generator().manual_seed(0))
    apart = (model.sample(noise, None, one) - model.sample(noise, None, other)).abs().mean((0, 1))
    assert apart[:6, :6].mean() > 3 * apart[10:, 14:].mean() > -1 and apart[:6, :6].mean() > 1e-4


def test_the_losses_are_hinge_feature_matching_and_divergence_by_hand():
    model, given = built(feature_matching=3.0, divergence=0.5, scales=1).train(), batch()
    model.discriminator.eval()  # its spectral norms stay as they are
    real, labels = 2 * given.images - 1, asked_maps.planes(maps(), 3)
    torch.manual_seed(7)
    losses = model.losses(given)
    torch.manual_seed(7)
    mean, log_variance = model.generator.encoder(real)
    made = model.generator(mean + (log_variance / 2).exp() * torch.randn(4, 5), labels)
    ((*mine, scores),) = model.discriminator(torch.cat([made, labels], 1))
    ((*true, _),) = model.discriminator(torch.cat([real, labels], 1))
    assert losses["hinge"].item() == pytest.approx(-scores.mean().item(), rel=1e-3, abs=1e-5)
    apart = [(one - other).abs().mean().item() for one, other in zip(mine, true, strict=True)]
    assert losses["feature matching"].item() == pytest.approx(3 * sum(apart) / 2, rel=1e-3)
    each = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1)
    assert losses["divergence"].item() == pytest.approx(0.5 * each.mean().item(), rel=1e-3)
    assert hinge(torch.tensor([0.5, 2.0]), True).item() == 0.25
    assert hinge(torch.tensor([0.5, -2.0]), False).item() == 0.75


def test_a_discriminator_step_asks_nothing_of_the_generator():
    model = built().train()
    sum(model.losses(batch(), "discriminator").values()).backward()
    assert all(weight.grad is None for weight in model.generator.parameters())
    assert all(weight.grad is not None for weight in model.discriminator.parameters())


def test_the_discriminator_sees_the_map():
    model = built(divergence=0.0).train()
    found = []
    for truths in (batch().truths, [ClassMap(labels=torch.zeros(16, 24, dtype=torch.uint8))] * 4):
        torch.manual_seed(0)
        given = Batch(images=batch().images, truths=truths, ids=["a"] * 4)
        found.append(model.losses(given, "discriminator")["hinge"].item())
    assert found[0] != found[1]


def test_noise_gives_one_map_several_pictures_and_without_latents_there_is_one():
    model = built().eval()
    latents, same = model.latents(2, torch.Generator().manual_seed(0)), maps(1).expand(2, -1, -1)
    first, second = model.sample(latents, None, same)
    assert not torch.equal(first, second)
    plain = built(latents=0).eval()
    first, second = plain.sample(plain.latents(2, torch.Generator()), None, same)
    assert torch.equal(first, second) and set(plain.train().losses(batch())) == {"hinge", "feature matching"}


def test_pictures_made_in_parts_are_those_made_at_once(monkeypatch):
    model = built().eval()
    latents = model.latents(4, torch.Generator().manual_seed(0))
    whole = model.sample(latents, None, maps())
    monkeypatch.setattr("clearsight.generators.synthesis.PIXELS_AT_ONCE", 16 * 24 * 3)
    assert torch.allclose(model.sample(latents, None, maps()), whole, atol=1e-6)
    assert model.sample(latents[:0], None, maps()[:0]).shape == (0, 3, 16, 24)


def test_maps_that_do_not_fit_are_refused_in_words():
    model = built().eval()
    latents = model.latents(4, torch.Generator().manual_seed(0))
    wrong = maps()
    wrong[0, 0, 0] = 7
    for given, told in ((None, "no label map was given"), (maps(3), "shape"), (maps(4, size=(8, 8)), "shape"),
                        (wrong, r"class ids \[7\]")):  # fmt: skip
        with pytest.raises(ValueError, match=told):
            model.sample(latents, None, given)
    with pytest.raises(ValueError, match="a class was asked for"):
        model.sample(latents, torch.zeros(4, dtype=torch.long), maps())


def test_data_without_maps_and_maps_of_one_class_are_refused_before_training():
    config = SynthesisConfig(**SMALL)
    with pytest.raises(ValueError, match="have no label map"):
        Synthesis.fitted(config, [Label(index=0)], NAMES)
    with pytest.raises(ValueError, match="only road"):
        Synthesis.fitted(config, [ClassMap(labels=torch.full((4, 4), 1, dtype=torch.uint8))] * 3, NAMES)
    with pytest.raises(ValueError, match="no class at all"):
        Synthesis.fitted(config, [ClassMap(labels=torch.full((4, 4), 255, dtype=torch.uint8))], NAMES)


@pytest.mark.parametrize(
    "wrong",
    [{"conditional": True}, {"widths": ()}, {"map_width": 0}, {"latents": -1}, {"scales": 0}, {"patch_widths": (0,)},
     {"feature_matching": -1.0}, {"divergence": -0.1}, {"beta2": 1.0}],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="Expected|Leave"):
        SynthesisConfig(**wrong)


def test_the_rate_stays_for_half_of_the_run_and_then_falls_linearly():
    model = built()
    optimizer = model.optimizer("generator", model.training_defaults)
    rates = []
    for progress in (0.0, 0.5, 0.75, 1.0):
        model.schedule(optimizer, "generator", progress)
        rates.append(optimizer.param_groups[0]["lr"] / model.training_defaults.learning_rate)
    assert rates == pytest.approx([1, 1, 0.51, 0.02])
