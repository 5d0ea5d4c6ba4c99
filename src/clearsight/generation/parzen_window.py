"""The log-likelihood by a Parzen window in the report of a generator of 2014, as its paper has it: history."""

from typing import Any

from clearsight.generation.pictures import Pictures
from clearsight.generation.sampling import sampled
from clearsight.metrics.parzen import parzen_likelihood
from clearsight.types import Finding

SAMPLES = 10_000
FEWEST = 20  # held-out pictures: half of them choose the width, half are judged
CONFIDENCE_Z = 1.959964
LIMITS = (
    "History: a figure to set beside those of papers from 2011 to 2016 on the same pictures, and nothing else. It is "
    "far from the likelihood: cluster centres of the training pictures beat real pictures by it (Theis et al. 2016)."
)


def parzen_findings(network: Any, real: Pictures, seed: int) -> tuple[Finding, ...]:
    """The figure for networks that are known by it (``reports_parzen_window``); nothing for others.

    Held-out pictures are taken in turn to choose the width and to be judged; 10,000 pictures are made.
    """
    if not getattr(network, "reports_parzen_window", False) or len(real) < FEWEST:
        return ()
    channels, names = network.config.channels, max(1, int(real.classes.max()) + 1) if real.classes is not None else 1
    classes = [k % names for k in range(SAMPLES)] if network.config.conditional else None
    made, held_out = (
        (images[:, :channels].float() / 255).flatten(1).numpy()
        for images in (sampled(network, SAMPLES, seed, classes=classes), real.images)
    )
    found = parzen_likelihood(made, held_out[::2], held_out[1::2])
    reach = CONFIDENCE_Z * found.standard_error
    return (
        Finding(
            question="what it does",
            claim=f"By a Parzen window, as papers of its time reported it, held-out pictures have a log-likelihood of "
            f"{found.mean:.0f} nats, give or take {found.standard_error:.0f} (standard error).",
            metric="Parzen log-likelihood (history)",
            value=found.mean,
            interval=(found.mean - reach, found.mean + reach),
            n=found.n,
            unit="pictures",
            method=f"Gaussians of width {found.sigma:.3g} on {SAMPLES:,} generated pictures, the width chosen on "
            f"{min(1000, len(held_out) - found.n):,} other held-out pictures (Goodfellow et al. 2014); 95% normal "
            "interval of the mean over pictures.",
            limits=LIMITS,
        ),
    )
