from dataclasses import dataclass, field

import pytest
import torch

from clearsight.sources.batches.augmentation import colour_jitter, random_view, recolour
from clearsight.sources.batches.views import Batches, ahead
from clearsight.types import Boxes, Sample, Training


@dataclass
class Numbered:
    """Pictures whose left half is black and whose upper right corner is red, so that a flip can be seen."""

    count: int = 13
    symmetries: frozenset = frozenset()
    name: str = "numbered"
    split: str = "train"
    class_names: tuple = ("a",)
    fingerprint: str = "x"
    asked: list = field(default_factory=list)

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        image = torch.full((3, 64, 96), 250, dtype=torch.uint8)
        image[:, :, :48] = 0
        image[1:, :32, 48:] = 0
        self.asked.append(index)
        truth = Boxes.of(torch.tensor([[48.0, 0, 96, 32]]), torch.tensor([index % 1]))
        return Sample(id=str(index), image=image, truth=truth)


def batches(dataset=None, canvas=(64, 96), **changes):
    options = {"batch_size": 4, "brightness": 0.0, "zoom": (1.0, 1.0)}
    own = {name: changes.pop(name) for name in ("seed", "rank", "world") if name in changes}
    return Batches(dataset=dataset or Numbered(), training=Training(**{**options, **changes}), canvas=canvas, **own)


def equal(a, b):
    return (
        a.ids == b.ids
        and torch.equal(a.images, b.images)
        and all(torch.equal(x.xyxy, y.xyxy) for x, y in zip(a.truths, b.truths, strict=True))
    )


LIVELY = {"zoom": (0.6, 1.6), "brightness": 0.4, "colour": 0.5}


def test_a_batch_is_a_function_of_seed_and_step_alone():
    one, other = batches(**LIVELY), batches(**LIVELY)
    later = [other.batch(step, 0.5) for step in (7, 3, 0)]
    assert (
        equal(one.batch(0, 0.5), later[2]) and equal(one.batch(3, 0.5), later[1]) and equal(one.batch(7, 0.5), later[0])
    )
    assert not equal(one.batch(3, 0.5), one.batch(4, 0.5))
    assert not equal(one.batch(3, 0.5), batches(seed=1, **LIVELY).batch(3, 0.5))


def test_nothing_depends_on_the_global_random_state():
    torch.manual_seed(1)
    first = batches(**LIVELY).batch(2, 0.5)
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert equal(first, batches(**LIVELY).batch(2, 0.5)) and torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("world", [2, 4])
def test_processes_together_see_the_batch_of_one_pixel_by_pixel(world):
    for step in range(4):
        whole = batches(**LIVELY).batch(step, 0.5)
        shares = [batches(rank=rank, world=world, **LIVELY).batch(step, 0.5) for rank in range(world)]
        for rank, share in enumerate(shares):
            assert share.ids == whole.ids[rank::world]
            assert torch.equal(share.images, whole.images[rank::world])
            mine = whole.truths[rank::world]
            assert all(torch.equal(a.xyxy, b.xyxy) for a, b in zip(share.truths, mine, strict=True))


