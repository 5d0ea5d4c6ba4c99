"""The gate as its users meet it: thresholds on a report and on changes, three verdicts, files, and mistakes."""

import json
import os
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

import clearsight as cs
from clearsight import cli
from clearsight.acceptance import Policy, Threshold
from clearsight.acceptance.change import of_evidence
from clearsight.acceptance.decision import decided
from clearsight.acceptance.measured import Measured, of_card
from clearsight.run import Run

FAIR = "accuracy at equal class balance"


def verdicts(run, *thresholds, **fields):
    return [check.verdict for check in cs.gate(run, Policy(thresholds=thresholds, **fields)).checks]


def test_a_score_beside_its_limit_passes_fails_or_is_undecided(run):
    assert verdicts(run, Threshold(metric="accuracy", at_least=0.85)) == ["pass"]
    assert verdicts(run, Threshold(metric="accuracy", at_least=0.95)) == ["fail"]
    assert verdicts(run, Threshold(metric="accuracy", at_least=0.895)) == ["insufficient"]
    point = {"decide_by": "point estimate"}
    assert verdicts(run, Threshold(metric="accuracy", at_least=0.895), **point) == ["pass"]
    assert verdicts(run, Threshold(metric="accuracy", at_least=0.905, **point)) == ["fail"]
    found = cs.gate(run, Policy(thresholds=(Threshold(metric="accuracy", at_least=0.895),)))
    assert (found.verdict, found.status) == ("insufficient", 3)
    low, high = found.checks[0].bounds
    assert low < 0.895 < 0.9 < high and found.checks[0].n == 1500


def test_groups_are_limited_one_by_one(run):
    by = cs.gate(run, Policy(thresholds=(Threshold(metric=FAIR, by="sex", at_least=0.9),)))
    assert {check.group: check.verdict for check in by.checks} == {"sex = female": "fail", "sex = male": "pass"}
    assert (by.verdict, by.status) == ("fail", 1)
    female = Threshold(metric=FAIR, group="sex = female", at_least=0.7)
    gap = Threshold(metric=f"gap in {FAIR}", group="sex = female", at_least=-0.2)
    assert verdicts(run, female, gap) == ["pass", "pass"]


def test_the_interval_of_the_report_and_the_test_agree(run):
    """A limit at an end of a 95% interval is one that a one-sided test at 2.5% just reaches."""
    card = run.read_card()
    (found,) = of_card(card, Threshold(metric="accuracy", at_least=0.5))
    low, high = next(finding.interval for finding in card.findings if finding.metric == "accuracy")
    assert found.p_under(high) == pytest.approx(0.025) and found.p_over(low) == pytest.approx(0.025)


def test_energy_is_a_range_and_decided_by_its_ends(run):
    limits = {0.5: "pass", 0.4: "pass", 0.3: "insufficient", 0.1: "insufficient", 0.05: "fail"}
    for limit, verdict in limits.items():
        assert verdicts(run, Threshold(metric="energy_kwh", at_most=limit)) == [verdict]
    found = cs.gate(run, Policy(thresholds=(Threshold(metric="co2e_kg", at_most=1),))).checks[0]
    assert (found.verdict, found.reason) == ("insufficient", "no grid zone was named")


def measured(center, error):
    return Measured(metric="m", group="", value=center, n=9, unit="pictures", center=center, errors=(error, error))


def test_holm_corrects_failures_and_not_passes():
    """By hand: p of z = 2 is 0.0228; of 5 tests it takes 0.01, 0.0125, ... to fail."""
    limit = Threshold(metric="m", at_most=0)
    alone, tested = decided(Policy(thresholds=(limit,)), [(limit, measured(2, 1))])
    assert (alone[0].verdict, tested) == ("fail", 1) and alone[0].p == pytest.approx(0.02275, rel=1e-3)
    many = [(limit, measured(2, 1)), *[(limit, measured(0, 1))] * 4]
    checks, tested = decided(Policy(thresholds=(limit,)), many)
    assert (checks[0].verdict, tested) == ("insufficient", 5) and checks[0].p == pytest.approx(0.1138, rel=1e-3)
    assert "after correcting" in checks[0].reason
    worse = [(limit, measured(2, 1)), (limit, measured(9, 1)), *[(limit, measured(-2, 1))] * 3]
    assert [check.verdict for check in decided(Policy(thresholds=(limit,)), worse)[0]] == [
        "insufficient", "fail", "pass", "pass", "pass",
    ]  # fmt: skip


