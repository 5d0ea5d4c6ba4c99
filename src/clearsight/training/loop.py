"""The training loop, independent of the model and the task.

One step is: make the batch, take an optimizer step on the sum of the losses, update the moving average of the weights.
Everything a step reads is a function of the seed, the step and the saved state, so a run that was stopped and resumed
ends, on a CPU, in the weights of a run that never stopped.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn

from clearsight.training.average import Average as Average
from clearsight.training.budget import Budget as Budget
from clearsight.training.budget import Clock as Clock
from clearsight.training.budget import Meter as Meter
from clearsight.training.optimizers import optimizers_for
from clearsight.training.session import Diverged as Diverged
from clearsight.training.session import Hooks as Hooks
from clearsight.training.session import Interrupted as Interrupted
from clearsight.training.session import Moment as Moment
from clearsight.training.session import Session
from clearsight.training.snapshots import BestSnapshot
from clearsight.training.stopping import Ending as Ending
from clearsight.types import Batch, Losses, Training

FINAL_RATE = 0.01  # the learning rate at the end, as a share of the peak


def rate_at(progress: float, warmup_share: float) -> float:
    """The learning rate schedule, as a share of the peak: linear warm-up, then cosine decay to 1%."""
    if progress < warmup_share:
        return max(progress / warmup_share, 1e-3)
    fall = (progress - warmup_share) / max(1 - warmup_share, 1e-9)
    return FINAL_RATE + (1 - FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * min(fall, 1.0)))


def fit(
    model: nn.Module,
    batches: Callable[[int, float], Batch],
    ahead: Callable[[Callable[[int], Batch], int], Iterator[Batch]],
    clock: Clock,
    training: Training,
    fabric: Fabric,
    hooks: Hooks,
    state: dict[str, Any] | None = None,
) -> nn.Module:
    """Train until the budget is used, or ``training.patience`` has run out, and return the averaged model, in
    evaluation mode: its last weights, or with ``training.save_best`` those that ``hooks.validate`` scored best.

    ``batches(step, progress)`` makes a batch; ``ahead`` makes them before they are needed; ``state`` is a checkpoint
    to resume from. Raises Diverged when a loss is not finite and Interrupted when asked to stop; both leave a
    checkpoint behind.
    """
    trainer = _Trainer(model, clock, training, fabric, hooks, state)
    stream = ahead(lambda step: batches(step, clock.progress(step)), clock.step)
    trainer.session.run(stream, lambda stream, progress: trainer.step(next(stream), progress))
    trainer.session.finish(trainer.average.model)
    return trainer.average.model.eval()


class _OpaqueBatch:
    """A batch that Fabric passes on untouched: it inspects frozen dataclasses, and refuses them."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch


class _LossModule(nn.Module):
    """A model whose forward is its losses, since distributed training synchronises gradients only through forward."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, opaque: _OpaqueBatch) -> Losses:
        return self.model.losses(opaque.batch)  # type: ignore[operator]


class _Trainer:
    """The state of one training and its steps."""

    def __init__(
        self,
        model: nn.Module,
        clock: Clock,
        training: Training,
        fabric: Fabric,
        hooks: Hooks,
        state: dict[str, Any] | None,
    ) -> None:
        self.clock, self.training, self.fabric = clock, training, fabric
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.raw_model = model
        self.model, *self.optimizers = fabric.setup(_LossModule(model), *optimizers_for(model, training))
        self.average = Average(self.raw_model)
        best = BestSnapshot() if training.save_best else None
        self.session = Session(clock, fabric, hooks, self._state, patience=training.patience, best=best)
        if state is not None:
            self._restore(state)
        self.raw_model.train()
        self.frozen: nn.Module | None = None

    def step(self, batch: Batch, progress: float) -> None:
        """One batch: optimizer step, moving average, and validation and checkpoint where due."""
        rate = rate_at(progress, self.training.warmup_share)
        for group in (group for optimizer in self.optimizers for group in optimizer.param_groups):
            group["lr"] = group["highest"] * rate
        self._freeze_backbone(progress < self.training.frozen_share)
        losses = self.model(_OpaqueBatch(on_device(batch, self.fabric.device)))
        self._optimize(losses)
        self.clock.step += 1
        self.average.update_if_due(self.clock.step, self.training.ema_share * self.clock.total_steps())
        self.session.after_step(self.average.model)

    def _freeze_backbone(self, wanted: bool) -> None:
        """Freeze the backbone, running statistics included, or unfreeze it."""
        if wanted == (self.frozen is not None):
            return
        backbone = self.raw_model.get_submodule("backbone")
        backbone.train(not wanted)
        # Several processes wait for every registered gradient, so there it is computed and discarded.
        if self.fabric.world_size == 1:
            backbone.requires_grad_(not wanted)
        self.frozen = backbone if wanted else None

    def _optimize(self, losses: Losses) -> None:
        total = torch.stack([value.float() for value in losses.values()]).sum()
        self.raw_model.zero_grad(set_to_none=True)
        self.fabric.backward(total)
        if self.frozen is not None:
            self.frozen.zero_grad(set_to_none=True)
        norm = nn.utils.clip_grad_norm_(self.raw_model.parameters(), self.training.clip_norm)
        if not bool(torch.isfinite(norm + total.detach() if self.fabric.world_size == 1 else norm)):
            self.session.save()
            named = ", ".join(f"{name} {float(value.detach()):.4g}" for name, value in losses.items())
            raise Diverged(
                f"the loss became NaN or infinite at step {self.clock.step + 1} ({named}; gradient {float(norm):.4g}). "
                f"The weights before this step were kept. Train again with a lower learning rate, for example "
                f"--set learning_rate={self.training.learning_rate / 4:g}, and look at the data with `clearsight data`."
            )
        for optimizer in self.optimizers:
            optimizer.step()
        self.session.losses = {name: float(value.detach()) for name, value in losses.items()}

    def _state(self) -> dict[str, Any]:
        return {
            "model": self.raw_model.state_dict(),
            "average": self.average.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self.raw_model.load_state_dict(state["model"])
        self.average.model.load_state_dict(state["average"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.session.restore(state)


def on_device(batch: Batch, device: torch.device) -> Batch:
    """The batch with its pictures on the device."""
    if batch.images.device == device:
        return batch
    return replace(batch, images=batch.images.to(device, non_blocking=True))
