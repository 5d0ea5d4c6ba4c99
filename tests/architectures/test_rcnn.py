import math
import os
import sys
import types
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from clearsight import backbones
from clearsight.architectures import rcnn, selective_search
from clearsight.architectures.rcnn import Rcnn, RcnnConfig, decoded_boxes, encoded_boxes, matched, warped
from clearsight.types import Batch, Boxes

EMPTY = Boxes.of(torch.zeros(0, 4), torch.zeros(0))
NAMES = ("a", "b")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CLEARSIGHT_CACHE", str(tmp_path))


def model(**config):
    torch.manual_seed(0)
    config = RcnnConfig(**{"regions_per_step": 16, "warp_px": 32, "warp_brightness": 0.0, **config})
    return Rcnn(config, backbones.build("regnetx_002", strides=Rcnn.strides), NAMES)


def rectangles():
    """Two pictures with one rectangle each, of a class each."""
    images = torch.full((2, 3, 64, 64), 0.8)
    images[0, 0, 8:28, 10:40] = 0.1
    images[1, 2, 30:60, 36:52] = 0.1
    where = [[10.0, 8, 40, 28], [36.0, 30, 52, 60]]
    truths = [Boxes.of(torch.tensor([box]), torch.tensor([k])) for k, box in enumerate(where)]
    return Batch(images=images, truths=truths, ids=["0", "1"])


def at(batch, progress, truths=None):
    return Batch(images=batch.images, truths=truths or batch.truths, ids=batch.ids, progress=progress)


def overlap(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared + 1e-7)


def slow_losses(outputs, sample, truths, tuning):
    """What each region costs, one after the other."""
    softmax, logits, corrections = outputs
    terms = {"softmax": [], "classifier": [], "box": []}
    for r, box in enumerate(sample.boxes.tolist()):
        truth = truths[int(sample.picture[r])]
        objects = [
            (overlap(box, other), other, label)
            for other, label, ignored in zip(
                truth.xyxy.tolist(), truth.labels.tolist(), truth.ignored.tolist(), strict=True
            )
            if not ignored
        ]
        iou, best, label = max(objects, default=(0.0, box, 0))
        target = label if iou >= 0.5 else len(NAMES)
        terms["softmax"].append(-math.log(softmax[r].softmax(0)[target]))
        cost = 0.0
        for c in range(len(NAMES)):
            mine = max([found for found, _, kind in objects if kind == c], default=0.0)
            p = float(logits[r, c].sigmoid())
            cost += -math.log(p) if mine >= 0.7 else -math.log(1 - p) if mine < 0.3 else 0.0
        terms["classifier"].append(cost)
        if iou >= 0.6:
            width, height = box[2] - box[0], box[3] - box[1]
            wanted = [
                ((best[0] + best[2]) / 2 - (box[0] + box[2]) / 2) / width,
                ((best[1] + best[3]) / 2 - (box[1] + box[3]) / 2) / height,
                math.log((best[2] - best[0]) / width),
                math.log((best[3] - best[1]) / height),
            ]
            said = corrections[r, label].tolist()
            terms["box"].append(sum((a - b) ** 2 for a, b in zip(said, wanted, strict=True)))
    if not tuning:
        del terms["softmax"]
    return {name: sum(values) / max(len(values), 1) for name, values in terms.items()}


