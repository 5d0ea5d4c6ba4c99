"""Backbones, models, and how they are trained."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.optim import Optimizer

from clearsight.types.data import Batch
from clearsight.types.truths import Prediction, Truth

Losses = dict[str, Tensor]


@runtime_checkable
class Backbone(Protocol):
    """The backbone: pictures to a pyramid of feature maps ``b c h w``, fine to coarse."""

    channels: tuple[int, ...]
    strides: tuple[int, ...]

    def forward(self, images: Tensor) -> list[Tensor]: ...

    def __call__(self, images: Tensor) -> list[Tensor]: ...


OPTIMIZERS = ("adamw", "muon")
PRECISIONS = ("auto", "float32", "bfloat16")
FLIPS: dict[str, frozenset[str]] = {
    "none": frozenset(),
    "horizontal": frozenset({"horizontal"}),
    "vertical": frozenset({"vertical"}),
    "both": frozenset({"horizontal", "vertical"}),
}


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a model is trained unless the user says otherwise; each model states its own.

    ``size_px`` is the longer side of the pictures the network sees; where all pictures are smaller they stay so unless
    ``enlarge``. ``zoom`` is the range of the random magnification; ``brightness`` the strength of the random light in
    [0, 1]. ``colour`` is that of random gamma, saturation and white balance: for pictures that will be taken in other
    light than the training pictures, unless colour is what tells the classes apart.
    ``ema_share`` is the memory of the weight average (EMA) as a share of all steps. For the first
    ``small_share`` of the run the pictures are ``small_scale`` times smaller. ``flips`` are the mirrorings a picture
    may undergo: those the data allow, or "none", "horizontal", "vertical", "both" where the user knows better.
    ``shift`` moves a small picture by up to that share of its side; ``mixup`` is the alpha of Zhang et al. 2018 (0 for
    none). ``optimizer`` is "adamw" or "muon", which moves filters at ``muon_learning_rate`` with ``momentum`` (see
    ``optimizers``).
    ``frozen_share`` is the share of the run, from its start, in which a trained backbone is frozen while the rest
    learns; then all of it moves.
    ``precision`` is "float32", "bfloat16", or whichever is found to be quicker.
    ``patience`` stops a training early: after so many evaluations in a row without a better validation score; 0 never
    does. ``save_best`` keeps the weights of the best validation score instead of the last ones.
    ``held_out`` is the share of the training pictures set aside to judge by where the data name none for that; 0, to
    train on all of them, needs a test split.
    """

    batch_size: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup_share: float = 0.03
    ema_share: float = 0.05
    clip_norm: float = 10.0
    size_px: int = 416
    enlarge: bool = True
    zoom: tuple[float, float] = (0.75, 1.35)
    brightness: float = 0.2
    colour: float = 0.0
    small_share: float = 0.0
    small_scale: float = 0.7
    flips: str = "data"
    shift: float = 0.0
    mixup: float = 0.0
    optimizer: str = "adamw"
    muon_learning_rate: float = 0.05
    momentum: float = 0.9
    frozen_share: float = 0.0
    precision: str = "auto"
    held_out: float = 0.2
    patience: int = 0
    save_best: bool = False

    def __post_init__(self) -> None:
        for name, least in (("batch_size", 1), ("size_px", 1), ("patience", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected at least {least}.")
        for name in ("learning_rate", "muon_learning_rate", "clip_norm", "small_scale"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected a number above 0.")
        shares = ("warmup_share", "ema_share", "small_share", "frozen_share")
        for name in (*shares, "brightness", "colour", "shift", "mixup", "momentum", "held_out"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected a share between 0 and 1.")
        if not 0 < self.zoom[0] <= self.zoom[1]:
            raise ValueError(f"zoom is {self.zoom}. Expected two magnifications above 0, the smaller first.")
        choices = {"precision": PRECISIONS, "optimizer": OPTIMIZERS, "flips": ("data", *FLIPS)}
        for name, words in choices.items():
            if getattr(self, name) not in words:
                raise ValueError(f"{name} is {getattr(self, name)!r}. Expected {', '.join(words)}.")


@runtime_checkable
class Model(Protocol):
    """A network of a config. Built as ``Model(config, backbone, class_names)``; None where its config has no backbone.

    ``tasks`` are those it can answer, its first the usual one: the truths of the data decide. One that goes on from a
    run of another model names that in ``starts_from``; its config has ``start``, the run, and it takes the weights by
    ``go_on_from``.
    ``losses`` returns named scalars whose sum is minimised; ``predict`` returns one prediction per picture.
    The config of one that gives pictures back has ``given``, the ``Degradation`` of what it is given, None for pictures
    as they are; a network that is given smaller ones has its ``factor`` too.
    ``fitted`` fills in what the config takes from the training truths (class frequencies, anchors, one label or
    several); it is asked once, before the network is built, and a run remembers the answer.
    """

    tasks: ClassVar[tuple[str, ...]]
    config_type: ClassVar[type]
    training_defaults: ClassVar[Training]
    strides: ClassVar[tuple[int, ...]]

    @classmethod
    def fitted(cls, config: Any, truths: Iterable[Truth], class_names: tuple[str, ...]) -> Any: ...

    def losses(self, batch: Batch) -> Losses: ...

    def predict(self, images: Float[Tensor, "b 3 h w"]) -> list[Prediction]: ...

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Any: ...

    def __call__(self, images: Float[Tensor, "b 3 h w"]) -> Any: ...


@runtime_checkable
class Generator(Protocol):
    """A network that makes pictures from noise. Built as ``Generator(config, class_names)``.

    Its config says what its pictures are: ``size`` (height, width), ``channels`` (1 for grey, 3 for colour) and whether
    it is ``conditional`` on a class; what is not set there is taken from the training pictures before it is built.

    ``losses(batch)`` are those of a Model: ``batch.images`` are the real pictures, all of ``size``, and the truths are
    labels where the data have them. ``latents`` draws the noise that pictures are made of, so the same generator state
    gives the same pictures; scaled down it gives less varied ones (truncation). ``sample`` makes one picture of each
    row of it, of the given classes where it is conditional. Where its config is ``made_from`` something, ``sample``
    takes one of these for each row as its third argument, ``condition``: label maps ``n h w`` of class ids, or pictures
    ``n 3 h w`` in [0, 1].
    """

    config_type: ClassVar[type]
    training_defaults: ClassVar[Training]
    strides: ClassVar[tuple[int, ...]]
    config: Any

    @classmethod
    def fitted(cls, config: Any, truths: Iterable[Truth], class_names: tuple[str, ...]) -> Any: ...

    def losses(self, batch: Batch) -> Losses: ...

    def latents(self, count: int, random: torch.Generator) -> Float[Tensor, "n ..."]: ...

    def sample(
        self, latents: Float[Tensor, "n ..."], classes: Int[Tensor, "n"] | None = None
    ) -> Float[Tensor, "n 3 h w"]: ...


@runtime_checkable
class LatentGenerator(Generator, Protocol):
    """A generator whose picture is a differentiable function of one vector, so that a vector can be searched for it.

    ``latent_prior`` names what ``latents`` draws: "normal" variates, "uniform" ones of variance 1, or a "mixture" of
    Gaussians. ``rendered`` is what ``sample`` makes, with gradients.
    """

    @property
    def latent_prior(self) -> str: ...

    def rendered(
        self, latents: Float[Tensor, "n d"], classes: Int[Tensor, "n"] | None = None
    ) -> Float[Tensor, "n 3 h w"]: ...


@runtime_checkable
class Adversarial(Protocol):
    """What a generator of two players offers instead of one loss, for the two-player loop.

    ``turns`` are those of a step, in their order: each names the players, which are submodules, that are updated in it.
    A turn has a batch of its own, and all gradients of a turn are taken before any of its players is updated.
    ``losses(batch, player)`` are minimised over the player's weights only. ``optimizer`` makes a player's, and
    ``schedule`` sets its rates at a progress in [0, 1]; at rates of 0 it rests.
    """

    @property
    def turns(self) -> tuple[tuple[str, ...], ...]: ...

    def losses(self, batch: Batch, player: str) -> Losses: ...

    def optimizer(self, player: str, training: Training) -> Optimizer: ...

    def schedule(self, optimizer: Optimizer, player: str, progress: float) -> None: ...
