"""The embedded scenes: deterministic, honest about what they share, and with masks that fit their boxes."""

import numpy as np
import torch

from clearsight import sources
from clearsight.sources.formats import digits
from clearsight.sources.formats.digits import DigitScenes, Setting


def test_a_scene_depends_on_seed_split_and_index_only():
    one, other = DigitScenes(split="train", count=50), DigitScenes(split="train", count=9)
    digits._sample.cache_clear()
    first = one[7].image.clone()
    digits._sample.cache_clear()
    assert torch.equal(other[7].image, first)
    assert torch.equal(one.scene(7).image, first)
    assert not torch.equal(one[8].image, first)
    assert not torch.equal(DigitScenes(split="train", count=9, seed=1)[7].image, first)
    assert one.fingerprint != other.fingerprint != DigitScenes(split="train", count=9, seed=1).fingerprint


def test_masks_boxes_and_labels_agree():
    scenes = DigitScenes(split="val", count=40)
    labels = digits._digits()[1]
    for index in range(40):
        scene, sample = scenes.scene(index), scenes[index]
        assert 1 <= len(scene.masks) <= 8
        assert scene.labels.tolist() == [labels[source] for source in scene.sources]
        for mask, box in zip(scene.masks, scene.xyxy, strict=True):
            rows, columns = torch.where(mask)
            assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert torch.equal(sample.truth.xyxy, scene.xyxy)
        assert torch.equal(sample.truth.areas, scene.masks.sum((1, 2)).float())


def test_digits_hardly_overlap():
    scenes = DigitScenes(split="train", count=60)
    for index in range(60):
        masks = scenes.scene(index).masks
        assert (masks.sum(0) > 1).sum() < 0.05 * masks.any(0).sum() + 1


def test_train_and_held_out_share_no_digit_and_clusters_share_no_digit():
    source = sources.read("digits")
    used = {name: {} for name in source.splits}
    for name, scenes in source.splits.items():
        for index in range(0, len(scenes)):
            scene = digits._composed(name, index, 0, Setting()) if index < 150 else None
            if scene is not None:
                used[name].setdefault(scenes[index].cluster, set()).update(scene.sources)
    train, val = (set().union(*used[name].values()) for name in ("train", "val"))
    assert not train & val
    for clusters in used.values():
        assert sum(map(len, clusters.values())) == len(set().union(*clusters.values()))


def test_faint_ink_is_rare_and_pale():
    scenes = DigitScenes(split="train", count=300)
    faint = [i for i in range(300) if scenes[i].groups["ink"] == "faint"]
    assert 35 <= len(faint) <= 85
    contrasts = {"faint": [], "dark": []}
    for index in range(80):
        scene = scenes.scene(index)
        if scene.clutter == "plain":
            grey = scene.image.float().mean(0)
            inside = scene.masks.any(0)
            contrasts[scene.ink].append(float(grey[~inside].mean() - grey[inside].mean()))
    assert np.mean(contrasts["faint"]) < 0.4 * np.mean(contrasts["dark"])
    assert min(contrasts["faint"]) > 8, "faint, not invisible"


def test_settings_decide_size_and_number():
    scenes = DigitScenes(split="train", count=3, setting=Setting(size_px=(96, 200), digits=(2, 2)))
    assert scenes[0].size == (96, 200) and len(scenes[1].truth) == 2
    assert scenes.symmetries == frozenset()


def test_every_digit_class_is_in_both_splits():
    for dataset in sources.read("digits").splits.values():
        seen = {int(label) for index in range(200) for label in dataset[index].truth.labels}
        assert seen == set(range(10))
