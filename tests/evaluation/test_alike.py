"""Repeats among judged pictures, by features of the run: found where there are any, and nowhere else."""

import numpy as np
import pytest
import torch
from torch import nn

from clearsight.evaluation.alike import far_more_alike, pooled_features


def features(pictures, width=24, seed=0):
    """Pooled features of pictures that have nothing to do with one another, some directions stronger than others."""
    random = np.random.default_rng(seed)
    return random.normal(size=(pictures, 8)) @ random.normal(size=(8, width)) + 0.3 * random.normal(
        size=(pictures, width)
    )


@pytest.mark.parametrize("pictures", [60, 300, 2000])
def test_of_independent_pictures_none_are_linked(pictures):
    assert len(set(far_more_alike(features(pictures)))) == pictures


def test_repeats_are_found():
    values = features(300)
    values[250:] = values[:50] + 0.02 * np.random.default_rng(1).normal(size=(50, 24))
    found = far_more_alike(values)
    assert (found[250:] == found[:50]).all() and len(set(found)) == 250


def test_a_classifier_whose_features_collapse_makes_no_cluster_of_a_class():
    """Neural collapse: within a class features are a hundredth as far apart as between classes."""
    random = np.random.default_rng(2)
    classes = np.repeat(np.arange(4), 60)
    values = random.normal(size=(4, 24))[classes] + 0.01 * features(240, seed=3)
    assert len(set(far_more_alike(values, classes))) == 240


def test_one_sort_of_picture_is_not_believed():
    values = features(200)
    values[:150] = values[0] + 1e-3 * np.random.default_rng(0).normal(size=(150, 24))
    found = far_more_alike(values)
    assert np.unique(found, return_counts=True)[1].max() <= 40


def test_too_few_pictures_say_nothing():
    values = np.zeros((20, 24))
    assert len(set(far_more_alike(values))) == 20


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Trunk()


class Trunk(nn.Module):
    def forward(self, images):
        return [images, 2 * images[..., ::2, ::2]]


def test_features_are_the_mean_of_the_last_map_of_each_batch():
    network, images = Network(), torch.rand(3, 5, 8, 8)
    with pooled_features(network) as found:
        network.backbone(images)
        network.backbone(images[:1])
    network.backbone(images)
    assert [len(one) for one in found] == [3, 1]
    torch.testing.assert_close(found[0], 2 * images[..., ::2, ::2].mean((2, 3)))
    with pooled_features(object()) as nothing:
        pass
    assert nothing == []
