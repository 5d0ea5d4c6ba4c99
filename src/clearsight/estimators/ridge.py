"""Ridge regression: linear regression with L2 regularisation, its strength chosen by cross-validation."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import Pipeline

from clearsight.estimators.preparing import Build, prepare


@dataclass(frozen=True, kw_only=True)
class RidgeConfig:
    """The strengths to choose among: ``regularisation_values`` of them, evenly spaced in log, ends included."""

    min_regularisation: float = 1e-4
    max_regularisation: float = 1e4
    regularisation_values: int = 25

    def __post_init__(self) -> None:
        if not 0 < self.min_regularisation <= self.max_regularisation:
            raise ValueError(
                f"min_regularisation is {self.min_regularisation} and max_regularisation is {self.max_regularisation}. "
                "Expected numbers above 0, in this order."
            )
        if self.regularisation_values < 1:
            raise ValueError(f"regularisation_values is {self.regularisation_values}. Expected at least 1.")


class Ridge:
    """Hoerl & Kennard 1970; the strength is chosen by leave-one-out cross-validation (in closed form)."""

    tasks: ClassVar[tuple[str, ...]] = ("regression",)
    config_type: ClassVar[type] = RidgeConfig

    @classmethod
    def build(cls, config: RidgeConfig, build: Build) -> Pipeline:
        """The unfitted pipeline."""
        lowest, highest = config.min_regularisation, config.max_regularisation
        strengths = np.geomspace(lowest, highest, config.regularisation_values)
        return Pipeline([("prepare", prepare(build.layout)), ("model", RidgeCV(alphas=strengths))])
