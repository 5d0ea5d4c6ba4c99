"""Every mitigation by its contract, and each by what makes it one: oracles written here, not in the package."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from clearsight import catalogue
from clearsight.mitigations.balance import balancing
from clearsight.mitigations.group_dro import STEP_SIZE, WorstGroupObjective
from clearsight.types import Batch, Given, GroupedPictures, GroupOffsets, Label, NewLastLayer, Retraining


def pictures(count, seed, shares=(0.475, 0.025, 0.025, 0.475)):
    """Two classes in two groups that lean on each other: feature 0 tells the class, feature 1, louder, the group."""
    random = np.random.default_rng(seed)
    cells = random.choice(4, count, p=shares)
    groups, labels = np.divmod(cells, 2)
    features = random.normal(size=(count, 5))
    features[:, 0] += 3 * (labels - 0.5)
    features[:, 1] += 6 * (groups - 0.5)
    leaning = np.array([0.3, 1.0, 0, 0, 0])
    logits = features @ np.stack([-leaning, leaning]).T
    return GroupedPictures(
        ids=tuple(f"{seed}-{k}" for k in range(count)), labels=labels, groups=groups, cells=cells,
        features=lambda: features, logits=lambda: logits,
    )  # fmt: skip


@pytest.fixture(scope="module")
def given():
    return Given(train=pictures(600, 0), fit=pictures(300, 1), classes=2)


def errors(picture, logits):
    wrong = logits.argmax(1) != picture.labels
    return [wrong[picture.cells == cell].mean() for cell in range(4)]


@pytest.mark.parametrize("part", catalogue.parts("mitigations"), ids=lambda part: part.name)
def test_what_is_changed_fits_what_was_given_and_says_what_it_is(part, given):
    changes = part.load()(given)
    assert changes and len({change.said for change in changes}) == len(changes)
    for change in changes:
        assert change.said
        if isinstance(change, NewLastLayer):
            assert change.weight.shape == (2, 5) and change.bias.shape == (2,)
        elif isinstance(change, GroupOffsets):
            assert change.offsets.shape == (2, 2) and np.isfinite(change.offsets).all()
        else:
            assert isinstance(change, Retraining)
            assert change.settings or change.draws is not None or change.losses is not None or change.objective
            for weights in (change.draws, change.losses):
                assert weights is None or (len(weights) == 600 and weights.min() >= 0)


def test_balancing_gives_every_cell_the_same_sum_and_the_mean_is_one():
    cells = np.array([0] * 70 + [2] * 25 + [3] * 5 + [-1] * 10)
    found = balancing(cells)
    sums = [found[cells == cell].sum() for cell in (0, 2, 3)]
    assert np.ptp(sums) < 1e-9 and found[cells >= 0].mean() == pytest.approx(1)
    assert (found[cells < 0] == 1).all()


def test_a_new_last_layer_serves_the_worst_group_and_the_one_that_leans_does_not(given):
    fresh = pictures(4000, 2, (0.25, 0.25, 0.25, 0.25))
    assert max(errors(fresh, fresh.logits())) > 0.5
    changes = catalogue.find("mitigations", "last-layer").load()(given)
    worst = [max(errors(fresh, fresh.features() @ one.weight.T + one.bias)) for one in changes]
    assert min(worst) < 0.15, worst  # the best possible error is 6.7%


def test_a_last_layer_on_three_classes_and_a_constant_feature():
    random = np.random.default_rng(3)
    labels = np.arange(90) % 3
    features = np.concatenate([np.eye(3)[labels] * 4 + random.normal(size=(90, 3)), np.full((90, 1), 7.0)], axis=1)
    part = GroupedPictures(
        ids=tuple(map(str, range(90))), labels=labels, groups=np.zeros(90, dtype=np.int64), cells=labels,
        features=lambda: features, logits=lambda: features[:, :3],
    )  # fmt: skip
    for one in catalogue.find("mitigations", "last-layer").load()(Given(train=part, fit=part, classes=3)):
        assert one.weight.shape == (3, 4) and (one.weight[:, 3] == 0).all()
        assert ((features @ one.weight.T + one.bias).argmax(1) == labels).mean() > 0.9


def test_thresholds_of_groups_move_the_border_of_each_group_to_its_middle(given):
    (found,) = catalogue.find("mitigations", "group-thresholds").load()(given)
    fresh = pictures(4000, 4, (0.25, 0.25, 0.25, 0.25))
    before, after = errors(fresh, fresh.logits()), errors(fresh, fresh.logits() + found.offsets[fresh.groups])
    assert max(after) < max(before) / 2
    # The best border of group 0 is where a louder feature of -3 is made up for: logits of -+6 there.
    assert (found.offsets[0, 1] - found.offsets[0, 0]) == pytest.approx(6, abs=2)
    assert (found.offsets[1, 1] - found.offsets[1, 0]) == pytest.approx(-6, abs=2)


class Plain(nn.Module):
    """A linear classifier that weighs pictures as every model of the package does."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(12, 2)

    def losses(self, batch):
        labels = torch.tensor([truth.index for truth in batch.truths])
        weights = torch.ones(len(labels)) if batch.weights is None else batch.weights
        return {
            "class": (F.cross_entropy(self.linear(batch.images.flatten(1)), labels, reduction="none") * weights).mean()
        }


def test_group_dro_learns_from_each_cell_by_a_share_that_grows_with_its_loss():
    """Two steps against the algorithm written out: losses by cell, shares by their exponentials, and the gradient."""
    random = torch.Generator().manual_seed(1)
    cells = {f"p{k}": k % 3 for k in range(8)}
    network, mine = Plain(), Plain()
    objective, shares = WorstGroupObjective(network, cells), torch.full((3,), 1 / 3)
    for _ in range(2):
        images = torch.rand(8, 3, 2, 2, generator=random)
        truths = [Label(index=k % 2) for k in range(8)]
        ids = [*cells][:7] + ["nobody"]  # the last is of no cell
        (loss,) = objective.losses(Batch(images=images, truths=truths, ids=ids)).values()
        network.zero_grad()
        loss.backward()
        each = F.cross_entropy(mine.linear(images.flatten(1)), torch.arange(8) % 2, reduction="none")
        means = torch.stack([each[[k for k in range(7) if k % 3 == cell]].mean() for cell in range(3)])
        shares = shares * (STEP_SIZE * means.detach()).exp()
        shares = shares / shares.sum()
        mine.zero_grad()
        (shares * means).sum().backward()
        torch.testing.assert_close(network.linear.weight.grad, mine.linear.weight.grad)
        torch.testing.assert_close(objective.shares, shares)


def test_group_dro_refuses_mixed_pictures():
    batch = Batch(images=torch.rand(1, 3, 2, 2), truths=[Label(index=0)], ids=["a"], others=[Label(index=1)], share=0.5)
    with pytest.raises(AssertionError, match="mixed"):
        WorstGroupObjective(Plain(), {"a": 0}).losses(batch)
