"""Logistic regression with L2 regularisation, its strength chosen by cross-validation."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from clearsight.estimators.preparing import Build, prepare

MAX_ITERATIONS = 2000


@dataclass(frozen=True, kw_only=True)
class LogisticConfig:
    """The inverse strengths ``C`` of the L2 penalty to choose among: ``c_values`` of them, evenly spaced in log."""

    min_c: float = 1e-3
    max_c: float = 1e3
    c_values: int = 7

    def __post_init__(self) -> None:
        if not 0 < self.min_c <= self.max_c:
            raise ValueError(
                f"min_c is {self.min_c} and max_c is {self.max_c}. Expected numbers above 0, the smaller first."
            )
        if self.c_values < 1:
            raise ValueError(f"c_values is {self.c_values}. Expected at least 1.")


class Logistic:
    """Multinomial (of two classes: binary) logistic regression; ``C`` is chosen by the log loss on held-out folds."""

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    config_type: ClassVar[type] = LogisticConfig

    @classmethod
    def build(cls, config: LogisticConfig, build: Build) -> GridSearchCV:
        """The unfitted search over ``C``."""
        model = LogisticRegression(max_iter=MAX_ITERATIONS)
        pipeline = Pipeline([("prepare", prepare(build.layout)), ("model", model)])
        grid = np.geomspace(config.min_c, config.max_c, config.c_values).tolist()
        return GridSearchCV(pipeline, {"model__C": grid}, scoring="neg_log_loss", cv=build.folds)
