"""A small autoregressive network: the probabilities of each symbol of a sequence, given those before it."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn


class CausalBlock(nn.Module):
    """Attention to what came before, and two linear layers, each beside the identity (Vaswani et al. 2017)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.inner_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.asked, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, feature: Float[Tensor, "b t w"]) -> Float[Tensor, "b t w"]:
        """The sequence, each place with what it took from those before it."""
        parts = self.asked(self.attention_norm(feature)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        found = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        feature = feature + self.out(found.transpose(1, 2).flatten(2))
        return feature + self.inner(self.inner_norm(feature))


class CausalNetwork(nn.Module):
    """Over sequences of ``length`` of ``symbols`` symbols, begun by one of ``starts`` (a class, or 0 alone)."""

    def __init__(self, symbols: int, length: int, starts: int, width: int, blocks: int) -> None:
        super().__init__()
        self.symbols, self.length, self.starts = symbols, length, starts
        # The symbols come first, then what a sequence may begin with.
        self.embedding = nn.Embedding(symbols + starts, width)
        self.places = nn.Parameter(0.02 * torch.randn(length, width))
        self.blocks = nn.Sequential(*(CausalBlock(width, max(1, width // 32)) for _ in range(blocks)))
        self.last = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, symbols))

    def forward(self, sequences: Int[Tensor, "b t"], starts: Int[Tensor, "b"]) -> Float[Tensor, "b u symbols"]:
        """Logits of every place given those before it: of the places given and of the next, if there is one."""
        begun = torch.cat([self.symbols + starts[:, None], sequences], 1)[:, : self.length]
        feature = self.embedding(begun) + self.places[: begun.shape[1]]
        return self.last(self.blocks(feature)).float()

    def draw(self, noise: Float[Tensor, "n length symbols"], starts: Int[Tensor, "n"]) -> Int[Tensor, "n length"]:
        """Sequences drawn one place after the other; ``noise`` is standard normal, and the same gives the same.

        Each normal number becomes a Gumbel number of the same quantile, and the largest sum of logit and Gumbel number
        is a draw of the probabilities (Gumbel 1954). With noise of 0 it is the most probable symbol.
        """
        quantile = torch.special.ndtr(noise.double()).clamp(1e-12, 1 - 1e-12)
        gumbel = -torch.log(-torch.log(quantile))
        found = torch.empty(len(noise), 0, dtype=torch.long, device=noise.device)
        for place in range(self.length):
            logits = self(found, starts)[:, -1].double()
            found = torch.cat([found, (logits + gumbel[:, place]).argmax(1, keepdim=True)], 1)
        return found
