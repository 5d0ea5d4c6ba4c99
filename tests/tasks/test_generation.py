"""Generation: features of real and generated pictures become statistics, in unequal numbers."""

import numpy as np
import pytest
import torch

from clearsight.tasks.generation import Generation
from clearsight.types import Features, Task

TASK = Generation()


def rows(count, seed, size=3, label=-1):
    random = torch.Generator().manual_seed(seed)
    return [
        Features(first=torch.randn(size, generator=random), second=torch.ones(2), distance=0.5, answer=1, label=label)
        for _ in range(count)
    ]


def test_real_rows_come_first_and_numbers_may_differ():
    assert isinstance(TASK, Task)
    found = TASK.statistics(rows(7, 1), rows(4, 2, label=0), ("a", "b"), training_mix=(0.5, 0.5))
    assert found.generated.tolist() == [False] * 4 + [True] * 7
    assert found.truth.tolist() == [0] * 4 + [-1] * 7 and found.answer.tolist() == [1] * 11
    assert found.clusters.tolist() == list(range(11)) and TASK.settle(found) == {}
    assert found.features.shape == (11, 3) and found.second.shape == (11, 2)


def test_the_baseline_makes_one_picture_only():
    truths = rows(200, 3)
    guess = TASK.baseline(truths, [(4, 4)] * 200, ())((8, 8))
    assert guess.first.numpy() == pytest.approx(torch.stack([one.first for one in truths]).mean(0).numpy())
    found = TASK.statistics([guess] * 200, truths, ())
    ones = np.ones((1, 400))
    spread = np.trace(np.cov(found.features[:200].T))
    assert found.metrics()[-1].compute(found, ones)[0] == pytest.approx(spread, rel=1e-4)
    with pytest.raises(ValueError, match="no training pictures"):
        TASK.baseline([], [], ())


def test_nothing_is_no_error():
    found = TASK.statistics([], [], ())
    assert found.images == 0
    assert all(np.isnan(metric.compute(found, np.zeros((2, 0)))).all() for metric in found.metrics())


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="lengths 3, 4"):
        TASK.statistics(rows(2, 0), rows(2, 0, size=4), ())
    bad = Features(first=torch.tensor([float("nan"), 0, 0]), second=torch.ones(2))
    with pytest.raises(ValueError, match="1 of 3 pictures.*not finite"):
        TASK.statistics([bad], rows(2, 0), ())
