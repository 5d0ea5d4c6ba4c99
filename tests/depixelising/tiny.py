"""A generator whose best latents are known: pictures that are linear in two numbers."""

from types import SimpleNamespace

import torch
from torch import Tensor, nn

FACTOR = 2


class Linear(nn.Module):
    """Pictures of 4 px: a mean picture plus each latent times a picture of its own."""

    def __init__(self, prior: str = "normal", latents: int = 2, conditional: bool = False) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(5)
        self.latent_prior = prior
        self.config = SimpleNamespace(size=(4, 4), channels=3, conditional=conditional)
        self.mean = nn.Parameter(torch.full((3, 4, 4), 0.5))
        self.basis = nn.Parameter(0.1 * torch.randn(latents, 3, 4, 4, generator=random))

    def latents(self, count: int, random: torch.Generator) -> Tensor:
        """Normal draws."""
        return torch.randn(count, len(self.basis), generator=random)

    def rendered(self, latents: Tensor, classes: Tensor | None = None) -> Tensor:
        """Linear in the latents; a class makes it brighter."""
        made = self.mean + torch.einsum("nd,dchw->nchw", latents, self.basis)
        return made if classes is None else made + 0.05 * classes[:, None, None, None]
