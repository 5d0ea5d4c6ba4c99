"""Errors of an attribute read from made pictures, corrected for the reader: a simulation whose truth is known."""

import numpy as np
import pytest
from attribute_readings import TURNS, simulated

from clearsight.metrics.attribute_errors import (
    AttributeErrorStatistics,
    corrected_error,
    corrected_errors,
    error_on_made,
    error_on_real,
)
from clearsight.metrics.group_mix import groups_shown


def test_the_correction_finds_what_the_maker_did_and_not_what_the_reader_saw():
    statistics = simulated(np.random.default_rng(0), counts=(6000, 5000, 4000))
    ones = np.ones((1, statistics.images))
    shown = groups_shown(statistics.truth, statistics.real, statistics.made, ones)
    assert np.allclose(shown[0], TURNS, atol=0.03)
    assert np.allclose(corrected_errors(statistics, ones)[0], 1 - np.diagonal(TURNS), atol=0.03)
    amounts = np.array([6000, 5000, 4000]) / 15_000
    assert corrected_error(statistics, ones)[0] == pytest.approx(float(amounts @ (1 - np.diagonal(TURNS))), abs=0.02)
    # What is read is worse than what was made: the reader errs too.
    assert error_on_made(statistics, ones)[0] > corrected_error(statistics, ones)[0] + 0.05


def test_pictures_that_are_the_real_ones_have_no_corrected_error():
    base = simulated(np.random.default_rng(1))
    same = AttributeErrorStatistics(
        attribute="kind", group_names=base.group_names, truth=base.truth, real=base.real, made=base.real,
        answers=base.real, maker="nothing",
    )  # fmt: skip
    weights = np.random.default_rng(2).integers(0, 4, (5, base.images)).astype(float)
    assert np.allclose(corrected_errors(same, weights), 0, atol=1e-9)
    assert np.allclose(error_on_made(same, weights), error_on_real(same, weights))


def test_a_reader_without_errors_needs_no_correction():
    statistics = simulated(np.random.default_rng(3), reads=np.eye(3))
    ones = np.ones((1, statistics.images))
    assert error_on_real(statistics, ones)[0] == 0
    assert corrected_error(statistics, ones)[0] == pytest.approx(error_on_made(statistics, ones)[0])
    by_hand = [1 - statistics.answers[statistics.truth == group, group].mean() for group in range(3)]
    assert np.allclose(corrected_errors(statistics, ones)[0], by_hand)


def test_it_is_not_known_without_pictures_of_a_group_or_where_groups_are_not_told_apart():
    statistics = simulated(np.random.default_rng(4))
    nobody = (statistics.truth != 2).astype(float)[None]
    assert np.isnan(corrected_errors(statistics, nobody)).all()
    blind = simulated(np.random.default_rng(5), reads=np.full((3, 3), 1 / 3))
    flat = AttributeErrorStatistics(
        attribute="kind", group_names=blind.group_names, truth=blind.truth, real=np.full_like(blind.real, 1 / 3),
        made=blind.made, answers=blind.answers, maker="the model",
    )  # fmt: skip
    assert np.isnan(corrected_error(flat, np.ones((1, flat.images)))).all()


def test_weights_are_repetitions_and_parts_are_joined_in_order():
    statistics = simulated(np.random.default_rng(6), counts=(30, 20, 10))
    weights = np.random.default_rng(7).integers(1, 3, statistics.images)
    repeated = np.repeat(np.arange(statistics.images), weights)

    def at(rows):
        return AttributeErrorStatistics(
            attribute="kind", group_names=statistics.group_names, truth=statistics.truth[rows],
            real=statistics.real[rows], made=statistics.made[rows], answers=statistics.answers[rows], maker="the model",
            draws=statistics.draws,
        )  # fmt: skip

    weighted = corrected_errors(statistics, weights[None].astype(float))
    assert np.allclose(weighted, corrected_errors(at(repeated), np.ones((1, len(repeated)))))
    halves = AttributeErrorStatistics.joined([at(np.arange(25)), at(np.arange(25, statistics.images))])
    assert np.array_equal(halves.answers, statistics.answers) and halves.maker == "the model"
