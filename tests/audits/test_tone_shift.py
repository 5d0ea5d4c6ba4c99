"""The shift in tone by group, planted and not planted, and what it says of either."""

import numpy as np
import pytest

from clearsight.audits import tone_shift
from clearsight.metrics.picture_measures import HUE_SHIFT, tone_shifts
from clearsight.metrics.reconstruction import ReconstructionStatistics
from clearsight.types import Evidence, Request


def evidence(shift, count=400):
    """Pictures of two groups; those of the second have their a* off by ``shift`` more."""
    random = np.random.default_rng(0)
    group = np.arange(count) % 2
    true = {"L*": random.normal(50, 10, count), "a*": random.normal(12, 3, count), "b*": random.normal(15, 3, count)}
    found = {name: values + random.normal(0, 1.5, count) for name, values in true.items()}
    found["a*"] = found["a*"] - 2 + shift * group
    measures = {}
    for side, values in (("true ", true), ("", found)):
        measures |= {f"{side}{name}": each for name, each in values.items()}
        measures[f"{side}chroma"] = np.hypot(values["a*"], values["b*"])
    numbers = random.uniform(20, 30, count)
    statistics = ReconstructionStatistics(
        squared_error=10 ** (-numbers / 10), psnr=numbers, ssim=numbers / 40, ms_ssim=numbers / 40, measures=measures
    )
    return Evidence(
        task="reconstruction",
        statistics=statistics,
        ids=tuple(map(str, range(count))),
        clusters=np.arange(count),
        groups={"skin": np.array(["light", "dark"])[group]},
    )


def test_a_planted_shift_is_found_told_and_failed():
    (finding,) = tone_shift(Request(evidence=evidence(4.0), by=("skin",), replicates=300))
    assert finding.verdict == "fail" and finding.question == "whom it fails"
    assert abs(finding.value) == pytest.approx(4.0, abs=0.5) and finding.interval is not None
    assert "a* by" in finding.claim and "chance does not explain it" in finding.claim
    rows = dict(zip(finding.series["label"], finding.series["value"], strict=True))
    assert rows["a*: light"] == pytest.approx(-2, abs=0.4) and rows["a*: dark"] == pytest.approx(2, abs=0.4)
    assert {"L*: dark", "chroma: light", "hue: dark"} <= set(rows)
    notes = dict(zip(finding.series["label"], finding.series["note"], strict=True))
    assert notes["L*: dark"] is None and any("differs" in (notes[f"a*: {one}"] or "") for one in ("light", "dark"))


def test_without_a_shift_no_group_is_blamed_and_so_many_pictures_settle_it():
    (finding,) = tone_shift(Request(evidence=evidence(0.0), by=("skin",), replicates=300))
    assert finding.verdict == "pass" and "no group's shift differs" in finding.claim
    assert abs(finding.value) < 0.6


def test_pictures_that_were_given_no_colours_have_no_such_finding():
    plain = evidence(4.0)
    statistics = ReconstructionStatistics(**{**vars(plain.statistics), "measures": {}})
    bare = Evidence(task=plain.task, statistics=statistics, ids=plain.ids, clusters=plain.clusters, groups=plain.groups)
    assert tone_shift(Request(evidence=bare, by=("skin",))) == () and tone_shifts({}) == ()


def test_hue_is_an_angle_and_none_where_a_colour_is_grey():
    one = evidence(0.0, 4).statistics
    turned = {"a*": [0.0] * 4, "b*": [10.0] * 4, "true a*": [10.0] * 4, "true b*": [0.0] * 4}
    measures = {**one.measures, **{name: np.array(each) for name, each in turned.items()}}
    statistics = ReconstructionStatistics(**{**vars(one), "measures": measures})
    assert HUE_SHIFT.compute(statistics, np.ones((2, 4))).tolist() == pytest.approx([90.0, 90.0])
    grey = ReconstructionStatistics(**{**vars(one), "measures": {**measures, "true a*": np.full(4, 0.5)}})
    assert np.isnan(HUE_SHIFT.compute(grey, np.ones((1, 4)))[0])
