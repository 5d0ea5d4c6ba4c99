"""What a decoder's maps mean: which pictures are observed, how likely they are, and what is shown of them."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from clearsight.generators import pixel_likelihoods
from clearsight.generators.canvas import in_channels, in_colour
from clearsight.types import Size

LIKELIHOODS = ("gaussian", "bernoulli", "logistic")
BINARISATIONS = ("drawn", "threshold")
VARIANCE_SHARE = 0.05  # of the newest batch in the variance that is kept for evaluation


class PixelModel(nn.Module):
    """One of ``LIKELIHOODS``, of pictures of a size and so many channels; ``variance`` is that of "gaussian".

    For "bernoulli" pictures are binarised: "drawn" makes each pixel white with its brightness as probability,
    "threshold" cuts at one half.
    """

    variance: Tensor

    def __init__(self, likelihood: str, binarisation: str, size: Size, channels: int) -> None:
        super().__init__()
        assert likelihood in LIKELIHOODS and binarisation in BINARISATIONS
        self.likelihood, self.binarisation, self.size, self.channels = likelihood, binarisation, size, channels
        self.register_buffer("variance", torch.tensor(1.0))

    @property
    def maps(self) -> int:
        """How many maps the decoder makes."""
        return self.channels * (2 if self.likelihood == "logistic" else 1)

    def observed(
        self, images: Float[Tensor, "b 3 h w"], random: torch.Generator | None = None
    ) -> Float[Tensor, "b c h w"]:
        """Pictures as the likelihood is of them: in the network's channels, binarised for "bernoulli".

        Where pixels are drawn, they are by ``random``, or torch's global generator. Raises ValueError for another size.
        """
        if tuple(images.shape[2:]) != self.size:
            raise ValueError(f"the pictures are {tuple(images.shape[2:])} px large. Expected {self.size} px.")
        found = in_channels(images, self.channels).float()
        if self.likelihood != "bernoulli":
            return found
        if self.binarisation == "threshold":
            return (found >= 0.5).float()
        device = found.device if random is None else random.device
        return (torch.rand(found.shape, generator=random, device=device).to(found.device) < found).float()

    def log_likelihoods(
        self, maps: Float[Tensor, "b k h w"], images: Float[Tensor, "b c h w"], *, learning: bool = False
    ) -> Float[Tensor, "b"]:
        """In nats per picture; ``learning`` takes the variance of "gaussian" from these very pictures."""
        if self.likelihood == "bernoulli":
            return pixel_likelihoods.bernoulli(maps, images)
        if self.likelihood == "logistic":
            return pixel_likelihoods.discretised_logistic(maps, images)
        variance = pixel_likelihoods.optimal_variance(maps, images) if learning else self.variance
        if learning and self.training:
            self.variance.lerp_(variance, VARIANCE_SHARE)
        return pixel_likelihoods.gaussian(maps, images, variance)

    def shown(self, maps: Float[Tensor, "b k h w"]) -> Float[Tensor, "b 3 h w"]:
        """The mean of each pixel in [0, 1]; for "bernoulli" that is the probability of white."""
        if self.likelihood == "bernoulli":
            return in_colour(maps.sigmoid())
        mean = (maps.chunk(2, 1)[0] + 1) / 2 if self.likelihood == "logistic" else maps
        return in_colour(mean.clamp(0, 1))
