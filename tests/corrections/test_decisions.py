"""Decisions: the last counts, none is lost, and a torn line harms no other."""

import json
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from clearsight.corrections.changes import Change, Mark
from clearsight.corrections.decisions import Decision, Decisions

CHANGE = Change(id="a", before=Mark(name="cat", box=(1.0, 2.0, 3.0, 4.0)), after=Mark(name="dog"))


def decision(key="k", what="accepted", change=CHANGE, fingerprint="f"):
    return Decision(key=key, id="a", what=what, change=change, fingerprint=fingerprint, kind="wrong class")


def test_the_last_decision_counts_and_one_can_be_taken_back(tmp_path):
    decisions = Decisions.open(tmp_path / "new" / "c.jsonl", "f")
    assert decisions.last is None and decisions.changes() == []
    decisions.take(decision())
    decisions.take(decision("other", "rejected", None))
    decisions.take(decision(what="rejected", change=None))
    assert decisions.about("k").what == "rejected" and decisions.changes() == [] and decisions.last.key == "k"
    decisions.take(decision())
    again = Decisions.open(tmp_path / "new" / "c.jsonl", "f")
    assert again.changes() == [CHANGE] and again.counts() == {"accepted": 1, "rejected": 1, "dropped": 0}
    assert again.about("k").decided and again.settled == {"a"}
    again.take(replace(decision(what="open", change=None), left=1))
    assert again.settled == set()
    assert Decisions.open(tmp_path / "new" / "c.jsonl", "f").about("k") is None
    assert len((tmp_path / "new" / "c.jsonl").read_text().splitlines()) == 5


def test_decisions_about_other_data_stay_and_do_not_count(tmp_path):
    Decisions.open(tmp_path / "c.jsonl", "other").take(decision(fingerprint="other"))
    mine = Decisions.open(tmp_path / "c.jsonl", "f")
    assert mine.changes() == []
    mine.take(decision())
    assert len(Decisions.open(tmp_path / "c.jsonl", "other").changes()) == 1


def test_what_is_no_file_of_decisions_is_refused(tmp_path):
    (tmp_path / "c.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(ValueError, match="c.jsonl line 1 is no decision of this version"):
        Decisions.open(tmp_path / "c.jsonl", "f")


def test_a_killed_process_loses_no_decision_that_was_taken(tmp_path):
    script = f"""
import sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
from clearsight.corrections.changes import Change, Mark
from clearsight.corrections.decisions import Decision, Decisions
decisions = Decisions.open(Path({str(tmp_path / "c.jsonl")!r}), "f")
for k in range(10**6):
    decisions.take(Decision(key=str(k), id="a", what="rejected", change=None, fingerprint="f"))
    print(k, flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    taken = [int(process.stdout.readline()) for _ in range(20)]
    time.sleep(0.01)
    process.kill()
    rest = process.communicate()[0].splitlines()
    last = int(rest[-1]) if rest else taken[-1]
    with open(tmp_path / "c.jsonl", "ab") as file:
        file.write(json.dumps({"version": 1, "key": "torn"}).encode()[:9])
    found = Decisions.open(tmp_path / "c.jsonl", "f")
    assert all(found.about(str(k)) for k in range(last + 1)) and found.about("torn") is None