@pytest.mark.parametrize("progress", [0.0, 0.9])
def test_losses_are_those_of_a_slow_loop(progress, monkeypatch):
    random = torch.Generator().manual_seed(3)
    objects = torch.tensor([[10.0, 8, 40, 28], [30, 30, 60, 60], [0, 40, 20, 64]])
    truths = [Boxes.of(objects, torch.tensor([0, 1, 0]), ignored=torch.tensor([False, False, True])), EMPTY]
    near = objects.repeat(6, 1) + torch.randn(18, 4, generator=random) * 5
    regions = [near.clamp(0, 64), torch.tensor([[0.0, 0, 64, 64], [5, 5, 30, 30]])]
    monkeypatch.setattr(selective_search, "regions", lambda *_, **__: regions)
    network, seen = model(regions_per_step=24), {}
    outputs = (torch.randn(24, 3, generator=random), torch.randn(24, 2, generator=random),
               torch.randn(24, 2, 4, generator=random))  # fmt: skip
    draw = network._sampled

    def watched(batch):
        seen["sample"] = draw(batch)
        return seen["sample"]

    monkeypatch.setattr(network, "_sampled", watched)
    monkeypatch.setattr(network, "features", lambda warps: warps)
    monkeypatch.setattr(network, "heads", lambda features: tuple(part[: len(features)] for part in outputs))
    batch = Batch(images=torch.rand(2, 3, 64, 64), truths=truths, ids=["0", "1"], progress=progress)
    losses = network.losses(batch)
    wanted = slow_losses(outputs, seen["sample"], truths, progress < 0.75)
    assert wanted["box"] > 0 and {n: v.item() for n, v in losses.items()} == pytest.approx(wanted, rel=1e-4)
    meets = seen["sample"].class_iou.amax(1) >= 0.5
    assert 0 < meets.sum() <= 6 and not meets[6:].any()  # a quarter of 24 at most


def test_regions_in_a_crowd_are_no_background_and_objects_are_regions():
    crowd = torch.tensor([[0.0, 0, 30, 30]])
    truth = Boxes.of(torch.cat([crowd, torch.tensor([[40.0, 40, 60, 60]])]), torch.tensor([0, 1]),
                     ignored=torch.tensor([True, False]))  # fmt: skip
    regions = torch.tensor([[2.0, 2, 20, 20], [20.0, 20, 50, 50], [41.0, 40, 60, 60]])
    sample = matched(regions, truth, 3, 2)
    assert sample.boxes.tolist() == [*regions[1:].tolist(), [40, 40, 60, 60]]
    assert sample.picture.tolist() == [3, 3, 3] and sample.truth.tolist() == [[40, 40, 60, 60]] * 3
    assert (sample.class_iou[:, 0] == 0).all() and sample.class_iou[2, 1] == pytest.approx(1)


def test_corrections_are_those_of_appendix_c_and_undo_themselves():
    regions, boxes = torch.tensor([[10.0, 20, 30, 60]]), torch.tensor([[12.0, 10, 52, 50]])
    said = encoded_boxes(regions, boxes)
    assert said.flatten().tolist() == pytest.approx([(32 - 20) / 20, (30 - 40) / 40, math.log(2), 0.0])
    assert torch.allclose(decoded_boxes(regions, said), boxes, atol=1e-4)


def test_a_warp_holds_the_region_with_its_context_and_the_mean_beyond_the_picture():
    images = torch.zeros(1, 3, 100, 100)
    images[:, :, 20:60, 30:70] = 1.0
    side = 227
    warp = warped(images, torch.tensor([[30.0, 20, 70, 60]]), torch.tensor([0]), side)[0, 0]
    assert warp.shape == (side, side) and warp[20:-20, 20:-20].min() > 0.99  # within the 16 px of the paper
    assert warp[:12].max() < 0.01 and warp[:, -12:].max() < 0.01
    plain = torch.rand(2, 3, 40, 40)
    corner = warped(plain, torch.tensor([[30.0, 30, 60, 60]]), torch.tensor([1]), 32)[0]
    assert torch.allclose(corner[:, -8:, -8:], plain[1].mean((1, 2))[:, None, None].expand(3, 8, 8), atol=1e-5)


