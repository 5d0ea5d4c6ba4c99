"""A sweep from the command's own face: whole, resumed, with a trial that fails, and what is refused."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import clearsight
from clearsight.files import durable
from clearsight.printing import sweeping
from clearsight.run import Run
from clearsight.sweeps import folder as folder_module
from clearsight.sweeps.folder import Folder
from clearsight.verbs import sweep as module

COMMON = {"batch_size": 16, "precision": "float32"}
SWEEP = [sys.executable, "-m", "clearsight", "sweep"]
ASKED = ["--epochs", "2", "--set", "batch_size=16", "--set", "precision=float32", "--seeds", "2", "--quiet"]


@pytest.fixture(scope="module")
def swept(tmp_path_factory, stripes):
    """Two widths and two dropouts with two seeds each: eight short trials."""
    return clearsight.sweep(
        "mlp", stripes, vary=["widths=8/32", "dropout=0.0,0.3"], seeds=2, trials=8, epochs=1, settings=COMMON,
        zone="NOR", out=tmp_path_factory.mktemp("sweeps") / "sweep", quiet=True,
    )  # fmt: skip


def test_every_configuration_meets_every_seed(swept):
    found = {(one.settings["widths"], one.settings["dropout"], one.seed) for one in swept.trials}
    assert len(found) == len(swept.trials) == 8 and swept.failed == 0
    for one in swept.trials:
        run = Run.open(one.run)
        assert run.config.state == "finished" and run.config.seed == one.seed
        assert run.config.settings["model"]["widths"] == (int(one.settings["widths"]),)
        assert run.config.settings["training"]["batch_size"] == 16
        card = run.read_card()
        assert one.score == pytest.approx(next(f.value for f in card.findings if f.metric == swept.metric))


def test_the_best_is_the_highest_mean_and_its_correction_lies_below(swept):
    means = {}
    for one in swept.trials:
        means.setdefault(tuple(one.settings.items()), []).append(one.score)
    best = max(means.values(), key=sum)
    assert swept.best.score == pytest.approx(sum(best) / 2) and not swept.best.untouched
    assert swept.best.optimism >= 0 and swept.best.corrected == pytest.approx(swept.best.score - swept.best.optimism)
    assert swept.best.ends[0] <= swept.best.corrected <= swept.best.ends[1]
    assert swept.variance is None and "Fewer than 6 configurations" in swept.claim


def test_the_cost_is_that_of_all_trials(swept):
    each = [Run.open(one.run).read_card().cost for one in swept.trials]
    assert swept.cost.kwh[1] >= sum(one.kwh[1] for one in each)
    assert swept.cost.kwh[1] == pytest.approx(sum(one.kwh[1] for one in swept.trials))
    assert swept.cost.zone == "NOR" and swept.cost.stages["evaluation"].pictures > 0 and swept.unmetered == 0


def test_page_and_text_hold_the_results(swept):
    page = Path(swept.page).read_text(encoding="utf-8")
    assert "Sweep of mlp on stripes" in page and "plot wide" in page and "trial 8" in page
    results = json.loads((Path(swept.folder) / "results.json").read_text())
    assert len(results["trials"]) == 8 and results["best"]["settings"] == dict(swept.best.settings)
    text = sweeping.swept(swept)
    assert swept.claim in text and "in zone NOR" in text and swept.page in text


def test_a_sweep_that_ended_is_told_again_and_nothing_is_trained(swept, monkeypatch):
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a trial was run twice")

    monkeypatch.setattr(module, "train", never)
    again = clearsight.sweep(resume=swept.folder, quiet=True)
    assert again.trials == swept.trials and again.best == swept.best


def test_a_trial_that_fails_is_kept_counted_and_not_chosen(tmp_path, monkeypatch, stripes):
    train, trained = module.train, []

    def failing(*arguments, **options):
        trained.append(options["settings"]["widths"])
        if options["settings"]["widths"] == "32" and options["seed"] == 1:
            raise RuntimeError("out of memory")
        return train(*arguments, **options)

    monkeypatch.setattr(module, "train", failing)
    found = clearsight.sweep(
        "mlp", stripes, vary=["widths=8/16/32"], seeds=2, trials=6, epochs=1, settings=COMMON, quiet=True,
        out=tmp_path / "sweep",
    )  # fmt: skip
    (failed,) = [one for one in found.trials if one.state == "failed"]
    assert found.failed == 1 and failed.error == "out of memory" and failed.kwh is not None
    assert found.best.settings["widths"] != "32" and len(trained) == 6
    assert "1 of which failed" in found.claim and "out of memory" in Path(found.page).read_text()
    assert clearsight.sweep(resume=found.folder, quiet=True).failed == 1 and len(trained) == 6


def test_all_trials_failing_says_why(tmp_path, monkeypatch, stripes):
    def failing(*_: object, **__: object) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(module, "train", failing)
    with pytest.raises(ValueError, match="all 4 trials of .* failed. The first said: no such luck"):
        clearsight.sweep("mlp", stripes, vary=["widths=8/16"], seeds=2, trials=4, epochs=1, out=tmp_path / "s",
                         quiet=True)  # fmt: skip


def test_a_trial_that_kills_its_process_again_and_again_is_given_up(tmp_path, swept):
    place = tmp_path / "sweep"
    design = Folder.open(swept.folder).design
    folder = Folder.create(place, design)
    for _ in range(folder_module.MOST_BEGINNINGS):
        folder.begins(1)
    assert folder.waiting() == ([2, 3, 4, 5, 6, 7, 8], [1])


def wait_for(path, what, process, seconds=300):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, process.returncode
        if path.is_file() and what(durable.read_lines(path)):
            return
        time.sleep(0.05)
    raise AssertionError("nothing came")


def begun_after(outcomes):
    """Whether so many trials have ended, and another has begun."""
    return lambda rows: sum("outcome" in row for row in rows) >= outcomes and "begins" in rows[-1]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_killed_sweep_goes_on_with_the_same_trials(tmp_path, stripes):
    place = tmp_path / "sweep"
    asked = [*SWEEP, "mlp", str(stripes), *ASKED, "--vary", "widths=8/32", "--trials", "4"]
    process = subprocess.Popen([*asked, "--out", str(place)])
    wait_for(place / "log.jsonl", begun_after(2), process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = Folder.open(place).outcomes()
    cards = {number: (place / f"trials/{number:03d}/card.json").stat().st_mtime_ns for number in before}
    design = (place / "sweep.json").read_bytes()
    found = clearsight.sweep(resume=place, quiet=True)
    assert (place / "sweep.json").read_bytes() == design and len(found.trials) == 4 and found.failed == 0
    assert {number: Folder.open(place).outcomes()[number] for number in before} == before
    for number, written in cards.items():  # what had ended was not run again
        assert (place / f"trials/{number:03d}/card.json").stat().st_mtime_ns == written
    rows = [row["outcome"]["trial"] for row in durable.read_lines(place / "log.jsonl") if "outcome" in row]
    assert sorted(rows) == [1, 2, 3, 4]


def killed_and_resumed_on_ray(place, data, trials, after):
    """A sweep on Ray with two workers, killed after some trials and resumed: its log, and what had ended before."""
    vary = "widths=8/32" if trials == 4 else "widths=8/12/16/24/32/48"
    on_ray = ["--ray", "local", "--workers", "2"]
    asked = [*SWEEP, "mlp", str(data), *ASKED, "--vary", vary, "--trials", str(trials), *on_ray]
    process = subprocess.Popen([*asked, "--out", str(place)])
    wait_for(place / "log.jsonl", begun_after(after), process, 600)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = set(Folder.open(place).outcomes())
    time.sleep(2)  # Ray ends what it had begun when its driver is gone
    done = subprocess.run(
        [*SWEEP, "--resume", str(place), *on_ray, "--quiet", "--json"], capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["trials"]) == trials and found["failed"] == 0
    rows = durable.read_lines(place / "log.jsonl")
    ended = [row["outcome"]["trial"] for row in rows if "outcome" in row]
    assert sorted(ended) == list(range(1, trials + 1))  # none lost, none twice
    began = [row["begins"] for row in rows if "begins" in row]
    assert all(began.count(number) == 1 for number in before)
    assert sum(began.count(number) > 1 for number in range(1, trials + 1)) <= 2  # what the two workers had begun
    for number in range(1, trials + 1):
        assert Run.open(place / f"trials/{number:03d}").config.state == "finished"


def needs_ray():
    pytest.importorskip("ray", reason="the extra sweep is not installed: pip install '.[sweep]'")


@pytest.mark.slow
def test_two_workers_on_ray_killed_and_resumed(tmp_path, stripes):
    needs_ray()
    killed_and_resumed_on_ray(tmp_path / "sweep", stripes, trials=4, after=1)


@pytest.mark.slow
def test_twelve_trials_on_ray_killed_and_resumed(tmp_path, stripes):
    needs_ray()
    killed_and_resumed_on_ray(tmp_path / "sweep", stripes, trials=12, after=5)


def test_without_ray_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r"ray is not installed.*\.\[sweep\]"):
        clearsight.sweep("mlp", "digits", vary=["widths=8/16"], epochs=1, ray="local", workers=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "nothing is varied"),
        ({"vary": ["widths=8/16"]}, "no budget was given"),
        ({"vary": ["widths=8/16"], "epochs": 0}, "budget is 0"),
        ({"vary": ["width=8,16"], "epochs": 1}, "no setting 'width'.*widths"),
        ({"vary": ["dropout=0.5,1.5"], "epochs": 1}, "dropout is 1.5"),
        ({"vary": ["held_out=0.1,0.2"], "epochs": 1}, "held_out cannot be varied"),
        ({"vary": ["widths=8/16"], "epochs": 1, "settings": {"widths": "8"}}, "both set and varied"),
        ({"vary": ["widths=8/16"], "epochs": 1, "seeds": 1}, "seeds is 1"),
        ({"vary": ["widths=8/16"], "epochs": 1, "seeds": 3, "trials": 7}, "7 trials cannot be shared by 3 seeds"),
        ({"vary": ["widths=8/16"], "epochs": 1, "seeds": 2, "trials": 6}, "3 configurations.*2 combinations"),
        ({"vary": ["widths=8/16"], "epochs": 1, "workers": 2}, "workers is 2"),
        ({"vary": ["widths=8/16"], "epochs": 1, "zone": "Atlantis"}, "no grid zone"),
    ],
)
def test_what_cannot_be_is_refused_before_a_folder_is_made(options, message, tmp_path, monkeypatch, stripes):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        clearsight.sweep("mlp", stripes, quiet=True, **options)
    assert not any(tmp_path.iterdir())


def test_other_models_and_folders_are_refused(tmp_path):
    with pytest.raises(ValueError, match="vae cannot be swept"):
        clearsight.sweep("vae", "digits", vary=["size_px=16,32"], epochs=1)
    with pytest.raises(ValueError, match="nothing to train"):
        clearsight.sweep()
    with pytest.raises(ValueError, match="holds no sweep to go on with"):
        clearsight.sweep(resume=tmp_path)
    with pytest.raises(ValueError, match="vary cannot be changed"):
        clearsight.sweep(resume=tmp_path, vary=["a=1,2"])
