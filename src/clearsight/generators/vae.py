"""Variational autoencoder: pictures to a distribution over a few latents, and latents to a distribution over pictures.

The variational autoencoder of Kingma and Welling 2014 with residual convolutions, a choice of what the decoder says of
pixels, an objective of one sample or several (Burda et al. 2016, IWAE), and samples from the normal prior or from a
mixture fitted on the latents (Ghosh et al. 2020, RAE).
"""

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from clearsight.generators import asked_classes, variational
from clearsight.generators.canvas import Canvas, check_built, check_labels
from clearsight.generators.latent_mixture import LatentMixture
from clearsight.generators.pixel_model import BINARISATIONS, LIKELIHOODS, PixelModel
from clearsight.generators.residual_maps import Down, Up
from clearsight.ops.discretised_logistic import LEVELS
from clearsight.types import Batch, Losses, Training, Truth

PRIORS = ("normal", "mixture")
ACTIVE_VARIANCE = 0.01
PIXELS_AT_ONCE = 2**20  # of pictures decoded together: about a gigabyte of maps at the usual widths
LOG_VARIANCES = (-12.0, 6.0)  # of a latent's posterior: beyond them exp leaves what float32 adds up


@dataclass(frozen=True, kw_only=True)
class VaeConfig(Canvas):
    """What can be chosen of a Vae.

    ``latents`` is the length of the vector a picture is made of; ``width`` the channels of the finest map, doubled with
    each halving up to fourfold, and ``depth`` the residual blocks at each size. ``likelihood`` is what the decoder says
    of pixels: "gaussian" with one variance for all, the mean squared error of the batch (Rybkin et al. 2021);
    "bernoulli" for binarised pictures; "logistic", discretised to 256 levels, for bits per dimension. For "bernoulli"
    pictures are binarised as ``binarisation`` says: "drawn" anew each time, a pixel being white with its brightness as
    probability (Burda et al. 2016), or by "threshold" at one half. Likelihoods of the two do not compare.

    The divergence is weighed by 0 at first and fully after ``kl_warmup_share`` of the run; a latent that says less than
    ``free_nats`` costs as much as one that says so much (free bits). In the last ``importance_share`` of the run the
    objective is the tighter bound of ``importance_samples`` samples. ``prior`` is what samples are drawn from: the
    "normal" one of training, or a "mixture" of ``components`` Gaussians fitted on the latents of training pictures.
    """

    latents: int = 32
    width: int = 32
    depth: int = 1
    likelihood: str = "gaussian"
    binarisation: str = "drawn"
    kl_warmup_share: float = 0.1
    free_nats: float = 0.0
    importance_samples: int = 1
    importance_share: float = 0.2
    prior: str = "normal"
    components: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("latents", "width", "depth", "importance_samples", "components"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected at least 1.")
        for name in ("kl_warmup_share", "importance_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected a share between 0 and 1.")
        if not self.free_nats >= 0:
            raise ValueError(f"free_nats is {self.free_nats}. Expected 0 or more, such as 0.1.")
        if self.importance_samples > 1 and self.kl_warmup_share + self.importance_share > 1:
            raise ValueError(
                f"kl_warmup_share {self.kl_warmup_share} and importance_share {self.importance_share} overlap. "
                "Expected at most 1 together: a bound of several samples has no divergence to weigh."
            )
        choices = {"likelihood": LIKELIHOODS, "binarisation": BINARISATIONS, "prior": PRIORS}
        for name, words in choices.items():
            if getattr(self, name) not in words:
                raise ValueError(f"{name} is {getattr(self, name)!r}. Expected {', '.join(words)}.")


class Vae(nn.Module):
    """An encoder, a decoder, and the bound that trains both."""

    config_type: ClassVar[type] = VaeConfig
    training_defaults: ClassVar[Training] = Training(
        batch_size=128, learning_rate=2e-3, weight_decay=0.0, warmup_share=0.05, ema_share=0.05, clip_norm=200.0,
        size_px=64, zoom=(1.0, 1.0), brightness=0.0, flips="none", enlarge=False,
    )  # fmt: skip
    strides: ClassVar[tuple[int, ...]] = ()

    def __init__(self, config: VaeConfig, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.config, self.names = config, len(class_names)
        self.size = check_built(config)
        height, across = self.size
        self.pixels = PixelModel(config.likelihood, config.binarisation, self.size, config.channels)
        classes = self.names if config.conditional else 0
        self.encoder = Down(config.channels + bool(classes), self.size, config.width, config.depth, 2 * config.latents)
        self.decoder = Up(config.latents + classes, self.pixels.maps, self.size, config.width, config.depth)
        self.class_maps = nn.Embedding(classes, height * across) if classes else None
        self.mixture = LatentMixture(config.components, config.latents) if config.prior == "mixture" else None

    @classmethod
    def fitted(cls, config: VaeConfig, truths: Iterable[Truth], class_names: tuple[str, ...]) -> VaeConfig:
        """The config as it is; raises ValueError where it asks for classes and the data have none."""
        check_labels(config, truths)
        return config

    def losses(self, batch: Batch) -> Losses:
        """In nats per picture: what the pixels and the latents cost, or the bound of several samples."""
        config = self.config
        images, classes = self.pixels.observed(batch.images), asked_classes.of_batch(config, batch)
        several = config.importance_samples > 1 and batch.progress >= 1 - config.importance_share
        mean, log_variance = self._posterior(images, classes)
        latents = variational.draw(mean, log_variance, config.importance_samples if several else 1)
        likelihoods = self._log_likelihoods(latents, images, classes, learning=True)
        if several:
            weights = likelihoods + variational.log_ratio(latents, mean, log_variance)
            return {"importance_weighted": -variational.log_mean_exp(weights).mean()}
        warm = min(1.0, batch.progress / config.kl_warmup_share) if config.kl_warmup_share else 1.0
        divergence = variational.with_free_bits(variational.divergences(mean, log_variance), config.free_nats)
        return {"reconstruction": -likelihoods.mean(), "divergence": warm * divergence}

    def encode(
        self,
        images: Float[Tensor, "b 3 h w"],
        classes: Int[Tensor, "b"] | None = None,
        random: torch.Generator | None = None,
    ) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b d"]]:
        """Mean and log variance of each latent's posterior; ``random`` binarises where pixels are drawn."""
        classes = asked_classes.checked(self.config, classes, len(images), self.names)
        return self._posterior(self.pixels.observed(images, random), classes)

    @property
    def latent_prior(self) -> str:
        """What ``latents`` draws: "normal" variates, or those of a "mixture"."""
        return str(self.config.prior)

    def latents(self, count: int, random: torch.Generator) -> Float[Tensor, "n d"]:
        """Draws of the prior that the config names, on the generator's device."""
        if self.mixture is not None:
            return self.mixture.draw(count, random)
        return torch.randn(count, self.config.latents, generator=random, device=random.device)

    @torch.no_grad()
    def sample(
        self, latents: Float[Tensor, "n d"], classes: Int[Tensor, "n"] | None = None
    ) -> Float[Tensor, "n 3 h w"]:
        """The mean of each picture's pixels in [0, 1]; for "bernoulli" that is the probability of white."""
        return self.rendered(latents, classes)

    def rendered(
        self, latents: Float[Tensor, "n d"], classes: Int[Tensor, "n"] | None = None
    ) -> Float[Tensor, "n 3 h w"]:
        """The same with gradients, to search for latents."""
        latents = latents.to(self.pixels.variance.device)
        classes = asked_classes.checked(self.config, classes, len(latents), self.names)
        return self.pixels.shown(self._maps(latents, classes))

    @torch.no_grad()
    def fit_prior(self, images: Float[Tensor, "n 3 h w"], classes: Int[Tensor, "n"] | None = None) -> None:
        """Fit the mixture on the means of these pictures' latents, after training; nothing where the prior is normal.

        One mixture serves all classes.
        """
        if self.mixture is not None:
            self.mixture.fit(self.latent_means(images, classes))

    @torch.no_grad()
    def latent_means(
        self, images: Float[Tensor, "n 3 h w"], classes: Int[Tensor, "n"] | None = None
    ) -> Float[Tensor, "n d"]:
        """The posterior means of many pictures, encoded a few at a time; where pixels are drawn, always the same."""
        random = torch.Generator().manual_seed(0)
        parts = [
            self.encode(some, None if classes is None else classes[first : first + len(some)], random)[0]
            for first, some in _parts(images.to(self.pixels.variance.device))
        ]
        return torch.cat(parts)

    @torch.no_grad()
    def negative_log_likelihood(
        self,
        images: Float[Tensor, "n 3 h w"],
        samples: int = 200,
        random: torch.Generator | None = None,
        classes: Int[Tensor, "n"] | None = None,
    ) -> Float[Tensor, "n"]:
        """-log p(x) of each picture in nats, by that many importance samples, under the normal prior, in float64.

        An upper bound in expectation; with 1 sample it is the negative variational bound (ELBO). For "bernoulli" the
        pictures are binarised first, by ``random``, which draws the same ones whatever ``samples`` is. For "gaussian"
        it is a density, of pixels as real numbers, and may be negative; ``bits_per_dim`` compares.
        """
        if samples < 1:
            raise ValueError(f"{samples} importance samples were asked for. Expected at least 1, usually 200 or more.")
        random = random or torch.Generator().manual_seed(0)
        seen = self.pixels.observed(images, random)
        return self._negative_log_likelihoods(seen, samples, random, classes)

    @torch.no_grad()
    def bits_per_dim(
        self,
        images: Float[Tensor, "n 3 h w"],
        samples: int = 200,
        random: torch.Generator | None = None,
        classes: Int[Tensor, "n"] | None = None,
    ) -> Float[Tensor, "n"]:
        """The same in bits per number of a picture of 256 levels, or per binary pixel for "bernoulli".

        For "gaussian" uniform noise of one level is added, so that the density bounds a probability (Theis et al.
        2016).
        """
        random = random or torch.Generator().manual_seed(0)
        seen = self.pixels.observed(images, random)
        numbers, levels = seen[0].numel(), LEVELS
        added = 0.0
        if self.config.likelihood == "gaussian":
            noise = torch.rand(seen.shape, generator=random, device=random.device).to(seen.device)
            seen, added = (seen * (levels - 1) + noise) / levels, math.log(levels)
        nats = self._negative_log_likelihoods(seen, samples, random, classes)
        return (nats / numbers + added) / math.log(2)

    def active_units(self, images: Float[Tensor, "n 3 h w"], classes: Int[Tensor, "n"] | None = None) -> int:
        """How many latents say something: their posterior mean varies by more than 0.01 (Burda et al. 2016)."""
        return int((self.latent_means(images, classes).var(0) > ACTIVE_VARIANCE).sum())

    def _negative_log_likelihoods(
        self, seen: Tensor, samples: int, random: torch.Generator, classes: Tensor | None
    ) -> Tensor:
        classes = asked_classes.checked(self.config, classes, len(seen), self.names)
        height, across = self.size
        rows = max(1, PIXELS_AT_ONCE // (height * across))
        found = []
        for first, some in _parts(seen.to(self.pixels.variance.device), min(rows, 250)):
            labels = None if classes is None else classes[first : first + len(some)]
            likelihoods = functools.partial(self._log_likelihoods, images=some, classes=labels)
            mean, log_variance = self._posterior(some, labels)
            at_once = max(1, rows // len(some))
            found.append(-variational.log_evidence(mean, log_variance, likelihoods, samples, at_once, random))
        return torch.cat(found)

    def _posterior(self, images: Tensor, classes: Tensor | None) -> tuple[Tensor, Tensor]:
        given = 2 * images - 1
        if classes is not None:
            assert self.class_maps is not None
            maps = self.class_maps(classes.to(images.device)).unflatten(1, (1, *self.size))
            given = torch.cat([given, maps.to(given.dtype)], 1)
        mean, log_variance = self.encoder(given).float().chunk(2, 1)
        return mean, log_variance.clamp(*LOG_VARIANCES)

    def _maps(self, latents: Tensor, classes: Tensor | None) -> Tensor:
        if classes is not None:
            latents = torch.cat([latents, F.one_hot(classes.to(latents.device), self.names).to(latents)], 1)
        return self.decoder(latents).float()

    def _log_likelihoods(
        self, latents: Float[Tensor, "k n d"], images: Tensor, classes: Tensor | None, *, learning: bool = False
    ) -> Float[Tensor, "k n"]:
        """log p(x | z) of every sample; ``learning`` takes the variance of a Gaussian from these very pictures."""
        samples = len(latents)
        maps = self._maps(latents.flatten(0, 1), None if classes is None else classes.repeat(samples))
        found = self.pixels.log_likelihoods(maps, images.repeat(samples, 1, 1, 1), learning=learning)
        return found.unflatten(0, (samples, -1))


def _parts(images: Tensor, size: int = 250) -> list[tuple[int, Tensor]]:
    return [(first, images[first : first + size]) for first in range(0, len(images), size)]
