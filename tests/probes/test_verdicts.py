"""The probes tell good systems from bad ones, at stated rates of false alarm."""

import random

import numpy as np
import pytest
import typer.main

import clearsight as cs
from clearsight import catalogue, cli
from clearsight.probes.probe import Judging
from clearsight.probes.tables import read_rows


def verdicts(found):
    return {finding.metric: finding.verdict for finding in found.card.findings if finding.verdict != "none asked"}


@pytest.mark.parametrize(
    ("what", "reference", "expected"),
    [
        ("translator", "reads-the-context", {"wrong pronouns": "pass", "wrong pronouns, women minus men": "pass"}),
        ("translator", "always-he", {"wrong pronouns": "fail", "wrong pronouns, women minus men": "fail"}),
        ("translator", "by-activity", {"wrong pronouns": "fail", "wrong pronouns, women minus men": "fail"}),
        ("drift", "firm", {"extra change after hostile users": "pass"}),
        ("drift", "learner", {"extra change after hostile users": "fail"}),
        ("consistency", "steady",
         {"changed answers": "pass", "wrong answers": "pass", "false premises accepted": "pass"}),
        ("consistency", "agreeable",
         {"changed answers": "pass", "wrong answers": "pass", "false premises accepted": "fail"}),
        ("consistency", "wavering",
         {"changed answers": "fail", "wrong answers": "fail", "false premises accepted": "pass"}),
    ],
)  # fmt: skip
def test_the_reference_systems_are_told_apart(what, reference, expected):
    assert verdicts(cs.probe(what, reference=reference, replicates=200)) == expected


def test_every_reference_system_is_named_in_the_test_above_and_in_the_help():
    options = typer.main.get_command(cli.app).commands["probe"].params
    (help_,) = [option.help for option in options if option.name == "reference"]
    names = {name for part in catalogue.parts("probes") for name in part.load().references}
    assert names == {
        "reads-the-context",
        "always-he",
        "by-activity",
        "firm",
        "learner",
        "steady",
        "agreeable",
        "wavering",
    }
    assert all(name in help_ for name in names)


def run(what, make, runs, judging=None):
    """The findings of that many runs of a probe on the replies that ``make(rows, turns, rng)`` gives."""
    probe = catalogue.find("probes", what).load()
    rows = read_rows(probe)
    turns = probe.turns(rows)
    judging = judging or Judging(replicates=200)
    for seed in range(runs):
        evidence, _ = probe.judge(rows, turns, make(rows, turns, random.Random(seed)), judging)
        yield probe.findings(evidence, judging)


def translations(women, men, frame_effect=0.0):
    """Translations with wrong pronouns at these rates; with an effect, frames differ from each other."""

    def make(rows, turns, rng):
        shifts = {row["frame"]: rng.choice((-1, 1)) * frame_effect for row in rows}
        said = []
        for turn in turns:
            row = rows[turn.row]
            rate = {"woman": women, "man": men, "unknown": 0.5}[row["referent"]] + shifts[row["frame"]]
            right, wrong = ("She", "He") if row["referent"] == "woman" else ("He", "She")
            said.append(f"{wrong if rng.random() < rate else right} works.")
        return said

    return make


def test_a_translator_that_errs_alike_for_both_is_rarely_accused():
    fails = sum(found[-1].verdict == "fail" for found in run("translator", translations(0.2, 0.2, 0.15), 200))
    assert fails <= 0.05 * 200 + 2.6 * np.sqrt(0.05 * 0.95 * 200)


def test_a_translator_that_errs_more_for_women_is_found():
    fails = sum(found[-1].verdict == "fail" for found in run("translator", translations(0.3, 0.05), 100))
    assert fails >= 75


def test_the_interval_of_wrong_pronouns_covers_where_frames_differ():
    """Frames are of two kinds, so the sentences of one are alike: the interval by frames must still hold."""
    held = 0
    for found in run("translator", translations(0.3, 0.3, 0.25), 200):
        low, high = found[0].interval
        held += low <= 0.3 <= high
    assert held >= 0.95 * 200 - 2.6 * np.sqrt(0.05 * 0.95 * 200)


def chatter(hostile):
    """Replies of a bot that is hostile at a rate in each phase, whatever was said to it."""

    def make(rows, turns, rng):
        return ["They are liars, yes." if rng.random() < hostile.get(turn.phase, 0) else "No." for turn in turns]

    return make


def phases(before, friendly, after):
    return {"before": before, "after friendly": friendly, "after hostile": after}


def test_a_bot_that_is_hostile_by_chance_but_does_not_drift_is_rarely_accused():
    fails = sum(found[0].verdict == "fail" for found in run("drift", chatter(phases(0.2, 0.2, 0.2)), 200))
    assert fails <= 0.05 * 200 + 2.6 * np.sqrt(0.05 * 0.95 * 200)


def test_a_bot_that_grows_hostile_with_time_alone_is_rarely_accused():
    """The friendly session is the control: the same change over both is not the hostile users' doing."""
    fails = sum(found[0].verdict == "fail" for found in run("drift", chatter(phases(0.1, 0.2, 0.3)), 200))
    assert fails <= 0.05 * 200 + 2.6 * np.sqrt(0.05 * 0.95 * 200)


def test_a_bot_that_learns_a_third_of_the_hostility_is_found():
    fails = sum(found[0].verdict == "fail" for found in run("drift", chatter(phases(0.02, 0.02, 0.35)), 100))
    assert fails >= 90


def test_a_bot_that_gets_some_answers_wrong():
    """At three times the tolerated share it is found; at just that share it is neither blamed nor cleared."""

    def sums(rate):
        def make(rows, turns, rng):
            said = [rows[turn.row]["answer"] for turn in turns]
            return [str(rng.randint(100, 999)) if rng.random() < rate else one for one in said]

        return make

    often = [found[1].verdict for found in run("consistency", sums(0.3), 100)]
    at_the_limit = [found[1].verdict for found in run("consistency", sums(0.1), 200)]
    assert often.count("fail") >= 90 and often.count("pass") == 0
    chance = 0.025 * 200 + 2.6 * np.sqrt(0.025 * 0.975 * 200)
    assert max(at_the_limit.count("fail"), at_the_limit.count("pass")) <= chance


def test_a_restatement_alone_that_changes_the_answer_is_shown_by_kind():
    def make(rows, turns, rng):
        return ["5" if turn.phase == "restated" else rows[turn.row]["answer"] for turn in turns]

    (found,) = run("consistency", make, 1)
    by_kind = dict(zip(found[0].series["label"], found[0].series["value"], strict=True))
    assert by_kind["restated"] >= 0.9 and by_kind["reordered"] == by_kind["asked again"] == 0


def test_a_list_of_words_of_ones_own():
    def hostile(words):
        (findings,) = run("drift", lambda rows, turns, rng: ["Bother."] * len(turns), 1, Judging(hostile_words=words))
        return dict(zip(findings[1].series["label"], findings[1].series["value"], strict=True))

    assert hostile(("bother",))["open: after hostile"] == 1 and hostile(("bother",))["statement: after hostile"] == 0
    assert hostile(())["after hostile"] == 0
