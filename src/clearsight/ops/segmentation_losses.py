"""Losses of semantic segmentation: cross-entropy, soft Dice, Lovász-softmax, focal; and class weights.

All take logits ``b c h w`` and labels ``b h w`` with 255 for ignored pixels, give a scalar, and are 0 (with a gradient
of 0) where all pixels are ignored. Inside they put classes before pixels in memory, whatever the memory format of the
logits: softmax over a last axis of 11 classes takes a CPU 20 times as long.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from clearsight.types import IGNORE

BALANCES = ("none", "square-root", "inverse", "effective")


def class_weights(counts: Float[Tensor, "c"], balance: str, prototypes: float = 0.01) -> Float[Tensor, "c"]:
    """Weights for classes that occur ``counts`` times (pixels); their mean over the pixels is 1.

    "square-root" and "inverse" weigh by frequency to the power -1/2 and -1. "effective" weighs by the inverse of the
    effective number of samples (Cui et al. 2019, equation 2) where a share ``prototypes`` of all pixels are distinct,
    so that classes rarer than about that share gain weight and the others stay equal. A class that never occurs gets 0.
    """
    total = counts.double().sum().clamp(min=1e-12)
    share = counts.double() / total
    present = share > 0
    safe = torch.where(present, share, 1.0)
    if balance == "none":
        weights = torch.ones_like(safe)
    elif balance == "square-root":
        weights = safe.rsqrt()
    elif balance == "inverse":
        weights = safe.reciprocal()
    elif balance == "effective":
        weights = -1 / torch.expm1(-safe / prototypes)
    else:
        raise ValueError(f"the balance of classes is {balance!r}. Expected {', '.join(BALANCES)}.")
    weights = weights * present
    return (weights / (weights * share).sum().clamp(min=1e-12)).float()


def cross_entropy(
    logits: Float[Tensor, "b c h w"], labels: Int[Tensor, "b h w"], weights: Float[Tensor, "c"] | None = None
) -> Float[Tensor, ""]:
    """The mean of -log p of the true class over the pixels that are not ignored, each weighted by its class."""
    return cross_entropy_and_dice(logits, labels, weights)[0]


def soft_dice(logits: Float[Tensor, "b c h w"], labels: Int[Tensor, "b h w"]) -> Float[Tensor, ""]:
    """1 - 2 sum(p g) / (sum(p²) + sum(g²)) (Milletari et al. 2016, section 3), the mean over the classes present.

    The sums run over all pixels of the batch that are not ignored; classes without a pixel in the batch are left out.
    """
    return cross_entropy_and_dice(logits, labels)[1]


def cross_entropy_and_dice(
    logits: Float[Tensor, "b c h w"], labels: Int[Tensor, "b h w"], weights: Float[Tensor, "c"] | None = None
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Both losses in one pass: about three times as fast as one after the other by autograd."""
    loss, dice = _CrossEntropyAndDice.apply(logits, labels, weights)  # type: ignore[no-untyped-call]
    return loss, dice


def lovasz_softmax(logits: Float[Tensor, "b c h w"], labels: Int[Tensor, "b h w"]) -> Float[Tensor, ""]:
    """The convex surrogate of 1 - IoU (Berman et al. 2018, algorithm 1 and equation 11), over the classes present.

    Errors are sorted over all pixels of the batch that are not ignored, once for each class present.
    """
    label, judged = _flat(labels)
    probability = _classes_first(logits).softmax(1).transpose(0, 1).flatten(1)[:, judged.flatten()]
    label = label.flatten()[judged.flatten()]
    losses = []
    for index in label.unique().tolist():
        true = label == index
        error = torch.where(true, 1 - probability[index], probability[index])
        order = _worst_first(error.detach())
        steps = torch.empty_like(error).scatter_(0, order, _jaccard_steps(true[order]).to(error))
        losses.append(error @ steps)
    return torch.stack(losses).mean() if losses else logits.sum() * 0


def focal(
    logits: Float[Tensor, "b c h w"],
    labels: Int[Tensor, "b h w"],
    weights: Float[Tensor, "c"] | None = None,
    gamma: float = 2.0,
) -> Float[Tensor, ""]:
    """-(1 - p)^gamma log p of the true class (Lin et al. 2017, equation 4), averaged as ``cross_entropy`` is."""
    label, judged = _flat(labels)
    log_p = _classes_first(logits).log_softmax(1).gather(1, label[:, None])[:, 0]
    weight = judged.float() if weights is None else weights.to(log_p)[label] * judged
    each = -((1 - log_p.exp()).clamp(min=0) ** gamma) * log_p
    return (weight * each).sum() / weight.sum().clamp(min=1e-12)


