import math
import warnings

import pytest
import torch

from clearsight import backbones
from clearsight.architectures.yolo_v1 import HEADS, YoloV1, YoloV1Config, centred, corners
from clearsight.types import Batch, Boxes

EMPTY = Boxes.of(torch.zeros(0, 4), torch.zeros(0))
NAMES = ("a", "b", "c")


def model(**config):
    torch.manual_seed(0)
    return YoloV1(
        YoloV1Config(width=32, hidden_units=64, **config), backbones.build("regnetx_002", strides=YoloV1.strides), NAMES
    )


def batch(truths, size=(64, 96)):
    images = torch.rand(len(truths), 3, *size, generator=torch.Generator().manual_seed(1))
    return Batch(images=images, truths=truths, ids=[str(k) for k in range(len(truths))])


def overlap(a, b):
    """IoU of two boxes given as centre and sides."""
    shared = 1.0
    for axis in (0, 1):
        low = max(a[axis] - a[axis + 2] / 2, b[axis] - b[axis + 2] / 2)
        high = min(a[axis] + a[axis + 2] / 2, b[axis] + b[axis + 2] / 2)
        shared *= max(0.0, high - low)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared + 1e-7)


def equation_3(boxes, classes, truths, size, n, lambda_coord, lambda_noobj):
    """The paper's loss, cell by cell and box by box; of two objects of one cell the later in the list is kept."""
    terms = dict.fromkeys(("centre", "size", "object", "empty", "class"), 0.0)
    for picture, truth in enumerate(truths):
        held = {}
        for (x1, y1, x2, y2), label in zip(truth.xyxy.tolist(), truth.labels.tolist(), strict=True):
            x, y = (x1 + x2) / 2 / size[1], (y1 + y2) / 2 / size[0]
            held[math.floor(y * n), math.floor(x * n)] = (x, y, (x2 - x1) / size[1], (y2 - y1) / size[0]), label
        for row in range(n):
            for column in range(n):
                said = boxes[picture, row * n + column].tolist()
                responsible = None
                if (row, column) in held:
                    (x, y, w, h), label = held[row, column]
                    places = [((column + b[0]) / n, (row + b[1]) / n, b[2] ** 2, b[3] ** 2) for b in said]
                    ious = [overlap(place, (x, y, w, h)) for place in places]
                    responsible = ious.index(max(ious))
                    own = said[responsible]
                    terms["centre"] += (own[0] - (x * n - column)) ** 2 + (own[1] - (y * n - row)) ** 2
                    terms["size"] += (own[2] - math.sqrt(w)) ** 2 + (own[3] - math.sqrt(h)) ** 2
                    terms["object"] += (own[4] - ious[responsible]) ** 2
                    for c, p in enumerate(classes[picture, row * n + column].tolist()):
                        terms["class"] += (p - (c == label)) ** 2
                for k, b in enumerate(said):
                    terms["empty"] += 0.0 if k == responsible else b[4] ** 2
    weights = {"centre": lambda_coord, "size": lambda_coord, "empty": lambda_noobj}
    return {name: weights.get(name, 1.0) * value / len(truths) for name, value in terms.items()}


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_is_that_of_the_paper(seed):
    random = torch.Generator().manual_seed(seed)
    n, size = 3, (60, 90)
    truths = [
        Boxes.of(torch.tensor([[3.0, 5, 40, 17], [50, 30, 89, 58]]), torch.tensor([2, 0])),
        EMPTY,
        # Two centred in one cell: the larger, here the later, is kept.
        Boxes.of(torch.tensor([[40.0, 25, 44, 35], [31, 20, 59, 40], [0, 0, 20, 20]]), torch.tensor([1, 2, 1])),
    ]
    boxes = torch.rand(3, n * n, 2, 5, generator=random)
    classes = torch.randn(3, n * n, 3, generator=random)
    network = model(grid_size=n, box_weight=4.0, no_object_weight=0.3)
    network.forward = lambda images: (boxes, classes)
    losses = network.losses(batch(truths, size))
    wanted = equation_3(boxes, classes, truths, size, n, 4.0, 0.3)
    assert {name: value.item() for name, value in losses.items()} == pytest.approx(wanted, rel=1e-5)


def test_of_two_objects_in_one_cell_the_larger_is_kept_whatever_their_order():
    xyxy = torch.tensor([[31.0, 20, 59, 40], [40, 25, 44, 35]])
    for order in ([0, 1], [1, 0]):
        truth = Boxes.of(xyxy[order], torch.tensor([5, 6])[order])
        cell, box, label = centred([EMPTY, truth], (60, 90), 3)
        assert cell.tolist() == [9 + 4] and label.tolist() == [5]
        assert torch.allclose(box, torch.tensor([[0.5, 0.5, 28 / 90, 20 / 60]]))


def test_an_object_on_the_far_border_is_in_the_last_cell():
    truth = Boxes.of(torch.tensor([[89.0, 59, 91, 61]]), torch.tensor([0]))  # its centre is the very corner
    assert centred([truth], (60, 90), 3)[0].tolist() == [8]


