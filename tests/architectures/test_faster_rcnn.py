import math

import pytest
import torch
import torchvision
from torch import nn

from clearsight import backbones
from clearsight.architectures.anchors import anchors_on_grid, by_level, fitted_anchors, level_of
from clearsight.architectures.faster_rcnn import FasterRcnn, FasterRcnnConfig
from clearsight.architectures.region_heads import aligned_features
from clearsight.architectures.region_matching import (
    Objects,
    decoded_boxes,
    matched,
    objects_of,
    overlaps,
    sampled_regions,
)
from clearsight.settings import choose
from clearsight.types import Batch, Boxes

NAMES = ("a", "b")
SMALL = {"width": 32, "hidden_units": 64, "sampled_proposals": 16, "sampled_anchors": 32}
EMPTY = Boxes.of(torch.zeros(0, 4), torch.zeros(0))
ONE = Boxes.of(torch.tensor([[10.0, 10, 50, 40]]), torch.tensor([1]))
CROWD = Boxes.of(ONE.xyxy, ONE.labels, ignored=torch.tensor([True]))
PIXEL = Boxes.of(torch.tensor([[30.0, 20, 31, 21]]), torch.tensor([0]))


def built(**settings):
    torch.manual_seed(0)
    config = FasterRcnnConfig(**{**SMALL, "anchors": (16.0, 16.0, 30.0, 40.0, 90.0, 90.0), **settings})
    return FasterRcnn(config, backbones.build("regnetx_002", strides=FasterRcnn.strides), NAMES)


def batch(truths, seed=1):
    random = torch.Generator().manual_seed(seed)
    images = torch.rand(len(truths), 3, 64, 96, generator=random)
    return Batch(images=images, truths=truths, ids=[str(k) for k in range(len(truths))])


@pytest.fixture(scope="module")
def network():
    return built()


@pytest.mark.parametrize(
    "truths",
    [[EMPTY, ONE], [EMPTY, EMPTY], [ONE, ONE], [CROWD, CROWD], [PIXEL, EMPTY], [ONE], [EMPTY]],
    ids=["one empty", "all empty", "full", "only ignored", "one pixel", "one picture", "one empty picture"],
)
def test_losses_are_finite_and_reach_every_weight(network, truths):
    network.train().zero_grad()
    losses = network.losses(batch(truths))
    assert set(losses) == {"proposal", "proposal-box", "score", "box"}
    assert all(torch.isfinite(value) and value.dtype == torch.float32 for value in losses.values())
    sum(losses.values()).backward()
    assert not [name for name, weight in network.named_parameters() if weight.grad is None]
    if any(len(truth) and not truth.ignored.any() for truth in truths):
        first = next(network.backbone.parameters())
        assert first.grad.abs().sum() > 0 and losses["box"] > 0 and losses["proposal-box"] > 0
    else:
        assert losses["box"] == 0 and losses["proposal-box"] == 0


def test_a_single_region_in_a_small_picture():
    tiny = Batch(images=torch.rand(1, 3, 32, 64), truths=[EMPTY], ids=["a"])
    assert all(
        torch.isfinite(value)
        for value in built(sampled_proposals=1, training_proposals=1).train().losses(tiny).values()
    )


def slow_overlap(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared + 1e-7)


def random_boxes(count, random, room=100.0, least=5.0):
    corner = torch.rand(count, 2, generator=random) * room
    return torch.cat([corner, corner + least + torch.rand(count, 2, generator=random) * 40], dim=1)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("every", [False, True])
def test_matching_is_that_of_a_slow_loop(seed, every):
    random = torch.Generator().manual_seed(seed)
    boxes, truths, crowds = random_boxes(80, random), random_boxes(6, random), random_boxes(2, random)
    objects = Objects(boxes=truths, labels=torch.zeros(6).long(), rows=torch.arange(6), ignored=crowds)
    found = matched(boxes, objects, 0.5, 0.3, every_object=every)
    table = [[slow_overlap(truth, box) for box in boxes.tolist()] for truth in truths.tolist()]
    best_of = {max(range(80), key=lambda k, n=n: table[n][k]) for n in range(6)} if every else set()
    for k, box in enumerate(boxes.tolist()):
        best = max(range(6), key=lambda n: table[n][k])
        positive = table[best][k] >= 0.5 or (k in best_of)
        width_height = [(min(box[2], c[2]) - max(box[0], c[0]), min(box[3], c[3]) - max(box[1], c[1])) for c in crowds]
        area = (box[2] - box[0]) * (box[3] - box[1])
        covered = any(max(w, 0) * max(h, 0) > 0.5 * area for w, h in width_height)
        negative = table[best][k] < 0.3 and not positive and not covered
        assert bool(found.positive[k]) == positive and bool(found.negative[k]) == negative
        if positive and k not in best_of:
            assert int(found.truth[k]) == best
    for n, row in enumerate(table if every else []):
        assert int(found.truth[max(range(80), key=lambda k: row[k])]) == n


