"""Which configurations are tried: evenly spread over what is varied, and settled before the first is trained.

They do not depend on any score. So a sweep that was stopped goes on with the same ones, it does not matter in which
order several workers finish, and the variance of scores over them is that over the whole of what is varied. A search
that looks where scores are high finds a good configuration sooner, and says less of the others.

Where there are no more combinations than configurations asked for, each is taken once. Else they are the points of a
scrambled Sobol sequence (Optuna's sampler), which fill the space more evenly than chance does.
"""

import itertools
import math
import warnings
from collections.abc import Sequence
from typing import Any

from clearsight.sweeps.space import Parameter, said

MOST_DRAWS = 50  # for each configuration: so often may one that is there already come again


def configurations(space: Sequence[Parameter], count: int, seed: int) -> tuple[dict[str, str], ...]:
    """So many different configurations, as settings by name; the same for the same seed.

    Raises ValueError where there are not so many, or where Optuna is not installed.
    """
    combinations = math.prod(one.count for one in space)
    if count > combinations:
        raise ValueError(
            f"{count} configurations were asked for, and there are {combinations:.0f} combinations of what is varied. "
            "Ask for fewer trials, or vary more."
        )
    if count == combinations and all(one.kind == "choice" for one in space):
        every = itertools.product(*(one.values for one in space))
        return tuple(dict(zip((one.name for one in space), values, strict=True)) for values in every)
    return _spread(space, count, seed)


def _spread(space: Sequence[Parameter], count: int, seed: int) -> tuple[dict[str, str], ...]:
    optuna = checked_optuna()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {one.name: _distribution(optuna.distributions, one) for one in space}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # Optuna calls this sampler so
        sampler = optuna.samplers.QMCSampler(qmc_type="sobol", scramble=True, seed=seed)
    study = optuna.create_study(sampler=sampler)
    # The sampler takes the space from a trial that has ended, and draws the first one at random without it.
    first = {one.name: one.values[0] if one.kind == "choice" else _low(one) for one in space}
    study.add_trial(optuna.trial.create_trial(params=first, distributions=distributions, value=0.0))
    found: dict[str, dict[str, str]] = {}
    for _ in range(MOST_DRAWS * count):
        drawn = study.ask(distributions).params
        settings = {one.name: one.written(drawn[one.name]) for one in space}
        found.setdefault(said(settings), settings)
        if len(found) == count:
            return tuple(found.values())
    raise ValueError(
        f"only {len(found)} of {count} different configurations were found in {MOST_DRAWS * count} draws. Ask for "
        "fewer trials, or vary more."
    )


def _low(parameter: Parameter) -> float | int:
    return int(parameter.low) if parameter.whole else parameter.low


def _distribution(kinds: Any, parameter: Parameter) -> Any:
    if parameter.kind == "choice":
        return kinds.CategoricalDistribution(parameter.values)
    log = parameter.kind == "factor"
    if parameter.whole:
        return kinds.IntDistribution(int(parameter.low), int(parameter.high), log=log)
    return kinds.FloatDistribution(parameter.low, parameter.high, log=log)


def checked_optuna() -> Any:
    """Optuna; raises ValueError where it is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise ValueError(
            "optuna is not installed, which a sweep chooses its configurations with. Install it with: "
            "pip install '.[sweep]'"
        ) from error
    return optuna
