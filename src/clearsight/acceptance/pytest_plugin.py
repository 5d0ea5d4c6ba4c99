"""A plugin for pytest: policies as tests, one for each threshold.

    pytest --clearsight-run runs/yolo-blood-1 gate.toml

collects the thresholds of files called ``gate.toml`` or ending in ``.gate.toml``. Without the option it collects
nothing. The run is opened, and torch imported, when the first of them is run and not before.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from clearsight.acceptance.policy import Policy, Threshold


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that names the run."""
    group = parser.getgroup("clearsight")
    group.addoption(
        "--clearsight-run", metavar="RUN", default=None,
        help="Judge this run by the policies that are collected: gate.toml, *.gate.toml.",
    )  # fmt: skip


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A policy, where a run was named to judge by it."""
    if parent.config.getoption("clearsight_run") is None:
        return None
    if file_path.name == "gate.toml" or file_path.name.endswith(".gate.toml"):
        return PolicyFile.from_parent(parent, path=file_path)
    return None


class PolicyFile(pytest.File):
    """A policy: its thresholds are tests; the run is judged once for all of them."""

    def collect(self) -> Iterator[pytest.Item]:
        """A test for each threshold; a mistake in the file is an error of the collection."""
        try:
            policy = Policy.read(self.path)
        except ValueError as error:
            raise self.CollectError(str(error)) from None
        for place, threshold in enumerate(policy.thresholds):
            yield ThresholdItem.from_parent(self, name=_name(threshold, place), place=place)

    @cached_property
    def judged(self) -> Any:
        """The verdict of the policy on the run."""
        from clearsight.acceptance.judging import judged

        return judged(str(self.config.getoption("clearsight_run")), self.path)


class ThresholdItem(pytest.Item):
    """One threshold; it passes where the limit is kept, by every group that it is for."""

    def __init__(self, *, place: int, **about: Any) -> None:
        super().__init__(**about)
        self.place = place

    def runtest(self) -> None:
        """Fail where the limit is broken, and where the evidence is insufficient, with the numbers."""
        from clearsight.acceptance.written import sentence

        assert isinstance(self.parent, PolicyFile)
        mine = [check for check in self.parent.judged.checks if check.place == self.place]
        bad = [f"{check.verdict}: {sentence(check)}" for check in mine if check.verdict != "pass"]
        if bad:
            pytest.fail("\n".join(bad), pytrace=False)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """A mistake of the user without a traceback."""
        return str(excinfo.value) if excinfo.errisinstance(ValueError) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The file of the policy and the threshold."""
        return self.path, None, f"{self.path.name}: {self.name}"


def _name(threshold: Threshold, place: int) -> str:
    about = threshold.group or (f"by {threshold.by}" if threshold.by else "")
    return threshold.name or f"{place + 1}: {threshold.metric}{f', {about}' if about else ''} {threshold.said}"
