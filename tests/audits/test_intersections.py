"""Intersections of attributes, the true class as an attribute, and error rates by group."""

import numpy as np
import pytest

from clearsight.audits import calibration, groups, rates_by_group
from clearsight.audits.attributes import attribute_names, attributes_of
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.labels import MultiLabelStatistics
from clearsight.types import Evidence, Request

REAL = "Chance does not explain it"


def evidence(seed=0, rows=2000, worse=0.0, target="sex"):
    """A classifier of two classes that is right at 0.9, but ``worse`` where site is b and light is night."""
    rng = np.random.default_rng(seed)
    site, light = rng.choice(["a", "b"], rows), rng.choice(["day", "night"], rows, p=[0.7, 0.3])
    kind = np.where(np.arange(rows) < 6, "rare", "usual")
    truth = rng.integers(0, 2, rows)
    share = 0.9 - worse * ((site == "b") & (light == "night"))
    answer = np.where(rng.random(rows) < share, truth, 1 - truth)
    statistics = ClassificationStatistics(
        class_names=("female", "male"), truth=truth, probabilities=np.eye(2)[answer] * 0.8 + 0.1
    )
    return Evidence(
        task="classification",
        statistics=statistics,
        ids=tuple(map(str, range(rows))),
        clusters=np.arange(rows),
        groups={"site": site, "light": light, "kind": kind},
        about={"target": target},
    )


def request(by, **options):
    return Request(evidence=evidence(**options), by=by, replicates=200)


def test_two_attributes_have_their_intersection_and_three_where_asked():
    assert attribute_names(request(("site", "light"))) == ("site", "light", "site × light")
    assert attribute_names(request(("site*light",))) == ("site × light",)
    assert attribute_names(request(("site", "light", "light*site"))) == ("site", "light", "light × site")
    every = attribute_names(request(("site", "light", "kind", "site*light*kind")))
    assert len(every) == 3 + 1 + 3 and "site × light × kind" in every
    assert attribute_names(request(())) == ("site", "light", "kind"), "none asked, none crossed"
    with pytest.raises(ValueError, match="no attribute 'lite'.*Did you mean site or light"):
        attribute_names(request(("site*lite",)))


def test_groups_of_an_intersection_are_the_pictures_of_both():
    asked = request(("site*light",))
    (crossed,) = attributes_of(asked)
    columns = asked.evidence.groups
    assert crossed.names == ("a × day", "a × night", "b × day", "b × night")
    for site in "ab":
        for light in ("day", "night"):
            expected = (columns["site"] == site) & (columns["light"] == light)
            assert (crossed.rows(f"{site} × {light}") == expected).all()


def test_what_is_unknown_of_one_is_unknown_of_both_and_small_cells_are_named():
    given = evidence()
    site = given.groups["site"].astype("<U8")
    site[:50] = "unknown"
    asked = Request(
        evidence=Evidence(**{**vars(given), "groups": {**given.groups, "site": site}}),
        by=("site", "kind"), replicates=100,
    )  # fmt: skip
    crossed = attributes_of(asked)[2]
    assert (~crossed.known).sum() == 50
    found = [one for one in groups(asked) if one.group == "site × kind = usual" or "Nobody can say" in one.claim]
    assert all(one.verdict == "insufficient" for one in found) and found
    small = [one for one in attributes_of(request(("site*kind",)))[0].small]
    assert small and all("rare" in name for name in small)


def test_a_gap_that_only_the_intersection_has_is_found_there():
    found = groups(request(("site", "light"), worse=0.3))
    failed = {one.group for one in found if one.verdict == "fail" and one.metric.startswith("gap in accuracy")}
    assert "site × light = b × night" in failed


def test_gaps_that_no_intersection_has_are_told_together():
    found = groups(request(("site", "light")))
    together = [one for one in found if one.metric == "gaps in accuracy at equal class balance that were not found"]
    (one,) = together
    assert one.group == "site × light" and one.plot == "intervals" and len(one.series["label"]) == 4
    assert all(size > 0 for size in one.series["gap that would be found"])
    assert "would be found four times of five" in one.claim and REAL not in one.claim


