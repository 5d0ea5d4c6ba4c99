"""Objects cut out into class folders: where they lie, how many, and that they make a data set."""

import numpy as np
from PIL import Image

from clearsight import sources
from clearsight.recipes.crops import object_crops
from clearsight.types import Boxes


def test_every_object_becomes_a_crop_of_its_class(rectangles, tmp_path):
    dataset = sources.read(str(rectangles)).split("train")
    counts = object_crops(dataset, tmp_path, size_px=48)
    truths = [dataset[index].truth for index in range(len(dataset))]
    labels = np.concatenate([truth.labels.numpy() for truth in truths if isinstance(truth, Boxes)])
    expected = {name: int((labels == index).sum()) for index, name in enumerate(dataset.class_names)}
    assert counts == {name: count for name, count in expected.items() if count}
    source = sources.read(str(tmp_path))
    assert source.format == "class-folders" and set(source.class_names) == set(counts)
    sample = next(iter(source.splits.values()))[0]
    assert sample.size == (48, 48)


def test_a_crop_shows_its_object_in_the_middle(rectangles, tmp_path):
    dataset = sources.read(str(rectangles)).split("train")
    object_crops(dataset, tmp_path, most_per_class=1, size_px=60)
    sample = dataset[0]
    box, name = sample.truth.xyxy[0], dataset.class_names[int(sample.truth.labels[0])]
    x, y = int((box[0] + box[2]) / 2), int((box[1] + box[3]) / 2)
    crop = np.asarray(Image.open(tmp_path / name / "00000.png")).astype(int)
    assert np.abs(crop[30, 30] - sample.image[:, y, x].numpy().astype(int)).max() < 40
    assert sum(1 for _ in (tmp_path / name).iterdir()) == 1
