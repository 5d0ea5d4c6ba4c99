"""Models of tables, built on scikit-learn: one file each. The relative imports are the register of this room."""

from .linear import Linear as Linear
from .logistic import Logistic as Logistic
from .mlp import MLP as MLP
from .polynomial import Polynomial as Polynomial
from .ridge import Ridge as Ridge