def test_a_drop_against_an_earlier_signed_run_is_found_by_pairs(run, earlier):
    old, key = earlier
    policy = Policy(
        thresholds=(
            Threshold(metric="accuracy", worse_by_at_most=0),
            Threshold(metric="accuracy", by="sex", worse_by_at_most=0.01),
            Threshold(metric="gap in accuracy", group="sex = female", worse_by_at_most=0.02),
            Threshold(metric="accuracy", worse_by_at_most=0.05),
        ),
        against=str(old.path),
        against_key=str(key),
    )
    found = cs.gate(run, policy)
    assert [check.verdict for check in found.checks] == ["fail", "fail", "pass", "fail", "pass"]
    whole, female, male, gap, _ = found.checks
    assert whole.value == pytest.approx(24 / 1500) and whole.before == pytest.approx(0.9 + 24 / 1500)
    assert female.value == pytest.approx(0.06) and (male.value, male.bounds) == (0, (0, 0)) and not found.notes
    assert gap.value == pytest.approx(0.06) and gap.before == pytest.approx(0.86 - 0.94)
    itself = cs.gate(old, policy)
    assert [check.verdict for check in itself.checks] == ["pass"] * 5


def test_the_earlier_run_must_be_signed_and_unchanged(run, earlier, tmp_path):
    old, key = earlier
    policy = Policy(thresholds=(Threshold(metric="accuracy", worse_by_at_most=0.5),))
    with pytest.raises(ValueError, match="none is named"):
        cs.gate(run, policy)
    with pytest.raises(ValueError, match="is not signed"):
        cs.gate(run, policy, against=run)
    found = cs.gate(run, policy, against=old)
    assert found.verdict == "pass" and "names itself" in found.notes[0]
    copy = tmp_path / "old"
    shutil.copytree(old.path, copy)
    Run(copy).write_file("weights.safetensors", b"lower")
    with pytest.raises(ValueError, match="is not as it was signed: weights.safetensors was changed"):
        cs.gate(run, policy, against=copy, key=key)


GATE = """
confidence = 0.95

[[threshold]]
name = "good enough"
metric = "accuracy"
at_least = 0.85

[[threshold]]
metric = "accuracy at equal class balance"
by = "sex"
at_least = 0.9

[[threshold]]
metric = "energy_kwh"
at_most = 0.3
"""


@pytest.fixture
def policy(tmp_path):
    (tmp_path / "gate.toml").write_text(GATE)
    return tmp_path / "gate.toml"


def test_markdown_and_junit_tell_every_threshold(run, policy, tmp_path):
    found = cs.gate(run, policy, markdown=tmp_path / "gate.md", junit=tmp_path / "gate.xml")
    text = (tmp_path / "gate.md").read_text(encoding="utf-8")
    assert text.startswith("## Gate: fail\n") and text.count("\n|") == 2 + 4 and "1 broken" in text
    suite = ElementTree.parse(tmp_path / "gate.xml").getroot()[0]
    assert suite.attrib | {"tests": "4", "failures": "1", "errors": "1"} == suite.attrib
    cases = {case.get("name"): [child.tag for child in case] for case in suite}
    assert cases == {
        "good enough: accuracy at least 0.85": [],
        "accuracy at equal class balance, sex = female at least 0.9": ["failure"],
        "accuracy at equal class balance, sex = male at least 0.9": [],
        "energy_kwh at most 0.3": ["error"],
    }
    assert [check.place for check in found.checks] == [0, 1, 1, 2]