def test_every_sample_is_seen_once_in_every_epoch_and_in_another_order():
    made = batches()
    assert made.steps_per_epoch == 4  # 13 samples, 4 at a time
    seen = [id for step in range(13) for id in made.batch(step, 0.5).ids]
    epochs = [seen[13 * k : 13 * (k + 1)] for k in range(4)]
    assert all(sorted(map(int, epoch)) == list(range(13)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


def looks(image):
    """Which corners are red: where the upper right one went."""
    red = (image[0] > 0.9) & (image[1] < 0.1)
    high, low, left, right = red[:32].sum(), red[32:].sum(), red[:, :48].sum(), red[:, 48:].sum()
    return ("low" if low > high else "high", "left" if left > right else "right")


@pytest.mark.parametrize(
    ("symmetries", "flips", "expected"),
    [
        ((), "data", {("high", "right")}),
        (("horizontal",), "data", {("high", "right"), ("high", "left")}),
        (("vertical",), "data", {("high", "right"), ("low", "right")}),
        ((), "both", {(v, h) for v in ("high", "low") for h in ("left", "right")}),
        (("horizontal", "vertical"), "none", {("high", "right")}),
    ],
)
def test_only_the_allowed_mirrorings_happen_and_the_box_goes_along(symmetries, flips, expected):
    made = batches(Numbered(symmetries=frozenset(symmetries)), flips=flips)
    seen = set()
    for step in range(15):
        batch = made.batch(step, 0.5)
        for image, truth in zip(batch.images, batch.truths, strict=True):
            seen.add(looks(image))
            x1, y1, x2, y2 = truth.xyxy[0].int().tolist()
            assert (image[0, y1:y2, x1:x2] > 0.9).all() and (image[1, y1:y2, x1:x2] < 0.1).all()
    assert seen == expected


def test_at_first_the_pictures_are_smaller_where_asked():
    made = batches(canvas=(128, 192), small_share=0.5, small_scale=0.67, zoom=(2.0, 2.0))
    small, large = made.batch(0, 0.49), made.batch(0, 0.5)
    assert large.images.shape == (4, 3, 128, 192) and small.images.shape == (4, 3, 96, 128)
    for batch in (small, large):
        edge = torch.tensor([batch.images.shape[3], batch.images.shape[2]] * 2)
        assert all((truth.xyxy <= edge).all() for truth in batch.truths)
    shares = [(batch.truths[0].xyxy[0, 2:] / batch.images.shape[3]).tolist() for batch in (small, large)]
    assert shares[0] == pytest.approx(shares[1], abs=0.1)
    assert batches().batch(0, 0.0).images.shape == (4, 3, 64, 96)


def test_batches_are_channels_last_and_within_zero_and_one():
    images = batches(**LIVELY).batch(0, 0.5).images
    assert images.is_contiguous(memory_format=torch.channels_last) and images.dtype == torch.float32
    assert images.min() >= 0 and images.max() <= 1


def generators(count, seed=0):
    return [torch.Generator().manual_seed(seed + k) for k in range(count)]


def test_relighting_by_nothing_changes_nothing_and_by_more_changes_more():
    images = torch.rand(6, 3, 8, 8)
    assert torch.allclose(colour_jitter(images, 0.0, generators(6)), images, atol=1e-6)
    moved = [(colour_jitter(images, strength, generators(6)) - images).abs().mean() for strength in (0.1, 0.3, 0.6)]
    assert 0 < moved[0] < moved[1] < moved[2]
    lit = colour_jitter(images, 1.0, generators(6))
    assert lit.min() >= 0 and lit.max() <= 1


def test_recolouring_is_gamma_then_white_balance_then_saturation_as_by_hand():
    picture = torch.tensor([0.2, 0.5, 0.8]).view(1, 3, 1, 1)
    middle = torch.full((1, 5), 0.5)
    assert torch.allclose(recolour(picture.clone(), 1.0, middle), picture)
    draws = torch.tensor([[1.0, 0.0, 0.5, 0.5, 0.5]])  # gamma 2, no saturation
    grey = (0.2**2 + 0.5**2 + 0.8**2) / 3
    assert torch.allclose(recolour(picture.clone(), 1.0, draws), torch.full_like(picture, grey), atol=1e-6)
    assert torch.allclose(recolour(picture.clone(), 1e-6, draws), picture, atol=1e-5)
    draws = torch.tensor([[0.5, 0.5, 1.0, 0.5, 0.0]])  # more red, less blue
    by_hand = torch.tensor([0.2 * 2.718281828**0.3, 0.5, 0.8 * 2.718281828**-0.3]).view(1, 3, 1, 1)
    assert torch.allclose(recolour(picture.clone(), 1.0, draws), by_hand, atol=1e-5)
    wild = recolour(torch.rand(8, 3, 5, 5), 1.0, torch.rand(8, 5))
    assert wild.min() >= 0 and wild.max() <= 1 and torch.isfinite(wild).all()


def test_each_picture_is_lit_by_its_own_generator():
    images = torch.rand(1, 3, 8, 8).expand(3, -1, -1, -1).contiguous()
    lit = colour_jitter(images, 0.5, generators(3))
    assert not torch.equal(lit[0], lit[1])
    assert torch.equal(lit[2:], colour_jitter(images[2:], 0.5, generators(3)[2:]))


def test_a_view_magnifies_within_its_range():
    sample, widths = Numbered()[0], []
    for seed in range(200):
        view = random_view(sample, (256, 256), (0.5, 2.0), frozenset(), torch.Generator().manual_seed(seed))
        assert view.image.shape == (3, 256, 256)
        if not view.truth.ignored.any() and len(view.truth):
            widths.append(float(view.truth.xyxy[0, 2] - view.truth.xyxy[0, 0]) / 48)
    assert 0.48 <= min(widths) < 0.6 and 1.7 < max(widths) <= 2.02
    below = sum(width < 1 for width in widths) / len(widths)
    assert 0.4 < below < 0.6, "as often smaller as larger: uniform in the logarithm"


def test_batches_are_made_ahead_in_order_from_the_first_asked_for():
    made = []
    stream = ahead(lambda step: made.append(step) or step, 5, depth=2)
    assert [next(stream) for _ in range(3)] == [5, 6, 7]
    stream.close()
    assert made == list(range(5, 5 + len(made))) and 3 <= len(made) <= 5
