import math

import pytest
import torch

from clearsight.architectures import answers
from clearsight.architectures.answers import Answering
from clearsight.types import Estimate, Label, Labels, Value

NAMES = ("cat", "dog", "hen")


def labels(*indices):
    return [Label(index=index) for index in indices]


def states(*rows):
    return [Labels(states=torch.tensor(row, dtype=torch.int8)) for row in rows]


def one(**fields):
    return Answering(frequencies=(0.5, 0.3, 0.2), pictures=10, **fields)


LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 1.0, 3.0], [1.5, 0.2, -0.3], [0.1, 0.2, 0.3]])
TRUTHS = labels(0, 1, 2, 0)


def softmax(row):
    powers = [math.exp(value) for value in row]
    return [power / sum(powers) for power in powers]


def test_frequencies_are_shares_of_the_pictures():
    config = answers.fitted(Answering(), iter(labels(0, 0, 1, 0, 2)), NAMES)
    assert config.answers == "one" and config.pictures == 5 and config.frequencies == pytest.approx((0.6, 0.2, 0.2))
    assert answers.outputs_of(config, NAMES) == 3


def test_several_labels_count_only_what_was_read():
    rows = states((1, 0, 2), (1, 3, 1), (0, 1, 0), (0, 3, 3))
    config = answers.fitted(Answering(), rows, NAMES)
    assert config.answers == "several" and config.pictures == 4
    assert config.frequencies == pytest.approx((2 / 4, 1 / 2, 1 / 2))
    assert answers.fitted(Answering(uncertain="present"), rows, NAMES).frequencies[2] == pytest.approx(2 / 3)
    assert answers.fitted(Answering(uncertain="absent"), rows, NAMES).frequencies[2] == pytest.approx(1 / 3)


def test_numbers_are_standardised_and_answered_in_their_unit():
    config = answers.fitted(Answering(), [Value(value=value) for value in (10.0, 20.0, 60.0)], ())
    assert config.answers == "number" and config.mean == pytest.approx(30) and answers.outputs_of(config, ()) == 1
    assert config.std == pytest.approx(math.sqrt((400 + 100 + 900) / 3))
    at = torch.tensor([[-1.0], [0.0], [2.0]])
    found = answers.predictions(config, at)
    assert [type(each) for each in found] == [Estimate] * 3
    assert [each.value for each in found] == pytest.approx([30 - config.std, 30, 30 + 2 * config.std])
    exact = torch.tensor([[(10 - 30) / config.std]])
    assert float(answers.answer_loss(config, exact, [Value(value=10.0)])) == pytest.approx(0, abs=1e-9)
    far = answers.answer_loss(config, exact + 3, [Value(value=10.0)])
    assert float(far) == pytest.approx(3 - 0.5)  # Huber: linear beyond one standard deviation


def test_nothing_to_learn_is_one_clear_error():
    with pytest.raises(ValueError, match="all 3 training pictures are of the class 'dog'"):
        answers.fitted(Answering(), labels(1, 1, 1), NAMES)
    with pytest.raises(ValueError, match="all 2 training pictures have the number 5"):
        answers.fitted(Answering(), [Value(value=5.0)] * 2, ())
    with pytest.raises(ValueError, match="whether it shows hen"):
        answers.fitted(Answering(), states((1, 0, 3), (0, 1, 2)), NAMES)
    with pytest.raises(ValueError, match="truths are numbers"):
        answers.fitted(Answering(loss="focal"), [Value(value=5.0), Value(value=6.0)], ())


