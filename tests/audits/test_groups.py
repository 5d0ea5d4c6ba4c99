"""Whom it fails: no false alarms, real gaps found, small groups named, and plain words."""

import numpy as np
import pytest
from other_task import evidence_of
from simulated_detectors import joined, simulated

from clearsight.audits import groups
from clearsight.types import Evidence, Request

REAL = "Chance does not explain it"


def _gaps(findings):
    return [finding for finding in findings if finding.metric.startswith("gap")]


def _detection(parts, names):
    statistics = joined([part for part, _ in parts])
    clusters = np.concatenate([cluster + 10_000 * index for index, (_, cluster) in enumerate(parts)])
    values = np.repeat(names, [part.images for part, _ in parts])
    return Evidence(
        task="detection",
        statistics=statistics,
        ids=tuple(str(index) for index in range(statistics.images)),
        clusters=clusters,
        groups={"ink": values},
    )


def test_a_real_gap_is_found_and_told_in_plain_words():
    rng = np.random.default_rng(0)
    evidence = _detection([simulated(rng, 200), simulated(rng, 60, quality=-1.5)], ["dark", "faint"])
    findings = groups(Request(evidence=evidence, by=("ink",), replicates=300))
    gaps = _gaps(findings)
    assert [finding.group for finding in gaps[:2]] == ["ink = faint"] * 2, "two groups are one comparison"
    fair, found = gaps[0], gaps[1]
    assert fair.metric == "gap in AP at equal density" and fair.verdict == "fail"
    assert found.verdict == "fail" and found.value < 0 and found.interval[1] < 0
    assert "where ink is faint" in found.claim and "% of it" in found.claim and REAL in found.claim
    assert "count towards the group of the picture" in found.limits
    assert "Holm-corrected for 3" in found.method
    shown = findings[0]
    assert shown.plot == "intervals"
    assert shown.series["label"] == ["all pictures", "dark", "faint"]
    assert shown.series["n"] == [260, 200, 60]
    columns = (shown.series["low"], shown.series["value"], shown.series["high"])
    assert all(low < value < high for low, value, high in zip(*columns, strict=True))


def test_no_verdict_but_none_asked_without_by():
    rng = np.random.default_rng(0)
    right = np.concatenate([rng.random(200) < 0.9, rng.random(60) < 0.4])
    evidence = evidence_of(right, {"sex": np.repeat(["f", "m"], [200, 60])})
    (gap,) = _gaps(groups(Request(evidence=evidence, replicates=200)))
    assert gap.verdict == "none asked"
    assert REAL in gap.claim
    (asked,) = _gaps(groups(Request(evidence=evidence, by=("sex",), replicates=200)))
    assert asked.verdict == "fail"


def test_small_groups_are_named_and_never_drawn():
    rng = np.random.default_rng(1)
    names = np.repeat(["a", "b", "tiny"], [300, 100, 12])
    evidence = evidence_of(rng.random(412) < 0.8, {"site": names})
    findings = groups(Request(evidence=evidence, by=("site",), replicates=200))
    (small,) = [finding for finding in findings if finding.group == "site = tiny"]
    assert small.verdict == "insufficient" and small.value is None and small.n == 12
    needed = int(small.claim.split("About ")[1].split()[0])
    assert 180 < needed < 330, "a share of 0.8 within 5 points takes about 246"
    place = findings[0].series["label"].index("tiny")
    assert findings[0].series["value"][place] is None and findings[0].series["note"][place] == "too few to judge"
    assert all(finding.group != "site = tiny" for finding in _gaps(findings))


def test_a_group_with_hardly_any_object_is_too_small():
    rng = np.random.default_rng(1)
    full, empty = simulated(rng, 100), simulated(rng, 60, crowding=0.0)
    evidence = _detection([full, empty], ["full", "empty"])
    findings = groups(Request(evidence=evidence, by=("ink",), replicates=50))
    assert not _gaps(findings)
    assert [finding.verdict for finding in findings if finding.group == "ink = empty"] == ["insufficient"]


def test_many_small_groups_are_told_together():
    rng = np.random.default_rng(1)
    names = np.array([f"person {index % 40}" for index in range(200)])
    findings = groups(Request(evidence=evidence_of(rng.random(200) < 0.8, {"who": names}), replicates=50))
    assert len(findings) == 1 + 8 + 1
    assert "32 further values" in findings[-1].claim


def test_unknown_pictures_are_in_no_group_and_not_in_the_rest():
    rng = np.random.default_rng(2)
    right = np.concatenate([rng.random(100) < 0.9, rng.random(100) < 0.9, np.zeros(100)])
    evidence = evidence_of(right, {"sex": np.repeat(["f", "m", "unknown"], 100)})
    findings = groups(Request(evidence=evidence, by=("sex",), replicates=100))
    (gap,) = _gaps(findings)
    assert abs(gap.value) < 0.15
    assert "100 pictures have no known sex" in findings[0].limits


