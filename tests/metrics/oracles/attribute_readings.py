"""A reader that errs in a known way, and a maker that turns groups into others in a known way."""

import numpy as np

from clearsight.metrics.attribute_errors import AttributeErrorStatistics

READS = np.array([[0.9, 0.1, 0.0], [0.15, 0.8, 0.05], [0.1, 0.1, 0.8]])
TURNS = np.array([[0.95, 0.05, 0.0], [0.3, 0.6, 0.1], [0.5, 0.1, 0.4]])  # true group to the one the made picture shows


def simulated(random, counts=(400, 200, 100), draws=3, reads=READS, turns=TURNS):
    """A reader that answers by ``reads``, and a maker that turns groups into others by ``turns``."""
    truth = np.repeat(np.arange(3), counts)
    answered = np.eye(3)
    real = answered[[random.choice(3, p=reads[group]) for group in truth]]
    shown = [[random.choice(3, p=turns[group]) for _ in range(draws)] for group in truth]
    answers = np.array([np.mean([answered[random.choice(3, p=reads[one])] for one in row], axis=0) for row in shown])
    return AttributeErrorStatistics(
        attribute="kind", group_names=("a", "b", "c"), truth=truth, real=real, made=answers, answers=answers,
        maker="the model", draws=draws,
    )  # fmt: skip
