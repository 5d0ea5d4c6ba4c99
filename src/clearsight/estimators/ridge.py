"""Ridge regression: linear regression with L2 regularisation, its strength chosen by cross-validation."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import Pipeline

from clearsight.estimators.preparing import Build, prepare


@dataclass(frozen=True, kw_only=True)
class RidgeConfig:
    """The strengths to choose among: ``strengths`` of them, evenly spaced in powers of ten, ends included."""

    weakest: float = 1e-4
    strongest: float = 1e4
    strengths: int = 25

    def __post_init__(self) -> None:
        if not 0 < self.weakest <= self.strongest:
            raise ValueError(
                f"weakest is {self.weakest} and strongest {self.strongest}. Expected numbers above 0, in this order."
            )
        if self.strengths < 1:
            raise ValueError(f"strengths is {self.strengths}. Expected at least 1.")


class Ridge:
    """Hoerl & Kennard 1970; the strength is chosen by leaving out each row in turn (in closed form)."""

    tasks: ClassVar[tuple[str, ...]] = ("regression",)
    config_type: ClassVar[type] = RidgeConfig

    @classmethod
    def build(cls, config: RidgeConfig, build: Build) -> Pipeline:
        """The unfitted pipeline."""
        strengths = np.geomspace(config.weakest, config.strongest, config.strengths)
        return Pipeline([("prepare", prepare(build.layout)), ("model", RidgeCV(alphas=strengths))])
