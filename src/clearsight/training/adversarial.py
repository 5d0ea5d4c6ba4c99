"""The loop of two players: a generator and a discriminator (or critic), each trained against the other.

A step is a few turns. In each, the players that it names are updated over their own weights, by their gradients at the
same moment: where it names both they move at once, else one answers the other. Then comes the moving average. As in the
loop of one network, everything a step reads is a function of the seed, the step and the saved state, so a run that was
stopped and resumed ends, on a CPU, in the weights of a run that never stopped.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.optim import Optimizer

from clearsight.training.average import Average
from clearsight.training.budget import Clock
from clearsight.training.loop import on_device
from clearsight.training.session import Diverged, Hooks, Session
from clearsight.training.snapshots import BestSnapshot
from clearsight.types import Batch, Training


def fit_players(
    network: Any,
    batches: Callable[[int, float], Batch],
    ahead: Callable[[Callable[[int], Batch], int], Iterator[Batch]],
    clock: Clock,
    training: Training,
    fabric: Fabric,
    hooks: Hooks,
    state: dict[str, Any] | None = None,
) -> nn.Module:
    """Train both players until the budget is used and return the averaged network, in evaluation mode.

    ``network`` is ``Adversarial``. ``batches(number, progress)`` makes a batch, one for every turn of a step; the
    rest is as in ``loop.fit``: with ``training.save_best`` the last weights are scored too, and the network returned
    has the weights that ``hooks.validate`` scored best; the checkpoint keeps both.

    Raises:
        ValueError: more than one process shares the training.
        Diverged: a loss or gradient is not finite; it names the player.
        Interrupted: it was asked to stop. These two leave a checkpoint behind.
    """
    if fabric.world_size > 1:
        raise ValueError(
            f"a network of two players trains in one process, and {fabric.world_size} were asked for. Use one device."
        )
    match = _Match(network, clock, training, fabric, hooks, state)
    turns = len(network.turns)
    stream = ahead(lambda number: batches(number, clock.progress(number // turns)), clock.step * turns)
    match.session.run(stream, match.step)
    return match.finish()


class _Match:
    """The state of one training of two players, and its steps."""

    def __init__(
        self,
        network: Any,
        clock: Clock,
        training: Training,
        fabric: Fabric,
        hooks: Hooks,
        state: dict[str, Any] | None,
    ) -> None:
        self.clock, self.training, self.fabric = clock, training, fabric
        self.network = fabric.to_device(network.to(memory_format=torch.channels_last))
        players = dict.fromkeys(player for turn in self.network.turns for player in turn)
        self.weights = {player: list(self.network.get_submodule(player).parameters()) for player in players}
        self.optimizers: dict[str, Optimizer] = {player: self.network.optimizer(player, training) for player in players}
        self.average = Average(self.network)
        best = BestSnapshot() if training.save_best else None
        self.session = Session(clock, fabric, hooks, self._state, patience=training.patience, best=best)
        if state is not None:
            self._restore(state)
        self.network.train()

    def step(self, stream: Iterator[Batch], progress: float) -> None:
        """Every turn, the moving average, and validation and checkpoint where due.

        Players that rest leave their batches unused, so that those of a step follow from its number alone.
        """
        for player, optimizer in self.optimizers.items():
            self.network.schedule(optimizer, player, progress)
        losses: dict[str, float] = {}
        for turn in self.network.turns:
            batch, awake = next(stream), [player for player in turn if self._has_rate(player)]
            if awake:
                batch = on_device(batch, self.fabric.device)
            for player in awake:
                losses |= self._find_gradients(player, batch)
            for player in awake:
                self.optimizers[player].step()
        self.session.losses = losses
        self.clock.step += 1
        self.average.update_if_due(self.clock.step, self.training.ema_share * self.clock.total_steps())
        self.session.after_step(self.average.model)

    def _has_rate(self, player: str) -> bool:
        return any(group["lr"] for group in self.optimizers[player].param_groups)

    def _find_gradients(self, player: str, batch: Batch) -> dict[str, float]:
        """The gradients of a player's weights, clipped and finite; its losses, named after it."""
        for name, weights in self.weights.items():
            for weight in weights:
                weight.requires_grad_(name == player)
        for weight in self.weights[player]:
            weight.grad = None
        with self.fabric.autocast():
            losses = self.network.losses(batch, player)
        total = torch.stack([value.float() for value in losses.values()]).sum()
        self.fabric.backward(total)
        norm = nn.utils.clip_grad_norm_(self.weights[player], self.training.clip_norm)
        if not bool(torch.isfinite(norm + total.detach())):
            self.session.save()
            named = ", ".join(f"{name} {float(value.detach()):.4g}" for name, value in losses.items())
            raise Diverged(
                f"the {player} became NaN or infinite at step {self.clock.step + 1} ({named}; gradient "
                f"{float(norm):.4g}). The weights before this update were kept. Train again with a lower learning "
                f"rate, for example --set learning_rate={self.training.learning_rate / 4:g}."
            )
        return {f"{player} {name}": float(value.detach()) for name, value in losses.items()}

    def finish(self) -> nn.Module:
        """The last score, log line and checkpoint; the averaged network with the weights that scored best."""
        for weights in self.weights.values():
            for weight in weights:
                weight.requires_grad_(True)
        self.session.finish(self.average.model)
        return self.average.model.eval()

    def _state(self) -> dict[str, Any]:
        return {
            "model": self.network.state_dict(),
            "average": self.average.model.state_dict(),
            "optimizers": {player: optimizer.state_dict() for player, optimizer in self.optimizers.items()},
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["model"])
        self.average.model.load_state_dict(state["average"])
        for player, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][player])
        self.session.restore(state)
