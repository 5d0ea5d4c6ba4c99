"""What the outputs of a network mean that answers once per picture: one class, several labels, or a number.

The losses beside plain cross-entropy: focal (Lin et al. 2017), class-balanced by effective numbers (Cui et al. 2019,
equation 2), and logit-adjusted (Menon et al. 2021, equation 10).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from clearsight.types import Batch, Estimate, Label, Labels, Losses, Scores, State, Truth, Value

ANSWERS = ("one", "several", "number")
LOSSES = ("cross-entropy", "focal", "class-balanced", "logit-adjusted")
UNCERTAIN = ("ignored", "present", "absent")


@dataclass(frozen=True, kw_only=True)
class Answering:
    """The part of a config that says what a network answers and how it is judged; never used alone.

    ``loss`` is for classes; a number has Huber's, with its delta, ``huber_delta``, in standard deviations.
    ``label_smoothing`` is the share of the truth spread over all classes, where a picture has one. ``focal_gamma`` is
    the focal loss's gamma, ``class_balanced_beta`` the class-balanced loss's beta. ``uncertain`` is what that state
    counts as; what nobody read never counts. ``temperature`` divides the logits of a prediction where a picture has
    one class; it is found after the training, on held-out pictures, so that confidence comes true. The other fields
    are found by ``fitted``: ``answers`` is "one", "several" or "number"; ``frequencies`` are the classes' shares among
    the ``pictures`` that say something of them; ``mean`` and ``std`` those of the numbers, in their unit.
    """

    loss: str = "cross-entropy"
    label_smoothing: float = 0.0
    focal_gamma: float = 2.0
    class_balanced_beta: float = 0.999
    uncertain: str = "ignored"
    huber_delta: float = 1.0
    temperature: float = 1.0
    answers: str = "one"
    frequencies: tuple[float, ...] = ()
    pictures: int = 0
    mean: float = 0.0
    std: float = 1.0

    def __post_init__(self) -> None:
        for name, known in (("loss", LOSSES), ("uncertain", UNCERTAIN), ("answers", ANSWERS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}. Expected {', '.join(known)}.")
        for name in ("label_smoothing", "class_balanced_beta"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected a share of at least 0 and below 1.")
        if not self.focal_gamma >= 0:
            raise ValueError(f"focal_gamma is {self.focal_gamma}. Expected at least 0.")
        for name in ("huber_delta", "std", "temperature"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected a number above 0.")
        if self.answers == "number" and self.loss != "cross-entropy":
            raise ValueError(f"loss is {self.loss!r}, but the truths are numbers. Leave it out: they have Huber's.")


C = TypeVar("C", bound=Answering)


def outputs_of(config: Answering, class_names: Sequence[str]) -> int:
    """How many numbers the network must give for a picture."""
    return 1 if config.answers == "number" else len(class_names)


def fitted(config: C, truths: Iterable[Truth], class_names: Sequence[str]) -> C:
    """The config with what it takes from the training truths, all of one kind: Label, Labels or Value.

    Raises ValueError where there is nothing to learn: one class only, a class that is never read, equal numbers.
    """
    truths = iter(truths)
    first = next(truths)
    truths = chain([first], truths)
    if isinstance(first, Value):
        return _fitted_to_numbers(config, [truth.value for truth in truths if isinstance(truth, Value)])
    if isinstance(first, Label):
        indices = torch.tensor([truth.index for truth in truths if isinstance(truth, Label)])
        counts = torch.bincount(indices, minlength=len(class_names))
        if int((counts > 0).sum()) < 2:
            only = class_names[int(counts.argmax())]
            raise ValueError(f"all {len(indices)} training pictures are of the class {only!r}. Expected two or more.")
        shares = (counts.double() / len(indices)).tolist()
        return replace(config, answers="one", frequencies=tuple(shares), pictures=len(indices))
    assert isinstance(first, Labels)
    states = torch.stack([truth.states for truth in truths if isinstance(truth, Labels)])
    target, known = _several(config, states)
    read = known.sum(0)
    if bool((read == 0).any()):
        never = [name for name, count in zip(class_names, read.tolist(), strict=True) if not count]
        raise ValueError(
            f"no training picture says whether it shows {', '.join(never)}. Expected present or absent in some; "
            "remove the column, or count uncertain ones with --set uncertain=present."
        )
    shares = ((target.double() * known).sum(0) / read).tolist()
    return replace(config, answers="several", frequencies=tuple(shares), pictures=len(states))


def _fitted_to_numbers(config: C, values: list[float]) -> C:
    numbers = torch.tensor(values, dtype=torch.float64)
    mean, std = float(numbers.mean()), float(numbers.std(correction=0))
    if not std > 1e-9 * max(abs(mean), 1e-30):
        raise ValueError(f"all {len(values)} training pictures have the number {values[0]:g}. Expected differing ones.")
    return replace(config, answers="number", pictures=len(values), mean=mean, std=std)


def losses(config: Answering, outputs: Float[Tensor, "b k"], batch: Batch) -> Losses:
    """``class``, ``labels`` or ``number``, whichever the network answers."""
    name = {"one": "class", "several": "labels", "number": "number"}[config.answers]
    loss = answer_loss(config, outputs, batch.truths, batch.weights)
    if batch.others is not None:
        other = answer_loss(config, outputs, batch.others, batch.other_weights)
        loss = batch.share * loss + (1 - batch.share) * other
    return {name: loss}


def answer_loss(
    config: Answering,
    outputs: Float[Tensor, "b k"],
    truths: Sequence[Truth],
    weights: Float[Tensor, "b"] | None = None,
) -> Float[Tensor, ""]:
    """The mean loss of the pictures, each times its weight. Of mixed pictures it is asked once for each truth."""
    outputs = outputs.float()
    weights = torch.ones(len(outputs)) if weights is None else weights
    weights = weights.to(outputs.device)
    if config.answers == "one":
        labels = torch.tensor([truth.index for truth in truths if isinstance(truth, Label)], device=outputs.device)
        return (_losses_of_one(config, outputs, labels) * weights).mean()
    if config.answers == "several":
        states = torch.stack([truth.states for truth in truths if isinstance(truth, Labels)])
        return _loss_of_several(config, outputs, states.to(outputs.device), weights)
    values = torch.tensor([truth.value for truth in truths if isinstance(truth, Value)], dtype=torch.float64)
    standard = ((values - config.mean) / config.std).float().to(outputs.device)
    return (F.huber_loss(outputs[:, 0], standard, delta=config.huber_delta, reduction="none") * weights).mean()


def _losses_of_one(config: Answering, logits: Tensor, labels: Tensor) -> Tensor:
    if config.loss == "logit-adjusted":
        logits = logits + _frequencies(config, logits).log()
    each = F.cross_entropy(logits, labels, label_smoothing=config.label_smoothing, reduction="none")
    if config.loss == "focal":
        each = each * (1 - logits.softmax(1).gather(1, labels[:, None])[:, 0]) ** config.focal_gamma
    if config.loss == "class-balanced":
        weights = effective_weights(_frequencies(config, logits) * config.pictures, config.class_balanced_beta)
        each = each * (weights * len(weights) / weights.sum())[labels]
    return each


def _loss_of_several(config: Answering, logits: Tensor, states: Tensor, weights: Tensor) -> Tensor:
    target, known = _several(config, states)
    if config.loss == "logit-adjusted":
        logits = logits + _frequencies(config, logits).logit()
    each = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    if config.loss == "focal":
        each = each * (target - logits.sigmoid()).abs() ** config.focal_gamma
    if config.loss == "class-balanced":
        share = _frequencies(config, logits)
        present, absent = (
            effective_weights(s * config.pictures, config.class_balanced_beta) for s in (share, 1 - share)
        )
        each = each * torch.where(target > 0, present, absent) / (share * present + (1 - share) * absent)
    return (each * known * weights[:, None]).sum() / known.sum().clamp(min=1)


def _several(config: Answering, states: Tensor) -> tuple[Tensor, Tensor]:
    """States ``b c`` as targets, 0 or 1, and which of them count."""
    uncertain = states == State.UNCERTAIN
    target = (states == State.PRESENT) | (uncertain & (config.uncertain == "present"))
    known = (states != State.UNREAD) & ~(uncertain & (config.uncertain == "ignored"))
    return target.float(), known


def _frequencies(config: Answering, like: Tensor) -> Tensor:
    """Shares of the classes, none nearer to 0 or 1 than half a picture."""
    assert config.frequencies, "the config was not fitted to the training truths"
    half = 0.5 / config.pictures
    return torch.tensor(config.frequencies, device=like.device).clamp(half, 1 - half)


def effective_weights(counts: Float[Tensor, "c"], beta: float) -> Float[Tensor, "c"]:
    """Cui et al. 2019, equation 2: one over the effective number of pictures; at beta 0 all classes weigh 1."""
    if beta == 0:
        return torch.ones_like(counts)
    return (1 - beta) / -torch.expm1(counts * math.log(beta))


def predictions(config: Answering, outputs: Float[Tensor, "b k"]) -> list[Scores] | list[Estimate]:
    """Probabilities that sum to 1 (one class) or stand alone (several), or the number in its own unit."""
    outputs = outputs.float()
    if config.answers == "number":
        return [Estimate(value=config.mean + config.std * value) for value in outputs[:, 0].tolist()]
    one = config.answers == "one"
    probabilities = (outputs / config.temperature).softmax(1) if one else outputs.sigmoid()
    return [Scores(probabilities=each) for each in probabilities]
