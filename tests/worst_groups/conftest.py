"""Digits on backgrounds, in the manner of Waterbirds, and a classifier that leans on the background."""

import importlib.util
from pathlib import Path

import pytest

import clearsight as cs


@pytest.fixture(scope="session")
def benchmark():
    """The benchmark, which writes these data."""
    path = Path(__file__).parents[2] / "benchmarks" / "mitigation.py"
    spec = importlib.util.spec_from_file_location("mitigation_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def digits(benchmark, tmp_path_factory):
    """The folder of the pictures."""
    return benchmark.write_digits_on_backgrounds(tmp_path_factory.mktemp("digits") / "digits")


@pytest.fixture(scope="session")
def leaning(benchmark, digits, tmp_path_factory):
    """A run trained on them in the usual way."""
    out = tmp_path_factory.mktemp("runs") / "plain"
    return cs.train("cnn", digits, epochs=5, settings=benchmark.SMALL, out=out, quiet=True)
