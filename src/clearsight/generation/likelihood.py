"""How probable held-out pictures are to a generator that can tell, such as a variational autoencoder."""

from typing import Any

import numpy as np
import torch

from clearsight.generation.pictures import Pictures
from clearsight.ops.spread import evenly_spread
from clearsight.types import Finding

MOST = 1000  # pictures: 200 samples of each take about a minute on two cores at 28 px
SAMPLES = 200
CONFIDENCE_Z = 1.959964
LIMITS = (
    "An upper bound that falls as more importance samples are taken. It compares with other models only where pixels "
    "are treated alike (binarised by drawing, 256 levels, or densities), and says little of how pictures look."
)


def likelihood_findings(network: Any, real: Pictures, seed: int) -> tuple[Finding, ...]:
    """The negative log-likelihood of held-out pictures and the active units; nothing where a network cannot tell."""
    if not hasattr(network, "negative_log_likelihood"):
        return ()
    some = real.select(evenly_spread(len(real), MOST))
    device = next(network.parameters()).device
    images = some.images.to(device).float() / 255
    classes = some.classes.to(device) if network.config.conditional and some.classes is not None else None
    binary = network.config.likelihood == "bernoulli"
    measure = network.negative_log_likelihood if binary else network.bits_per_dim
    unit = "nats for each" if binary else "bits for each number of a picture (8 without a model)"
    found, bound = (
        measure(images, samples, torch.Generator().manual_seed(seed), classes).double().cpu().numpy()
        for samples in (SAMPLES, 1)
    )
    names = some.clusters or ("",) * len(some)
    clusters = np.unique([name or f"/{k}" for k, name in enumerate(names)], return_inverse=True)[1]
    value, low, high = _mean(found, clusters)
    active = network.active_units(images, classes)
    count = int(clusters.max()) + 1
    method = (
        f"{SAMPLES} importance samples for each of {len(found)} held-out pictures, pixels taken as "
        f"{network.config.likelihood}; 95% normal interval of the mean over {count} clusters."
    )
    claim = (
        f"Held-out pictures take {value:.2f} {unit} ({low:.2f} to {high:.2f}); by one sample, the bound it is trained "
        f"on, {bound.mean():.2f}."
    )
    metric = "negative log-likelihood" if binary else "bits per dimension"
    return (
        _finding(claim, metric, value, (low, high), len(found), method, LIMITS, count),
        _finding(
            f"{active} of {network.config.latents} latents say something about a picture.",
            "active units", float(active), None, len(found),
            "Latents whose posterior mean varies by more than 0.01 over these pictures (Burda et al. 2016).",
            "A latent that is not active is not a fault: the pictures did not need it.", None,
        ),
    )  # fmt: skip


def _mean(values: np.ndarray, clusters: np.ndarray) -> tuple[float, float, float]:
    """The mean and its interval, from the sums of clusters (the linearised ratio)."""
    mean = float(values.mean())
    sums = np.bincount(clusters, weights=values - mean)
    count = len(sums)
    error = float(np.sqrt(count / max(1, count - 1) * (sums**2).sum()) / len(values))
    return mean, mean - CONFIDENCE_Z * error, mean + CONFIDENCE_Z * error


def _finding(
    claim: str, metric: str, value: float, interval: tuple[float, float] | None, n: int, method: str, limits: str,
    clusters: int | None,
) -> Finding:  # fmt: skip
    return Finding(
        question="what it does", claim=claim, metric=metric, value=value, interval=interval, n=n, unit="pictures",
        method=method, limits=limits, clusters=clusters,
    )  # fmt: skip
