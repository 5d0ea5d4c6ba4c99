"""Vector-quantised autoencoder: pictures to a small map of codes, and a network that makes such maps code by code.

The VQ-VAE of van den Oord et al. 2017: each place of the encoder's map becomes the nearest entry of a codebook,
gradients pass straight through, and a small autoregressive network (causal attention) learns which maps of codes there
are, in the same run and without touching the codes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from clearsight.generators import asked_classes
from clearsight.generators.canvas import Canvas, check_built, check_labels
from clearsight.generators.causal_attention import CausalNetwork
from clearsight.generators.pixel_model import BINARISATIONS, LIKELIHOODS, PixelModel
from clearsight.generators.residual_maps import MapsDown, MapsUp
from clearsight.types import Batch, Losses, Training, Truth

RESTARTS_UNTIL = 0.5  # of the run: after that the averaged weights and the prior need codes that stay what they are
PRIOR_EVERY = 4  # the prior learns from every fourth picture of a batch: sequences of codes take longer than pictures
DEAD = 0.02  # an entry used less often than that share of an even use is exchanged
USE_SHARE = 0.02  # of the newest batch in what is known of the use


@dataclass(frozen=True, kw_only=True)
class VqVaeConfig(Canvas):
    """What can be chosen of a VqVae.

    ``codes`` is how many entries the codebook has and ``code_width`` the numbers of each (in the first half of the run
    entries that nothing uses are put where vectors are); ``width`` and ``depth`` are
    the channels of the finest map and the residual blocks at each size. ``commitment`` weighs how the encoder keeps to
    the codes. ``likelihood`` and ``binarisation`` are those of ``vae``. ``prior_width`` and ``prior_depth`` are the
    channels and blocks of the network that makes maps of codes.
    """

    codes: int = 64
    code_width: int = 16
    width: int = 32
    depth: int = 1
    commitment: float = 0.25
    likelihood: str = "gaussian"
    binarisation: str = "drawn"
    prior_width: int = 64
    prior_depth: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("code_width", "width", "depth", "prior_depth"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected at least 1.")
        if self.codes < 2:
            raise ValueError(f"codes is {self.codes}. Expected at least 2, such as 64.")
        if not self.commitment >= 0:
            raise ValueError(f"commitment is {self.commitment}. Expected 0 or more, such as 0.25.")
        if self.prior_width < 32 or self.prior_width % 32:
            raise ValueError(f"prior_width is {self.prior_width}. Expected a multiple of 32, such as 64.")
        choices = {"likelihood": LIKELIHOODS, "binarisation": BINARISATIONS}
        for name, words in choices.items():
            if getattr(self, name) not in words:
                raise ValueError(f"{name} is {getattr(self, name)!r}. Expected {', '.join(words)}.")


class VqVae(nn.Module):
    """An encoder, a codebook, a decoder, and the network that makes maps of codes."""

    config_type: ClassVar[type] = VqVaeConfig
    training_defaults: ClassVar[Training] = Training(
        batch_size=128, learning_rate=2e-3, weight_decay=0.0, warmup_share=0.05, ema_share=0.05, clip_norm=200.0,
        size_px=64, zoom=(1.0, 1.0), brightness=0.0, flips="none", enlarge=False,
    )  # fmt: skip
    strides: ClassVar[tuple[int, ...]] = ()
    use: Tensor

    def __init__(self, config: VqVaeConfig, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config, self.names = config, len(class_names)
        self.size = check_built(config)
        self.pixels = PixelModel(config.likelihood, config.binarisation, self.size, config.channels)
        self.encoder = MapsDown(config.channels, self.size, config.width, config.depth)
        self.decoder = MapsUp(self.pixels.maps, self.size, config.width, config.depth)
        # Vectors of unit variance meet entries of unit variance. The statistics are those of the batch and not of each
        # picture, so that equal parts of different pictures get equal codes.
        self.to_codes = nn.Sequential(
            nn.Conv2d(self.encoder.width, config.code_width, 1), nn.BatchNorm2d(config.code_width, affine=False)
        )
        self.from_codes = nn.Conv2d(config.code_width, self.decoder.width, 1)
        self.codebook = nn.Parameter(torch.randn(config.codes, config.code_width))
        self.register_buffer("use", torch.ones(config.codes))
        height, across = self.encoder.size
        starts = self.names if config.conditional else 1
        self.prior = CausalNetwork(config.codes, height * across, starts, config.prior_width, config.prior_depth)

    @classmethod
    def fitted(cls, config: VqVaeConfig, truths: Iterable[Truth], class_names: tuple[str, ...]) -> VqVaeConfig:
        """The config as it is; raises ValueError where it asks for classes and the data have none."""
        check_labels(config, truths)
        return config

    def losses(self, batch: Batch) -> Losses:
        """In nats per picture: pixels and codes; and the squared distances of vectors and entries, summed over both."""
        images = self.pixels.observed(batch.images)
        vectors = self._vectors(images)
        if self.training and batch.progress < RESTARTS_UNTIL and not torch.distributed.is_initialized():
            self._restart_unused(vectors.detach().flatten(0, 2))
        codes = self._nearest(vectors)
        entries = self._entries(codes)
        # The decoder sees the entries; its gradient goes to the vectors as if they had been passed on.
        maps = self._decoded(vectors + (entries - vectors).detach())
        starts = self._starts(asked_classes.of_batch(self.config, batch), len(codes))
        known, begun = codes.flatten(1)[::PRIOR_EVERY], starts[::PRIOR_EVERY]
        logits = self.prior(known, begun)
        pull = F.mse_loss(entries, vectors.detach(), reduction="sum") / len(images)
        keep = F.mse_loss(vectors, entries.detach(), reduction="sum") / len(images)
        return {
            "reconstruction": -self.pixels.log_likelihoods(maps, images, learning=True).mean(),
            "codebook": pull,
            "commitment": self.config.commitment * keep,
            "prior": F.cross_entropy(logits.flatten(0, 1), known.flatten(), reduction="sum") / len(known),
        }

    @torch.no_grad()
    def encode(self, images: Float[Tensor, "b 3 h w"], random: torch.Generator | None = None) -> Int[Tensor, "b h2 w2"]:
        """The codes of pictures; ``random`` binarises where pixels are drawn."""
        return self._nearest(self._vectors(self.pixels.observed(images, random)))

    @torch.no_grad()
    def decode(self, codes: Int[Tensor, "b h2 w2"]) -> Float[Tensor, "b 3 h w"]:
        """The picture of each map of codes, in [0, 1]."""
        return self.pixels.shown(self._decoded(self._entries(codes)))

    def latents(self, count: int, random: torch.Generator) -> Float[Tensor, "n length codes"]:
        """Standard normal noise for each code of each place, on the generator's device."""
        return torch.randn(count, self.prior.length, self.config.codes, generator=random, device=random.device)

    @torch.no_grad()
    def sample(
        self, latents: Float[Tensor, "n length codes"], classes: Int[Tensor, "n"] | None = None
    ) -> Float[Tensor, "n 3 h w"]:
        """Pictures of maps of codes that the noise draws, code by code; smaller noise draws more probable codes."""
        latents = latents.to(self.codebook.device)
        classes = asked_classes.checked(self.config, classes, len(latents), self.names)
        codes = self.prior.draw(latents, self._starts(classes, len(latents)))
        return self.decode(codes.unflatten(1, self.encoder.size))

    def _vectors(self, images: Tensor) -> Float[Tensor, "b h2 w2 d"]:
        return self.to_codes(self.encoder(2 * images - 1)).float().permute(0, 2, 3, 1)

    def _nearest(self, vectors: Float[Tensor, "b h2 w2 d"]) -> Int[Tensor, "b h2 w2"]:
        with torch.autocast(vectors.device.type, enabled=False):
            distances = torch.cdist(vectors.detach().flatten(0, 2), self.codebook.detach())
        return distances.argmin(1).reshape(vectors.shape[:3])

    @torch.no_grad()
    def _restart_unused(self, vectors: Float[Tensor, "n d"]) -> None:
        """Put entries that hardly any vector is nearest to where vectors are (Dhariwal et al. 2020, Jukebox).

        Only vectors near an entry move it, so one that begins far from all of them would never be used. Processes that
        train together would each exchange other entries: there it is left out.
        """
        apart, nearest = torch.cdist(vectors, self.codebook).min(1)
        often = torch.bincount(nearest, minlength=self.config.codes) * (self.config.codes / len(vectors))
        self.use.lerp_(often.to(self.use.dtype), USE_SHARE)
        (unused,) = torch.nonzero(self.use < DEAD, as_tuple=True)
        if len(unused):
            # Far vectors first, as k-means++ chooses (Arthur and Vassilvitskii 2007): near ones have an entry.
            farness = apart.square().clamp(min=1e-12)
            self.codebook[unused] = vectors[torch.multinomial(farness, len(unused), replacement=True)]
            self.use[unused] = 1.0

    def _entries(self, codes: Int[Tensor, "b h2 w2"]) -> Float[Tensor, "b h2 w2 d"]:
        return F.embedding(codes, self.codebook)

    def _decoded(self, entries: Float[Tensor, "b h2 w2 d"]) -> Float[Tensor, "b k h w"]:
        return self.decoder(self.from_codes(entries.permute(0, 3, 1, 2))).float()

    def _starts(self, classes: Tensor | None, count: int) -> Int[Tensor, "b"]:
        device = self.codebook.device
        return torch.zeros(count, dtype=torch.long, device=device) if classes is None else classes.to(device)
