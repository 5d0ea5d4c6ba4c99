"""The Parzen window against a density that is known, and against sums written out."""

import math

import numpy as np
import pytest

from clearsight.metrics.parzen import SIGMAS, log_densities, parzen_likelihood


def test_it_is_the_log_of_the_mean_of_gaussians_written_out():
    random = np.random.default_rng(0)
    points, samples = random.random((3, 4)), random.random((5, 4))
    for sigma in (0.1, 0.7):
        (found,) = log_densities(points, samples, np.array([sigma]))
        for point, value in zip(points, found, strict=True):
            terms = [
                math.exp(-sum((a - b) ** 2 for a, b in zip(point, sample, strict=True)) / (2 * sigma**2))
                / (2 * math.pi * sigma**2) ** 2
                for sample in samples
            ]
            assert value == pytest.approx(math.log(sum(terms) / 5), abs=1e-9)


def test_blocks_change_nothing(monkeypatch):
    random = np.random.default_rng(1)
    points, samples = random.random((50, 7)), random.random((40, 7))
    whole = log_densities(points, samples, SIGMAS)
    monkeypatch.setattr("clearsight.metrics.parzen.BLOCK_VALUES", 130)
    assert np.allclose(whole, log_densities(points, samples, SIGMAS), atol=1e-9)


def test_samples_of_a_gaussian_give_its_log_likelihood():
    """Samples of a wide Gaussian in two dimensions: the window is nearly the density, whose mean log is known."""
    random = np.random.default_rng(2)
    samples, validation, test = (random.normal(size=(n, 2)) for n in (10_000, 500, 4_000))
    found = parzen_likelihood(samples, validation, test)
    exact = -math.log(2 * math.pi) - 1  # the negative entropy of a standard normal in two dimensions
    assert abs(found.mean - exact) < 0.05 and found.n == 4000 and found.samples == 10_000
    (values,) = log_densities(test, samples, np.array([found.sigma]))
    assert found.standard_error == pytest.approx(math.sqrt(((values - values.mean()) ** 2).mean() / 4000))


def test_the_width_is_the_best_of_the_ten_on_the_first_thousand():
    random = np.random.default_rng(3)
    samples, validation, test = (0.5 + 0.1 * random.normal(size=(n, 30)) for n in (300, 1200, 50))
    validation[1000:] = 50.0  # not looked at
    found = parzen_likelihood(samples, validation, test)
    means = [log_densities(validation[:1000], samples, np.array([sigma])).mean() for sigma in np.logspace(-1, 0, 10)]
    assert found.sigma == pytest.approx(np.logspace(-1, 0, 10)[int(np.argmax(means))])
    assert found.sigma < 0.9  # and neither end of the ten


def test_points_far_from_every_sample_have_a_finite_log_density():
    found = log_densities(np.full((1, 784), 1.0), np.zeros((10, 784)), np.array([0.1]))
    assert found[0, 0] == pytest.approx(-784 / 0.02 - 392 * math.log(2 * math.pi * 0.01))


@pytest.mark.parametrize("shapes", [((0, 3), (5, 3), (5, 3)), ((5, 3), (5, 3), (1, 3)), ((5, 3), (5, 4), (5, 3))])
def test_what_cannot_be_judged_is_refused(shapes):
    with pytest.raises(ValueError, match="Expected"):
        parzen_likelihood(*(np.zeros(shape) for shape in shapes))
