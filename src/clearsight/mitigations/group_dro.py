"""Group DRO: trained anew for the worst group, not for the average (Sagawa et al. 2020, algorithm 1).

Every group and class, a cell, has a weight; at each step the weight of a cell grows with the exponential of its loss,
and the network learns from the losses under these weights. Pictures of all cells are drawn equally often. What differs
from the paper: a step sees a batch of all cells, not of one, as in the authors' experiments, and the regularisation is
that of the model.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from clearsight.mitigations.balance import balancing
from clearsight.types import Batch, Given, Losses, Retraining

STEP_SIZE = 0.01  # of the weights' growth, the paper's choice


class WorstGroupObjective(nn.Module):
    """A network whose loss is that of its cells under weights that follow their losses.

    ``cells`` maps the id of each training picture to its cell, from 0; pictures of none do not count. The network must
    weigh each picture of a batch in its loss by ``Batch.weights``: since the loss is linear in these, its derivative by
    the weight of a picture is the loss of that picture, and remains differentiable itself.
    """

    def __init__(self, network: nn.Module, cells: Mapping[str, int]) -> None:
        super().__init__()
        self.network, self._cells = network, dict(cells)
        count = max(self._cells.values()) + 1
        self.register_buffer("shares", torch.full((count,), 1.0 / count))

    def losses(self, batch: Batch) -> Losses:
        """One loss, ``worst group``."""
        assert batch.others is None, "pictures must not be mixed: a mixed one is of two groups"
        asked = torch.ones(len(batch.ids), requires_grad=True, device=batch.images.device)
        found = self.network.losses(replace(batch, weights=asked))  # type: ignore[operator]
        total = torch.stack([one.float() for one in found.values()]).sum()
        (each,) = torch.autograd.grad(total, asked, create_graph=True)
        cells = torch.tensor([self._cells.get(id, -1) for id in batch.ids], device=each.device)
        return {"worst group": self._weighted(each * len(each), cells)}

    def _weighted(self, each: Tensor, cells: Tensor) -> Tensor:
        shares = self.shares
        assert isinstance(shares, Tensor)
        known = cells >= 0
        counts = torch.bincount(cells[known], minlength=len(shares))
        sums = torch.zeros_like(shares).index_add(0, cells[known], each[known])
        means = sums / counts.clamp(min=1)
        grown = shares * (STEP_SIZE * means.detach()).exp()  # that of a cell without pictures stays
        shares.copy_(grown / grown.sum())
        return (shares.detach().clone() * means).sum()


def group_dro(given: Given) -> tuple[Retraining, ...]:
    """One retraining for the worst cell."""
    cells = dict(zip(given.train.ids, given.train.cells.tolist(), strict=True))
    objective = partial(WorstGroupObjective, cells=cells)
    return (Retraining(said="for the worst group", draws=balancing(given.train.cells), objective=objective),)
