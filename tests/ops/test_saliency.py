import torch

from clearsight.ops.saliency import grad_cam


def test_channels_count_by_their_mean_gradient_and_only_what_is_positive_shows():
    activations = torch.tensor([[[[1.0, 0.0], [2.0, 4.0]], [[3.0, 1.0], [0.0, 0.0]]]])
    gradients = torch.tensor([[[[2.0, 0.0], [0.0, 2.0]], [[-4.0, 0.0], [0.0, 0.0]]]])
    expected = torch.zeros(2, 2)
    for row in range(2):
        for column in range(2):
            speaks = 1.0 * activations[0, 0, row, column] - 1.0 * activations[0, 1, row, column]
            expected[row, column] = max(float(speaks), 0.0)
    assert torch.allclose(grad_cam(activations, gradients)[0], expected / expected.max())


def test_nothing_spoke_for_it():
    assert not grad_cam(torch.ones(2, 3, 4, 4), -torch.ones(2, 3, 4, 4)).any()


def test_each_picture_is_scaled_by_itself():
    activations = torch.rand(3, 2, 5, 5) * torch.tensor([1e-20, 1.0, 1e10])[:, None, None, None]
    assert torch.allclose(grad_cam(activations, torch.ones(3, 2, 5, 5)).amax((1, 2)), torch.ones(3))
