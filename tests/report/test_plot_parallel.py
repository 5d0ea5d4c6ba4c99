"""Parallel coordinates: a line through every axis for each trial, at the places given, that ends where none is."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from clearsight.report.plots import plot, reading
from clearsight.report.series import table
from clearsight.types import Finding

AXES = ("learning_rate", "kind", "accuracy")
TRIALS = {"trial 1": (0.0, 0.5, 1.0), "trial 2": (1.0, 0.0, 0.25), "trial 3": (0.5, 1.0, None)}


@pytest.fixture
def finding():
    points = [(name, axis, place) for name, places in TRIALS.items() for axis, place in zip(AXES, places, strict=True)]
    return Finding(
        question="what breaks it", claim="Each trial.", metric="accuracy by settings", value=None, interval=None, n=3,
        unit="trials", method="m", limits="l", plot="parallel",
        series={
            "line": [name for name, _, _ in points], "axis": [axis for _, axis, _ in points],
            "place": [place for _, _, place in points],
            "text": ["failed" if place is None else f"v{place}" for _, _, place in points],
            "ours": [name == "trial 1" for name, _, _ in points],
        },
    )  # fmt: skip


def test_lines_go_through_their_places(finding):
    for svg in ElementTree.fromstring(f"<both>{plot(finding, 'key')}</both>"):
        upright = [one for one in svg.findall("line") if one.get("class") == "mark"]
        across = [float(one.get("x1")) for one in upright]
        assert len(upright) == 3 and across == sorted(across)
        top, bottom = float(upright[0].get("y1")), float(upright[0].get("y2"))
        groups = {one.find("title").text.split(":")[0]: one for one in svg.findall("g")}
        assert set(groups) == set(TRIALS)
        for name, places in TRIALS.items():
            points = re.findall(r"(-?[\d.]+) (-?[\d.]+)", groups[name].find("path").get("d"))
            known = [(x, place) for x, place in zip(across, places, strict=True) if place is not None]
            assert len(points) == len(known)
            for (x, y), (axis_x, place) in zip(points, known, strict=True):
                assert float(x) == pytest.approx(axis_x, abs=0.1)
                assert float(y) == pytest.approx(bottom - place * (bottom - top), abs=0.1)
        assert "tone-1" in groups["trial 1"].find("path").get("class")
        assert list(groups)[-1] == "trial 1"  # ours is drawn over the others


def test_the_table_has_a_row_for_each_trial(finding):
    columns = table(finding)
    assert [column.heading for column in columns] == ["", *AXES]
    assert columns[0].cells == tuple(TRIALS) and columns[3].cells == ("v1.0", "v0.25", "failed")
    assert "Orange" in reading(finding)
