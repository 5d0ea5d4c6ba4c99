import pytest
import torch
import torch.nn.functional as F
from torch import nn

from clearsight import backbones
from clearsight.architectures.decoders import DECODERS
from clearsight.architectures.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from clearsight.architectures.layers import Double, meet
from clearsight.inference.predictor import fold_norms
from clearsight.types import Batch, ClassMap

NAMES = ("ground", "thing", "sky")
BOTH = ("transposed", "resize")


def scene():
    """Two pictures of a bright thing on dark ground under a coloured sky, 64 x 96; some pixels are not judged."""
    images, labels = torch.full((2, 3, 64, 96), 0.2), torch.zeros(2, 64, 96, dtype=torch.uint8)
    images[:, 2, :20], labels[:, :20] = 0.9, 2
    for k, (top, left) in enumerate(((28, 8), (36, 56))):
        images[k, :, top : top + 20, left : left + 24], labels[k, top : top + 20, left : left + 24] = 0.8, 1
    labels[:, 60:] = 255
    return images, labels


def built(**fields):
    images, labels = scene()
    torch.manual_seed(0)
    config = EncoderDecoderConfig(**{"backbone": "regnetx_002", "width": 32} | fields)
    config = EncoderDecoder.fitted(config, [ClassMap(labels=one) for one in labels], NAMES)
    return EncoderDecoder(config, backbones.build("regnetx_002", strides=EncoderDecoder.strides), NAMES)


def batch(labels=None):
    images, own = scene()
    truths = [ClassMap(labels=one) for one in (own if labels is None else labels)]
    return Batch(images=images, truths=truths, ids=["a", "b"])


