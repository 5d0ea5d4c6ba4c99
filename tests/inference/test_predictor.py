import pytest
import torch
from torch import nn

from clearsight import backbones
from clearsight.architectures.yolo import Yolo, YoloConfig
from clearsight.inference.predictor import Predictor, fold_norms


def lively(network):
    """The network with norms that have seen something."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.weight, 1, 0.1)
            nn.init.normal_(module.bias, 0, 0.1)
    return network.eval()


@pytest.mark.parametrize("name", ["regnetx_002", "resnet18", "mobilenetv4_conv_small", "efficientnet_b0"])
def test_folding_changes_no_output_and_leaves_no_norm(name):
    network = lively(backbones.build(name))
    probe, other = torch.rand(1, 3, 64, 64), torch.rand(2, 3, 96, 64)
    with torch.no_grad():
        folded = fold_norms(network, probe)
        for before, after in zip(network(other), folded(other), strict=True):
            assert torch.allclose(before, after, rtol=1e-3, atol=1e-3)
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())


def test_a_norm_that_is_not_alone_in_reading_its_convolution_is_left():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

        def forward(self, x):
            made = self.conv(x)
            return made + self.norm(made)

    network = lively(Shared())
    with torch.no_grad():
        assert torch.equal(
            fold_norms(network, torch.rand(1, 3, 8, 8))(torch.ones(1, 3, 8, 8)), network(torch.ones(1, 3, 8, 8))
        )


@pytest.fixture(scope="module")
def yolo():
    torch.manual_seed(0)
    model = lively(Yolo(YoloConfig(width=32, backbone="regnetx_002"), backbones.build("regnetx_002"), ("a", "b")))
    with torch.no_grad():
        for layer in model.head.to_class:
            layer.bias.fill_(-1.0)
    return model


def test_pictures_of_all_sizes_come_back_in_order_and_in_their_own_pixels(yolo):
    sizes = [(60, 90), (90, 60), (60, 90), (500, 700), (10, 300)]
    images = [torch.randint(0, 255, (3, *size), dtype=torch.uint8) for size in sizes]
    together = list(Predictor(yolo, 96, batch=3)(images))
    assert len(together) == len(images)
    for (height, width), found in zip(sizes, together, strict=True):
        assert len(found) and found.xyxy[:, 2].max() <= width and found.xyxy[:, 3].max() <= height
    for image, found in zip(images, together, strict=True):
        (alone,) = Predictor(yolo, 96, batch=1)([image])
        assert len(alone) == len(found) and torch.allclose(alone.scores, found.scores, atol=1e-4)


def test_predicting_leaves_the_model_as_it_was(yolo):
    before = {name: value.clone() for name, value in yolo.state_dict().items()}
    list(Predictor(yolo, 64)([torch.zeros(3, 64, 64, dtype=torch.uint8)]))
    assert all(torch.equal(value, before[name]) for name, value in yolo.state_dict().items())
