"""Losses of a class for every pixel against loops over pixels, their identities, and their gradients."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from clearsight.ops import segmentation_losses as losses

EVERY = {
    "cross-entropy": losses.cross_entropy,
    "dice": losses.soft_dice,
    "lovasz": losses.lovasz_softmax,
    "focal": losses.focal,
}


def _case(seed, classes=4, dtype=torch.float64, ignored=0.2):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, classes, 3, 4, generator=generator, dtype=dtype) * 2
    labels = torch.randint(0, classes - 1, (2, 3, 4), generator=generator)  # the last class never occurs
    labels[torch.rand(2, 3, 4, generator=generator) < ignored] = 255
    return logits, labels


def _pixels(logits, labels):
    """(probabilities, true class) of every judged pixel, by plain loops."""
    for b in range(labels.shape[0]):
        for y in range(labels.shape[1]):
            for x in range(labels.shape[2]):
                if labels[b, y, x] != 255:
                    powers = [math.exp(float(value)) for value in logits[b, :, y, x]]
                    yield [power / sum(powers) for power in powers], int(labels[b, y, x])


def _cross_entropy(logits, labels, weights, gamma=0.0):
    above = below = 0.0
    for p, true in _pixels(logits, labels):
        above -= weights[true] * (1 - p[true]) ** gamma * math.log(p[true])
        below += weights[true]
    return above / below


def _dice(logits, labels):
    pixels = list(_pixels(logits, labels))
    scores = []
    for c in sorted({true for _, true in pixels}):
        both = sum(p[c] for p, true in pixels if true == c)
        sides = sum(p[c] ** 2 for p, _ in pixels) + sum(true == c for _, true in pixels)
        scores.append(2 * both / sides)
    return 1 - sum(scores) / len(scores)


def _lovasz(logits, labels):
    """The Lovász extension of the Jaccard loss from its definition: the loss of sets that grow error by error."""
    pixels = list(_pixels(logits, labels))
    found = []
    for c in sorted({true for _, true in pixels}):
        truth = {i for i, (_, true) in enumerate(pixels) if true == c}
        errors = [1 - p[c] if true == c else p[c] for p, true in pixels]
        total, wrong, before = 0.0, set(), 0.0
        for i in sorted(range(len(pixels)), key=lambda i: -errors[i]):
            wrong.add(i)
            now = 1 - len(truth - wrong) / len(truth | wrong)
            total += errors[i] * (now - before)
            before = now
        found.append(total)
    return sum(found) / len(found)


@pytest.mark.parametrize("seed", range(4))
def test_against_loops(seed):
    logits, labels = _case(seed)
    weights = torch.tensor([0.5, 2.0, 1.0, 3.0], dtype=torch.float64)
    plain = losses.cross_entropy(logits, labels)
    assert plain.item() == pytest.approx(_cross_entropy(logits, labels, [1.0] * 4), rel=1e-9)
    weighed = losses.cross_entropy(logits, labels.to(torch.uint8), weights)
    assert weighed.item() == pytest.approx(_cross_entropy(logits, labels, weights.tolist()), rel=1e-9)
    assert losses.soft_dice(logits, labels).item() == pytest.approx(_dice(logits, labels), rel=1e-9)
    assert losses.lovasz_softmax(logits, labels).item() == pytest.approx(_lovasz(logits, labels), rel=1e-6)
    focal = losses.focal(logits, labels, weights, gamma=1.5)
    assert focal.item() == pytest.approx(_cross_entropy(logits, labels, weights.tolist(), 1.5), rel=1e-9)


def test_identities():
    logits, labels = _case(0)
    torch.testing.assert_close(losses.focal(logits, labels, gamma=0.0), losses.cross_entropy(logits, labels))
    torch.testing.assert_close(losses.cross_entropy(logits, labels), F.cross_entropy(logits, labels, ignore_index=255))
    perfect = F.one_hot(labels.where(labels != 255, 0), 4).permute(0, 3, 1, 2).double() * 80
    for name, loss in EVERY.items():
        assert loss(perfect, labels).item() == pytest.approx(0, abs=1e-9), name


@pytest.mark.parametrize("name", EVERY)
def test_gradients(name):
    logits, labels = _case(1)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: EVERY[name](z, labels), (logits,))


def test_gradients_of_both_at_once():
    logits, labels = _case(2)
    logits.requires_grad_()
    weights = torch.tensor([0.5, 2.0, 1.0, 3.0], dtype=torch.float64)

    def both(z):
        cross_entropy, dice = losses.cross_entropy_and_dice(z, labels, weights)
        return 0.7 * cross_entropy + 1.9 * dice

    assert torch.autograd.gradcheck(both, (logits,))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_memory_order_and_precision_do_not_matter(name, dtype):
    logits, labels = _case(3, dtype=torch.float32)
    logits = logits.to(dtype)
    plain = logits.clone().requires_grad_()
    last = logits.clone(memory_format=torch.channels_last).requires_grad_()
    for each in (plain, last):
        loss = EVERY[name](each, labels)
        assert loss.dtype == torch.float32 and loss.shape == ()
        loss.backward()
    torch.testing.assert_close(plain.grad, last.grad)
    assert plain.grad.dtype == dtype
    torch.testing.assert_close(last.detach(), plain.detach())


@pytest.mark.parametrize("name", EVERY)
def test_nothing_judged(name):
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    loss = EVERY[name](logits, torch.full((2, 4, 4), 255))
    loss.backward()
    assert loss.item() == 0
    assert (logits.grad == 0).all()


@pytest.mark.parametrize("name", EVERY)
def test_pixels_that_are_not_judged_and_huge_logits(name):
    logits, labels = _case(4, dtype=torch.float32, ignored=0.5)
    changed = torch.where((labels == 255)[:, None], logits + torch.randn_like(logits) * 50, logits)
    torch.testing.assert_close(EVERY[name](logits, labels), EVERY[name](changed, labels))
    huge = (logits * 1e4).requires_grad_()
    loss = EVERY[name](huge, labels)
    loss.backward()
    assert loss.isfinite() and huge.grad.isfinite().all()


def test_class_weights():
    counts = torch.tensor([900.0, 90, 10, 0])
    share = np.array([0.9, 0.09, 0.01, 0])
    assert losses.class_weights(counts, "none").tolist() == [1, 1, 1, 0]
    for balance in losses.BALANCES:
        weights = losses.class_weights(counts, balance).double().numpy()
        assert (weights * share).sum() == pytest.approx(1, rel=1e-6), balance
    inverse = losses.class_weights(counts, "inverse")
    assert inverse[2] / inverse[0] == pytest.approx(90)
    root = losses.class_weights(counts, "square-root")
    assert root[2] / root[0] == pytest.approx(math.sqrt(90))
    # Cui et al. 2019, equation 2, for 10 prototypes: beta = 1 - 1/N, counted in pixels of 1000.
    effective = losses.class_weights(counts * 1000, "effective", prototypes=0.01)
    beta = 1 - 1 / 10_000
    expected = [(1 - beta) / (1 - beta ** (count * 1000)) for count in (900, 90, 10)]
    np.testing.assert_allclose(effective[:3] / effective[0], np.array(expected) / expected[0], rtol=1e-3)
    assert losses.class_weights(torch.zeros(3), "inverse").tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="Expected none, square-root"):
        losses.class_weights(counts, "cube")