class _CrossEntropyAndDice(torch.autograd.Function):
    """Both losses with hand-written gradients, so that softmax is computed once and little is saved."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
        """Saves the probabilities, 0 where a pixel is ignored."""
        label, judged = _flat(labels)
        scores = _classes_first(logits.detach())
        at = label[:, None]
        shifted = scores - scores.amax(1, keepdim=True)
        log_p = shifted.gather(1, at)[:, 0]
        p = shifted.exp_()
        total = p.sum(1)
        log_p = log_p - total.log()
        p *= (judged / total)[:, None]
        weight = judged.to(p) if weights is None else weights.to(p)[label] * judged
        weight = weight / weight.sum().clamp(min=1e-12)
        loss = -(weight * log_p).sum()
        classes = p.shape[1]
        true_p = p.gather(1, at)[:, 0]
        both = p.new_zeros(classes).scatter_add_(0, label.flatten(), true_p.flatten())
        count = p.new_zeros(classes).scatter_add_(0, label.flatten(), judged.to(p).flatten())
        sides = torch.linalg.vector_norm(p, dim=2).square().sum(0) + count
        present = count > 0
        sides = torch.where(present, sides, 1.0)
        share = present.to(p) / present.sum().clamp(min=1)
        dice = (share * (1 - 2 * both / sides)).sum()
        ctx.save_for_backward(p, label, weight, true_p, -2 * share / sides, 4 * share * both / sides**2)
        last = logits.is_contiguous(memory_format=torch.channels_last) and not logits.is_contiguous()
        ctx.format = torch.channels_last if last else torch.contiguous_format
        ctx.shape, ctx.dtype = logits.shape, logits.dtype
        ctx.set_materialize_grads(False)
        return loss, dice

    @staticmethod
    def backward(ctx: Any, for_loss: Tensor | None, for_dice: Tensor | None) -> tuple[Tensor, None, None]:  # type: ignore[override]
        """Through softmax: p (d - sum(p d)), where d is the derivative of the loss by p."""
        p, label, weight, true_p, by_true, by_p = ctx.saved_tensors
        pull = torch.zeros_like(weight) if for_loss is None else weight * for_loss
        if for_dice is None:
            gradient, at_true = p * pull[:, None], -pull
        else:
            at_true = (by_true * for_dice)[label] * true_p
            gradient = (p * (by_p * for_dice)[None, :, None]).mul_(p)
            gradient.addcmul_(p, (gradient.sum(1) + at_true - pull)[:, None], value=-1)
            at_true = at_true - pull
        gradient.scatter_add_(1, label[:, None], at_true[:, None])
        return gradient.view(ctx.shape).to(ctx.dtype, memory_format=ctx.format), None, None


def _classes_first(logits: Tensor) -> Float[Tensor, "b c n"]:
    scores = logits if logits.dtype == torch.float64 else logits.float()
    return scores.contiguous().flatten(2)


def _flat(labels: Tensor) -> tuple[Int[Tensor, "b n"], Bool[Tensor, "b n"]]:
    """Labels as indices, 0 where ignored, and which are not ignored."""
    label = labels.flatten(1).long()
    judged = label != IGNORE
    return label * judged, judged


def _worst_first(error: Float[Tensor, "n"]) -> Int[Tensor, "n"]:
    # On a CPU NumPy sorts five times as fast as torch.
    if error.device.type == "cpu":
        return torch.from_numpy(np.argsort(-error.numpy()))
    return error.argsort(descending=True)


def _jaccard_steps(true: Bool[Tensor, "n"]) -> Float[Tensor, "n"]:
    """How much the Jaccard loss grows with each further error, worst first (Berman et al. 2018, algorithm 1)."""
    found = true.float().cumsum(0)
    total = found[-1]
    loss = 1 - (total - found) / (total + torch.arange(1, len(true) + 1, device=true.device) - found)
    return F.pad(loss[1:] - loss[:-1], (1, 0), value=0.0) + F.pad(loss[:1], (0, len(true) - 1))