def test_overlaps_of_all_pairs():
    random = torch.Generator().manual_seed(0)
    a, b = random_boxes(5, random), random_boxes(7, random)
    expected = torch.tensor([[slow_overlap(x, y) for y in b.tolist()] for x in a.tolist()])
    assert torch.allclose(overlaps(a, b), expected, atol=1e-6)


def test_without_objects_all_is_background_but_what_lies_in_a_crowd():
    boxes = torch.tensor([[12.0, 12, 30, 30], [60, 40, 80, 60]])
    match = matched(boxes, objects_of(EMPTY, torch.device("cpu")), 0.5, 0.5, every_object=True)
    assert match.negative.all() and not match.positive.any()
    match = matched(boxes, objects_of(CROWD, torch.device("cpu")), 0.5, 0.5, every_object=True)
    assert match.negative.tolist() == [False, True] and not match.positive.any()


def test_draws_keep_to_their_shares():
    match = matched(
        torch.tensor([[10.0, 10, 50, 40]] * 30 + [[60.0, 0, 90, 20]] * 30),
        objects_of(ONE, torch.device("cpu")),
        0.5,
        0.5,
    )
    positive, negative = sampled_regions(match, 20, 0.25)
    assert len(positive) == 5 and len(negative) == 15
    assert (positive < 30).all() and (negative >= 30).all() and len(negative.unique()) == 15


def test_regions_move_as_the_paper_says():
    region = torch.tensor([[10.0, 20, 30, 60]])
    assert torch.equal(decoded_boxes(region, torch.zeros(1, 4)), region)
    found = decoded_boxes(region, torch.tensor([[0.5, -0.25, 0, 0]]))
    assert torch.allclose(found, torch.tensor([[20.0, 10, 40, 50]]))
    grown = decoded_boxes(region, torch.tensor([[0.0, 0, math.log(2), math.log(0.5)]]))
    assert torch.allclose(grown, torch.tensor([[0.0, 30, 40, 50]]))


def test_anchors_are_the_sizes_there_are_and_always_the_same():
    random = torch.Generator().manual_seed(0)
    near = torch.tensor([[20.0, 10], [60, 60], [40, 160]]).repeat(50, 1) * (
        1 + 0.05 * torch.randn(150, 2, generator=random)
    )
    corner = torch.rand(150, 2, generator=random) * 100
    truth = Boxes.of(torch.cat([corner, corner + near.flip(1)], 1), torch.zeros(150))
    found = fitted_anchors([truth, EMPTY, CROWD], 3)
    assert torch.allclose(torch.tensor(found), torch.tensor([20.0, 10, 60, 60, 40, 160]), rtol=0.05)
    assert fitted_anchors(iter([truth, EMPTY, CROWD]), 3) == found
    assert fitted_anchors([ONE], 6) == (30.0, 40.0)


def test_anchors_need_objects():
    with pytest.raises(ValueError, match="no object"):
        fitted_anchors([EMPTY, CROWD], 3)


def test_a_config_remembers_its_anchors():
    config = FasterRcnn.fitted(FasterRcnnConfig(), [ONE, PIXEL], NAMES)
    assert config.anchors == (1.0, 1.0, 30.0, 40.0)
    assert FasterRcnn.fitted(config, [EMPTY], NAMES) == config
    (read,) = choose({"anchors": list(config.anchors)}, FasterRcnnConfig())
    assert read == config


def test_objects_belong_to_the_map_where_they_span_eight_cells():
    sides = torch.tensor([1.0, 64, 90, 91, 128, 181, 182, 256, 5000])
    assert level_of(sides.square(), (8, 16, 32)).tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert by_level((10.0, 12.0, 120.0, 130.0), (8, 16, 32)) == [[(10.0, 12.0)], [(120.0, 130.0)], []]


def test_anchors_lie_around_every_cell():
    found = anchors_on_grid((2, 3), 8, [(10.0, 4.0), (2.0, 2.0)], torch.device("cpu"))
    assert found.shape == (12, 4)
    assert found[0].tolist() == [2.0, -1.0, 6.0, 9.0] and found[3].tolist() == [11.0, 3.0, 13.0, 5.0]
    assert found[-1].tolist() == [19.0, 11.0, 21.0, 13.0]


