"""What guarantees promise, in exact words: the error, the kind of promise, on what it was settled, what it needs."""

from clearsight.quantities import counted
from clearsight.types import Guarantee

# What the level is a limit of.
ERRORS = {
    "decide alone": "the mean error on the pictures it decides alone",
    "prediction set": "the share of pictures whose class is not in the prediction set",
    "missed objects": "the share of a picture's objects that it misses",
    "box margin": "the share of a picture's objects that no widened box holds whole, missed ones included,",
    "missed pixels": "the share of a class's pixels in a picture that it takes for another class with confidence",
    "interval": "the share of estimates further from the truth than the interval",
}


def promise_in_words(guarantee: Guarantee) -> str:
    """One sentence: what is at most how much, with which probability or on average, settled on how many cases."""
    error = ERRORS[guarantee.promise].replace("pictures", guarantee.unit)
    return (
        f"Promised: {error} is at most {percent(guarantee.level)} {kind_in_words(guarantee)}, {settled_on(guarantee)}."
    )


def kind_in_words(guarantee: Guarantee) -> str:
    """Which of the two promises it is."""
    if guarantee.delta is None:
        return "on average over the choice of the calibration set"
    return f"with probability {percent(1 - guarantee.delta)} over the choice of the calibration set"


def settled_on(guarantee: Guarantee) -> str:
    """On how many cases of which split."""
    each = ", one of each cluster" if guarantee.clustered else ""
    return f"settled on {counted(guarantee.n, guarantee.unit)} of the split {guarantee.split}{each}"


def needed(guarantee: Guarantee) -> str:
    """What the promise needs to hold."""
    rows = guarantee.unit == "rows"
    one = "row" if rows else "picture"
    unit = f"clusters, and speaks of one {one} of a new cluster" if guarantee.clustered else guarantee.unit
    return (
        f"The promise needs exchangeable {unit}: new ones of the same source{'' if rows else ', taken alike'}. It does "
        f"not survive a shift, such as another {'place' if rows else 'camera, place'} or time."
    )


def percent(share: float) -> str:
    """A share in per cent."""
    return f"{100 * share:.6g}%"