def test_the_last_stage_freezes_the_backbone_and_drops_the_softmax():
    network, both = model().train(), rectangles()
    assert set(network.losses(at(both, 0.0))) == {"softmax", "classifier", "box"}
    assert network.backbone.training
    losses = network.losses(at(both, 0.8))
    assert set(losses) == {"classifier", "box"} and not network.backbone.training
    sum(losses.values()).backward()
    moved = {name.split(".")[0] for name, weight in network.named_parameters() if weight.grad is not None}
    assert moved == {"classifiers", "regressors"}
    network.zero_grad(set_to_none=True)
    sum(network.losses(at(both, 0.1)).values()).backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_classifiers_and_regressors_have_no_say_in_the_features():
    network, both = model().train(), rectangles()
    losses = network.losses(at(both, 0.0))
    (losses["classifier"] + losses["box"]).backward()
    assert all(weight.grad is None for weight in network.backbone.parameters())


@pytest.mark.parametrize("progress", [0.0, 0.9])
def test_losses_of_pictures_without_objects_are_finite(progress):
    network = model().train()
    losses = network.losses(at(rectangles(), progress, [EMPTY, EMPTY]))
    assert all(torch.isfinite(value) for value in losses.values())
    sum(losses.values()).backward()


def test_it_learns_two_pictures_by_heart():
    network, both = model().train(), rectangles()
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    for step in range(60):
        optimizer.zero_grad(set_to_none=True)
        sum(network.losses(at(both, step / 60)).values()).backward()
        optimizer.step()
    for found, truth in zip(network.eval().predict(both.images), both.truths, strict=True):
        assert found.labels[0] == truth.labels[0] and found.scores[0] > 0.3
        assert (found.xyxy[0] - truth.xyxy[0]).abs().max() < 6


def lively(network):
    """Scores that differ and boxes that move."""
    for layer, spread in ((network.classifiers, 1.0), (network.regressors, 0.3)):
        nn.init.normal_(layer.weight, std=spread, generator=torch.Generator().manual_seed(2))
    return network.eval()


def scene(seed, size=(64, 96)):
    """Rectangles of several colours: something to find regions in."""
    random = torch.Generator().manual_seed(seed)
    image = torch.full((3, *size), 0.9)
    for _ in range(6):
        top, left = (int(torch.randint(side - 24, (1,), generator=random)) for side in size)
        high, wide = torch.randint(10, 24, (2,), generator=random).tolist()
        image[:, top : top + high, left : left + wide] = torch.rand(3, 1, 1, generator=random)
    return image


def test_boxes_are_valid_and_companions_change_nothing():
    network, images = lively(model()), torch.stack([scene(k) for k in range(3)])
    together = network.predict(images)
    for image, found in zip(images, together, strict=True):
        (alone,) = network.predict(image[None])
        assert torch.equal(alone.xyxy, found.xyxy) and torch.equal(alone.scores, found.scores)
        x1, y1, x2, y2 = found.xyxy.unbind(1)
        assert len(found) and ((x1 >= 0) & (y1 >= 0) & (x2 <= 96) & (y2 <= 64) & (x1 < x2) & (y1 < y2)).all()
        assert ((found.scores > 0.01) & (found.scores <= 1)).all() and (found.scores.diff() <= 0).all()


def test_it_predicts_in_bfloat16():
    network = lively(model()).to(torch.bfloat16)
    (found,) = network.predict(scene(1)[None].to(torch.bfloat16))
    assert len(found) and found.scores.dtype == found.xyxy.dtype == torch.float32


