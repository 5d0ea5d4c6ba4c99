"""The simulation of feedback against what is known of urns, and the tables that users bring."""

import numpy as np
import pytest
from scipy import stats

from clearsight.simulations.conclusion import card
from clearsight.simulations.districts import SAMPLE, Districts, read_districts
from clearsight.simulations.feedback import feedback
from clearsight.simulations.policies import POLICIES
from clearsight.verbs.simulate import simulate


def districts(rates, start, reported=None):
    k = len(rates)
    return Districts(
        names=tuple("abcdefgh"[:k]),
        true_rate=np.array(rates, dtype=float),
        reported_share=np.array(reported or [0] * k, dtype=float),
        start=np.array(start, dtype=float),
    )


def last(places, policy, **sizes):
    (outcome,) = feedback(places, [policy], **sizes)
    return outcome


def test_equal_rates_and_one_visit_at_a_time_are_polyas_urn():
    """Every visit finds an incident: after n draws the red balls are beta-binomial, exactly."""
    outcome = last(districts([1, 1], [2, 3]), "proportional", rounds=40, visits=1, replicates=4000)
    drawn = np.rint(outcome.record_shares[-1, :, 0] * 45 - 2).astype(int)
    expected = 4000 * stats.betabinom(40, 2, 3).pmf(np.arange(41))
    kept = expected >= 5
    counts = np.bincount(drawn, minlength=41)
    observed = np.append(counts[kept], counts[~kept].sum())
    assert stats.chisquare(observed, np.append(expected[kept], expected[~kept].sum())).pvalue > 0.001
    # The same test sees an urn that began with other balls.
    other = 4000 * stats.betabinom(40, 3, 2).pmf(np.arange(41))
    assert ((observed[:-1] - other[kept]) ** 2 / other[kept]).sum() > 1000


@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_the_limit_of_the_urn_has_a_beta_distribution(rate):
    """Equal rates below 1 only slow the urn down (Ensign et al. 2018)."""
    outcome = last(districts([rate, rate], [4, 2]), "proportional", rounds=3000, visits=1, replicates=800)
    shares = outcome.record_shares[-1, :, 0]
    assert stats.kstest(shares, stats.beta(4, 2).cdf).pvalue > 0.01
    assert stats.kstest(shares, stats.beta(4, 3).cdf).pvalue < 1e-6


def test_greedy_locks_in_where_it_began_whatever_is_true():
    outcome = last(districts([0.1, 0.9], [11, 10]), "greedy", rounds=200, replicates=100)
    assert (outcome.visit_shares[:, :, 0] == 1).all()
    assert outcome.record_shares[-1, :, 0].min() > 0.9
    tied = last(districts([0.5, 0.5], [10, 10]), "greedy", rounds=200, replicates=2000).visit_shares[-1, :, 0]
    assert set(tied) == {0.0, 1.0} and abs(tied.mean() - 0.5) < 4 * 0.5 / np.sqrt(2000)


def test_in_proportion_to_the_records_the_higher_rate_wins_in_the_long_run():
    """The share of the place with more incidents grows beyond its share of the incidents."""
    outcome = last(districts([0.9, 0.3], [2, 2]), "proportional", rounds=2000, visits=10, replicates=200)
    mean = outcome.visit_shares[:, :, 0].mean(axis=1)
    assert (np.diff(mean[::10]) > 0).all() and mean[-1] > 0.97  # its share of the incidents is 0.75


@pytest.mark.parametrize("policy", ["importance-weighted", "rejection"])
def test_corrected_records_come_to_the_true_shares(policy):
    places = districts([0.2, 0.4, 0.6], [60, 20, 20])
    outcome = last(places, policy, rounds=4000, visits=10, replicates=100)
    mean = outcome.visit_shares[-1].mean(axis=0)
    assert np.abs(mean - places.true_shares).max() < 0.02
    wrong = outcome.misplaced(places.true_shares).mean(axis=1)
    assert wrong[-1] < 0.03 < 0.3 < wrong[0]
    uncorrected = last(places, "proportional", rounds=4000, visits=10, replicates=100)
    assert uncorrected.misplaced(places.true_shares)[-1].mean() > 0.1


@pytest.mark.parametrize("policy", ["importance-weighted", "rejection"])
def test_a_correction_makes_the_expected_increment_the_true_rates(policy):
    shares, rates = np.tile([0.7, 0.2, 0.1], (200_000, 1)), np.array([0.1, 0.2, 0.3])
    random = np.random.default_rng(1)
    found = random.binomial(random.multinomial(5, shares), rates)
    increment = POLICIES[policy].record(found, shares, random).mean(axis=0)
    assert np.allclose(increment / increment.sum(), rates / rates.sum(), atol=0.01)
    raw = POLICIES["proportional"].record(found, shares, random).mean(axis=0)
    assert np.allclose(raw, 5 * shares[0] * rates, rtol=0.05)


def test_equal_visits_give_true_records():
    places = districts([0.2, 0.4, 0.6], [60, 20, 20])
    outcome = last(places, "uniform", rounds=3000, replicates=50)
    assert np.allclose(outcome.visit_shares, 1 / 3)
    assert np.abs(outcome.record_shares[-1].mean(axis=0) - places.true_shares).max() < 0.01


