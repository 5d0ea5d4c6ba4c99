"""Slices: pictures that the network finds alike and on which it does worse, found on one half of the pictures.

The pictures of the discovery half are clustered by their features together with the error, as by Domino (Eyuboglu et
al. 2022, "Domino: discovering systematic errors with cross-modal embeddings", whose mixture model is error-aware) and
Spotlight (d'Eon et al. 2022, regions of the features with high loss). Domino needs classes, and Spotlight one
optimisation for each slice; what is done here needs only a number for each picture, so it works for every task:

1. Features are standardised and reduced to their principal components.
2. A ridge regression on these predicts the error; its penalty minimises the generalised cross-validation error (Golub,
   Heath & Wahba 1979). The prediction is one more coordinate, whose variance is that of all components together. So
   directions in which the error changes count however little the features vary along them.
3. k-means in these coordinates cuts the pictures into 2, 4, ... parts, since nobody knows how large a slice is.
4. Of the parts of at most a quarter of the pictures, those whose score surely lies furthest below that of the rest are
   taken, as long as they hardly overlap; what two of them share belongs to the first. "Surely" is two standard errors
   nearer to the rest than observed: small parts look worse than they are.

All coordinates are functions of the features alone, so that pictures of the other half are assigned without a look at
their errors. On the discovery half the choice has used the errors up: what is found there means nothing until it is
tested on the other half.
"""

import warnings
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.linalg import eigh

from clearsight.metrics.two_sample import folds

PICTURES_AT_LEAST = 40  # of a slice, so that about as many are there to test it on
HALF_AT_LEAST = 100  # pictures; of fewer no part is small enough to be a slice
COMPONENTS_AT_MOST = 32
PARTS = (2, 4, 8, 16, 32, 64)
PICTURES_PER_PART = 40
SLICES_AT_MOST = 5
SHARE_AT_MOST = 0.25  # of the discovery half: more is no slice, but how the network does
STANDARD_ERRORS = 2.0
FITTED_ON_AT_MOST = 20_000  # of the discovery half; more would only take longer
PENALTIES = np.logspace(-3, 3, 13)  # of the ridge regression, as shares of the largest singular value squared
STARTS = 3  # of k-means
ROWS_AT_ONCE = 4096

Points = Float[np.ndarray, "images dimensions"]


def discovery_half(clusters: Int[np.ndarray, "images"], seed: int = 0) -> Bool[np.ndarray, "images"]:
    """Which pictures slices are sought on: half of the clusters, drawn at random; the others are the test half."""
    return folds(np.zeros(len(clusters), dtype=bool), clusters, seed, count=2) == 0


def slices(
    features: Float[np.ndarray, "images channels"],
    score: Float[np.ndarray, "images"],
    discovery: Bool[np.ndarray, "images"],
    seed: int = 0,
) -> tuple[Bool[np.ndarray, "images"], ...]:
    """The pictures of up to five slices, those of both halves, the surest first; no picture is in two.

    ``score`` is the higher, the better, NaN where there is none; it is looked at on the discovery half only. Pictures
    whose features are not finite are in no slice. Empty where fewer than 100 pictures of the discovery half have
    features and a score, or no part scores below the rest.
    """
    usable = np.isfinite(features).all(1)
    fitted = discovery & usable & np.isfinite(score)
    if fitted.sum() < HALF_AT_LEAST or score[fitted].std() == 0:
        return ()
    points = coordinates(features, score, _some(fitted, seed))
    found: list[Bool[np.ndarray, images]] = []
    taken = np.zeros(len(score), dtype=bool)
    parts = [
        (surely_apart(score, part & fitted, ~part & fitted), part) for part in _parts(points, fitted, usable, seed)
    ]
    for apart, part in sorted(parts, key=lambda one: one[0]):
        own = part & ~taken
        if not apart < 0 or len(found) == SLICES_AT_MOST:
            break
        left = int((own & fitted).sum())
        whole = int((part & fitted).sum())
        if 2 * left > whole and surely_apart(score, own & fitted, ~own & fitted) < 0:
            found.append(own)
            taken |= own
    return tuple(found)


