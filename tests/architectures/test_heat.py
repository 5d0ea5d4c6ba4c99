import pytest
import torch
from torch import nn

from clearsight import backbones
from clearsight.architectures.classifier import Classifier, ClassifierConfig
from clearsight.architectures.cnn import Cnn, CnnConfig


class Colours(nn.Module):
    """A backbone whose map is red and green, in cells of 4 pixels."""

    channels, strides = (2,), (4,)

    def forward(self, images):
        return [nn.functional.avg_pool2d(images[:, :2], 4)]


def colour_classifier():
    model = Classifier(ClassifierConfig(), Colours(), ("red", "green")).eval()
    with torch.no_grad():
        model.linear.weight.copy_(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]))
    return model


PICTURE = torch.zeros(1, 3, 16, 24)
PICTURE[:, 0, :8, :8] = 1.0  # red in the top left corner
PICTURE[:, 1, 8:, 16:] = 1.0  # green in the bottom right


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_heat_lies_on_what_speaks_for_the_class(mode):
    model = colour_classifier()
    with mode():
        heat = model.heat(PICTURE.repeat(2, 1, 1, 1), torch.tensor([0, 1]))
    assert heat.shape == (2, 16, 24) and not heat.requires_grad
    red, green = heat
    assert red[2, 2] == 1 and red[12, 20] == 0 and green[12, 20] == 1 and green[2, 2] == 0
    assert red[:, 16:].max() == 0 and green[:, :8].max() == 0


def test_heat_leaves_no_gradient_behind_and_works_on_frozen_weights():
    model = colour_classifier().requires_grad_(False)
    assert model.heat(PICTURE, torch.tensor([0])).max() == 1
    assert all(weight.grad is None for weight in model.parameters())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", [Classifier, Cnn])
def test_networks_have_heat_of_their_pictures_size(kind, dtype):
    torch.manual_seed(0)
    model = (
        Classifier(ClassifierConfig(), backbones.build("regnetx_002", strides=(32,)), ("a", "b"))
        if kind is Classifier
        else Cnn(CnnConfig(widths=(8, 8)), None, ("a", "b"))
    )
    heat = model.eval().to(dtype).heat(torch.rand(2, 3, 65, 99).to(dtype), torch.tensor([0, 1]))
    assert heat.shape == (2, 65, 99) and heat.dtype == torch.float32 and heat.min() >= 0 and heat.max() <= 1