def test_names_that_are_markup_or_no_xml_are_told_safely(run, tmp_path):
    threshold = Threshold(metric="accuracy", at_least=0.99, name="<b>|\x00[x](http://y)")
    cs.gate(run, Policy(thresholds=(threshold,)), markdown=tmp_path / "a.md", junit=tmp_path / "a.xml")
    case = ElementTree.parse(tmp_path / "a.xml").getroot()[0][0]
    assert case.get("name").startswith("<b>|\ufffd[x]")
    assert "<b>" not in (tmp_path / "a.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no threshold"),
        ("confidense = 0.9", "no key 'confidense'. Did you mean confidence?"),
        ("[[thresholds]]\nmetric = 'accuracy'", "no key 'thresholds'. Did you mean threshold"),
        ("[threshold]\nmetric = 'accuracy'", r"Expected \[\[threshold\]\]"),
        ("[[threshold]]\nmetrik = 'accuracy'", "no key 'metrik'. Did you mean metric?"),
        ("[[threshold]]\nat_least = 1", "names no metric"),
        ("[[threshold]]\nmetric = 'accuracy'", "has no limit. Expected one of at_least"),
        ("[[threshold]]\nmetric = 'a'\nat_least = 1\nat_most = 2", "has at_least and at_most"),
        ("[[threshold]]\nmetric = 'a'\nat_least = '1'", "at_least of a threshold is '1'. Expected a number"),
        ("[[threshold]]\nmetric = 'a'\nat_least = true", "Expected a number"),
        ("[[threshold]]\nmetric = 'a'\nat_least = nan", "Expected a number"),
        ("[[threshold]]\nmetric = 3\nat_least = 1", "Expected text in quotes"),
        ("[[threshold]]\nmetric = 'a'\nat_least = 1\ndecide_by = 'point'", "Did you mean point estimate"),
        ("[[threshold]]\nmetric = 'a'\nat_least = 1\ngroup = 'b = c'\nby = 'b'", "both group and by"),
        ("confidence = 95\n[[threshold]]\nmetric = 'a'\nat_least = 1", "between 0.5 and 1"),
        ("confidence = ", "is no TOML"),
        (2 * "[[threshold]]\nmetric = 'a'\nat_least = 1\n", "the threshold on a, at least 1, is given twice"),
    ],
)
def test_mistakes_in_a_policy_name_what_was_meant(tmp_path, text, said):
    (tmp_path / "gate.toml").write_text(text)
    with pytest.raises(ValueError, match=said):
        Policy.read(tmp_path / "gate.toml")
    with pytest.raises(ValueError, match="cannot read the policy"):
        Policy.read(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"metric": "acuracy"}, "the report has no 'acuracy'. Did you mean accuracy"),
        ({"metric": FAIR, "by": "sx"}, f"no {FAIR} of sx. Did you mean sex"),
        ({"metric": FAIR, "group": "sex = femal"}, "Did you mean sex = female"),
        ({"metric": "accuracy", "by": "sex"}, f"no accuracy of sex. Of sex it tells: .*{FAIR}"),
        ({"metric": f"gap in {FAIR}"}, f"no gap in {FAIR} of all together"),
    ],
)
def test_metrics_and_groups_that_are_not_there_give_the_nearest(run, fields, said):
    with pytest.raises(ValueError, match=said):
        verdicts(run, Threshold(at_least=0.5, **fields))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"metric": "accurcy"}, "'accurcy' cannot be compared picture by picture. Did you mean accuracy"),
        ({"metric": "energy_kwh"}, "cannot be compared picture by picture"),
        ({"metric": "accuracy", "by": "age"}, "no attribute 'age' to compare by. Attributes: sex"),
        ({"metric": "accuracy", "group": "sex = mael"}, "sex has no group 'mael'. Did you mean male"),
        ({"metric": "gap in accuracy"}, "one between groups"),
    ],
)
def test_changes_of_what_is_not_there_give_the_nearest(run, earlier, fields, said):
    with pytest.raises(ValueError, match=said):
        cs.gate(run, Policy(thresholds=(Threshold(worse_by_at_most=0, **fields),)), against=earlier[0])