def coordinates(
    features: Float[np.ndarray, "images channels"],
    score: Float[np.ndarray, "images"],
    fitted: Bool[np.ndarray, "images"],
) -> Points:
    """What is clustered: principal components of total variance 1, and beside them the predicted error, of variance 1.

    Fitted on the ``fitted`` pictures, computed for all. Constant channels are left out; where no linear function of the
    features predicts the error at all, its column is 0.
    """
    own = features[fitted].astype(np.float64)
    middle, spread = own.mean(0), own.std(0)
    kept = spread > 1e-12 * max(1.0, float(np.abs(middle).max(initial=0.0)))
    if not kept.any():
        return np.zeros((len(features), 1))
    own = (own[:, kept] - middle[kept]) / spread[kept]
    size = own.shape[1]
    count = min(COMPONENTS_AT_MOST, size, len(own) // 10)
    _, directions = eigh(own.T @ own / len(own), subset_by_index=[size - count, size - 1])
    directions = directions[:, ::-1] / spread[kept, None]
    starts = range(0, len(features), ROWS_AT_ONCE)
    blocks = (features[at : at + ROWS_AT_ONCE].astype(np.float64) - middle for at in starts)
    finite = (np.where(np.isfinite(block), block, 0.0) for block in blocks)
    points = np.concatenate([block[:, kept] @ directions for block in finite])
    points /= np.sqrt((points[fitted] ** 2).sum(1).mean())
    predicted = points @ ridge_coefficients(points[fitted], -score[fitted])
    variation = predicted[fitted].std()
    return np.column_stack([points, predicted / variation if variation > 0 else np.zeros(len(points))])


def ridge_coefficients(values: Float[np.ndarray, "n d"], target: Float[np.ndarray, "n"]) -> Float[np.ndarray, "d"]:
    """The coefficients of a ridge regression of the centred target, at the best penalty by cross-validation.

    Generalised cross-validation (Golub, Heath & Wahba 1979, equation 1.4): the mean squared residual over the square of
    the share of degrees of freedom that is left.
    """
    left, singular, right = np.linalg.svd(values, full_matrices=False)
    aimed = target - target.mean()
    along = left.T @ aimed
    beyond = float(aimed @ aimed - along @ along)  # what no coefficients explain
    best, found = np.inf, np.zeros(values.shape[1])
    for penalty in PENALTIES * singular[0] ** 2:
        shrunk = singular**2 / (singular**2 + penalty)
        residual = beyond + float((((1 - shrunk) * along) ** 2).sum())
        error = residual / (1 - shrunk.sum() / len(values)) ** 2
        if error < best:
            best, found = error, right.T @ (singular / (singular**2 + penalty) * along)
    return found


def surely_apart(
    score: Float[np.ndarray, "images"], first: Bool[np.ndarray, "images"], second: Bool[np.ndarray, "images"]
) -> float:
    """The mean of ``first`` less that of ``second``, plus two standard errors (Welch's).

    Infinite where ``first`` is too few or too many for a slice.
    """
    own, others = score[first], score[second]
    if len(own) < PICTURES_AT_LEAST or len(own) > SHARE_AT_MOST * (len(own) + len(others)):
        return float("inf")
    error = float(np.sqrt(own.var(ddof=1) / len(own) + others.var(ddof=1) / len(others)))
    return float(own.mean() - others.mean()) + STANDARD_ERRORS * error


def _some(fitted: Bool[np.ndarray, "images"], seed: int) -> Bool[np.ndarray, "images"]:
    """The pictures to fit on, drawn where there are too many."""
    places = np.flatnonzero(fitted)
    if len(places) <= FITTED_ON_AT_MOST:
        return fitted
    drawn = np.zeros_like(fitted)
    drawn[np.random.default_rng(seed).choice(places, FITTED_ON_AT_MOST, replace=False)] = True
    return drawn


def _parts(
    points: Points, fitted: Bool[np.ndarray, "images"], usable: Bool[np.ndarray, "images"], seed: int
) -> Iterator[Bool[np.ndarray, "images"]]:
    """The parts of each number of parts that the discovery half is large enough for."""
    # The import takes as long as that of all audits together, and not every audit comes here.
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    own = points[_some(fitted, seed)]
    for count in (count for count in PARTS if count * PICTURES_PER_PART <= len(own)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct pictures than parts: some stay empty
            centres = KMeans(count, n_init=STARTS, random_state=seed).fit(own).cluster_centers_
        place = nearest(points, centres)
        for index in range(count):
            yield (place == index) & usable


def nearest(points: Points, centres: Float[np.ndarray, "parts dimensions"]) -> Int[np.ndarray, "images"]:
    """The nearest centre of each point."""
    lengths = (centres**2).sum(1) / 2
    starts = range(0, len(points), ROWS_AT_ONCE)
    return np.concatenate([(lengths - points[at : at + ROWS_AT_ONCE] @ centres.T).argmin(1) for at in starts])
