"""What is asked of a search: how much smaller the pictures are, how near is near enough, and what follows it."""

from dataclasses import dataclass

from clearsight.ops.downscaling import BOX, DOWNSCALINGS

NOTHING, WEIGHTS, PROJECTION = "none", "weights", "projection"
FINISHES = (NOTHING, WEIGHTS, PROJECTION)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How small pictures are restored.

    ``factor`` is how many times fewer rows and columns they have than what the generator makes, and ``filter`` how
    pictures are made small (see ``ops.downscaling``). For each of them ``restarts`` latents are searched for, in at
    most ``steps`` steps of the learning rate ``rate``, until the mean squared error of the picture made small again is
    ``epsilon`` or less, of values in [0, 1]: 0.001 is a PSNR of 30 dB.

    ``finish`` is what happens to a picture that the search leaves further away: "none"; "weights", the generator is
    fine-tuned for this picture (Roich et al. 2021); or "projection", the nearest picture that agrees is taken (Irani
    and Peleg 1991), which needs no generator at all.
    """

    factor: int
    filter: str = BOX
    restarts: int = 4
    epsilon: float = 1e-3
    steps: int = 200
    rate: float = 0.1
    finish: str = WEIGHTS
    seed: int = 0

    def __post_init__(self) -> None:
        if self.factor < 2:
            raise ValueError(f"the factor is {self.factor}. Expected a whole number from 2 on, such as 4.")
        for name in ("restarts", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected at least 1.")
        if not 0 < self.epsilon < 1:
            raise ValueError(
                f"epsilon is {self.epsilon:g}. Expected a mean squared error between 0 and 1, such as 0.001 (30 dB)."
            )
        if not self.rate > 0:
            raise ValueError(f"rate is {self.rate:g}. Expected a learning rate above 0, such as 0.1.")
        choices = {"filter": DOWNSCALINGS, "finish": FINISHES}
        for name, words in choices.items():
            if getattr(self, name) not in words:
                raise ValueError(f"{name} is {getattr(self, name)!r}. Expected {', '.join(words)}.")
