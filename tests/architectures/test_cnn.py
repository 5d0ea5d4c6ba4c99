import pytest
import torch
import torch.nn.functional as F

from clearsight.architectures.cnn import Cnn, CnnConfig, Stage, views, whitening
from clearsight.architectures.mlp import Mlp, MlpConfig
from clearsight.types import Batch, Label


def natural(count=64, side=16):
    """Pictures whose neighbours are alike, with colours that go together and a brightness of their own."""
    random = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, side // 4, side // 4, generator=random)
    smooth = F.interpolate(coarse, size=side, mode="bilinear") + 0.05 * torch.rand(
        count, 3, side, side, generator=random
    )
    return (0.6 * smooth + 0.4 * smooth.mean(1, keepdim=True)).clamp(0, 1)


def responses(model, images):
    return model.whiten(images).transpose(0, 1).flatten(1)


def built(**fields):
    torch.manual_seed(0)
    return Cnn(CnnConfig(**fields), None, ("a", "b", "c"))


def test_the_first_layer_whitens_patches():
    model, images = built(), natural()
    model.prepare(images)
    with torch.no_grad():
        found = responses(model, images)
    assert torch.allclose(torch.cov(found[:12]), torch.eye(12), atol=0.1)
    assert torch.allclose(found.mean(1), torch.zeros(24), atol=1e-3)
    assert torch.allclose(found[12:], -found[:12], atol=1e-4)
    assert not model.whiten.weight.requires_grad


def test_grey_pictures_have_no_colour_to_whiten():
    images = natural().mean(1, keepdim=True).expand(-1, 3, -1, -1)
    model = built()
    model.prepare(images)
    with torch.no_grad():
        found = responses(model, images)[:12]
        tinted = responses(model, images * torch.tensor([1.01, 1.0, 0.99])[:, None, None])[:12]
    used = found.std(1) > 0.5
    assert used.sum() == 4 and torch.allclose(torch.cov(found[used]), torch.eye(4), atol=0.1)
    assert (found[~used].abs() < 1e-3).all() and (tinted[~used].abs() < 1e-3).all(), "noise must not be amplified"


def test_whitening_is_the_same_whatever_the_brightness_of_the_pictures():
    bright, _ = whitening(natural())
    dark, _ = whitening(natural() * 0.1)
    similar = (F.normalize(bright.flatten(1)) * F.normalize(dark.flatten(1))).sum(1).abs()
    assert torch.allclose(similar, torch.ones(12), atol=1e-3) and torch.allclose(
        dark.norm() / bright.norm(), torch.tensor(10.0), rtol=1e-3
    )


def test_pictures_of_one_colour_leave_the_layer_as_it_was():
    model = built()
    before = model.whiten.weight.clone()
    model.prepare(torch.full((4, 3, 8, 8), 0.3))
    assert torch.equal(model.whiten.weight, before)


def test_filters_begin_by_passing_their_input_on():
    stage = Stage(4, 6, 2).eval()
    picture = torch.rand(1, 4, 8, 8)
    with torch.no_grad():
        assert torch.allclose(stage.convolve(picture)[:, :4], picture, atol=1e-6)
        (layer, _) = stage.rest[0]
        assert torch.allclose(layer(torch.ones(1, 6, 4, 4)), torch.ones(1, 6, 4, 4), atol=1e-6)


def test_the_third_convolution_is_residual():
    stage = Stage(4, 4, 3).eval()
    with torch.no_grad():
        stage.rest[1][0].weight.zero_()
        picture = torch.rand(1, 4, 8, 8)
        entered = F.gelu(stage.norm(F.max_pool2d(stage.convolve(picture), 2)))
        assert torch.allclose(stage(picture), F.gelu(entered), atol=1e-6)