@pytest.mark.parametrize("side", [7, 14])
def test_features_are_those_of_roi_align(side):
    random = torch.Generator().manual_seed(0)
    strides = (8, 16, 32)
    maps = [torch.randn(2, 16, 256 // s, 320 // s, generator=random).requires_grad_() for s in strides]
    corner = torch.rand(30, 2, generator=random) * torch.tensor([110.0, 50.0])
    regions = torch.cat([corner, corner + 2 + torch.rand(30, 2, generator=random) * 200], dim=1)
    pictures = torch.arange(30) % 2
    found = aligned_features(maps, strides, regions, pictures, side)
    levels = level_of((regions[:, 2:] - regions[:, :2]).prod(1), strides)
    assert len(levels.unique()) == 3
    rows = torch.cat([pictures[:, None].float(), regions], 1)
    expected = torch.stack([
        torchvision.ops.roi_align(maps[level], rows[k : k + 1], (side, side), 1 / strides[level], 1, True)[0]
        for k, level in enumerate(levels.tolist())
    ])  # fmt: skip
    assert torch.allclose(found, expected, atol=1e-5)
    weights = torch.randn(expected.shape, generator=random)
    mine = torch.autograd.grad((found * weights).sum(), maps)
    theirs = torch.autograd.grad((expected * weights).sum(), maps)
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(mine, theirs, strict=True))


def test_an_ignored_object_is_not_called_background(network):
    """With every proposal in a crowd there is nothing to learn from in the picture."""
    whole = torch.tensor([[0.0, 0, 96, 64]])
    crowd = Boxes.of(whole, torch.tensor([0]), ignored=torch.tensor([True]))
    network.eval()
    with torch.no_grad():
        with_crowd, without = network.losses(batch([crowd, ONE])), network.losses(batch([EMPTY, ONE]))
    assert with_crowd["score"] < without["score"]


def lively(model):
    """A network that finds something everywhere."""
    with torch.no_grad():
        model.head.to_class.bias.fill_(0.0)
    return model.eval()


def test_predictions_keep_the_conventions():
    for found in lively(built()).predict(torch.rand(2, 3, 64, 96)):
        assert 0 < len(found) <= 100
        assert (found.scores[:-1] >= found.scores[1:]).all() and ((found.scores > 0) & (found.scores <= 1)).all()
        x1, y1, x2, y2 = found.xyxy.T
        assert (x1 >= 0).all() and (y1 >= 0).all() and (x2 <= 96).all() and (y2 <= 64).all()
        assert (x1 < x2).all() and (y1 < y2).all() and found.labels.dtype == torch.long


def test_a_picture_is_judged_alone():
    model, images = lively(built()), torch.rand(3, 3, 64, 96)
    together = model.predict(images)
    for image, expected in zip(images, together, strict=True):
        (found,) = model.predict(image[None])
        # Scores that are nearly equal may change places: sums of other batches round otherwise.
        apart = (found.xyxy[:, None] - expected.xyxy[None]).abs().amax(2)
        apart += 1e3 * (found.labels[:, None] != expected.labels[None])
        assert len(found) == len(expected) and float(apart.amin(1).max()) < 1e-2 and float(apart.amin(0).max()) < 1e-2
        assert torch.allclose(found.scores, expected.scores, atol=1e-4)
        with torch.no_grad():
            boxes, scores, labels = model.found(image[None])
        assert (
            torch.equal(boxes, found.xyxy) and torch.equal(scores, found.scores) and torch.equal(labels, found.labels)
        )


def test_nothing_is_found_below_the_floor():
    (found,) = built(score_threshold=0.99).eval().predict(torch.rand(1, 3, 64, 96))
    assert len(found) == 0 and found.xyxy.shape == (0, 4)


def test_bfloat16_weights_still_give_float32_boxes():
    (found,) = lively(built()).to(torch.bfloat16).predict(torch.rand(1, 3, 64, 96).to(torch.bfloat16))
    assert len(found) and found.xyxy.dtype == torch.float32 and found.scores.dtype == torch.float32


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
    for expected, found in zip(model.found(second), traced(second), strict=True):
        assert expected.shape == found.shape and torch.allclose(expected, found, atol=1e-4)


def test_bad_settings_are_refused():
    for wrong in (
        {"width": 50}, {"width": 0}, {"depth": 0}, {"nms_iou_threshold": 0.0}, {"sampled_proposals": 0},
        {"voting_iou_threshold": 1.0}, {"score_threshold": 1.0},
        {"positive_share": 2.0}, {"box_weight": -1.0}, {"anchors": (3.0,)}, {"anchors": (3.0, 0.0)},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=next(iter(wrong))):
            FasterRcnnConfig(**wrong)


def test_it_learns_two_pictures_by_heart():
    model = built(anchors=(30.0, 40.0, 20.0, 20.0)).train()
    pictures = torch.zeros(2, 3, 64, 96)
    pictures[0, :, 10:40, 10:50] = 1.0
    pictures[1, 0, 30:50, 60:80] = 1.0
    other = Boxes.of(torch.tensor([[60.0, 30, 80, 50]]), torch.tensor([0]))
    both = Batch(images=pictures, truths=[ONE, other], ids=["a", "b"])
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
    totals = []
    for _ in range(150):
        loss = sum(model.losses(both).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        totals.append(float(loss.detach()))
    assert sum(totals[-5:]) < 0.4 * sum(totals[:5])
    for found, truth in zip(model.eval().predict(pictures), both.truths, strict=True):
        assert found.labels[0] == truth.labels[0] and torch.allclose(found.xyxy[0], truth.xyxy[0], atol=4.0)
