"""A mixture of Gaussians over latents, fitted on what an encoder makes of the training pictures (Ghosh et al. 2020)."""

import warnings

import torch
from jaxtyping import Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn

from clearsight.ops.spread import evenly_spread

SMALLEST_VARIANCE = 1e-4  # added to the diagonals: a latent that says nothing has means that hardly vary
MOST_VECTORS = 20_000  # the fit takes no more, evenly spread over those given


class LatentMixture(nn.Module):
    """``components`` Gaussians with full covariances; before it is fitted it is the standard normal.

    Its numbers are buffers, so they are saved with the weights of the network it belongs to.
    """

    weights: Tensor
    means: Tensor
    roots: Tensor

    def __init__(self, components: int, latents: int) -> None:
        super().__init__()
        self.register_buffer("weights", torch.full((components,), 1 / components))
        self.register_buffer("means", torch.zeros(components, latents))
        self.register_buffer("roots", torch.eye(latents).repeat(components, 1, 1))

    def fit(self, vectors: Float[Tensor, "n d"], seed: int = 0) -> None:
        """Fit it to these vectors, the same for the same seed; raises ValueError where they are too few."""
        components = len(self.weights)
        if len(vectors) < 2 * components:
            raise ValueError(
                f"a mixture of {components} Gaussians cannot be fitted on {len(vectors)} pictures. Expected at least "
                f"{2 * components}. Train on more, choose fewer with --set components=, or --set prior=normal."
            )
        chosen = evenly_spread(len(vectors), MOST_VECTORS)
        found = GaussianMixture(components, reg_covar=SMALLEST_VARIANCE, random_state=seed)
        with warnings.catch_warnings():
            # Stopped after its usual number of rounds, it is still a mixture that fits better than one Gaussian.
            warnings.simplefilter("ignore", ConvergenceWarning)
            found.fit(vectors.detach().cpu().double().numpy()[chosen])
        self.weights.copy_(torch.from_numpy(found.weights_))
        self.means.copy_(torch.from_numpy(found.means_))
        self.roots.copy_(torch.linalg.cholesky(torch.from_numpy(found.covariances_)))

    def draw(self, count: int, random: torch.Generator) -> Float[Tensor, "n d"]:
        """Vectors of the mixture, on the generator's device."""
        device = random.device
        noise = torch.randn(count, self.means.shape[1], 1, generator=random, device=device)
        which = torch.multinomial(self.weights.to(device), count, replacement=True, generator=random)
        return self.means.to(device)[which] + (self.roots.to(device)[which] @ noise)[:, :, 0]
