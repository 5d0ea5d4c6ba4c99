"""Lines of the log in TensorBoard and MLflow, read back by their own readers; and trackers that are not there."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import clearsight as cs
from clearsight.evaluation.ending import KEPT_BY_SCORE
from clearsight.run import Run
from clearsight.training import trackers

SETTINGS = {"widths": (8, 8), "batch_size": 32, "learning_rate": 1e-9, "precision": "float32", "flips": "none"}


@pytest.fixture(scope="module")
def stopped(stripes, tmp_path_factory):
    """A run that learns nothing, so that its patience runs out, logged to TensorBoard."""
    out = tmp_path_factory.mktemp("runs") / "stopped"
    return cs.train(
        "cnn", stripes, epochs=30, patience=2, save_best=True, log_to="tensorboard", out=out, settings=SETTINGS,
        quiet=True,
    )  # fmt: skip


def points(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {tag: {one.step: one.value for one in events.Scalars(tag)} for tag in events.Tags()["scalars"]}


def test_every_number_of_every_line_is_in_tensorboard(stopped):
    shown = points(stopped.path / "tensorboard")
    lines = [line for line in stopped.read_log() if "step" in line or "saved" in line]
    assert len(lines) >= 4
    for line in lines:
        step = line.get("step", line.get("saved"))
        for name, value in trackers.numbers_of({k: v for k, v in line.items() if k not in ("step", "saved")}).items():
            assert shown[name][step] == pytest.approx(value, rel=1e-5), name
    assert {"score", "losses/cross-entropy" if "losses/cross-entropy" in shown else "score", "kwh"} <= set(shown)


def test_log_card_and_report_say_that_it_stopped_early_and_why(stopped):
    (ended,) = [line["ended"] for line in stopped.read_log() if "ended" in line]
    assert ended["stopped_early"] and ended["kept_best"] and ended["evaluations"] == 3
    card = stopped.read_card()
    assert "2 evaluations in a row" in card.facts["Stopped early"] and "accuracy" in card.facts["Stopped early"]
    assert f"at step {ended['best_step']}" in card.facts["Weights kept"]
    assert KEPT_BY_SCORE in card.notes and "at most 30 epochs" in card.summary
    assert KEPT_BY_SCORE in (stopped.path / "report.html").read_text(encoding="utf-8")


def test_an_audit_says_it_again(stopped, tmp_path):
    import shutil

    shutil.copytree(stopped.path, tmp_path / "again")
    card = cs.audit(tmp_path / "again")
    assert KEPT_BY_SCORE in card.notes and "Stopped early" in card.facts


class Recorder:
    """A tracker that fails at a line of its choice."""

    def __init__(self, fails_at):
        self.lines, self.closed, self.fails_at = [], [], fails_at

    def write(self, numbers, texts, step):
        if len(self.lines) == self.fails_at:
            raise OSError("no space left on device")
        self.lines.append((numbers, texts, step))

    def close(self, state):
        self.closed.append(state)


def with_recorder(monkeypatch, fails_at=99):
    recorder = Recorder(fails_at)
    monkeypatch.setitem(trackers.writing._TRACKERS, "tensorboard", lambda run, step: recorder)
    return recorder


def test_a_tracker_that_fails_is_said_once_and_the_training_goes_on(monkeypatch, capsys, tmp_path):
    recorder = with_recorder(monkeypatch, fails_at=1)
    with trackers.opened("tensorboard", Run(tmp_path), 0) as track:
        for step in range(4):
            track({"step": step, "score": 0.5, "alarm": "collapsing", "bad": float("nan")})
    assert recorder.lines == [({"score": 0.5}, {"alarm": "collapsing"}, 0)] and recorder.closed == []
    assert capsys.readouterr().err.count("no space left on device") == 1


@pytest.mark.parametrize(
    ("error", "state"), [(None, "finished"), (KeyboardInterrupt, "interrupted"), (ValueError, "failed")]
)
def test_a_tracker_is_told_how_it_ended(monkeypatch, tmp_path, error, state):
    recorder = with_recorder(monkeypatch)
    try:
        with trackers.opened("tensorboard", Run(tmp_path), 0):
            if error is not None:
                raise error
    except (KeyboardInterrupt, ValueError):
        pass
    assert recorder.closed == [state]


def test_numbers_of_a_line_are_named_by_their_place():
    line = {"score": None, "losses": {"box": np.float32(0.5)}, "cost": {"kwh": (1.0, 2.0, 3.0), "device": "cpu"}}
    assert trackers.numbers_of(line) == {
        "losses/box": 0.5, "cost/kwh/low": 1.0, "cost/kwh/middle": 2.0, "cost/kwh/high": 3.0
    }  # fmt: skip


def test_a_missing_or_unknown_tracker_is_one_error_before_anything_is_made(stripes, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="no tracker 'wandb'. Expected tensorboard or mlflow"):
        cs.train("cnn", stripes, out=tmp_path / "a", log_to="wandb")
    monkeypatch.setattr(trackers.writing.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install '\.\[mlflow\]'"):
        cs.train("cnn", stripes, out=tmp_path / "b", log_to="mlflow")
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()


def test_tables_and_resumed_runs_refuse_what_they_cannot_do(stopped, tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n" + "".join(f"{k},{2 * k}\n" for k in range(60)))
    for choice in ({"patience": 3}, {"save_best": True}, {"log_to": "tensorboard"}):
        with pytest.raises(ValueError, match=next(iter(choice))):
            cs.train("linear", tmp_path / "rows.csv", target="b", out=tmp_path / "c", **choice)
        with pytest.raises(ValueError, match=next(iter(choice))):
            cs.train(resume=stopped.path, **choice)


def test_there_must_be_a_score_to_decide_by(stripes, tmp_path):
    split = tmp_path / "split"
    import shutil

    for name in ("train", "test"):
        shutil.copytree(stripes, split / name)
    with pytest.raises(ValueError, match="no validation pictures to tell when to stop"):
        cs.train("cnn", split, patience=3, out=tmp_path / "d", settings={**SETTINGS, "held_out": 0}, quiet=True)


MLFLOW = """
import json, os, socket, sys
from pathlib import Path
asked = []
connect = socket.socket.connect
def refuse(self, address):
    asked.append(str(address))
    raise OSError("no network in this test")
