"""The demo is bounded by time, whatever the processor, and goes the whole way to a report with the audit of the ink."""

import inspect
import time

import clearsight as cs


def test_the_demo_trains_for_minutes_and_audits_the_ink(tmp_path):
    assert inspect.signature(cs.demo).parameters["minutes"].default <= 2.5  # half a minute is left for judging
    began = time.monotonic()
    run = cs.demo(minutes=0.05, out=tmp_path / "demo", quiet=True)
    assert run.config.settings["budget"] == {"minutes": 0.05}
    trained = max(line["seconds"] for line in run.read_log() if "seconds" in line)
    assert 3 <= trained < time.monotonic() - began
    gaps = [one for one in run.read_card().findings if one.question == "whom it fails"]
    assert any("faint" in one.claim for one in gaps) and (run.path / "report.html").is_file()