def test_the_command_gives_the_verdict_by_its_exit_status(run, policy, tmp_path, monkeypatch, capsys):
    for text, status in (
        (GATE, 1),
        (GATE.replace("0.9\n", "0.7\n"), 3),
        (GATE[: GATE.index("[[threshold]]\nmetric")], 0),
    ):
        policy.write_text(text)
        monkeypatch.setattr(sys, "argv", ["clearsight", "gate", str(run.path), str(policy)])
        try:
            cli.main()
            found = 0
        except SystemExit as stop:
            found = stop.code
        out = capsys.readouterr().out
        assert found == status
        assert {0: "PASS", 1: "FAIL", 3: "INSUFFICIENT EVIDENCE"}[status] in out
    monkeypatch.setattr(sys, "argv", ["clearsight", "gate", str(run.path), str(policy), "--json"])
    cli.main()
    assert json.loads(capsys.readouterr().out)["verdict"] == "pass"


PLUGIN = ("-p", "no:clearsight", "-p", "clearsight.acceptance.pytest_plugin", "-p", "no:cacheprovider", "-n", "0")


def test_a_policy_is_a_test_for_each_threshold(pytester, run):
    pytester.path.joinpath("gate.toml").write_text(GATE)
    pytester.path.joinpath("other.toml").write_text("a = 1")
    found = pytester.runpytest_inprocess(*PLUGIN, "--clearsight-run", str(run.path))
    found.assert_outcomes(passed=1, failed=2)
    found.stdout.fnmatch_lines(
        ["*fail: accuracy at equal class balance, sex = female is 0.8*", "*insufficient: energy_kwh*"]
    )
    assert pytester.runpytest_inprocess(*PLUGIN).ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_mistakes_are_told_by_pytest_without_a_traceback(pytester, run):
    pytester.path.joinpath("my.gate.toml").write_text("[[threshold]]\nmetrik = 'a'\n")
    found = pytester.runpytest_inprocess(*PLUGIN, "--clearsight-run", str(run.path))
    found.stdout.fnmatch_lines(["*no key 'metrik'. Did you mean metric*"])
    pytester.path.joinpath("my.gate.toml").write_text("[[threshold]]\nmetric = 'acuracy'\nat_least = 1\n")
    found = pytester.runpytest_inprocess(*PLUGIN, "--clearsight-run", str(run.path))
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(["the report has no 'acuracy'. Did you mean accuracy*"])
    assert "Traceback" not in found.stdout.str()


def test_collecting_policies_imports_nothing_heavy(tmp_path):
    (tmp_path / "gate.toml").write_text(GATE)
    alone = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # others may import what they like
    code = (
        "import sys, pytest\n"
        "status = pytest.main(['-p', 'clearsight.acceptance.pytest_plugin', '-p', 'no:cacheprovider', "
        f"'--collect-only', '-q', '--rootdir', {str(tmp_path)!r}, '--clearsight-run', 'none', {str(tmp_path)!r}])\n"
        "print(status, [name for name in ('torch', 'numpy', 'scipy', 'PIL') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=alone)
    assert "3 tests collected" in found.stdout and found.stdout.strip().endswith("[]"), found.stdout + found.stderr


def test_evidence_by_cluster_widens_the_bounds(evidence_with, sexes):
    """The same answers in clusters of ten that are alike know less than in pictures of their own."""
    rng = np.random.default_rng(0)
    old, new = (np.repeat(rng.random(150) < 0.8, 10) for _ in range(2))
    threshold, widths = Threshold(metric="accuracy", worse_by_at_most=0), []
    for clusters in (None, np.repeat(np.arange(150), 10)):
        (found,) = of_evidence(*(evidence_with(right, sexes, clusters) for right in (old, new)), threshold)
        low, high = found.bounds(0.95)
        widths.append(high - low)
    assert 2.5 < widths[1] / widths[0] < 4  # the square root of ten
