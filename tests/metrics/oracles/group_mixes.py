"""Simulated pictures of known groups, as a classifier that errs sees them."""

import numpy as np

from clearsight.metrics.group_mix import GroupMixStatistics, mix_of, share_interval
from clearsight.metrics.resample import Resampling


def seen(random, groups, apart):
    """Probabilities that Bayes' rule gives normal features around a corner for each group: count, and how far out."""
    features = random.normal(size=(len(groups), apart[0]))
    features[np.arange(len(groups)), groups] += apart[1]
    odds = np.exp(apart[1] * (features - features.max(1, keepdims=True)))
    return odds / odds.sum(1, keepdims=True)


def simulated(random, held_out, mixes, made, apart, cluster=1):
    """Statistics and clusters: ``held_out`` real pictures of each group, ``made`` of each mix by truncation.

    ``cluster`` real pictures of a group show the same thing, and make a cluster.
    """
    count = len(held_out)
    real = np.repeat(np.arange(count), np.array(held_out) // cluster)
    probabilities = [np.repeat(seen(random, real, (count, apart)), cluster, axis=0)]
    truth, clusters = [np.repeat(real, cluster)], [np.repeat(np.arange(len(real)), cluster)]
    scales = [np.full(len(truth[0]), np.nan)]
    for scale, mix in mixes.items():
        probabilities.append(seen(random, random.choice(count, made, p=mix), (count, apart)))
        truth.append(np.full(made, -1))
        scales.append(np.full(made, scale))
        clusters.append(len(real) + np.arange(made))
    statistics = GroupMixStatistics(
        attribute="kind",
        group_names=tuple("abcdefghij"[:count]),
        training_mix=tuple((np.array(held_out) / sum(held_out)).tolist()),
        probabilities=np.concatenate(probabilities),
        truth=np.concatenate(truth),
        truncation=np.concatenate(scales),
    )
    return statistics, np.concatenate(clusters)


def coverage(mix, held_out, made, apart, sets, seed=0, cluster=1, replicates=300):
    """The share of simulated data sets whose interval holds the true share, by group."""
    random, held = np.random.default_rng(seed), np.zeros(len(mix))
    for number in range(sets):
        statistics, clusters = simulated(random, held_out, {1.0: mix}, made, apart, cluster)
        weights = Resampling(clusters=clusters, replicates=replicates, seed=number, strata=statistics.truth + 1)
        value = mix_of(statistics, 1.0, np.ones((1, statistics.images)))[1][0]
        samples = np.concatenate([mix_of(statistics, 1.0, block)[1] for block in weights.blocks()])
        for group, share in enumerate(mix):
            ends = share_interval(value[group], samples[:, group], made)
            held[group] += ends is None or ends[0] <= share <= ends[1]
    return held / sets
