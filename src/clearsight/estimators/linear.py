"""Linear regression by ordinary least squares."""

from dataclasses import dataclass
from typing import ClassVar

from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

from clearsight.estimators.preparing import Build, prepare


@dataclass(frozen=True, kw_only=True)
class LinearConfig:
    """No settings."""


class Linear:
    """Least squares; of solutions that fit equally well (the columns of a category sum to 1), that of least norm."""

    tasks: ClassVar[tuple[str, ...]] = ("regression",)
    config_type: ClassVar[type] = LinearConfig

    @classmethod
    def build(cls, config: LinearConfig, build: Build) -> Pipeline:
        """The unfitted pipeline."""
        return Pipeline([("prepare", prepare(build.layout)), ("model", LinearRegression())])