def test_found_can_be_traced_and_then_takes_another_number_of_regions():
    network = lively(model()).requires_grad_(False)
    few = torch.tensor([[0.0, 0, 30, 30], [10, 10, 60, 60], [50, 5, 90, 40]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing is deprecated, and of sizes that become constants
        traced = torch.jit.trace_module(network, {"found": (scene(1)[None], few)}, check_trace=False)
    more = torch.cat([few, few + 3, few.flip(0) + 1])
    for a, b in zip(traced.found(scene(2)[None], more), network.found(scene(2)[None], more), strict=True):
        assert a.shape == b.shape and torch.allclose(a.float(), b.float(), atol=1e-3)


def test_prediction_searches_every_time_and_training_once(monkeypatch):
    calls, search = [], selective_search.found
    monkeypatch.setattr(selective_search, "found", lambda *given: calls.append(1) or search(*given))
    network, both = model().train(), rectangles()
    network.losses(both)
    assert len(calls) == 2
    network.losses(both)
    assert len(calls) == 2
    network.eval().predict(both.images)
    assert len(calls) == 4


def stored():
    return sorted(path for path in selective_search.folder().rglob("*") if path.is_file())


def asked(image, most=300):
    return selective_search.regions(image[None], 200, most, use_cache=True)[0]


def test_what_was_found_is_kept_and_a_broken_file_made_anew():
    image = scene(5)
    first = asked(image)
    (path,) = stored()
    whole = path.read_bytes()
    assert torch.equal(asked(image), first) and len(first) > 3
    for broken in (b"", whole[:-3], b"x" * len(whole), whole[:-8] + bytes(8)):
        path.write_bytes(broken)
        assert torch.equal(asked(image), first) and path.read_bytes() == whole


def test_another_content_or_setting_is_another_entry_and_another_place_is_not():
    image = (scene(5) * 255).round() / 255
    first = asked(image)
    canvas = torch.full((3, 128, 128), 114 / 255)
    canvas[:, 20:84, 10:106] = image
    assert torch.equal(asked(canvas), first + torch.tensor([10, 20, 10, 20])) and len(stored()) == 1
    asked(image, most=5)
    asked(scene(6))
    assert len(stored()) == 3


def test_the_cache_is_bounded_and_the_oldest_goes_first(tmp_path, monkeypatch):
    monkeypatch.setattr(selective_search, "FILES", 3)
    for k in range(5):
        (tmp_path / str(k)).write_bytes(b"")
        os.utime(tmp_path / str(k), (k, k))
    selective_search._evict_oldest(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3", "4"]  # and room for one more


@pytest.mark.parametrize("size", [(1, 1), (5, 200), (64, 7), (33, 47)])
def test_pictures_of_any_size_have_regions_within_them(size):
    found = selective_search.regions(torch.rand(1, 3, *size), 100, 20, use_cache=False)[0]
    assert 1 <= len(found) <= 21 and found[0].tolist() == [0, 0, size[1], size[0]]
    assert (found >= 0).all() and (found[:, 2] <= size[1]).all() and (found[:, 3] <= size[0]).all()
    assert (found[:, 2:] > found[:, :2]).all()


def test_large_pictures_are_searched_small_and_regions_brought_back():
    image = F.interpolate(scene(7)[None], scale_factor=5, mode="nearest")[0]
    small, large = selective_search.regions(scene(7)[None], 96, 300, use_cache=False)[0], None
    large = selective_search.regions(image[None], 96, 300, use_cache=False)[0]
    assert torch.allclose(large, small * 5)


@pytest.mark.parametrize("installed", [None, types.ModuleType("cv2")], ids=["no OpenCV", "without contributions"])
def test_without_selective_search_it_is_said_how_to_get_it(installed, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", installed)
    with pytest.raises(ValueError, match=r"pip install '\.\[regions\]'"):
        Rcnn.fitted(RcnnConfig(), [], NAMES)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"warp_px": 8}, "warp_px is 8"),
        ({"fine_tuning_share": 1.5}, "fine_tuning_share is 1.5"),
        ({"nms_iou_threshold": 2.0}, "nms_iou_threshold is 2.0"),
    ],
)
def test_a_config_that_cannot_be_says_why(wrong, words):
    with pytest.raises(ValueError, match=words):
        RcnnConfig(**wrong)


def test_scores_are_of_the_classifiers_not_of_the_softmax():
    network = lively(model())
    regions = torch.tensor([[10.0, 10, 40, 40]])
    before = network.found(scene(1)[None], regions)
    nn.init.normal_(network.softmax.weight, std=5.0)
    after = network.found(scene(1)[None], regions)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert rcnn.BOX_IOU > rcnn.FINE_TUNING_IOU
