"""The probability of a grey level under a logistic distribution cut into 256 levels (Salimans et al. 2017, eq. 2)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

LEVELS = 256
LOG_SCALES = (-7.0, 3.0)  # of the logistic, for pixels in [-1, 1]: a tenth of a level, and flat


def log_mass(levels: Float[Tensor, "..."], mean: Float[Tensor, "..."], log_scale: Float[Tensor, "..."]) -> Tensor:
    """Log probability of each of ``levels`` (0 to 255), in nats; ``mean`` and ``log_scale`` are for pixels in [-1, 1].

    Each level owns the logistic's mass within half a level of it, the outermost two all the mass beyond.
    """
    centre = 2 * levels / (LEVELS - 1) - 1 - mean
    sharpness = torch.exp(-log_scale.clamp(*LOG_SCALES))
    above, below = (centre + 1 / (LEVELS - 1)) * sharpness, (centre - 1 / (LEVELS - 1)) * sharpness
    # The difference of two sigmoids as a product, exact where both are next to 0 or 1:
    # s(a) - s(b) = s(a) s(-b) (1 - exp(b - a)).
    found = F.logsigmoid(above) + F.logsigmoid(-below) + torch.log(-torch.expm1(below - above))
    found = torch.where(levels == 0, F.logsigmoid(above), found)
    return torch.where(levels == LEVELS - 1, F.logsigmoid(-below), found)
