import pytest
import torch

from clearsight import backbones
from clearsight.architectures.layers import Block
from clearsight.architectures.yolo import Yolo, YoloConfig, cell_centres, varifocal
from clearsight.types import Batch, Boxes


@pytest.fixture(scope="module")
def yolo():
    torch.manual_seed(0)
    return Yolo(YoloConfig(width=32, backbone="regnetx_002"), backbones.build("regnetx_002"), ("a", "b"))


def batch(truths):
    torch.manual_seed(1)
    return Batch(images=torch.rand(len(truths), 3, 64, 96), truths=truths, ids=[str(k) for k in range(len(truths))])


EMPTY = Boxes.of(torch.zeros(0, 4), torch.zeros(0))
ONE = Boxes.of(torch.tensor([[10.0, 10, 50, 40]]), torch.tensor([1]))


def test_cells_cover_the_picture_in_order(yolo):
    logits, boxes, points, strides = yolo(torch.rand(1, 3, 64, 96))
    assert logits.shape == (1, 8 * 12 + 4 * 6 + 2 * 3, 2) and boxes.shape == (1, 126, 4)
    assert points[0].tolist() == [4.0, 4.0] and points[1].tolist() == [12.0, 4.0] and strides[-1] == 32


def test_centres_row_by_row():
    assert cell_centres((2, 2), 10, torch.device("cpu")).tolist() == [
        [5.0, 5.0],
        [15.0, 5.0],
        [5.0, 15.0],
        [15.0, 15.0],
    ]


@pytest.mark.parametrize("truths", [[EMPTY, ONE], [EMPTY, EMPTY], [ONE, ONE]])
def test_losses_are_finite_and_reach_every_weight(yolo, truths):
    yolo.train().zero_grad()
    losses = yolo.losses(batch(truths))
    assert set(losses) == {"score", "box"} and all(torch.isfinite(value) for value in losses.values())
    sum(losses.values()).backward()
    missing = [name for name, weight in yolo.named_parameters() if weight.grad is None]
    assert not missing


@pytest.mark.parametrize(("convolutions", "multiplications"), [
    ("grouped", 9 * 16 * 32 + 32 * 32), ("depthwise", 9 * 32 + 32 * 32), ("full", 9 * 32 * 32),
])  # fmt: skip
def test_each_kind_of_block_sees_its_neighbours_and_mixes_all_channels(convolutions, multiplications):
    torch.manual_seed(0)
    block = Block(32, convolutions).eval()
    assert sum(weight.numel() for weight in block.parameters() if weight.dim() == 4) == multiplications
    middle = torch.zeros(1, 32, 5, 5)
    middle[0, 3, 2, 2] = 1.0
    moved = (block(middle) - block(torch.zeros(1, 32, 5, 5))).abs()[0]
    reached = torch.zeros(5, 5, dtype=torch.bool)
    reached[1:4, 1:4] = True
    assert ((moved.amax(0) > 0) == reached).all()
    assert convolutions == "grouped" or (moved.amax((1, 2)) > 0).all()


@pytest.mark.parametrize("convolutions", ["depthwise", "full"])
def test_every_kind_of_convolution_learns_and_predicts(convolutions):
    torch.manual_seed(0)
    config = YoloConfig(width=16, depth=1, convolutions=convolutions)
    network = Yolo(config, backbones.build(config.backbone), ("a", "b"))
    sum(network.losses(batch([ONE, EMPTY])).values()).backward()
    assert not [name for name, weight in network.named_parameters() if weight.grad is None]
    assert len(network.eval().predict(torch.rand(2, 3, 64, 96))) == 2


def test_an_ignored_object_is_not_called_background(yolo):
    yolo.eval()
    crowd = Boxes.of(ONE.xyxy, ONE.labels, ignored=torch.tensor([True]))
    with torch.no_grad():
        assert yolo.losses(batch([crowd]))["score"] < yolo.losses(batch([EMPTY]))["score"]


def test_predictions_keep_the_conventions(yolo):
    yolo.eval()
    with torch.no_grad():
        for layer in yolo.head.to_class:
            layer.bias.fill_(0.0)
    for found in yolo.predict(torch.rand(2, 3, 64, 96)):
        assert 0 < len(found) <= 100
        assert (found.scores[:-1] >= found.scores[1:]).all() and ((found.scores > 0) & (found.scores <= 1)).all()
        x1, y1, x2, y2 = found.xyxy.T
        assert (x1 >= 0).all() and (y1 >= 0).all() and (x2 <= 96).all() and (y2 <= 64).all()
        assert (x1 < x2).all() and (y1 < y2).all()


def test_varifocal_is_cross_entropy_where_target_and_weight_are_one():
    logits = torch.tensor([-1.0, 0.5])
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.ones(2), reduction="none")
    assert torch.allclose(varifocal(logits, torch.ones(2)), expected)
    background = varifocal(logits, torch.zeros(2))
    by_hand = 0.75 * logits.sigmoid() ** 2 * -torch.log(1 - logits.sigmoid())
    assert torch.allclose(background, by_hand)


def test_bad_settings_are_refused():
    for wrong in ({"convolutions": "sparse"}, {"width": 50}, {"width": 0}, {"depth": 0}, {"nms_iou_threshold": 0.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            YoloConfig(**wrong)


def test_it_learns_one_picture_by_heart():
    torch.manual_seed(0)
    model = Yolo(YoloConfig(width=32, backbone="regnetx_002"), backbones.build("regnetx_002"), ("a", "b"))
    picture = torch.zeros(1, 3, 64, 96)
    picture[:, :, 10:40, 10:50] = 1.0
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
    one = Batch(images=picture.repeat(4, 1, 1, 1), truths=[ONE] * 4, ids=list("abcd"))
    for _ in range(60):
        loss = sum(model.losses(one).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = model.train().predict(one.images)[0]
    assert found.labels[0] == 1 and torch.allclose(found.xyxy[0], ONE.xyxy[0], atol=4.0)
