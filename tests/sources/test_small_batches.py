import numpy as np
import pytest
import torch
from PIL import Image

from clearsight.sources.batches.augmentation import mixup
from clearsight.sources.batches.small_pictures import SmallBatches
from clearsight.sources.samples.cache import cached
from clearsight.sources.samples.records import PictureDataset, Record
from clearsight.types import Batch, Boxes, Label, Training, Value

SIDE = 12


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    monkeypatch.setenv("CLEARSIGHT_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    records = []
    for index in range(10):
        path = tmp_path / f"{index}.png"
        Image.fromarray(random.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(path)
        records.append(Record(id=str(index), picture=path, size=(SIDE, SIDE), truth=Label(index=index % 3)))
    return PictureDataset(name="x", split="train", class_names=("a", "b", "c"), records=tuple(records), fingerprint="f")


def batches(dataset, size_px=SIDE, canvas=(SIDE, SIDE), **settings):
    training = Training(**{"batch_size": 4, "zoom": (1.0, 1.0), "brightness": 0.0, "flips": "none", **settings})
    return SmallBatches(dataset=cached(dataset, size_px), training=training, canvas=canvas)


def test_pictures_come_as_they_are_and_each_once_per_epoch(dataset):
    made = batches(dataset)
    assert made.steps_per_epoch == 3
    ids = [id for step in range(5) for id in made.batch(step, 0.5).ids]
    assert sorted(ids[:10]) == sorted(ids[10:]) == [str(index) for index in range(10)] and ids[:10] != ids[10:]
    batch = made.batch(1, 0.5)
    for image, id, truth in zip(batch.images, batch.ids, batch.truths, strict=True):
        assert torch.equal((image * 255).round().to(torch.uint8), dataset[int(id)].image)
        assert truth == dataset[int(id)].truth


def test_a_batch_is_a_function_of_the_step_and_shared_between_processes(dataset):
    whole = batches(dataset, shift=0.2, brightness=0.3, colour=0.5, flips="both", batch_size=6)
    again = batches(dataset, shift=0.2, brightness=0.3, colour=0.5, flips="both", batch_size=6)
    assert torch.equal(whole.batch(7, 0.5).images, again.batch(7, 0.5).images)
    assert not torch.equal(whole.batch(7, 0.5).images, whole.batch(8, 0.5).images)
    shares = [
        SmallBatches(dataset=whole.dataset, training=whole.training, canvas=whole.canvas, rank=rank, world=2)
        for rank in range(2)
    ]
    parts = [share.batch(7, 0.5) for share in shares]
    assert torch.equal(torch.stack([part.images for part in parts], 1).flatten(0, 1), whole.batch(7, 0.5).images)
    assert [id for pair in zip(parts[0].ids, parts[1].ids, strict=True) for id in pair] == list(whole.batch(7, 0.5).ids)


def test_a_picture_is_flipped_in_every_other_epoch(dataset):
    made = batches(dataset, flips="horizontal", batch_size=10)
    for index in range(10):
        seen = []
        for epoch in range(4):
            batch = made.batch(epoch, 0.5)
            image = batch.images[batch.ids.index(str(index))]
            seen.append(torch.equal((image * 255).round().to(torch.uint8), dataset[index].image))
        assert seen in ([True, False, True, False], [False, True, False, True])


def test_a_moved_picture_shows_its_own_pixels_over_its_mirrored_border(dataset):
    made = batches(dataset, shift=0.25, batch_size=10)
    moves = set()
    for step in range(6):
        batch = made.batch(step, 0.5)
        for image, id in zip(batch.images, batch.ids, strict=True):
            own = dataset[int(id)].image
            bordered = torch.nn.functional.pad(own.float()[None], (3, 3, 3, 3), "reflect")[0]
            places = [
                (top, left)
                for top in range(7)
                for left in range(7)
                if torch.equal(bordered[:, top : top + SIDE, left : left + SIDE], (image * 255).round())
            ]
            assert len(places) == 1
            moves.update(places)
    assert len(moves) > 20


def test_small_stage_and_canvas(dataset):
    made = batches(dataset, small_share=0.5, small_scale=0.5)
    assert made.batch(0, 0.1).images.shape[2:] == (6, 6) and made.batch(0, 0.6).images.shape[2:] == (SIDE, SIDE)
    wide = batches(dataset, canvas=(32, 32))
    images = wide.batch(0, 0.5).images
    assert images.shape[2:] == (32, 32) and torch.allclose(images[:, :, SIDE:], torch.tensor(114 / 255))


def test_only_whole_pictures_of_one_size_suit(dataset, tmp_path):
    training = Training(zoom=(1.0, 1.0))
    assert SmallBatches.suits(cached(dataset, SIDE), training)
    assert not SmallBatches.suits(cached(dataset, SIDE), Training())
    boxes = Boxes.of(torch.zeros(0, 4), torch.zeros(0))
    dataset.records = tuple(Record(id=r.id, picture=r.picture, size=r.size, truth=boxes) for r in dataset.records)
    dataset.fingerprint = "g"
    assert not SmallBatches.suits(cached(dataset, SIDE), training)


def test_mixed_pictures_know_their_share():
    images = torch.rand(3, 3, 4, 4)
    batch = Batch(images=images, truths=[Value(value=1), Value(value=2), Value(value=3)], ids=["a", "b", "c"])
    assert mixup(batch, 0.0, torch.Generator()) is batch
    shares = []
    for seed in range(200):
        found = mixup(batch, 0.2, torch.Generator().manual_seed(seed))
        assert [truth.value for truth in found.others] == [3, 1, 2]
        assert torch.allclose(found.images[1], found.share * images[1] + (1 - found.share) * images[0])
        shares.append(found.share)
    variance = 0.25 / (2 * 0.2 + 1)  # of Beta(a, a)
    assert abs(np.mean(shares) - 0.5) < 4 * (variance / 200) ** 0.5 and abs(np.var(shares) - variance) < 0.04
    boxes = Batch(images=images, truths=[Boxes.of(torch.zeros(0, 4), torch.zeros(0))] * 3, ids=["a", "b", "c"])
    with pytest.raises(ValueError, match="mixup"):
        mixup(boxes, 0.2, torch.Generator())