def test_reports_that_differ_stay_in_corrected_records():
    """What nobody corrects: twice the reports from one of two equal places, and 1 + 1 against 1 + 3 at last."""
    outcome = last(districts([0.3, 0.3], [5, 5], [1, 3]), "importance-weighted", rounds=3000, replicates=50)
    assert abs(outcome.record_shares[-1, :, 1].mean() - 4 / 6) < 0.01


def test_a_seed_gives_the_same_and_policies_do_not_disturb_each_other():
    places = read_districts()
    alone = last(places, "rejection", rounds=20, replicates=30, seed=3)
    together = feedback(places, ["greedy", "rejection"], rounds=20, replicates=30, seed=3)[1]
    assert (alone.record_shares == together.record_shares).all()
    assert (alone.record_shares != last(places, "rejection", rounds=20, replicates=30, seed=4).record_shares).any()
    assert alone.rounds[0] == 0 and alone.rounds[-1] == 20 and len(alone.rounds) == 21


def test_the_findings_tell_runaway_from_correction():
    places = read_districts()
    outcomes = feedback(places, rounds=300, replicates=100)
    found = card(places, outcomes, {"districts": "x"}, invented=True)
    said = {finding.group: finding.claim for finding in found.findings}
    assert "run away from the truth" in said["greedy"] and "Old Town then has" in said["greedy"]
    for policy in ("importance-weighted", "rejection"):
        assert "come nearer to the truth" in said[policy]
    values = {finding.group: finding.value for finding in found.findings if finding.group}
    assert values["greedy"] == pytest.approx(0.75) and values["uniform"] == pytest.approx(0.0625)
    assert found.notes[0] == "These districts are invented."
    (stuck,) = [finding for finding in found.findings if "with 90%" in finding.metric]
    assert dict(zip(stuck.series["label"], stuck.series["value"], strict=True))["greedy"] == 1
    assert stuck.claim.startswith("Greedy ended with one district")


def test_the_page_holds_a_plot_for_each_policy(tmp_path):
    found = simulate(
        "feedback", policies=["greedy", "rejection"], rounds=30, replicates=50, out=tmp_path / "new" / "a.html"
    )
    page = (tmp_path / "new" / "a.html").read_text(encoding="utf-8")
    assert found.page == str(tmp_path / "new" / "a.html")
    assert "<b>Simulation</b>" in page and page.count('<svg class="plot wide"') == 4 and "Model report" not in page
    with pytest.raises(ValueError, match="exists. A page is written into a new file"):
        simulate("feedback", out=tmp_path / "new" / "a.html")


def table(folder, text):
    path = folder / "places.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_of_ones_own(tmp_path):
    places = read_districts(table(tmp_path, "district;true_rate;start\nNorth;0,5;1\nSouth;0,25;3\n"))
    assert places.names == ("North", "South") and places.true_rate.tolist() == [0.5, 0.25]
    assert places.reported_share.tolist() == [0, 0] and places.true_shares.tolist() == pytest.approx([2 / 3, 1 / 3])
    assert read_districts().names == read_districts(SAMPLE).names


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("district,true_rate\na,0.1\nb,0.2\n", "lacks start"),
        ("district,true_rate,start,reported\na,0.1,1,0\nb,0.2,1,0\n", "has reported, which have no meaning"),
        ("district,true_rate,start\na,0.1,1\n", "has 1 rows"),
        ("district,true_rate,start\na,0.1,1\na,0.2,1\n", "blank or there twice: a"),
        ("district,true_rate,start\na,1.1,1\nb,0.2,1\n", "row 1 .* has true_rate '1.1'. Expected a number above 0"),
        ("district,true_rate,start\na,0.1,1\nb,0.2,0\n", "row 2 .* has start '0'"),
        ("district,true_rate,start\na,0.1,1\nb,many,1\n", "row 2 .* has true_rate 'many'"),
        ("district,true_rate,start\na,0.1,1\nb,nan,1\n", "row 2 .* has true_rate 'nan'"),
        ("district,true_rate,start,reported_share\na,0.1,1,-1\nb,0.2,1,0\n", "has reported_share '-1'"),
    ],
)
def test_a_table_that_does_not_fit_is_told(tmp_path, text, said):
    with pytest.raises(ValueError, match=said):
        read_districts(table(tmp_path, text))


def test_mistakes_are_told():
    for options, said in [
        ({"policies": ["greedi"]}, "no policy named 'greedi'. Did you mean greedy"),
        ({"policies": []}, "Expected one or more, each once"),
        ({"policies": ["greedy", "greedy"]}, "each once"),
        ({"rounds": 0}, "rounds is 0"),
        ({"replicates": 1}, "replicates is 1"),
        ({"replicates": 10_000_000}, "more than fit"),
    ]:
        with pytest.raises(ValueError, match=said):
            simulate("feedback", **options)
    with pytest.raises(ValueError, match="no simulation named 'feedbak'. Did you mean feedback"):
        simulate("feedbak")
