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
    """Two hidden layers of ``width`` units; ``l2_regularisation`` is the strength of the L2 penalty."""

    width: int = 64
    l2_regularisation: float = 1e-2
    learning_rate: float = 3e-3
    max_epochs: int = 400

    def __post_init__(self) -> None:
        for name in ("width", "max_epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}. Expected at least 1.")
        if self.l2_regularisation < 0:
            raise ValueError(f"l2_regularisation is {self.l2_regularisation}. Expected 0 or more.")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate is {self.learning_rate}. Expected a number above 0.")


class MLP:
    """Rumelhart, Hinton & Williams 1986, with ReLU and Adam; the target of a regression is standardised."""

    tasks: ClassVar[tuple[str, ...]] = ("classification", "regression")
    config_type: ClassVar[type] = MLPConfig

    @classmethod
    def build(cls, config: MLPConfig, build: Build) -> Pipeline:
        """The unfitted pipeline."""
        kind = MLPClassifier if build.task == "classification" else MLPRegressor
        network: Any = kind(
            hidden_layer_sizes=(config.width, config.width),
            alpha=config.l2_regularisation,
            learning_rate_init=config.learning_rate,
            max_iter=config.max_epochs,
            random_state=build.seed,
        )
        if build.task == "regression":
            network = TransformedTargetRegressor(network, transformer=StandardScaler())
        return Pipeline([("prepare", prepare(build.layout)), ("model", network)])
