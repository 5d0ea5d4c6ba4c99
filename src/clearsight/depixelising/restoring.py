"""Small pictures to large ones that a generator could have made, several for each, with how near each came."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from clearsight.console.progress import Watch
from clearsight.depixelising.finishing import finished
from clearsight.depixelising.plan import NOTHING, Plan
from clearsight.depixelising.searching import NEAR, searched, squared_errors, starts
from clearsight.generation.pictures import quantised
from clearsight.loading import trained
from clearsight.prediction import writing
from clearsight.run import Run
from clearsight.types import LatentGenerator

CHUNK = 256  # pictures made of latents at once, when the search is over


@dataclass(frozen=True, kw_only=True)
class Restored:
    """Pictures of ``inputs`` small ones, ``restarts`` for each, as they are written: in 8 bits.

    ``errors`` are the mean squared errors of values in [0, 1] between the pictures made small and what was given,
    ``searched`` those that the search alone came to, in ``steps``. ``moved`` is by how much the finish changed each
    picture: the root mean square over its values, of 255; 0 where the search was near enough. ``labels`` is the class
    asked of each, None where the generator knows none.
    """

    pictures: UInt8[Tensor, "inputs restarts 3 h w"]
    errors: Float[Tensor, "inputs restarts"]
    searched: Float[Tensor, "inputs restarts"]
    steps: Int[Tensor, "inputs restarts"]
    moved: Float[Tensor, "inputs restarts"]
    labels: Int[Tensor, "inputs restarts"] | None
    plan: Plan

    @property
    def matched(self) -> Bool[Tensor, "inputs restarts"]:
        """Which of them are near enough to what was given."""
        return self.errors <= self.plan.epsilon

    @property
    def psnr(self) -> Float[Tensor, "inputs restarts"]:
        """The peak signal-to-noise ratio of the pictures made small, in dB; at most 100."""
        return -10 * self.errors.clamp(min=1e-10).log10()


def searchable(run: Run) -> Any:
    """The network of a run in whose latents can be searched, on the best device; raises ValueError for any other."""
    model = run.config.model
    if not trained.makes_pictures(model):
        raise ValueError(
            f"{run.path} is a {model}, which makes no pictures. Expected a run of a generator with a latent vector: "
            "gan, dcgan, wgan-gp, gan-2014 or vae."
        )
    network = trained.ready(run)
    if not isinstance(network, LatentGenerator) or not isinstance(network, nn.Module):
        raise ValueError(
            f"{run.path} is a {model}, whose picture is no differentiable function of one vector, so that none can be "
            "searched for. Expected a run of gan, dcgan, wgan-gp, gan-2014 or vae."
        )
    return network.requires_grad_(False)


def labels_of(run: Run, names: Sequence[str]) -> list[int] | None:
    """The ids of the classes to ask for in turn, all where none is named; None where the generator knows none.

    Raises ValueError for a class it does not know.
    """
    config = run.config
    if not config.settings["model"].get("conditional"):
        if names:
            trained.check_conditional(run, ", or leave --class out")
        return None
    return list(writing.class_ids(names, config.class_names) or range(len(config.class_names)))


@torch.no_grad()
def restored(
    network: Any,
    small: UInt8[Tensor, "inputs 3 h w"],
    plan: Plan,
    labels: Sequence[int] | None = None,
    watch: Watch = lambda done, total: None,
) -> Restored:
    """Restore small pictures of one size, all at once; the same seed gives the same pictures.

    ``labels`` are the classes to ask of a conditional generator, taken in turn.
    """
    device, count, each = next(network.parameters()).device, len(small), plan.restarts
    given = (small.float() / 255).to(device).repeat_interleave(each, 0)
    classes = None
    if labels is not None:
        classes = torch.tensor([labels[k % len(labels)] for k in range(count * each)], device=device)
    found = searched(network, given, starts(network, count, plan).to(device), classes, plan, watch)
    parts = [
        network.rendered(found.latents[some], None if classes is None else classes[some])
        for some in torch.arange(len(given), device=device).split(CHUNK)
    ]
    pictures = torch.cat(parts).float()
    far = found.errors > NEAR * plan.epsilon
    after = pictures.clone()
    after[far] = finished(network, pictures[far], given[far], found.latents[far],
                          None if classes is None else classes[far], plan, watch)  # fmt: skip
    written, shape = quantised(after), (count, each)
    moved = 255 * (after - pictures).square().mean((1, 2, 3)).sqrt()
    return Restored(
        pictures=written.cpu().unflatten(0, shape),
        errors=squared_errors(written.float() / 255, given, plan).cpu().unflatten(0, shape),
        searched=found.errors.cpu().unflatten(0, shape),
        steps=found.steps.cpu().unflatten(0, shape),
        moved=moved.cpu().unflatten(0, shape),
        labels=None if classes is None else classes.cpu().unflatten(0, shape),
        plan=plan,
    )


def how_each(found: Restored) -> list[list[str]]:
    """What each picture is owed to, in words: the search alone, or what followed it."""
    words = {NOTHING: "search", "weights": "search, then weights", "projection": "search, then projection"}
    return [[words[found.plan.finish] if one > 0 else "search" for one in row] for row in found.moved.tolist()]
