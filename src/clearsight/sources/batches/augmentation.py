"""Data augmentation: random scale, translation and flips of a sample; colour jitter; mixup.

Every draw comes from the generator that is passed in, so the view of a sample depends on its seed alone: a resumed or
distributed run sees the same pictures.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from clearsight.ops import views
from clearsight.types import Batch, Label, Labels, Sample, Size, Value


def random_view(
    sample: Sample,
    canvas: Size,
    zoom: tuple[float, float],
    symmetries: frozenset[str],
    generator: torch.Generator,
) -> Sample:
    """The sample on a canvas, scaled log-uniformly within ``zoom``, at a random position, flipped where allowed.

    ``zoom`` 1 keeps the sample's own pixels; ``symmetries`` is a subset of {"horizontal", "vertical"}.
    """
    draw = torch.rand(5, generator=generator).tolist()
    scale = zoom[0] * (zoom[1] / zoom[0]) ** draw[0]
    placed = (max(1, round(sample.size[0] * scale)), max(1, round(sample.size[1] * scale)))
    top, left = (round((room - side) * at) for room, side, at in zip(canvas, placed, draw[1:3], strict=True))
    view = views.place(sample, canvas, views.Placement(size=sample.size, placed=placed, top=top, left=left))
    for way, chance in zip(("horizontal", "vertical"), draw[3:], strict=True):
        if way in symmetries and chance < 0.5:
            view = views.mirror(view, way)
    return view


def colour_jitter(
    images: Float[Tensor, "b 3 h w"], strength: float, generators: Sequence[torch.Generator]
) -> Float[Tensor, "b 3 h w"]:
    """Each picture with random contrast, brightness and tint, drawn uniformly up to ``strength``; still in [0, 1].

    ``generators`` holds one for each picture.
    """
    draws = torch.stack([torch.rand(2, 4, generator=generator) for generator in generators], dim=1) * 2 - 1
    gain, shift = ((draws[..., :1] + 0.3 * draws[..., 1:]) * strength)[..., None, None].to(images.device)
    return _jittered(images, gain, shift)


def colour_jitter_from(
    images: Float[Tensor, "b 3 h w"], strength: float, draws: Float[Tensor, "4 b"]
) -> Float[Tensor, "b 3 h w"]:
    """The same from given uniform draws in [0, 1]; a strength of 0 returns the pictures unchanged."""
    if not strength:
        return images
    signed = (draws * 2 - 1)[..., None, None, None].to(images.device) * strength
    return _jittered(images, signed[0] + 0.3 * signed[1], signed[2] + 0.3 * signed[3])


def recolour(
    images: Float[Tensor, "b 3 h w"], strength: float, draws: Float[Tensor, "b 5"]
) -> Float[Tensor, "b 3 h w"]:
    """Each picture with another gamma, saturation and white balance, drawn up to ``strength``; still in [0, 1].

    At strength 1 gamma lies between 1/2 and 2, saturation between 0 and 2, and the gain of each channel between 0.74
    and 1.35, all log-uniformly but saturation, which is uniform. ``draws`` are uniform in [0, 1].
    """
    gamma, saturation, gains = ((draws.to(images.device) * 2 - 1) * strength)[..., None, None].split((1, 1, 3), dim=1)
    lit = images.clamp(1e-3).pow_(2**gamma).mul_((0.3 * gains).exp())
    grey = lit.mean(dim=1, keepdim=True)
    return torch.lerp(grey, lit, 1 + saturation).clamp_(0, 1)


def mixup(batch: Batch, alpha: float, generator: torch.Generator) -> Batch:
    """Every picture blended with its neighbour in the batch (Zhang et al. 2018), by a share from Beta(alpha, alpha).

    Only truths of whole pictures can be blended; an ``alpha`` of 0 returns the batch unchanged.
    """
    if not alpha:
        return batch
    if not all(isinstance(truth, Label | Labels | Value) for truth in batch.truths):
        raise ValueError("mixup blends whole pictures, and these have truths with coordinates. Leave mixup out.")
    seed = int(torch.randint(2**62, (1,), generator=generator))
    share = float(np.random.default_rng(seed).beta(alpha, alpha))
    images = batch.images * share + batch.images.roll(1, 0) * (1 - share)
    others, weights = [batch.truths[-1], *batch.truths[:-1]], batch.weights
    other_weights = None if weights is None else weights.roll(1)
    return replace(batch, images=images, others=others, other_weights=other_weights, share=share)


def _jittered(images: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
    mean = images.mean(dim=(2, 3), keepdim=True)
    return (images * (1 + gain)).add_(0.5 * shift - mean * gain).clamp_(0, 1)  # contrast scales about the mean
