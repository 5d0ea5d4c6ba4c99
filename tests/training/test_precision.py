"""The choice of a precision: by the least time of a step, once whatever is slow the first time is over."""

import pytest
import torch

from clearsight.architectures.cnn import Cnn, CnnConfig
from clearsight.generators.gan import Gan, GanConfig
from clearsight.training import precision
from clearsight.types import Batch, Label, Training


def labelled(count=2):
    """A batch of small pictures with labels."""
    truths = [Label(index=number % 2) for number in range(count)]
    return Batch(images=torch.rand(count, 3, 16, 16), truths=truths, ids=[str(number) for number in range(count)])


@pytest.fixture
def asked(monkeypatch):
    """Ask for the precision of a small network where the steps of each take the given seconds, in turn."""
    monkeypatch.setattr(precision, "has_bf16", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    def ask(float32, bfloat16):
        steps, seen = {False: iter(float32), True: iter(bfloat16)}, []

        def step(network, batch, lower):
            seen.append((lower, batch.images.is_contiguous(memory_format=torch.channels_last)))
            return next(steps[lower])

        monkeypatch.setattr(precision, "_step", step)
        network = Cnn(CnnConfig(widths=(4,)), None, ("a", "b"))
        return precision.precision_for(network, Training(), labelled), seen

    return ask


@pytest.mark.parametrize(
    ("float32", "bfloat16", "name"),
    [
        ([2.0] + 11 * [1.0], [9.0, 9.0] + 10 * [0.6], "bf16-mixed"),
        ([2.0] + 11 * [1.0], [9.0, 9.0] + 10 * [0.97], "32-true"),
        (11 * [5.0] + [1.0], [3.0] * 12, "32-true"),
    ],
    ids=["slow at first", "not worth its rounding", "another program slowed float32 down"],
)
def test_the_least_time_decides(asked, float32, bfloat16, name):
    found, seen = asked(float32, bfloat16)
    assert found == name
    assert [lower for lower, _ in seen] == [False, True] * 12 and all(last for _, last in seen)


def test_steps_that_take_long_are_few(asked, monkeypatch):
    now = iter(range(0, 1000, 10))
    monkeypatch.setattr(precision.time, "perf_counter", lambda: float(next(now)))
    assert len(asked([1.0] * 12, [0.5] * 12)[1]) == 2 * precision.FEWEST_ROUNDS


def test_freed_memory_is_kept_before_anything_is_timed(asked, monkeypatch):
    kept = []
    monkeypatch.setattr(precision, "keep_freed_memory", lambda: kept.append("kept"))
    original = asked([1.0] * 12, [0.5] * 12)
    assert kept == ["kept"] and original[0] == "bf16-mixed"


@pytest.mark.parametrize(("said", "name"), [("float32", "32-true"), ("bfloat16", "bf16-mixed")])
def test_what_is_said_is_not_tried(asked, said, name):
    network = Cnn(CnnConfig(widths=(4,)), None, ("a", "b"))

    def no_batch():
        raise AssertionError("a batch was asked for")

    assert precision.precision_for(network, Training(precision=said), no_batch) == name


def test_a_real_step_runs_in_both_and_leaves_no_gradient():
    network = Cnn(CnnConfig(widths=(4, 4)), None, ("a", "b")).train()
    for lower in (False, True):
        assert precision._step(network, labelled(), lower) > 0
    assert all(weight.grad is None for weight in network.parameters())


def test_what_is_tried_are_the_first_pictures_of_large_batches(asked):
    batch = Batch(
        images=torch.rand(6, 3, 256, 512), truths=list("abcdef"), ids=list("uvwxyz"), others=list("ghijkl"),
        weights=torch.arange(6.0), progress=0.5,
    )  # fmt: skip
    few = precision._few_of(batch)  # two of them are as many pixels as are tried
    assert torch.equal(few.images, batch.images[:2]) and few.images.is_contiguous(memory_format=torch.channels_last)
    assert (few.truths, few.ids, few.others) == (["a", "b"], ["u", "v"], ["g", "h"])
    assert few.weights.tolist() == [0, 1] and few.other_weights is None and few.progress == 0.5
    assert len(precision._few_of(Batch(images=torch.rand(3, 3, 640, 640), truths=[None] * 3, ids=list("abc"))).ids) == 2
    assert len(precision._few_of(labelled(5)).ids) == 5
    assert len(precision._few_of(batch, patch_px=48).ids) == 6  # only a square of each is learnt from


def test_the_losses_of_every_player_are_timed(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(precision, "has_bf16", lambda: True)
    network = Gan(GanConfig(size=(16, 16), channels=1, widths=(4, 8)), ())
    asked = []
    losses = Gan.losses
    monkeypatch.setattr(Gan, "losses", lambda self, batch, player: asked.append(player) or losses(self, batch, player))
    state = torch.get_rng_state()
    batch = Batch(images=torch.rand(4, 3, 16, 16), truths=[None] * 4, ids=list("abcd"))
    torch.set_rng_state(state)
    assert precision.precision_for(network, Training(), lambda: batch) in ("bf16-mixed", "32-true")
    assert asked[:2] == ["discriminator", "generator"]
    assert asked.count("generator") == asked.count("discriminator") >= 2 * precision.FEWEST_ROUNDS
    assert torch.equal(torch.get_rng_state(), state) and all(weight.grad is None for weight in network.parameters())