@pytest.mark.parametrize("name", ["sex", "class"])
def test_the_true_class_is_an_attribute_too(name):
    """Where groups are the classes, labels are permuted freely: within one class there would be nothing to permute."""
    given = evidence()
    truth = given.statistics.truth
    rng = np.random.default_rng(1)
    answer = np.where(rng.random(len(truth)) < np.where(truth == 1, 0.6, 0.95), truth, 1 - truth)
    statistics = ClassificationStatistics(
        class_names=("female", "male"), truth=truth, probabilities=np.eye(2)[answer] * 0.8 + 0.1
    )
    asked = Request(evidence=Evidence(**{**vars(given), "statistics": statistics}), by=(name,), replicates=200)
    (gap,) = [one for one in groups(asked) if one.metric.startswith("gap")]
    assert (
        gap.group == f"{name} = male" and gap.verdict == "fail" and "permutations of the group labels, " in gap.method
    )
    crossed = attributes_of(Request(evidence=asked.evidence, by=("site", name)))[2]
    assert crossed.names == ("a × female", "a × male", "b × female", "b × male")


def test_error_rates_are_told_by_group_with_their_largest_difference():
    found = rates_by_group(request(("site", "light"), worse=0.3))
    assert [one.group for one in found] == ["site", "light", "site × light"]
    one = found[2]
    assert one.metric == "equalised-odds difference of male"
    assert 0.1 < one.value < 0.45 and one.interval[0] > 0
    statistics, rows = evidence(worse=0.3).statistics, dict(zip(one.series["label"], one.series["value"], strict=True))
    columns = evidence(worse=0.3).groups
    own = (columns["site"] == "b") & (columns["light"] == "night")
    female, male = statistics.truth == 0, statistics.truth == 1
    assert rows["b × night, FPR"] == pytest.approx((statistics.predicted[own & female] == 1).mean())
    assert rows["b × night, FNR"] == pytest.approx((statistics.predicted[own & male] == 0).mean())
    assert rates_by_group(request(("sex",))) == (), "of one truth there is one rate only"


def test_equal_rates_are_apart_by_nothing_that_chance_would_not_make():
    for seed in range(5):
        (one,) = rates_by_group(request(("site",), seed=seed))
        assert one.interval[0] == 0.0 and one.value < 0.03


def test_each_of_several_labels_has_its_rates():
    rng = np.random.default_rng(0)
    states = rng.integers(0, 2, (600, 5)).astype(np.int8)
    said = np.where(rng.random((600, 5)) < 0.9, states, 1 - states)
    site = rng.choice(["a", "b"], 600)
    said[site == "b", 2] = 1
    statistics = MultiLabelStatistics(
        class_names=("v", "w", "blink", "y", "z"), states=states, probabilities=said * 0.8 + 0.1
    )
    given = Evidence(
        task="tagging", statistics=statistics, ids=tuple(map(str, range(600))), clusters=np.arange(600),
        groups={"site": site},
    )  # fmt: skip
    found = {
        one.metric.removeprefix("equalised-odds difference of "): one for one in rates_by_group(Request(evidence=given))
    }
    assert set(found) == {"v", "w", "blink", "y", "z"}
    assert found["blink"].interval[0] > 0.5, "of b it always says that someone blinked"
    assert all(found[name].interval[0] < 0.05 for name in "vwyz")


def test_confidence_by_group_has_a_plot_of_how_much_too_sure_it_is():
    found = [one for one in calibration(request(("site", "light"))) if one.plot == "intervals"]
    assert [one.group for one in found] == ["site", "light", "site × light"]
    series = found[0].series
    statistics, site = evidence().statistics, evidence().groups["site"]
    own = site == "a"
    expected = statistics.probabilities[own].max(1).mean() - statistics.right[own].mean()
    assert series["value"][series["label"].index("a")] == pytest.approx(expected, abs=1e-6)
