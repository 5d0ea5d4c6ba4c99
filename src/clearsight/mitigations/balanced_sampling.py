"""Group-balanced sampling: trained anew, with pictures of every group and class drawn equally often.

An epoch shows as many pictures as before: those of small cells several times, those of large ones not each time.
"""

from clearsight.mitigations.balance import balancing
from clearsight.types import Given, Retraining


def balanced_sampling(given: Given) -> tuple[Retraining, ...]:
    """One retraining with draws by one over the size of the cell."""
    return (Retraining(said="drawn equally often", draws=balancing(given.train.cells)),)