def test_an_answer_is_the_mean_over_views_by_hand():
    images = torch.rand(2, 3, 8, 8)
    rows = {-1: [1, 0, 1, 2, 3, 4, 5, 6], 0: list(range(8)), 1: [1, 2, 3, 4, 5, 6, 7, 6]}
    moved = [images[:, :, rows[down]][:, :, :, rows[down]] for down in (-1, 1)]
    mirrored = [one.flip(3) for one in (images, *moved)]
    expected = {(False, False): [images], (False, True): [images, *moved], (True, False): [images, images.flip(3)],
                (True, True): [images, *moved, *mirrored]}  # fmt: skip
    for (mirror, shift), seen in expected.items():
        found = views(images, mirror, shift)
        assert len(found) == len(seen) and all(torch.equal(a, b) for a, b in zip(found, seen, strict=True))
        model = built(widths=(8, 8), mirrored=mirror, shifted=shift, temperature=0.5).eval()
        with torch.no_grad():
            logits = sum(model(one) for one in seen) / len(seen)
        answers = torch.stack([one.probabilities for one in model.predict(images)])
        assert torch.allclose(answers, (logits / 0.5).softmax(1), atol=1e-5)


def test_a_picture_of_one_row_or_two_is_not_moved_further_than_it_goes():
    assert len(views(torch.rand(1, 3, 1, 8), False, True)) == 1
    assert len(views(torch.rand(1, 3, 40, 64), False, True)) == 3
    assert torch.equal(views(torch.arange(64.0).expand(1, 3, 64, 64), False, True)[1][0, 0, 0, :4],
                       torch.tensor([2.0, 1.0, 0.0, 1.0]))  # fmt: skip


@pytest.mark.parametrize("side", [2, 3, 5, 28, 33, 224])
def test_pictures_of_any_size_have_an_answer(side):
    assert built(widths=(8, 8, 8)).eval()(torch.rand(1, 3, side, side)).shape == (1, 3)
    mlp = Mlp(MlpConfig(widths=(8,)), None, ("a", "b")).eval()
    assert mlp(torch.rand(1, 3, side, side + 1)).shape == (1, 2)


def test_a_multilayer_perceptron_sees_the_mean_of_what_it_makes_one_pixel():
    mlp = Mlp(MlpConfig(widths=(8,), side_px=4), None, ("a", "b")).eval()
    small = torch.rand(1, 3, 4, 4)
    large = small.repeat_interleave(3, 2).repeat_interleave(3, 3)
    with torch.no_grad():
        assert torch.allclose(mlp(small), mlp(large), atol=1e-6)


def test_bad_settings_are_refused():
    for kind, wrong in ((CnnConfig, {"widths": ()}), (CnnConfig, {"depth": 0}), (MlpConfig, {"side_px": 0})):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            kind(**wrong)


@pytest.mark.parametrize("kind", [Cnn, Mlp])
def test_it_learns_which_way_stripes_run(kind):
    torch.manual_seed(0)
    truths = [Label(index=k % 2) for k in range(32)]
    images = 0.1 * torch.rand(32, 3, 16, 16)
    for k, image in enumerate(images):
        image[:, :, k // 2 % 2 :: 2] += 0.8 * (k % 2)
        image[:, k // 2 % 2 :: 2] += 0.8 * (1 - k % 2)
    small = {"widths": (16, 16)}
    model = kind(kind.fitted(kind.config_type(**small), truths, ("down", "across")), None, ("down", "across"))
    if kind is Cnn:
        model.prepare(images)
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], 3e-3)
    for _ in range(30):
        loss = model.losses(Batch(images=images, truths=truths, ids=[""] * 32))["class"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = model.eval().predict(images)
    assert [int(one.probabilities.argmax()) for one in found] == [truth.index for truth in truths]


def test_whitening_is_the_same_however_many_pictures_are_looked_at_together(monkeypatch):
    whole = whitening(natural())
    monkeypatch.setattr("clearsight.architectures.cnn.MOST_PATCHES", 16 * 16 * 7)
    parts = whitening(natural())
    assert all(torch.allclose(one, other, atol=1e-3, rtol=1e-4) for one, other in zip(whole, parts, strict=True))
