"""Signs that two players no longer learn from each other: pictures that are all alike, or a player that always wins."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

LEAST_SPREAD = 0.25  # of the real pictures' variance; a generator that has learnt them comes close to 1
LEAST_DISTANCE = 0.25  # of the real pictures' median squared distance to the nearest other one
LEAST_LOSS = 0.02  # of the loss of a discriminator that knows nothing
FEWEST = 8  # pictures of either kind
LEAST_STEPS = 20  # of losses, before anything is said of them


def spread(images: Float[Tensor, "n c h w"]) -> float:
    """How much pictures differ: the variance of a pixel over the pictures, averaged over the pixels."""
    return float(images.double().var(0, correction=0).mean())


def nearest_distance(images: Float[Tensor, "n c h w"]) -> float:
    """The median over pictures of the mean squared difference to the nearest other one; small where many are copies."""
    rows = images.double().flatten(1)
    distances = torch.cdist(rows, rows).square() / rows.shape[1]
    distances.fill_diagonal_(math.inf)
    return float(distances.min(1).values.median())


def collapse_warning(generated: Float[Tensor, "n c h w"], real: Float[Tensor, "n c h w"]) -> str | None:
    """A warning where pictures made of different noise are nearly alike, judged by as many real ones; else None.

    Give it the pictures of the same noise each time. It cannot see the loss of a rare kind of picture; coverage can.
    Raises ValueError for fewer than 8 pictures, or not as many of both.
    """
    if len(generated) != len(real) or len(real) < FEWEST:
        raise ValueError(
            f"{len(generated)} generated and {len(real)} real pictures. Expected as many of both, at least {FEWEST}."
        )
    if not bool(torch.isfinite(generated).all()):
        return "The generator makes pictures that are not numbers. Go back to an earlier checkpoint."
    rest = "Use the best snapshot rather than the last, and train again with a higher penalty or a lower rate."
    share = spread(generated) / max(spread(real), 1e-12)
    if share < LEAST_SPREAD:
        return (
            f"The generator is collapsing: pictures of {len(generated)} different noises vary {share:.0%} as much as "
            f"real ones do. {rest}"
        )
    share = nearest_distance(generated) / max(nearest_distance(real), 1e-12)
    if share < LEAST_DISTANCE:
        return (
            f"The generator repeats itself: its {len(generated)} pictures are {share:.0%} as far from their nearest "
            f"neighbour as real ones are (squared distance). {rest}"
        )
    return None


def saturation_warning(losses: Sequence[float], chance: float) -> str | None:
    """A warning where the discriminator's loss has stayed near 0, so that the generator learns nothing; else None.

    ``losses`` are those of the last steps; ``chance`` is the loss of one that cannot tell real from made, such as
    log 2 for one logistic loss.
    """
    usual = sorted(losses)[len(losses) // 2] if losses else math.nan
    if len(losses) < LEAST_STEPS or not usual < LEAST_LOSS * chance:
        return None
    return (
        f"The discriminator always wins: the median of its last {len(losses)} losses is {usual:.3g}, and guessing "
        f"gives {chance:.3g}. The generator learns little from it. Train again with a higher penalty, or augment the "
        "pictures."
    )
