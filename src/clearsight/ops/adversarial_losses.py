"""Losses of two players, a generator and a discriminator or critic, and penalties on the latter's gradients.

Scores are logits, one a picture, and higher for what is taken to be real. Losses are means over pictures.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Score = Float[Tensor, "b"]


def logistic(scores: Score, real: bool) -> Float[Tensor, ""]:
    """Cross-entropy of scores of pictures that all are real, or all are made (Goodfellow et al. 2014).

    For a discriminator of both kinds, the sum of the two; for a generator, that of its pictures as ``real`` (the loss
    that does not saturate, section 3 of the paper).
    """
    return F.softplus(-scores if real else scores).mean()


def relativistic(preferred: Score, other: Score) -> Float[Tensor, ""]:
    """The pairing loss (Jolicoeur-Martineau 2019; Huang et al. 2024): how much a picture is not preferred to another.

    A discriminator prefers a real picture to a made one; a generator wants the opposite of the same pairs.
    """
    return F.softplus(other - preferred).mean()


def hinge(scores: Float[Tensor, "*any"], real: bool) -> Float[Tensor, ""]:
    """The hinge loss of scores of pictures, or of their patches, that all are real or all are made (Lim and Ye 2017).

    For a discriminator of both kinds, the sum of the two; a generator wants the mean score of its pictures to be high.
    """
    return F.relu(1 - scores if real else 1 + scores).mean()


def gradients(scores: Score, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """What each picture's score has as a gradient at its pixels, itself differentiable.

    The scores must have been made of ``images``, which require a gradient, and no score of another picture.
    """
    (found,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return found


def zero_centred_penalty(scores: Score, images: Float[Tensor, "b c h w"]) -> Float[Tensor, ""]:
    """Half the squared norm of a picture's gradient, summed over its pixels (Mescheder et al. 2018).

    R1 where the pictures are real, R2 where they are made.
    """
    return gradients(scores, images).square().sum((1, 2, 3)).mean() / 2


def one_centred_penalty(scores: Score, images: Float[Tensor, "b c h w"]) -> Float[Tensor, ""]:
    """The squared difference of a gradient's norm to 1 (Gulrajani et al. 2017)."""
    # The square root has no finite gradient at 0, where a critic that answers the same for all pictures begins.
    norms = (gradients(scores, images).square().sum((1, 2, 3)) + 1e-12).sqrt()
    return (norms - 1).square().mean()
