"""Multilayer perceptron on the columns of a table."""

from dataclasses import dataclass
from typing import Any, ClassVar

from sklearn.compose import TransformedTargetRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from clearsight.estimators.preparing import Build, prepare


@dataclass(frozen=True, kw_only=True)
class MLPConfig:
    """Two hidden layers of ``width`` units; ``penalty`` is the strength of the squared weights in the loss."""

    width: int = 64
    penalty: float = 1e-2
    learning_rate: float = 3e-3
    passes: int = 400

    def __post_init__(self) -> None:
        for name in ("width", "passes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected at least 1.")
        if self.penalty < 0:
            raise ValueError(f"penalty is {self.penalty}. Expected 0 or more.")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate is {self.learning_rate}. Expected a number above 0.")


class MLP:
    """Rumelhart, Hinton & Williams 1986, with rectified units and Adam; a number to estimate is scaled first."""

    tasks: ClassVar[tuple[str, ...]] = ("classification", "regression")
    config_type: ClassVar[type] = MLPConfig

    @classmethod
    def build(cls, config: MLPConfig, build: Build) -> Pipeline:
        """The unfitted pipeline."""
        kind = MLPClassifier if build.task == "classification" else MLPRegressor
        network: Any = kind(
            hidden_layer_sizes=(config.width, config.width),
            alpha=config.penalty,
            learning_rate_init=config.learning_rate,
            max_iter=config.passes,
            random_state=build.seed,
        )
        if build.task == "regression":
            network = TransformedTargetRegressor(network, transformer=StandardScaler())
        return Pipeline([("prepare", prepare(build.layout)), ("model", network)])
