"""Held-out pictures divided: whole clusters, every group in every part, the same parts again."""

from collections import Counter

import numpy as np
import pytest

from clearsight.loading.division import dealt

SHARES = (0.35, 0.2, 0.45)


@pytest.mark.parametrize("seed", range(3))
def test_clusters_stay_whole_and_every_group_is_in_every_part_at_its_share(seed):
    random = np.random.default_rng(seed)
    cell_of = np.repeat([0, 1, 2, 3], [150, 100, 40, 10])
    cells = np.repeat(cell_of, 3)
    clusters = [f"person{k}" for k in np.repeat(np.arange(300), 3)]
    order = random.permutation(900)
    part = dealt([clusters[k] for k in order], cells[order], SHARES, seed)
    found = dict(zip(order.tolist(), part.tolist(), strict=True))
    for person in range(300):
        assert len({found[3 * person + k] for k in range(3)}) == 1
    for cell in range(4):
        counts = Counter(found[k] for k in range(900) if cells[k] == cell)
        for which, share in enumerate(SHARES):
            assert abs(counts[which] - share * (cells == cell).sum()) <= 4, (cell, counts)


def test_a_division_is_a_function_of_the_seed():
    clusters, cells = [str(k) for k in range(60)], np.arange(60) % 3
    assert (dealt(clusters, cells, SHARES, 1) == dealt(clusters, cells, SHARES, 1)).all()
    assert (dealt(clusters, cells, SHARES, 1) != dealt(clusters, cells, SHARES, 2)).any()


def test_clusters_of_several_groups_and_pictures_of_unknown_ones_are_dealt_too():
    cells = np.array([0, 1, -1] * 40)
    part = dealt([str(k // 3) for k in range(120)], cells, SHARES, 0)
    assert all(len(set(part[3 * k : 3 * k + 3])) == 1 for k in range(40))
    assert abs(np.bincount(part) / 120 - SHARES).max() < 0.05


def test_a_part_of_no_share_gets_nothing():
    part = dealt([str(k) for k in range(50)], np.zeros(50, dtype=np.int64), (0.65, 0.35, 0.0), 0)
    assert set(part.tolist()) == {0, 1}
