"""A forecast: the arithmetic by hand, and one from the command's own face that leaves nothing behind."""

import tempfile
from pathlib import Path

import pytest

import clearsight
from clearsight.printing import forecast as printing
from clearsight.run import Run
from clearsight.training import forecast as module
from clearsight.training.forecast import _Pass, _projected
from clearsight.training.loop import Budget, Clock
from clearsight.types import Cost

SMALL = {"widths": (16,), "batch_size": 16}


def passed(seconds, watts, steps=10):
    """A pass of so many steps at [low, mid, high] watts."""
    kwh = tuple(each * seconds / 3.6e6 for each in watts)
    return _Pass(steps, Cost(seconds=seconds, kwh=kwh, how="modelled", device="d", parts={"cpu": kwh}))


PASSES = [passed(1.0, (5.0, 10.0, 20.0)), passed(2.0, (6.0, 12.0, 24.0))]


def test_epochs_fix_the_steps():
    cost, seconds, steps = _projected(Budget(epochs=3), 100, PASSES, 0.05)
    assert steps == (100, 100, 100)
    assert seconds == pytest.approx((10.0, 15.0, 21.0))  # 0.1 and 0.2 s a step, and 5% of validation
    joules = (5 * 10, (10 * 10 + 12 * 20) / 2, 24 * 20 * 1.05)
    assert cost.kwh == pytest.approx([one / 3.6e6 for one in joules])
    assert cost.stages["training"].kwh == cost.kwh and cost.seconds == pytest.approx(15.0)


def test_minutes_fix_the_time():
    cost, seconds, steps = _projected(Budget(minutes=2), None, PASSES, 0.05)
    assert seconds == (120.0, 120.0, 120.0)
    assert cost.kwh == pytest.approx([watts * 120 / 3.6e6 for watts in (5.0, 11.0, 24.0)])
    assert steps == pytest.approx((600, 800, 1200))


def test_energy_fixes_the_middle_of_the_energy():
    cost, seconds, _ = _projected(Budget(kwh=0.001), None, PASSES, 0.05)
    assert cost.kwh == pytest.approx((0.001 * 5 / 11, 0.001, 0.001 * 24 / 11))
    assert seconds == pytest.approx((3600 / 12, 3600 * (1 / 10 + 1 / 12) / 2, 3600 / 10))


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Half a second of measuring, in an empty folder, with temporary files where they can be seen."""
    monkeypatch.setattr(module, "FIRST_S", 0.2)
    monkeypatch.setattr(module, "MEASURED_S", 0.5)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path


def test_a_forecast_leaves_nothing_behind(quick, stripes):
    found = clearsight.forecast("mlp", stripes, epochs=4, zone="fra", settings=SMALL, quiet=True)
    left = [path for path in quick.rglob("*") if path.name == "run.json" or "forecast" in path.name]
    assert not left and not (quick / "runs").exists()
    assert found.steps[0] == found.steps[2] == found.steps[1] and found.measured_steps >= 2
    for low, mid, high in (found.seconds, found.cost.kwh, found.cost.kg_co2e):
        assert 0 < low <= mid <= high
    assert list(found.cost.stages) == ["training", "evaluation"] and found.cost.zone == "FRA"
    assert found.cost.kwh[1] == pytest.approx(sum(stage.kwh[1] for stage in found.cost.stages.values()))
    text = printing.forecast(found)
    assert "passes" in text and "CO₂e (grid zone FRA)" in text and "Not in it" in text


def test_a_forecast_on_a_machine_that_has_no_time_for_one_step(quick, monkeypatch, stripes):
    monkeypatch.setattr(module, "FIRST_S", 1e-9)
    found = clearsight.forecast("mlp", stripes, epochs=1, settings=SMALL, quiet=True)
    assert found.measured_steps >= 1 and 0 < found.seconds[0] <= found.seconds[2]


def test_what_training_refuses_is_refused(quick):
    with pytest.raises(ValueError, match="no grid zone"):
        clearsight.forecast("mlp", "digits", zone="Atlantis")
    with pytest.raises(ValueError, match="nothing to train"):
        clearsight.forecast()
    Path("table.csv").write_text("a,label\n1,x\n2,y\n")
    with pytest.raises(ValueError, match="learns from a table in one go"):
        clearsight.forecast("logistic", "table.csv")


def test_the_energy_budget_ends_a_training_which_is_then_judged(tmp_path, stripes):
    budget = 4e-6  # kWh: what two cores take in a second or so
    run = clearsight.train(
        "mlp", stripes, budget_kwh=budget, out=tmp_path / "run", settings=SMALL, seed=1, quiet=True
    )  # fmt: skip
    cost = run.read_card().cost
    training = cost.stages["training"]
    watts = training.kwh[1] * 3.6e6 / training.seconds
    assert run.config.state == "finished" and (run.path / "report.html").is_file()
    assert list(cost.stages) == ["training", "evaluation", "audit"]
    assert cost.stages["evaluation"].pictures > 0
    # The power is read each second or, on a busy host, each few; the data are made ready before the first step.
    assert 0.9 * budget < training.kwh[1] < budget + watts * 15 / 3.6e6
    logged = [row["cost"]["kwh"][1] for row in run.read_log() if "cost" in row][-1]
    assert logged >= budget


def test_a_resumed_run_has_used_what_it_used_before():
    class Meter:
        """A meter that was begun with the cost of a former sitting."""

        def kwh_so_far(self):
            return 0.6

    assert Clock(Budget(kwh=1.0), 10, Meter()).progress() == pytest.approx(0.6)


def test_stages_are_kept_with_the_run_and_grow_by_each_audit(tmp_path, stripes):
    run = clearsight.train("mlp", stripes, epochs=1, out=tmp_path / "run", settings=SMALL, zone="NOR", quiet=True)
    before = run.read_card().cost
    clearsight.audit(run)
    after = Run.open(run.path).read_card().cost
    assert after.stages["training"] == before.stages["training"] and after.zone == "NOR"
    assert after.stages["evaluation"].pictures > before.stages["evaluation"].pictures
    assert after.kwh[1] > before.kwh[1] and after.kg_co2e[1] > before.kg_co2e[1]