def test_an_unknown_attribute_names_the_nearest():
    evidence = evidence_of(np.ones(40), {"sex": np.repeat(["f", "m"], 20)})
    with pytest.raises(ValueError, match="no attribute 'sexx'.*Did you mean sex"):
        groups(Request(evidence=evidence, by=("sexx",)))
    with pytest.raises(ValueError, match="Known: none"):
        groups(Request(evidence=evidence_of(np.ones(40)), by=("age",)))


def test_no_groups_no_findings():
    assert groups(Request(evidence=evidence_of(np.ones(40)))) == ()


def test_equal_groups_pass_where_data_suffice_and_are_insufficient_where_not():
    rng = np.random.default_rng(3)
    names = np.repeat(["a", "b"], [4000, 4000])
    evidence = evidence_of(rng.random(8000) < 0.9, {"g": names})
    (gap,) = _gaps(groups(Request(evidence=evidence, by=("g",), replicates=200)))
    assert gap.verdict == "pass"
    evidence = evidence_of(np.tile([1, 1, 1, 0], 20), {"g": np.repeat(["a", "b"], 40)})
    (gap,) = _gaps(groups(Request(evidence=evidence, by=("g",), replicates=200)))
    assert gap.verdict == "insufficient"
    assert "may be chance" in gap.claim and "would settle it" in gap.claim


def _alarms(make, repeats, replicates=200):
    return sum(
        any(
            REAL in finding.claim
            for finding in groups(Request(evidence=make(s), by=("g",), replicates=replicates, seed=s))
        )
        for s in range(repeats)
    )


def test_does_not_cry_wolf():
    """Eight groups of 600 down to 30 pictures, all truly at 0.90: a bare 5-point rule fails nearly always."""
    sizes = [600, 200, 100, 60, 50, 40, 30, 30]
    names = np.repeat([f"g{index}" for index in range(8)], sizes)
    bare = 0

    def make(seed):
        nonlocal bare
        right = np.random.default_rng([seed, 1]).random(sum(sizes)) < 0.9
        shares = [right[names == name].mean() for name in np.unique(names)]
        bare += max(shares) - min(shares) > 0.05
        return evidence_of(right, {"g": names})

    alarms = _alarms(make, 150)
    assert bare > 140
    assert alarms <= 13, "at 5% more than 13 of 150 come up once in 50 tries"


def test_does_not_cry_wolf_with_clusters():
    """Patients of six pictures each, all of one group, whose pictures succeed or fail together."""
    names = np.repeat(["a", "b"], [60 * 6, 20 * 6])
    clusters = np.repeat(np.arange(80), 6)

    def make(seed):
        rng = np.random.default_rng([seed, 2])
        share = rng.beta(2.4, 0.6, 80)
        return evidence_of(rng.random(480) < share[clusters], {"g": names}, clusters)

    assert _alarms(make, 150) <= 13


def test_has_power():
    """Thirty points at 40 pictures are mostly found, among eight groups compared at once."""
    sizes = [600, 200, 100, 60, 50, 40, 40, 40]
    names = np.repeat([f"g{index}" for index in range(8)], sizes)

    def make(seed):
        right = np.random.default_rng([seed, 3]).random(sum(sizes)) < np.where(names == "g7", 0.6, 0.9)
        return evidence_of(right, {"g": names})

    assert _alarms(make, 60) >= 45


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "per", "shapes"),
    [
        ((300, 60, 40), 1, ({}, {}, {})),
        ((40, 12, 12), 4, ({}, {}, {})),
        ((150, 50), 1, ({}, {"crowding": 3.0, "false": 1.0})),
        ((200, 40), 1, ({"quality": 4.0, "false": 0.05}, {"quality": 4.0, "false": 0.05})),
    ],
    ids=["unequal groups", "clusters", "three times as crowded", "nearly perfect"],
)
def test_detection_does_not_cry_wolf(sizes, per, shapes):
    """The fair AP and the recall of detectors without a gap; false boxes rise with crowding, so not those."""
    alarms = 0
    for seed in range(300):
        rng = np.random.default_rng([seed, 4])
        parts = [simulated(rng, size, per, **shape) for size, shape in zip(sizes, shapes, strict=True)]
        evidence = _detection(parts, [f"g{index}" for index in range(len(sizes))])
        gaps = _gaps(groups(Request(evidence=evidence, by=("ink",), replicates=200, seed=seed)))
        alarms += any(REAL in gap.claim for gap in gaps if "false positives" not in gap.metric)
    print(f"{sizes} {shapes}: {alarms} of 300")
    assert alarms <= 24, "at 5% more than 24 of 300 come up once in 100 tries"