@pytest.mark.parametrize(
    "wrong",
    [
        {"loss": "hinge"},
        {"uncertain": "maybe"},
        {"label_smoothing": 1.0},
        {"focal_gamma": -1.0},
        {"huber_delta": 0.0},
        {"temperature": 0.0},
    ],
    ids=str,
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Answering(**wrong)


def test_cross_entropy_with_smoothing_by_hand():
    share = 0.3
    total = 0.0
    for row, truth in zip(LOGITS.tolist(), TRUTHS, strict=True):
        for index, probability in enumerate(softmax(row)):
            total -= (share / 3 + (1 - share) * (index == truth.index)) * math.log(probability)
    assert float(answers.answer_loss(one(label_smoothing=share), LOGITS, TRUTHS)) == pytest.approx(total / 4, rel=1e-5)


def test_focal_loss_by_hand_and_at_gamma_zero():
    total = 0.0
    for row, truth in zip(LOGITS.tolist(), TRUTHS, strict=True):
        probability = softmax(row)[truth.index]
        total -= (1 - probability) ** 2 * math.log(probability)
    assert float(answers.answer_loss(one(loss="focal"), LOGITS, TRUTHS)) == pytest.approx(total / 4, rel=1e-5)
    plain = answers.answer_loss(one(), LOGITS, TRUTHS)
    assert torch.isclose(answers.answer_loss(one(loss="focal", focal_gamma=0.0), LOGITS, TRUTHS), plain)


def test_effective_numbers_are_the_sum_of_a_geometric_series():
    beta, counts = 0.9, (1, 4, 50)
    by_hand = [1 / sum(beta**k for k in range(count)) for count in counts]
    found = answers.effective_weights(torch.tensor(counts, dtype=torch.float32), beta)
    assert found.tolist() == pytest.approx(by_hand, rel=1e-5)


def test_class_balanced_loss_weighs_each_picture_by_its_class():
    config = one(loss="class-balanced", class_balanced_beta=0.9)
    inverse = [1 / sum(0.9**k for k in range(count)) for count in (5, 3, 2)]
    weights = [3 * value / sum(inverse) for value in inverse]
    total = 0.0
    for row, truth in zip(LOGITS.tolist(), TRUTHS, strict=True):
        total -= weights[truth.index] * math.log(softmax(row)[truth.index])
    assert float(answers.answer_loss(config, LOGITS, TRUTHS)) == pytest.approx(total / 4, rel=1e-5)
    level = one(loss="class-balanced", class_balanced_beta=0.0)
    assert torch.isclose(answers.answer_loss(level, LOGITS, TRUTHS), answers.answer_loss(one(), LOGITS, TRUTHS))


def test_logit_adjustment_asks_rare_classes_for_a_margin():
    config = one(loss="logit-adjusted")
    total = 0.0
    for row, truth in zip(LOGITS.tolist(), TRUTHS, strict=True):
        moved = [value + math.log(share) for value, share in zip(row, config.frequencies, strict=True)]
        total -= math.log(softmax(moved)[truth.index])
    assert float(answers.answer_loss(config, LOGITS, TRUTHS)) == pytest.approx(total / 4, rel=1e-5)
    (found,) = answers.predictions(config, torch.zeros(1, 3))
    assert torch.allclose(found.probabilities, torch.full((3,), 1 / 3)), "answers are not adjusted"


SEVERAL = Answering(answers="several", frequencies=(0.5, 0.1, 0.8), pictures=20)
ROWS = states((1, 0, 2), (3, 1, 1), (0, 3, 3), (1, 2, 0))


def test_only_what_is_known_has_a_loss():
    total, known = 0.0, 0
    for row, truth in zip(LOGITS.tolist(), ROWS, strict=True):
        for value, state in zip(row, truth.states.tolist(), strict=True):
            if state in (0, 1):
                p = 1 / (1 + math.exp(-value))
                total, known = total - math.log(p if state else 1 - p), known + 1
    assert float(answers.answer_loss(SEVERAL, LOGITS, ROWS)) == pytest.approx(total / known, rel=1e-5)
    logits = LOGITS.clone().requires_grad_()
    answers.answer_loss(SEVERAL, logits, ROWS).backward()
    unknown = torch.stack([truth.states for truth in ROWS]) > 1
    assert (logits.grad[unknown] == 0).all() and (logits.grad[~unknown] != 0).all()


def test_a_batch_that_nobody_read_has_no_loss_and_no_gradient():
    logits = LOGITS.clone().requires_grad_()
    loss = answers.answer_loss(SEVERAL, logits, states(*[(3, 3, 2)] * 4))
    loss.backward()
    assert float(loss.detach()) == 0 and not logits.grad.any()


@pytest.mark.parametrize("uncertain", [0, 1])
def test_uncertain_counts_as_what_was_said(uncertain):
    config = Answering(answers="several", uncertain=("absent", "present")[uncertain])
    replaced = [Labels(states=torch.where(row.states == 2, uncertain, row.states).to(torch.int8)) for row in ROWS]
    assert torch.equal(answers.answer_loss(config, LOGITS, ROWS), answers.answer_loss(config, LOGITS, replaced))


@pytest.mark.parametrize("loss", ["focal", "class-balanced", "logit-adjusted"])
def test_losses_of_several_labels_are_plain_ones_in_their_plainest_setting(loss):
    plainest = {"focal": {"focal_gamma": 0.0}, "class-balanced": {"class_balanced_beta": 0.0}, "logit-adjusted": {}}[
        loss
    ]
    config = Answering(answers="several", loss=loss, frequencies=(0.5,) * 3, pictures=20, **plainest)
    assert torch.isclose(answers.answer_loss(config, LOGITS, ROWS), answers.answer_loss(SEVERAL, LOGITS, ROWS))


def test_the_rarer_state_of_a_label_weighs_more_but_both_together_the_same():
    config = Answering(
        answers="several", loss="class-balanced", frequencies=(0.1,), pictures=10, class_balanced_beta=0.99
    )
    wrong = [answers.answer_loss(config, torch.zeros(1, 1), states((state,))) for state in (0, 1)]
    assert wrong[1] > 5 * wrong[0]
    assert float(0.9 * wrong[0] + 0.1 * wrong[1]) == pytest.approx(math.log(2), rel=1e-5)


def test_a_class_without_pictures_keeps_the_loss_finite():
    for loss in answers.LOSSES:
        config = Answering(loss=loss, frequencies=(1.0, 0.0, 0.0), pictures=10)
        assert torch.isfinite(answers.answer_loss(config, LOGITS, TRUTHS))


@pytest.mark.parametrize("config", [one(), one(loss="focal"), one(loss="class-balanced"), SEVERAL])
def test_a_weight_of_two_counts_as_a_picture_that_is_there_twice(config):
    truths = ROWS if config.answers == "several" else TRUTHS
    if config.answers == "several":  # all read, so that every picture has as many answers
        truths = states((1, 0, 1), (0, 1, 0), (1, 1, 0), (0, 0, 1))
    doubled = answers.answer_loss(config, torch.cat([LOGITS, LOGITS[1:2]]), [*truths, truths[1]])
    weights = torch.tensor([1.0, 2.0, 1.0, 1.0])
    weighted = answers.answer_loss(config, LOGITS, truths, weights / weights.mean())
    assert float(weighted) == pytest.approx(float(doubled), rel=1e-5)


def test_a_weighted_number_counts_as_often():
    config = answers.fitted(Answering(), [Value(value=value) for value in (1.0, 2.0, 4.0)], ())
    outputs, truths = torch.tensor([[0.5], [-2.0]]), [Value(value=1.0), Value(value=4.0)]
    doubled = answers.answer_loss(config, outputs[[0, 1, 1]], [truths[0], truths[1], truths[1]])
    weighted = answers.answer_loss(config, outputs, truths, torch.tensor([2 / 3, 4 / 3]))
    assert float(weighted) == pytest.approx(float(doubled), rel=1e-5)