@pytest.mark.parametrize("size", [(64, 96), (65, 99), (97, 33)], ids=str)
@pytest.mark.parametrize("upsampling", BOTH)
@pytest.mark.parametrize("decoder", DECODERS)
def test_logits_have_the_decoders_stride(decoder, upsampling, size):
    model = built(decoder=decoder, upsampling=upsampling).train()
    logits = model(torch.rand(2, 3, *size))
    stride = 8 if decoder == "fcn" else 4
    allowed = [(side // stride, -(-side // stride)) for side in size]
    assert logits.shape[:2] == (2, 3)
    assert all(side in either for side, either in zip(logits.shape[2:], allowed, strict=True))
    with torch.autocast("cpu", torch.bfloat16):
        assert model(torch.rand(2, 3, *size)).shape == logits.shape


@pytest.mark.parametrize("upsampling", BOTH)
@pytest.mark.parametrize("decoder", DECODERS)
def test_every_decoder_learns_a_scene_and_folds(decoder, upsampling):
    model = built(decoder=decoder, upsampling=upsampling).train()
    weights = dict(model.named_parameters())
    optimizer = torch.optim.AdamW(weights.values(), 4e-3)
    for step in range(30):
        loss = sum(model.losses(batch()).values())
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            assert not [name for name, weight in weights.items() if weight.grad is None]
        optimizer.step()
    images, labels = scene()
    found = torch.stack([one.probabilities for one in model.predict(images)])  # norms of this batch: still training
    right = (found.argmax(1) == labels)[labels != 255].float().mean()
    assert right > 0.9, f"{right:.3f} of the pixels"
    model.eval()
    with torch.no_grad():
        folded = fold_norms(model, images[:1])
        assert torch.allclose(folded(images), model(images), atol=1e-4, rtol=1e-4)


def test_frequencies_are_shares_of_the_judged_pixels():
    labels = torch.tensor([[0, 0, 255], [1, 255, 0]], dtype=torch.uint8)
    config = EncoderDecoder.fitted(EncoderDecoderConfig(), iter([ClassMap(labels=labels)] * 2), ("a", "b", "c"))
    assert config.frequencies == (0.75, 0.25, 0.0)


@pytest.mark.parametrize(("value", "said"), [(1, "only thing"), (255, "no class at all")])
def test_masks_of_one_class_are_an_error(value, said):
    only = ClassMap(labels=torch.full((4, 4), value, dtype=torch.uint8))
    with pytest.raises(ValueError, match=said):
        EncoderDecoder.fitted(EncoderDecoderConfig(), [only], NAMES)


def test_what_is_not_judged_has_no_loss():
    model = built(loss_stride=1).eval()
    labels = scene()[1]
    logits = model(scene()[0]).detach().requires_grad_()
    model.forward = lambda images: logits
    labels[:, :, 48:] = 255
    sum(model.losses(batch(labels)).values()).backward()
    assert not logits.grad[:, :, :, 14:].any() and logits.grad[:, :, :14, :11].any()


def test_losses_are_the_named_ones_with_their_weights():
    weights = {"cross_entropy": 1.0, "dice": 0.5, "lovasz": 0.25, "focal": 2.0}
    with torch.no_grad():
        alone = {}
        for name in weights:
            model = built(**dict.fromkeys(weights, 0.0) | {name: 1.0}).eval()
            ((key, value),) = model.losses(batch()).items()
            assert key == name.replace("_", "-")
            alone[key] = value
        together = built(**weights).eval().losses(batch())
    assert set(together) == set(alone)
    for name, weight in weights.items():
        key = name.replace("_", "-")
        assert torch.isclose(together[key], weight * alone[key], rtol=1e-4)


def test_balanced_cross_entropy_raises_what_is_rare():
    with torch.no_grad():
        plain, balanced = (
            built(class_balance=balance, loss_stride=1, dice=0.0).eval() for balance in ("none", "square-root")
        )
        logits = plain(scene()[0])
        own = F.interpolate(logits, size=(64, 96), mode="bilinear", align_corners=False)
        labels = scene()[1].long()
        by_hand = F.cross_entropy(own, labels, ignore_index=255)
        assert torch.isclose(plain.losses(batch())["cross-entropy"], by_hand, rtol=1e-4)
        rare = torch.tensor(balanced.config.frequencies).rsqrt()
        by_hand = F.cross_entropy(own, labels, rare, ignore_index=255)
        assert torch.isclose(balanced.losses(batch())["cross-entropy"], by_hand, rtol=1e-4)


def test_looking_at_every_second_pixel_is_fair_over_time():
    edges = torch.arange(96).add(torch.arange(64)[:, None]).div(7, rounding_mode="floor").remainder(3)
    labels = edges.to(torch.uint8).expand(2, -1, -1)
    model = built(loss_stride=2, dice=0.0, class_balance="none").train()
    whole = built(loss_stride=1, dice=0.0, class_balance="none").eval()
    with torch.no_grad():
        logits = model(scene()[0])
        model.forward = whole.forward = lambda images: logits
        seen = {round(float(model.losses(batch(labels))["cross-entropy"]), 5) for _ in range(60)}
        exact = float(whole.losses(batch(labels))["cross-entropy"])
    assert 3 <= len(seen) <= 4, "four places to begin, two of them alike on diagonals"
    assert sum(seen) / len(seen) == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("upsampling", BOTH)
@pytest.mark.parametrize("groups", [1, 4])
def test_doubling_begins_as_interpolation(upsampling, groups):
    feature = torch.rand(2, 4, 7, 9)
    expected = F.interpolate(feature, scale_factor=2, mode="bilinear", align_corners=False)
    with torch.no_grad():
        found = Double(4, 4, upsampling, groups)(feature, (14, 18))
    assert torch.allclose(found[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1], atol=1e-6)


def test_meeting_a_size_cuts_or_repeats():
    feature = torch.arange(6.0).reshape(1, 1, 2, 3)
    assert meet(feature, (2, 3)) is feature
    assert meet(feature, (3, 2))[0, 0].tolist() == [[0, 1], [3, 4], [3, 4]]


def test_the_context_reaches_the_whole_picture():
    model = built(decoder="light").eval()
    images = torch.zeros(1, 3, 64, 640)
    images.requires_grad_()
    model(images)[0, :, 0, 0].sum().backward()
    assert images.grad[..., -32:].abs().max() > 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"decoder": "psp"},
        {"upsampling": "nearest"},
        {"class_balance": "fair"},
        {"width": 50},
        {"loss_stride": 0},
        {"dice": -1.0},
    ],
    ids=str,
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EncoderDecoderConfig(**wrong)
    with pytest.raises(ValueError, match="all 0"):
        EncoderDecoderConfig(cross_entropy=0.0, dice=0.0)


@pytest.mark.parametrize("decoder", DECODERS)
def test_it_can_be_exported(decoder):
    model = built(decoder=decoder).eval()
    images = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        exported = torch.export.export(model, (images,)).module()
        assert torch.allclose(exported(images), model(images), atol=1e-5)


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_decoder_has_no_unused_module(decoder):
    model, called = built(decoder=decoder).eval(), set()
    parts = [module for module in model.decoder.modules() if not isinstance(module, nn.ModuleList)]
    for module in parts:
        module.register_forward_hook(lambda own, *_: called.add(own))
    model(torch.rand(1, 3, 64, 64))
    assert not [module for module in parts if module not in called]