socket.socket.connect = refuse
socket.getaddrinfo = lambda *words, **more: (asked.append(str(words)), (_ for _ in ()).throw(OSError("no network")))[1]

from clearsight.run import Run
from clearsight.training import trackers

run = Run(Path("run"))
for sitting in (0, 3):
    with trackers.opened("mlflow", run, sitting) as track:
        for step in range(sitting, sitting + 3):
            track({"step": step, "score": step / 10, "losses": {"box": 1.0 / (step + 1)}})
        track({"alarm": "all alike", "step": sitting + 2})
from mlflow.telemetry import get_telemetry_client
from mlflow.tracking import MlflowClient
kept = run.config.settings["mlflow"]
client = MlflowClient(tracking_uri=kept["file"])
found = client.get_run(kept["run"])
print(json.dumps({
    "asked": asked, "telemetry": get_telemetry_client() is not None, "status": found.info.status,
    "steps": [one.step for one in client.get_metric_history(kept["run"], "score")],
    "box": [one.value for one in client.get_metric_history(kept["run"], "losses/box")],
    "model": found.data.params["model"], "rate": found.data.params["training.learning_rate"],
    "alarm": found.data.tags["alarm"], "runs": len(client.search_runs([found.info.experiment_id])),
}))
"""


def test_mlflow_gets_the_lines_a_resumed_run_goes_on_in_the_same_one_and_nothing_is_sent_home(stopped, tmp_path):
    import shutil

    shutil.copytree(stopped.path, tmp_path / "run")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW", "PYTEST", "CI", "GITHUB"))}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MLFLOW], cwd=tmp_path, env=clean, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["asked"] == [] and found["telemetry"] is False
    assert found["steps"] == [0, 1, 2, 3, 4, 5] and found["box"] == pytest.approx([1 / k for k in range(1, 7)])
    assert found["status"] == "FINISHED" and found["runs"] == 1 and found["model"] == "cnn"
    assert found["rate"] == "1e-09" and found["alarm"] == "step 5: all alike"
    assert (tmp_path / "mlflow.db").is_file()
