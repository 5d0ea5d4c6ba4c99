"""Polynomial regression: degree and L2 regularisation chosen by cross-validation."""

from dataclasses import dataclass
from math import comb
from typing import ClassVar

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from clearsight.estimators.preparing import MAX_LEVELS, Build, prepare


@dataclass(frozen=True, kw_only=True)
class PolynomialConfig:
    """``degree`` fixes the degree; 0 chooses one up to ``max_degree`` by cross-validation.

    Degrees with more than ``max_terms`` products are not tried. The strengths of regularisation are those of ``ridge``.
    """

    degree: int = 0
    max_degree: int = 4
    max_terms: int = 1000
    min_regularisation: float = 1e-4
    max_regularisation: float = 1e4
    regularisation_values: int = 17

    def __post_init__(self) -> None:
        for name in ("max_degree", "max_terms", "regularisation_values"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected at least 1.")
        if not 0 <= self.degree <= 10:
            raise ValueError(f"degree is {self.degree}. Expected 1 to 10, or 0 to choose it by cross-validation.")
        if not 0 < self.min_regularisation <= self.max_regularisation:
            raise ValueError(
                f"min_regularisation is {self.min_regularisation} and max_regularisation is {self.max_regularisation}. "
                "Expected numbers above 0, in this order."
            )


class Polynomial:
    """Products of the prepared columns, standardised, in a ridge regression of cross-validated strength.

    Underfitting and overfitting show in the validation curve of error by degree.
    """

    tasks: ClassVar[tuple[str, ...]] = ("regression",)
    config_type: ClassVar[type] = PolynomialConfig

    @classmethod
    def build(cls, config: PolynomialConfig, build: Build) -> GridSearchCV:
        """The unfitted search over degrees; every choice is made by its ``folds``."""
        columns = sum(1 if levels is None else min(len(levels), MAX_LEVELS) for levels in build.layout.levels)
        candidates = [config.degree] if config.degree else list(range(1, config.max_degree + 1))
        degrees = [degree for degree in candidates if comb(columns + degree, degree) - 1 <= config.max_terms]
        if not degrees and not config.degree:
            degrees = [1]
        if not degrees:
            raise ValueError(
                f"degree {config.degree} of {columns} columns makes {comb(columns + config.degree, config.degree) - 1} "
                f"products. Expected at most {config.max_terms}. Choose a lower degree, or raise max_terms."
            )
        lowest, highest = config.min_regularisation, config.max_regularisation
        strengths = np.geomspace(lowest, highest, config.regularisation_values)
        pipeline = Pipeline(
            [
                ("prepare", prepare(build.layout)),
                ("products", PolynomialFeatures(include_bias=False)),
                ("scale", StandardScaler()),
                ("model", RidgeCV(alphas=strengths)),
            ]
        )
        return GridSearchCV(
            pipeline,
            {"products__degree": degrees},
            scoring="neg_root_mean_squared_error",
            cv=build.folds,
            return_train_score=True,
        )
