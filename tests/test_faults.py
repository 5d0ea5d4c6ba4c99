"""What may go wrong while training: kills, Ctrl-C, numbers that overflow, full disks, changed data, two at once."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

import clearsight as cs
from clearsight import cli
from clearsight.run import Run
from clearsight.training import process as room
from clearsight.training.loop import Diverged

FIELDS = ("size_px=64", "width=16", "backbone=regnetx_002", "batch_size=8", "precision=float32", "optimizer=adamw")
SMALL = [word for field in FIELDS for word in ("--set", field)]

# A training as the command does it, but one that saves all the time.
DRIVER = """
import sys
from clearsight import cli
from clearsight.training import process as room
if __name__ == "__main__":
    room.SAVE_EVERY_S = 0.02
    sys.argv = ["clearsight", *sys.argv[1:]]
    cli.main()
"""


def wait_for(condition, seconds=90.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.01)


def saved_steps(folder: Path) -> int:
    return (
        Run(folder).read_log()[-1].get("saved", 0) if (folder / "log.jsonl").is_file() and Run(folder).read_log() else 0
    )


def same_weights(one: Run, other: Run) -> bool:
    first, second = one.read_weights(), other.read_weights()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture
def command(monkeypatch, capsys):
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["clearsight", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        return stop.value.code, capsys.readouterr().err

    return run


def test_ctrl_c_saves_and_says_how_to_go_on_and_the_end_is_the_same(
    command, monkeypatch, rectangles, tiny_run, tmp_path
):
    folder, handler = tmp_path / "run", signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(room, "SAVE_EVERY_S", 0.02)

    def press():
        wait_for(lambda: saved_steps(folder) >= 15)
        os.kill(os.getpid(), signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    status, err = command("train", "yolo", rectangles, "--epochs", "12", *SMALL, "--out", folder, "--quiet")
    presser.join()
    run = Run.open(folder)
    assert status == 130 and err == f"stopped and saved. Go on with: clearsight train --resume {folder}\n"
    assert run.config.state == "interrupted" and run.has_weights and run.has_checkpoint
    assert 15 <= run.read_checkpoint()["step"] < 60
    assert signal.getsignal(signal.SIGINT) is handler
    before = run.read_log()[-1]["cost"]["seconds"]

    monkeypatch.setattr(room, "SAVE_EVERY_S", 60.0)
    cs.train(resume=folder, quiet=True)
    assert run.config.state == "finished" and not run.has_checkpoint
    assert same_weights(run, tiny_run), "stopping changed what was learnt"
    assert run.read_log()[-1]["saved"] == 60 and run.read_card().responsible is None
    assert run.read_log()[-1]["cost"]["seconds"] > before, "the first sitting's cost was forgotten"
    assert run.read_card().cost.seconds > run.read_log()[-1]["cost"]["seconds"]


@pytest.mark.slow
def test_killed_at_any_moment_the_end_is_the_same(rectangles, tiny_run, tmp_path):
    (tmp_path / "driver.py").write_text(DRIVER)
    folder = tmp_path / "run"
    words = ["train", "yolo", str(rectangles), "--epochs", "12", *SMALL, "--out", str(folder), "--quiet"]
    for step in (2, 17, 31):
        process = subprocess.Popen([sys.executable, tmp_path / "driver.py", *words])
        try:
            wait_for(lambda step=step: saved_steps(folder) >= step)
            time.sleep(0.003 * step)  # somewhere between two checkpoints, or within one
        finally:
            process.kill()
            process.wait()
        run = Run.open(folder)
        assert run.config.state == "training" and run.read_checkpoint()["step"] >= step, "a saved checkpoint was lost"
        words = ["train", "--resume", str(folder), "--quiet"]
    finished = subprocess.run([sys.executable, "-m", "clearsight", *words], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert same_weights(Run.open(folder), tiny_run), "being killed changed what was learnt"
    assert not [path for path in folder.iterdir() if "unfinished" in path.name]


@pytest.mark.parametrize("rate", ["1e9", "1e30"])
def test_a_loss_that_is_no_number_stops_with_advice_and_finite_weights(command, rectangles, tmp_path, rate):
    folder = tmp_path / "run"
    status, err = command(
        "train", "yolo", rectangles, "--epochs", "12", *SMALL, "--set", f"learning_rate={rate}", "--quiet",
        "--out", folder,
    )  # fmt: skip
    run = Run.open(folder)
    assert status == 1 and "Traceback" not in err and len(err.splitlines()) == 1
    assert "became NaN or infinite at step" in err and "--set learning_rate=" in err
    assert run.config.state == "failed"
    assert all(value.isfinite().all() for value in run.read_weights().values()), "the weights kept are not numbers"
    evidence = cs.predict(run, rectangles / "JPEGImages" / "scene050.png", min_score=0.0)
    assert len(evidence.predictions) == 1


def test_diverging_is_an_error_of_its_own_in_python(rectangles, tmp_path):
    with pytest.raises(Diverged, match="learning_rate"):
        cs.train(
            "yolo", rectangles, epochs=12, out=tmp_path / "run", quiet=True,
            settings={"size_px": 64, "width": 16, "backbone": "regnetx_002", "learning_rate": 1e20},
        )  # fmt: skip


def test_a_full_disk_while_saving_is_one_clear_error(command, rectangles, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, hard))
    try:
        status, err = command(
            "train", "yolo", rectangles, "--epochs", "0.2", *SMALL, "--quiet", "--out", tmp_path / "run"
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert status == 2 and "Traceback" not in err and len(err.splitlines()) == 1
    assert "could not write checkpoint.safetensors" in err and "Free some space" in err
    run = Run.open(tmp_path / "run")
    assert run.config.state == "failed" and not run.has_checkpoint
    assert not [path for path in run.path.iterdir() if "unfinished" in path.name]


@pytest.fixture
def stopped(tiny_run, rectangles, tmp_path):
    """A run that was stopped, and the data it was trained on, both to be changed at will."""
    shutil.copytree(tiny_run.path, tmp_path / "run")
    shutil.copytree(rectangles, tmp_path / "rectangles")
    run = Run.open(tmp_path / "run")
    run.change(state="interrupted", data=str(tmp_path / "rectangles"))
    return run


@pytest.mark.parametrize("what", ["picture", "box", "group"])
def test_data_that_changed_meanwhile_are_refused(stopped, what):
    place = Path(stopped.config.data)
    if what == "picture":
        shutil.copy(place / "JPEGImages" / "scene001.png", place / "JPEGImages" / "scene000.png")
    elif what == "box":
        file = place / "Annotations" / "scene000.xml"
        file.write_text(file.read_text().replace("<name>", "<name>b", 1).replace("<name>bleaf", "<name>brick", 1)
                        .replace("<name>bbrick", "<name>leaf", 1))  # fmt: skip
    else:
        table = place / "attributes.csv"
        table.write_text(table.read_text().replace("day", "dusk", 1))
    with pytest.raises(ValueError, match="changed. Restore the data, or train a new run"):
        cs.train(resume=stopped.path, quiet=True)
    assert (stopped.path / "weights.safetensors").is_file() and (stopped.path / "card.json").is_file()


def test_two_trainings_into_one_folder_are_refused(stopped, rectangles):
    with stopped.lock(), pytest.raises(ValueError, match=f"trained by another process.*{os.getpid()}"):
        cs.train(resume=stopped.path, quiet=True)
    with pytest.raises(ValueError, match="holds a run already"):
        cs.train("yolo", rectangles, out=stopped.path)
    assert stopped.config.state == "interrupted"


@pytest.mark.slow
def test_two_processes_train_one_usable_model(rectangles, tmp_path):
    folder = tmp_path / "run"
    words = [
        "train",
        "yolo",
        rectangles,
        "--epochs",
        "12",
        *SMALL,
        "--devices",
        "2",
        "--out",
        folder,
        "--json",
        "--quiet",
    ]
    found = subprocess.run(
        [sys.executable, "-m", "clearsight", *map(str, words)], capture_output=True, text=True, timeout=500
    )
    assert found.returncode == 0, found.stderr
    card = json.loads(found.stdout)["card"]
    run = Run.open(folder)
    assert run.config.settings["devices"] == 2 and run.config.settings["training"]["batch_size"] == 8
    assert run.read_log()[-1]["saved"] == 60, "the effective batch, so the number of steps, is that of one process"
    named = {
        finding["metric"]: finding["value"] for finding in card["findings"] if finding["question"] == "what it does"
    }
    assert named["AP50"] > 0.1, "half the batch each taught nothing"
    assert (folder / "report.html").is_file() and run.config.state == "finished"
