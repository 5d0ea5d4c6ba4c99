"""Copies among generated pictures are found and replaced before any classifier sees them."""

import pytest
import torch

from clearsight.generation.extractors import extractors_for
from clearsight.generation.pictures import Pictures
from clearsight.generation.sifting import Sieve, sifted


class Drawer(torch.nn.Module):
    """A generator whose pictures are those it was given, one after the other, again and again."""

    def __init__(self, pictures):
        super().__init__()
        self.place = torch.nn.Parameter(torch.zeros(1))
        self.pictures, self.drawn = pictures, 0

    def latents(self, count, random):
        self.drawn += count
        return torch.arange(self.drawn - count, self.drawn)[:, None].float()

    def sample(self, latents, classes=None):
        assert classes is not None and set(classes.tolist()) == {1}
        return self.pictures[latents[:, 0].long() % len(self.pictures)].float() / 255


@pytest.fixture(scope="module")
def sieve(material):
    real = Pictures(
        images=material.train.stack(), ids=tuple(record.id for record in material.train.records),
        classes=torch.tensor([material.train.truth(row).index for row in range(len(material.train))]),
    )  # fmt: skip
    extractor, _ = extractors_for(real, "shapes of the sieve", ("bar", "disc"))
    return Sieve(material.train.stack(), material.held_out.stack(), extractor)


def test_copies_are_removed_and_counted_and_new_pictures_stay(material, sieve, fresh_discs):
    new = fresh_discs(96, 7)
    copied = torch.cat([material.train.stack()[-8:], material.held_out.stack()[-8:]])
    mixed = torch.cat([copied, new])
    found = sifted(Drawer(mixed), sieve, 60, 1, 0)
    assert len(found.images) == 60 and found.made >= 76
    exact = {picture.numpy().tobytes() for picture in copied}
    assert not any(picture.numpy().tobytes() in exact for picture in found.images)
    assert found.of_training >= 8 and found.of_held_out >= 8
    assert found.of_training + found.of_held_out == len(found.copies) <= 16 + 0.2 * found.made
    pairs = {pair[0].numpy().tobytes(): pair[1] for pair in found.copies}
    assert all(torch.equal(pairs[one.numpy().tobytes()], one) for one in copied)


def test_a_generator_of_copies_only_is_one_message(material, sieve):
    with pytest.raises(ValueError, match="copy a real one and were removed .* ask for fewer pictures"):
        sifted(Drawer(material.train.stack()[-10:]), sieve, 40, 1, 0)


def test_too_few_pictures_to_tell_copies_by_is_one_message(material, sieve):
    with pytest.raises(ValueError, match="Expected at least 100 of each"):
        Sieve(material.train.stack()[:50], material.held_out.stack(), sieve._extractor)
