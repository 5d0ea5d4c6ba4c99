"""How often guarantees are kept: 1,000 calibration sets each, drawn anew from known distributions.

    python benchmarks/guarantees.py

Prints for Learn-then-Test how often the true risk exceeds the level (promised: at most 10%), and for conformal
guarantees the true coverage or miss rate on average over calibration sets (promised: at the level).
"""

import numpy as np

from clearsight.decisions.objects import TrueObjects, score_to_show
from clearsight.decisions.pixels import confidence_to_trust
from clearsight.decisions.sets import prediction_sets, true_scores
from clearsight.metrics.risk_control import conformal_quantile, threshold_to_decide
from clearsight.metrics.segmentation import MISS_EDGES

DRAWS, DELTA, LEVEL = 1000, 0.1, 0.1


def deciding(rng: np.random.Generator, n: int, level: float) -> tuple[float, float]:
    """How often the risk exceeds the level, and the share decided beside the largest share that keeps it."""
    found = []
    for _ in range(DRAWS):
        uncertainty = rng.uniform(0, 1, n)
        loss = (rng.random(n) < 0.3 * uncertainty**2).astype(float)
        found.append(min(threshold_to_decide(uncertainty, loss, level, DELTA) or 0.0, 1.0))
    thresholds = np.array(found)
    return float((0.1 * thresholds**2 > level).mean()), float(thresholds.mean() / min(1.0, np.sqrt(10 * level)))


def sets(rng: np.random.Generator, n: int) -> float:
    """The coverage of prediction sets at 90%."""
    covered = []
    for _ in range(DRAWS):
        logits = rng.normal(0, 1.5, (n + 50, 6))
        true, shown = (np.exp(power * logits) for power in (1.0, 2.0))
        true, shown = true / true.sum(1, keepdims=True), (shown / shown.sum(1, keepdims=True)).astype(np.float32)
        truth = np.minimum((true.cumsum(1) < rng.random((n + 50, 1))).sum(1), 5)
        threshold = conformal_quantile(true_scores(shown[:n], truth[:n]), LEVEL)
        assert threshold is not None
        covered.append(prediction_sets(shown[n:], threshold)[np.arange(50), truth[n:]].mean())
    return float(np.mean(covered))


def objects_of(rng: np.random.Generator, pictures: int) -> TrueObjects:
    """One to eight objects a picture, of pictures that are easy or hard; 2% are never found."""
    count = rng.integers(1, 9, pictures)
    row = np.repeat(np.arange(pictures), count)
    score = 1 / (1 + np.exp(-(rng.normal(1.5, 1.0, pictures)[row] + rng.normal(0, 1, len(row)))))
    score[rng.random(len(row)) < 0.02] = -np.inf
    return TrueObjects(score=score, share=1 / count[row], row=row, margin=None)


def misses(rng: np.random.Generator, n: int, delta: float | None) -> tuple[float, float]:
    """The true miss rate on average, and how often it exceeds the level."""
    many = objects_of(rng, 200_000)
    order = np.argsort(many.score)
    score, lost = many.score[order], np.append(0, np.cumsum(many.share[order]) / 200_000)
    thresholds = [score_to_show(objects_of(rng, n), LEVEL, delta) for _ in range(DRAWS)]
    risks = np.array([0.0 if one is None else lost[np.searchsorted(score, one)] for one in thresholds])
    return float(risks.mean()), float((risks > LEVEL).mean())


def maps(rng: np.random.Generator, pictures: int) -> np.ndarray:
    """The share of a class's pixels that pictures miss at each confidence."""
    wrong = rng.beta(1.2, 6, pictures)[:, None]
    return wrong * (1 - np.array(MISS_EDGES)) ** rng.uniform(0.3, 2, pictures)[:, None]


def pixels(rng: np.random.Generator, n: int, delta: float | None) -> tuple[float, float]:
    """The true share of missed pixels on average, and how often it exceeds the level."""
    truth = maps(rng, 200_000).mean(0)
    chosen = [confidence_to_trust(maps(rng, n), LEVEL, delta) for _ in range(DRAWS)]
    risks = np.array([0.0 if one is None else truth[MISS_EDGES.index(one)] for one in chosen])
    return float(risks.mean()), float((risks > LEVEL).mean())


def main() -> None:
    """Print a line for each guarantee."""
    rng = np.random.default_rng(0)
    for n in (200, 1000, 5000):
        for level in (0.02, 0.05):
            exceeded, use = deciding(rng, n, level)
            print(f"decide alone, n {n}, level {level:.0%}: exceeds {exceeded:.1%}, decides {use:.0%} of what it could")
    print(f"prediction sets, n 200, 90%: cover {sets(rng, 200):.2%}")
    for name, of in (("missed objects", misses), ("missed pixels", pixels)):
        for delta, kind in ((None, "on average"), (DELTA, "with probability 90%")):
            mean, exceeded = of(rng, 150, delta)
            print(f"{name}, n 150, level {LEVEL:.0%} {kind}: {mean:.2%} on average, exceeds {exceeded:.1%}")


if __name__ == "__main__":
    main()
