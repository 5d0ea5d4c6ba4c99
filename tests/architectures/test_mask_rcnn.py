import pytest
import torch
from torch import nn

from clearsight import backbones
from clearsight.architectures.mask_rcnn import MaskRcnn, MaskRcnnConfig
from clearsight.ops.instance_masks import bitmaps, of_bitmaps
from clearsight.types import Batch, Boxes, InstanceDetections, Instances

NAMES = ("a", "b")
SMALL = {
    "width": 32,
    "hidden_units": 64,
    "sampled_proposals": 16,
    "sampled_anchors": 32,
    "mask_depth": 1,
    "mask_samples": 16,
}


def objects(*drawn, ignored=None, size=(64, 96)):
    """Ellipses: each a box ``x1 y1 x2 y2`` and a label."""
    y, x = torch.meshgrid(torch.arange(size[0]) + 0.5, torch.arange(size[1]) + 0.5, indexing="ij")
    shapes, boxes = [], []
    for (x1, y1, x2, y2), _ in drawn:
        shapes.append(((2 * x - x1 - x2) / (x2 - x1)) ** 2 + ((2 * y - y1 - y2) / (y2 - y1)) ** 2 <= 1)
        boxes.append([float(side) for side in (x1, y1, x2, y2)])
    masks = torch.stack(shapes) if shapes else torch.zeros(0, *size, dtype=torch.bool)
    labels = torch.tensor([label for _, label in drawn], dtype=torch.long)
    boxes = Boxes.of(torch.tensor(boxes).reshape(-1, 4), labels, ignored, areas=masks.sum((1, 2)))
    return Instances(**vars(boxes), masks=of_bitmaps(masks))


EMPTY = objects()
ONE = objects(((10, 10, 50, 40), 1))
CROWD = objects(((10, 10, 50, 40), 1), ignored=torch.tensor([True]))
TWO = objects(((60, 5, 90, 30), 0), ((10, 30, 40, 60), 1), ignored=torch.tensor([True, False]))
PIXEL = objects(((30, 20, 31, 21), 0))


def built(**settings):
    torch.manual_seed(0)
    config = MaskRcnnConfig(**{**SMALL, "anchors": (25.0, 30.0, 30.0, 40.0), **settings})
    return MaskRcnn(config, backbones.build("regnetx_002", strides=MaskRcnn.strides), NAMES)


def batch(truths):
    images = torch.rand(len(truths), 3, 64, 96, generator=torch.Generator().manual_seed(1))
    return Batch(images=images, truths=truths, ids=[str(k) for k in range(len(truths))])


@pytest.fixture(scope="module")
def network():
    return built()


@pytest.mark.parametrize(
    "truths",
    [[EMPTY, ONE], [EMPTY, EMPTY], [TWO, ONE], [CROWD, CROWD], [PIXEL, EMPTY]],
    ids=["one empty", "all empty", "one ignored", "only ignored", "one pixel"],
)
def test_losses_are_finite_and_reach_every_weight(network, truths):
    network.train().zero_grad()
    losses = network.losses(batch(truths))
    assert set(losses) == {"proposal", "proposal-box", "score", "box", "mask"}
    assert all(torch.isfinite(value) and value.dtype == torch.float32 for value in losses.values())
    sum(losses.values()).backward()
    assert not [name for name, weight in network.named_parameters() if weight.grad is None]
    judged = any((~truth.ignored).any() for truth in truths)
    assert (losses["mask"] > 0) == judged
    assert (network.masks.to_mask.weight.grad.abs().sum() > 0) == judged


def test_a_mask_is_asked_only_of_the_class_of_its_object(network):
    network.train().zero_grad()
    network.losses(batch([ONE, TWO]))["mask"].backward()  # all judged objects are of the second class
    of_class = network.masks.to_mask.weight.grad.abs().sum((1, 2, 3))
    assert of_class[0] == 0 and of_class[1] > 0


def lively(model):
    with torch.no_grad():
        model.head.to_class.bias.fill_(0.0)
    return model.eval()


def test_predictions_keep_the_conventions():
    for found in lively(built()).predict(torch.rand(2, 3, 64, 96)):
        assert isinstance(found, InstanceDetections) and 0 < len(found) <= 100
        assert len(found.masks) == len(found) and found.masks.size == (64, 96)
        windows = found.masks.windows
        some = (windows[:, 2] > 0) & (windows[:, 3] > 0)
        inside = (windows[:, :2] >= found.xyxy[:, :2].floor()) & (windows[:, 2:] <= found.xyxy[:, 2:].ceil())
        assert inside[some].all()


def test_nothing_found_has_no_masks():
    (found,) = built(score_threshold=0.99).eval().predict(torch.rand(1, 3, 64, 96))
    assert len(found) == len(found.masks) == 0


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_what_is_exported_can_be_traced():
    model = lively(built()).requires_grad_(False)
    first, second = torch.rand(2, 1, 3, 64, 96)

    class Found(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, images):
            return self.model.found(images)

    traced = torch.jit.trace(Found(), (first,), check_trace=False)
    expected, found = model.found(second), traced(second)
    assert len(expected) == len(found) == 4 and expected[3].shape == (len(expected[0]), 28, 28)
    assert all(a.shape == b.shape and torch.allclose(a, b, atol=1e-4) for a, b in zip(expected, found, strict=True))


def test_bad_settings_are_refused():
    for wrong in ({"mask_depth": 0}, {"mask_samples": 0}, {"mask_weight": -1.0}, {"mask_threshold": 1.0}, {"width": 7}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            MaskRcnnConfig(**wrong)


def test_it_learns_two_pictures_by_heart():
    model = built().train()
    truths = [ONE, objects(((50, 30, 80, 55), 0))]
    pictures = torch.zeros(2, 3, 64, 96)
    for picture, truth in zip(pictures, truths, strict=True):
        picture[:, bitmaps(truth.masks)[0]] = torch.tensor([[1.0], [float(truth.labels[0])], [1.0]])
    both = Batch(images=pictures, truths=truths, ids=["a", "b"])
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
    totals = []
    for _ in range(90):
        loss = sum(model.losses(both).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        totals.append(float(loss.detach()))
    assert sum(totals[-5:]) < 0.4 * sum(totals[:5])
    for found, truth in zip(model.eval().predict(pictures), truths, strict=True):
        assert found.labels[0] == truth.labels[0] and torch.allclose(found.xyxy[0], truth.xyxy[0], atol=4.0)
        mine, theirs = bitmaps(found.masks)[0], bitmaps(truth.masks)[0]
        assert (mine & theirs).sum() / (mine | theirs).sum() > 0.75
