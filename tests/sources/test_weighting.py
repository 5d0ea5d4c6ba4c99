"""How often pictures are drawn and how much they count: contracts of the weighting that every batch is drawn by."""

from collections import Counter

import pytest
import torch

from clearsight.sources.batches.augmentation import mixup
from clearsight.sources.batches.order import drawn_at, order
from clearsight.sources.batches.small_pictures import SmallBatches
from clearsight.sources.batches.views import Batches
from clearsight.sources.batches.weighting import Weighting
from clearsight.sources.samples.records import PictureDataset, Record
from clearsight.types import Boxes, Label, Training

PLAIN = Training(batch_size=4, zoom=(1.0, 1.0), brightness=0.0, flips="none")


class Pictures(PictureDataset):
    """Ten pictures in memory, with what small batches ask of a data set."""

    common_size = (8, 8)

    def stack(self):
        return torch.stack([self[index].image for index in range(len(self))])

    def truth(self, index):
        return self.records[index].truth


def pictures(truth=lambda index: Label(index=index % 2)):
    records = tuple(
        Record(id=str(k), picture=lambda k=k: torch.full((3, 8, 8), 10 * k, dtype=torch.uint8), size=(8, 8),
               truth=truth(k))
        for k in range(10)
    )  # fmt: skip
    return Pictures(name="x", split="train", class_names=("a", "b"), records=records, fingerprint="f")


def shown(weighting, epoch, samples=10):
    length = weighting.length(samples)
    indices, _ = drawn_at(range(epoch * length, (epoch + 1) * length), samples, 3, weighting)
    return Counter(indices.tolist())


def test_without_weights_an_epoch_is_the_permutation_of_its_seed():
    indices, turns = order(10, 3, 5, Weighting())
    generator = torch.Generator().manual_seed((3 * 1_000_000_007 + 2**40 + 5) % 2**63)
    assert torch.equal(indices, torch.randperm(10, generator=generator)) and not turns.any()


def test_whole_draws_come_exactly_so_often_in_every_epoch():
    weighting = Weighting(draws=torch.tensor([3.0, 0.0] + [1.0] * 8))
    assert weighting.length(10) == 11
    for epoch in range(3):
        assert shown(weighting, epoch) == Counter({0: 3, **{k: 1 for k in range(2, 10)}})


def test_broken_draws_are_met_on_average_and_within_one():
    draws = torch.tensor([2.5, 0.3, 1.2, 1.0, 1.0, 1.0, 1.0, 0.7, 0.8, 0.5])
    weighting, total = Weighting(draws=draws), Counter()
    for epoch in range(2000):
        counts = shown(weighting, epoch)
        assert sum(counts.values()) == 10
        assert all(abs(counts[k] - float(draws[k])) < 1 for k in range(10))
        total += counts
    for k in range(10):
        assert total[k] / 2000 == pytest.approx(float(draws[k]), abs=0.06)


def test_a_picture_that_comes_twice_in_an_epoch_comes_in_another_turn():
    indices, turns = drawn_at(range(12), 10, 0, Weighting(draws=torch.tensor([3.0] + [1.0] * 9)))
    assert sorted(turns[indices == 0].tolist()) == [0, 1, 2]


@pytest.mark.parametrize("kind", [Batches, SmallBatches])
def test_batches_draw_by_weight_and_say_how_much_each_counts(kind):
    draws, losses = torch.tensor([4.0] + [1.0] * 9), torch.tensor([1.0, 2.0] + [1.0] * 8)
    made = kind(dataset=pictures(), training=PLAIN, canvas=(8, 8), multiple=1,
                weighting=Weighting(draws=draws, losses=losses))  # fmt: skip
    assert made.steps_per_epoch == 4  # 13 places in batches of 4
    some = [made.batch(step, 0.5) for step in range(13)]  # four epochs
    counts = Counter(id for batch in some for id in batch.ids)
    assert counts == Counter({"0": 16, **{str(k): 4 for k in range(1, 10)}})
    mean = 14 / 13
    for batch in some:
        assert batch.weights.tolist() == pytest.approx([(2 if id == "1" else 1) / mean for id in batch.ids])
    assert float(torch.cat([batch.weights for batch in some]).mean()) == pytest.approx(1)
    plain = kind(dataset=pictures(), training=PLAIN, canvas=(8, 8), multiple=1).batch(0, 0.5)
    assert plain.weights is None


def test_mixed_pictures_keep_the_weights_of_both_truths():
    made = SmallBatches(dataset=pictures(), training=PLAIN, canvas=(8, 8),
                        weighting=Weighting(losses=torch.arange(1.0, 11.0)))  # fmt: skip
    batch = made.batch(0, 0.5)
    mixed = mixup(batch, 1.0, torch.Generator().manual_seed(0))
    by_truth = dict(zip(map(id, batch.truths), batch.weights.tolist(), strict=True))
    assert mixed.weights.tolist() == batch.weights.tolist()
    assert [by_truth[id(truth)] for truth in mixed.others] == mixed.other_weights.tolist()


def test_wrong_weights_are_one_message():
    for bad in ([1.0, -1.0], [float("nan"), 1.0], [0.0, 0.0]):
        with pytest.raises(ValueError, match="at least 0, not all 0"):
            Weighting(draws=torch.tensor(bad))
    with pytest.raises(ValueError, match="2 losses were given for 10 samples"):
        SmallBatches(dataset=pictures(), training=PLAIN, canvas=(8, 8), weighting=Weighting(losses=torch.ones(2)))
    boxes = pictures(lambda index: Boxes.of(torch.tensor([[1.0, 1.0, 4.0, 4.0]]), torch.tensor([0])))
    made = Batches(dataset=boxes, training=PLAIN, canvas=(8, 8), multiple=1, weighting=Weighting(losses=torch.ones(10)))
    with pytest.raises(ValueError, match="truths with coordinates"):
        made.batch(0, 0.5)