def test_a_box_is_read_from_its_cell():
    said = torch.tensor([[[0.25, 0.5, 0.5, 0.1, 0.9]]])
    # Cell 5 of 4 x 4 is row 1, column 1.
    expected = [(1.25 / 4) - 0.125, (1.5 / 4) - 0.005, (1.25 / 4) + 0.125, (1.5 / 4) + 0.005]
    assert corners(said, torch.tensor([5]), 4).flatten().tolist() == pytest.approx(expected)


def test_nothing_is_asked_of_cells_within_an_ignored_object():
    network = model(grid_size=4).eval()
    crowd = Boxes.of(torch.tensor([[0.0, 0, 96, 64]]), torch.tensor([1]), ignored=torch.tensor([True]))
    empty, ignored = (network.losses(batch([truth])) for truth in (EMPTY, crowd))
    assert ignored["empty"] == 0 and empty["empty"] > 0
    assert all(ignored[name] == 0 for name in ignored)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("truths", [[EMPTY, EMPTY], [EMPTY, Boxes.of(torch.tensor([[1.0, 1, 30, 30]]), torch.ones(1))]])
def test_losses_reach_every_weight_also_of_empty_pictures(head, truths):
    network = model(grid_size=4, head=head).train()
    losses = network.losses(batch(truths))
    assert all(torch.isfinite(value) for value in losses.values())
    sum(losses.values()).backward()
    assert not [name for name, weight in network.named_parameters() if weight.grad is None]


def rectangles():
    images = torch.full((2, 3, 64, 64), 0.8)
    images[0, 0, 8:28, 10:40] = 0.1
    images[1, 2, 30:60, 36:52] = 0.1
    where = [[10.0, 8, 40, 28], [36.0, 30, 52, 60]]
    truths = [Boxes.of(torch.tensor([box]), torch.tensor([k])) for k, box in enumerate(where)]
    return Batch(images=images, truths=truths, ids=["0", "1"])


@pytest.mark.parametrize("head", HEADS)
def test_it_learns_two_pictures_by_heart(head):
    network, both = model(grid_size=4, head=head).train(), rectangles()
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    for _ in range(60):
        optimizer.zero_grad()
        sum(network.losses(both).values()).backward()
        optimizer.step()
    for found, truth in zip(network.eval().predict(both.images), both.truths, strict=True):
        assert found.labels[0] == truth.labels[0] and found.scores[0] > 0.4
        assert (found.xyxy[0] - truth.xyxy[0]).abs().max() < 6


def loud(network):
    """Outputs large enough that every cell claims something."""
    with torch.no_grad():
        for layer in [m for m in network.modules() if isinstance(m, torch.nn.Linear)][-1:]:
            layer.weight.normal_(0, 0.3, generator=torch.Generator().manual_seed(2))
            layer.bias.fill_(0.5)
    return network.eval()


def test_boxes_are_valid_sorted_and_apart():
    network = loud(model(grid_size=5, nms_iou_threshold=0.4, max_detections=20))
    for found in network.predict(torch.rand(3, 3, 65, 99)):
        assert 0 < len(found) <= 20
        x1, y1, x2, y2 = found.xyxy.unbind(1)
        assert ((x1 >= 0) & (y1 >= 0) & (x2 <= 99) & (y2 <= 65) & (x1 < x2) & (y1 < y2)).all()
        assert ((found.scores > 0.01) & (found.scores <= 1)).all() and (found.scores.diff() <= 0).all()
        for i in range(len(found)):
            for j in range(i):
                a, b = ([(z[0] + z[2]) / 2, (z[1] + z[3]) / 2, z[2] - z[0], z[3] - z[1]]
                        for z in (found.xyxy[i].tolist(), found.xyxy[j].tolist()))  # fmt: skip
                assert found.labels[i] != found.labels[j] or overlap(a, b) <= 0.4 + 1e-5


def test_companions_change_nothing_and_found_is_predict():
    network, images = loud(model(grid_size=5)), torch.rand(3, 3, 64, 96)
    together = network.predict(images)
    for image, found in zip(images, together, strict=True):
        (alone,) = network.predict(image[None])
        with torch.no_grad():
            xyxy, scores, labels = network.found(image[None])
        assert torch.allclose(alone.xyxy, found.xyxy, atol=1e-3) and torch.equal(alone.labels, found.labels)
        assert torch.equal(xyxy, alone.xyxy) and torch.equal(scores, alone.scores) and torch.equal(labels, alone.labels)


def test_found_can_be_traced_and_then_answers_other_pictures():
    network = loud(model(grid_size=5)).requires_grad_(False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing is deprecated, and of sizes that become constants
        traced = torch.jit.trace_module(network, {"found": torch.rand(1, 3, 64, 96)}, check_trace=False)
    other = torch.rand(1, 3, 64, 96)
    for a, b in zip(traced.found(other), network.found(other), strict=True):
        assert a.shape == b.shape and torch.allclose(a.float(), b.float(), atol=1e-4)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"grid_size": 0}, "grid_size is 0"),
        ({"boxes_per_cell": 0}, "boxes_per_cell is 0"),
        ({"head": "round"}, "head is 'round'. Expected shared or connected"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"nms_iou_threshold": 0.0}, "nms_iou_threshold is 0.0"),
        ({"no_object_weight": 0.0}, "no_object_weight is 0.0"),
    ],
)
def test_a_config_that_cannot_be_says_why(wrong, words):
    with pytest.raises(ValueError, match=words):
        YoloV1Config(**wrong)
