"""Temperature: one number by which all logits are divided, so that confidence comes true as often as it says.

After Guo et al. 2017 ("On calibration of modern neural networks"). The order of the classes of a picture stays as it
is, and so does every score that only asks for the most probable class.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize_scalar

LOWEST, HIGHEST = 0.05, 20.0
TINY = np.finfo(np.float64).tiny


def best_temperature(truth: Int[np.ndarray, "images"], probabilities: Float[np.ndarray, "images classes"]) -> float:
    """The temperature in [0.05, 20] under which the true classes are the least surprising; 1 where there are none.

    The truths count as if one more picture had been wrong (after Platt 1999, section 2.2), so that a few pictures that
    are all right do not make certainty. Choose it on pictures that were not trained on.
    """
    images, classes = probabilities.shape
    if not images or classes < 2:
        return 1.0
    logs = np.log(np.maximum(probabilities.astype(np.float64), TINY))
    logs -= logs.max(1, keepdims=True)
    wrong = 1 / (images + 2) / (classes - 1)
    own = logs[np.arange(images), truth].mean()
    aimed = (1 - wrong * classes) * own + wrong * logs.sum(1).mean()

    def surprise(log_temperature: float) -> float:
        scale = float(np.exp(-log_temperature))
        return float(np.log(np.exp(logs * scale).sum(1)).mean() - scale * aimed)

    bounds = (np.log(LOWEST), np.log(HIGHEST))
    return float(np.exp(minimize_scalar(surprise, bounds=bounds, method="bounded", options={"xatol": 1e-4}).x))


def at_temperature(
    probabilities: Float[np.ndarray, "images classes"], temperature: float
) -> Float[np.ndarray, "images classes"]:
    """The probabilities had their logits been divided by the temperature."""
    logs = np.log(np.maximum(probabilities.astype(np.float64), TINY)) / temperature
    powers = np.exp(logs - logs.max(1, keepdims=True, initial=-np.inf))
    return (powers / powers.sum(1, keepdims=True)).astype(probabilities.dtype)
