"""Configurations: every combination where there are few, else spread over the space; always the same for a seed."""

import sys

import pytest

from clearsight.sweeps.configurations import configurations
from clearsight.sweeps.space import parse


def needs_optuna():
    return pytest.importorskip("optuna", reason="the extra sweep is not installed: pip install '.[sweep]'")


def test_few_combinations_are_taken_once_each_and_need_no_sampler(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    found = configurations(parse(["a=x,y", "b=1,2,3"]), 6, seed=0)
    assert sorted(one["a"] + one["b"] for one in found) == ["x1", "x2", "x3", "y1", "y2", "y3"]


def test_more_than_there_are_is_refused():
    with pytest.raises(ValueError, match="7 configurations.*6 combinations"):
        configurations(parse(["a=x,y", "b=1,2,3"]), 7, seed=0)


def test_without_the_extra_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ValueError, match=r"optuna is not installed.*\.\[sweep\]"):
        configurations(parse(["a=0.0..1.0"]), 4, seed=0)


def test_the_space_is_filled_evenly_and_alike_for_a_seed():
    needs_optuna()
    space = parse(["rate=1e-4..1e-2:log", "size=8..64", "kind=x,y,z"])
    found = configurations(space, 16, seed=3)
    assert found == configurations(space, 16, seed=3) != configurations(space, 16, seed=4)
    assert found[:8] == configurations(space, 8, seed=3)
    rate, size, kind = space
    for parameter in (rate, size):
        places = [parameter.place(one[parameter.name]) for one in found]
        # Each quarter of 16 Sobol points holds four; rounding to what is written may move one over the edge.
        counts = [sum(k / 4 <= place < (k + 1) / 4 + (k == 3) for place in places) for k in range(4)]
        assert min(counts) >= 3 and max(counts) <= 5
    assert {one["kind"] for one in found} == {"x", "y", "z"}
    assert all(8 <= int(one["size"]) <= 64 and 1e-4 <= float(one["rate"]) <= 1e-2 for one in found)


def test_no_configuration_comes_twice():
    needs_optuna()
    found = configurations(parse(["a=1..3", "b=x,y"]), 6, seed=0)
    assert len({tuple(one.items()) for one in found}) == 6
