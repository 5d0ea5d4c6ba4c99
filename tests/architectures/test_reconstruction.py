"""Autoencoder and denoiser: what they learn, what passes from input to output, what is refused."""

import dataclasses

import pytest
import torch

from clearsight import backbones
from clearsight.architectures import Autoencoder, Classifier, Denoiser
from clearsight.architectures.autoencoder import AutoencoderConfig
from clearsight.architectures.denoiser import DenoiserConfig
from clearsight.ops.noise import NOISES
from clearsight.types import Batch

SMALL = DenoiserConfig(widths=(16, 24), patch_px=16)


def denoiser(config=SMALL):
    torch.manual_seed(0)
    return Denoiser(Denoiser.fitted(config, [], ()), None, ())


def autoencoder(**settings):
    torch.manual_seed(0)
    config = Autoencoder.fitted(AutoencoderConfig(backbone="regnetx_002", width=8, bottleneck=32, **settings), [], ())
    return Autoencoder(config, backbones.build("regnetx_002", strides=(32,)), ())


def blobs(count, side=32):
    """Smooth coloured pictures, which noise can be told from."""
    random = torch.Generator().manual_seed(1)
    small = torch.rand(count, 3, 4, 4, generator=random)
    return torch.nn.functional.interpolate(small, size=(side, side), mode="bicubic").clamp(0, 1)


def steps(network, images, count, rate):
    optimizer = torch.optim.AdamW(network.train().parameters(), lr=rate)
    for _ in range(count):
        batch = Batch(images=images, truths=[None] * len(images), ids=[str(k) for k in range(len(images))])
        loss = sum(network.losses(batch).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(loss.detach())


def test_a_denoiser_begins_as_the_identity_at_any_size():
    for size in [(32, 32), (33, 47), (1, 3), (8, 70)]:
        images = torch.rand(2, 3, *size)
        assert torch.allclose(denoiser().eval()(images), images, atol=1e-6)


@pytest.mark.parametrize("noise", NOISES)
def test_a_denoiser_learns_each_kind_of_noise(noise):
    usual = NOISES[noise]
    network = denoiser(dataclasses.replace(SMALL, noise=noise, levels=(usual.judged, usual.judged)))
    images = blobs(8)
    batch = Batch(images=images, truths=[None] * 8, ids=list("abcdefgh"))
    torch.manual_seed(1)
    before = float(sum(network.losses(batch).values()).detach())
    steps(network, images, 150, 3e-3)
    torch.manual_seed(1)
    after = float(sum(network.losses(batch).values()).detach())
    assert after < (0.9 if noise == "blur" else 0.5) * before


def test_what_a_denoiser_makes_of_a_pixel_depends_on_its_surroundings_only():
    network = denoiser().eval()
    torch.nn.init.normal_(network.last.weight, std=0.1)
    images = torch.rand(1, 3, 128, 128)
    changed = images.clone()
    changed[:, :, :8, :8] = 0
    with torch.no_grad():
        apart = (network(images) - network(changed)).abs().amax(1)[0]
    assert float(apart[:8, :8].max()) > 0 and float(apart[90:, 90:].max()) == 0


def test_an_autoencoder_keeps_no_more_than_its_code():
    network = autoencoder().eval()
    images = torch.rand(2, 3, 64, 96)
    code = network.encode(images)
    assert code.shape == (2, 32, 2, 3)
    assert torch.allclose(network.decode(code, (64, 96)), network(images), atol=1e-6)


@pytest.mark.parametrize(("upsampling", "count"), [("resize", 50), ("transposed", 160)])
def test_an_autoencoder_learns_a_few_pictures(upsampling, count):
    network = autoencoder(upsampling=upsampling)
    images = blobs(4, 32)
    around_mean = float((images - images.mean(0)).square().mean()) * 255**2
    assert steps(network, images, count, 3e-3) < 0.5 * around_mean


def test_a_denoising_autoencoder_sees_noise_in_training_and_none_in_prediction():
    network = autoencoder(noise="masking", levels=(0.5, 0.5))
    seen = []
    network.backbone.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    images = torch.full((4, 3, 64, 64), 0.6)
    network.losses(Batch(images=images, truths=[None] * 4, ids=list("abcd")))
    network.eval().predict(images)
    assert 0.4 < float((seen[0] == 0).float().mean()) < 0.6 and torch.equal(seen[1], images)


def test_its_trunk_fits_a_classifier():
    mine, theirs = autoencoder().backbone, backbones.build("regnetx_002", strides=Classifier.strides)
    assert {name: one.shape for name, one in mine.state_dict().items()} == {
        name: one.shape for name, one in theirs.state_dict().items()
    }


def test_levels_left_out_are_the_usual_ones_and_are_remembered():
    config = Denoiser.fitted(DenoiserConfig(noise="blur"), [], ())
    assert (config.levels, config.judged_level) == (NOISES["blur"].trained, NOISES["blur"].judged)
    said = DenoiserConfig(levels=(10, 10), judged_level=10)
    assert Denoiser.fitted(said, [], ()) == said
    assert Autoencoder.fitted(AutoencoderConfig(noise="gaussian"), [], ()).levels == NOISES["gaussian"].trained
    assert Autoencoder.fitted(AutoencoderConfig(), [], ()).levels == ()


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        (DenoiserConfig, {"noise": "snow"}, "noise is 'snow'. Expected gaussian, salt-and-pepper"),
        (DenoiserConfig, {"levels": (0.0, 300.0)}, "level of gaussian noise is 300"),
        (DenoiserConfig, {"levels": (5.0,)}, "lowest and the highest level of gaussian noise.*0,55"),
        (DenoiserConfig, {"levels": (9.0, 5.0)}, "lowest and the highest"),
        (DenoiserConfig, {"judged_level": -1.0}, "level of gaussian noise is -1"),
        (DenoiserConfig, {"noise": "masking", "judged_level": 25.0}, "from 0 to 1"),
        (DenoiserConfig, {"widths": ()}, "channels of each level"),
        (DenoiserConfig, {"widths": (30, 64)}, "multiple of 4"),
        (DenoiserConfig, {"depth": 0}, "depth is 0"),
        (DenoiserConfig, {"patch_px": 2}, "patch_px is 2"),
        (AutoencoderConfig, {"noise": "snow"}, "noise is 'snow'. Expected none, gaussian"),
        (AutoencoderConfig, {"levels": (0.0, 1.0)}, "noise is none. Choose a noise"),
        (AutoencoderConfig, {"upsampling": "nearest"}, "upsampling is 'nearest'"),
        (AutoencoderConfig, {"bottleneck": 0}, "bottleneck is 0"),
    ],
)
def test_what_cannot_be_is_refused(kind, settings, words):
    with pytest.raises(ValueError, match=words):
        kind(**settings)
