"""How an encoder learns to see: by telling the classes of real training pictures apart, or by removing noise."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Int, UInt8
from torch import Tensor, nn

from clearsight.generation.networks import ClassHead, Decoder, Encoder
from clearsight.generation.pictures import Resizer

BATCH = 128
PIXELS = 200_000_000  # seen in all, at most: a few passes over 60,000 pictures of 28 x 28 px
STEPS = (200, 2000)
CHECK_EVERY, PATIENCE = 100, 4
HELD_OUT_SHARE, HELD_OUT_AT_MOST = 0.1, 2000
PASSES, STEPS_AT_LEAST = 60, 200  # few pictures are known by heart after some passes
LEARNING_RATE, WEIGHT_DECAY, WARMUP = 2e-3, 1e-2, 50
NOISE = 0.25

Watch = Callable[[int, int], None]
Objective = Callable[[Tensor, Int[Tensor, "b"] | None], Tensor]


@dataclass(frozen=True, kw_only=True)
class Learned:
    """A trained encoder; ``head`` names classes where there were any."""

    encoder: Encoder
    head: ClassHead | None


def learned(
    images: UInt8[Tensor, "n 3 h w"],
    classes: Int[Tensor, "n"] | None,
    count: int,
    resizer: Resizer,
    seed: int,
    watch: Watch = lambda done, total: None,
) -> Learned:
    """An encoder trained on these pictures: to tell ``count`` classes apart, or without any to remove noise.

    A tenth of the pictures is held out; training ends when the loss on these has not fallen for 400 steps, and the
    weights of its least are kept. Torch's global generator is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder, batches = Encoder(), _Batches(images=images, classes=classes, resizer=resizer)
        if classes is not None:
            head = ClassHead(count)
            _train(nn.ModuleList([encoder, head]), _classification(encoder, head), batches, watch)
            return Learned(encoder=encoder.eval(), head=head.eval())
        height, width = resizer(images[:1]).shape[2:]
        decoder = Decoder((height, width))
        _train(nn.ModuleList([encoder, decoder]), _denoising(encoder, decoder), batches, watch)
        return Learned(encoder=encoder.eval(), head=None)


def _classification(encoder: Encoder, head: ClassHead) -> Objective:
    def loss(images: Tensor, classes: Int[Tensor, "b"] | None) -> Tensor:
        assert classes is not None
        return F.cross_entropy(head(encoder(images)), classes)

    return loss


def _denoising(encoder: Encoder, decoder: Decoder) -> Objective:
    def loss(images: Tensor, classes: Int[Tensor, "b"] | None) -> Tensor:
        return F.mse_loss(decoder(encoder(images + NOISE * torch.randn_like(images))), images)

    return loss


@dataclass(frozen=True, kw_only=True)
class _Batches:
    """Pictures and classes as the objective takes them, by index."""

    images: UInt8[Tensor, "n 3 h w"]
    classes: Int[Tensor, "n"] | None
    resizer: Resizer

    def __getitem__(self, some: Int[Tensor, "b"]) -> tuple[Tensor, Int[Tensor, "b"] | None]:
        return self.resizer(self.images[some]), None if self.classes is None else self.classes[some]

    @property
    def pixels(self) -> int:
        """How many pixels a resized picture has."""
        return self.resizer(self.images[:1])[0, 0].numel()


def _train(network: nn.Module, objective: Objective, batches: _Batches, watch: Watch) -> None:
    order = torch.randperm(len(batches.images))
    held = min(HELD_OUT_AT_MOST, max(1, int(HELD_OUT_SHARE * len(order))))
    held_out, training = order[:held], order[held:] if len(order) > held else order
    steps = min(max(PIXELS // (BATCH * batches.pixels), STEPS[0]), STEPS[1])
    steps = min(steps, max(STEPS_AT_LEAST, PASSES * len(training) // BATCH))
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / WARMUP) * max(0.02, 1 - step / steps)
    )
    best, kept, waited = float("inf"), copy.deepcopy(network.state_dict()), 0
    for step in range(steps):
        some = training[torch.randint(len(training), (min(BATCH, max(2, len(training))),))]
        network.train()
        optimizer.zero_grad(set_to_none=True)
        objective(*batches[some]).backward()
        optimizer.step()
        schedule.step()
        watch(step + 1, steps)
        if (step + 1) % CHECK_EVERY == 0 or step + 1 == steps:
            found = _mean_loss(network, objective, batches, held_out)
            waited = 0 if found < best else waited + 1
            if found < best:
                best, kept = found, copy.deepcopy(network.state_dict())
            if waited >= PATIENCE:
                break
    network.load_state_dict(kept)


@torch.no_grad()
def _mean_loss(network: nn.Module, objective: Objective, batches: _Batches, rows: Int[Tensor, "k"]) -> float:
    network.eval()
    return sum(float(objective(*batches[some])) * len(some) for some in rows.split(500)) / len(rows)
