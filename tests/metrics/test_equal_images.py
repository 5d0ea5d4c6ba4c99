"""Kinds of equal images, and sums drawn as normal: both have the law of drawing image by image."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from clearsight.metrics import sums
from clearsight.metrics.additive import Additive, beside_one
from clearsight.metrics.equal_images import EqualImages
from clearsight.metrics.means_apart import Numbers, mean_metric
from clearsight.metrics.permutation import Permutations
from clearsight.metrics.replicates import Resampling


def test_kinds_are_the_different_rows_and_are_found_once():
    asked = []

    def columns(statistics):
        asked.append(statistics)
        return beside_one(statistics)

    compute, value = Additive(columns, lambda statistics, total: total[:, 0]), np.arange(60) % 3
    equal = EqualImages()
    kinds = equal.of(compute, value)
    assert (kinds.rows[kinds.kind] == beside_one(value)).all() and len(kinds.rows) == 3
    assert equal.of(compute, value) is kinds and len(asked) == 1
    group = np.repeat([0, 1], [20, 40])
    counts = kinds.counted(group, 2)
    for row, kind in np.ndindex(2, 3):
        assert counts[row, kind] == ((group == row) & (kinds.kind == kind)).sum()
    assert equal.of(compute, np.arange(60)) is None, "no two are equal"


@pytest.mark.parametrize("strata", [np.zeros(400, dtype=int), np.repeat([0, 1, 2], [300, 95, 5])])
def test_counted_images_have_the_law_of_images_drawn_one_by_one(strata):
    numbers = Numbers(value=(np.random.default_rng(0).random(400) < 0.8).astype(float))
    metric = mean_metric(numbers)
    alone, rows = np.arange(400), strata == strata.max()
    value, found = Resampling(clusters=alone, replicates=4000, strata=strata).evaluated(metric, numbers, rows)
    one_by_one = np.concatenate(
        [
            metric.compute(numbers, block * rows)
            for block in Resampling(clusters=alone, replicates=4000, strata=strata).blocks()
        ]
    )
    assert value == pytest.approx(numbers.value[rows].mean())
    assert found.mean() == pytest.approx(one_by_one.mean(), abs=0.01)
    assert found.std() == pytest.approx(one_by_one.std(), rel=0.08)


def test_permuted_counts_of_equal_images_have_the_law_of_permuted_labels(monkeypatch):
    random = np.random.default_rng(1)
    labels, strata = random.integers(0, 3, 300), random.integers(0, 2, 300)
    numbers = Numbers(value=(random.random(300) < np.where(strata == 0, 0.9, 0.5)).astype(float))
    metric, known = mean_metric(numbers), np.arange(300) % 10 > 0
    choice = {"labels": labels, "known": known, "clusters": np.arange(300), "permutations": 2000, "strata": strata}
    counted = Permutations(**choice).gaps(metric, numbers, 1)
    monkeypatch.setattr(EqualImages, "of", lambda *_: None)
    monkeypatch.setattr("clearsight.metrics.permutation.permuted_sums", lambda *_: None)
    permuted = Permutations(**choice).gaps(metric, numbers, 1)
    assert counted.mean() == pytest.approx(permuted.mean(), abs=0.005)
    assert counted.std() == pytest.approx(permuted.std(), rel=0.08)


def test_sums_of_very_many_clusters_drawn_as_normal_have_the_law_of_clusters_drawn_one_by_one(monkeypatch):
    random = np.random.default_rng(2)
    skewed = random.exponential(size=20_000)
    columns = csr_array(np.stack([skewed, np.ones(20_000), np.zeros(20_000), random.random(20_000) < 0.3], axis=1))
    kinds = np.zeros(20_000, dtype=int)
    quick = sums.resampled_sums(columns, kinds, 4000, 0)
    monkeypatch.setattr(sums, "NORMAL_FROM", 10**9)
    exact = sums.resampled_sums(columns, kinds, 1500, 0)
    assert quick[:, 1] == pytest.approx(20_000) and exact[:, 1] == pytest.approx(20_000, rel=1e-5)
    assert (quick[:, 2] == 0).all()
    for column in (0, 3):
        spread = exact[:, column].std()
        assert quick[:, column].std() == pytest.approx(spread, rel=0.08)
        for level in (0.025, 0.5, 0.975):
            ends = (np.quantile(each[:, column], level) for each in (quick, exact))
            assert abs(np.subtract(*ends)) < 0.15 * spread
    together = [np.corrcoef(each[:, 0], each[:, 3])[0, 1] for each in (quick, exact)]
    assert together[0] == pytest.approx(together[1], abs=0.08)


def test_sums_that_a_few_clusters_decide_are_not_drawn_as_normal():
    random = np.random.default_rng(3)
    values = random.random((25_000, 2))
    assert sums._normal(random, csr_array(values), 10) is not None
    values[:, 1] = np.where(np.arange(25_000) < 20, 1e3, values[:, 1])
    assert sums._normal(random, csr_array(values), 10) is None
    assert sums._normal(random, csr_array(values[:1000]), 10) is None
