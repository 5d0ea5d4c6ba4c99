"""The meter: known power gives known energy, work costs more than rest, children count, nothing is left running."""

import dataclasses
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from clearsight.energy import meter as module
from clearsight.energy.costs import add, assumed
from clearsight.energy.meter import Meter
from clearsight.energy.power import Rapl
from clearsight.types import Cost

SPIN = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass"
SOME = Cost(seconds=2.0, kwh=(1.0, 2.0, 3.0), how="measured", device="d", parts={"cpu": (1.0, 2.0, 3.0)}, notes=("n",))


def spin(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def watts(cost: Cost, part: str = "cpu") -> float:
    return cost.parts[part][1] * 3.6e6 / cost.seconds


def test_100_watts_for_an_hour() -> None:
    cost = assumed("lamp", (100.0, 100.0, 100.0), 3600.0)
    assert cost.kwh == pytest.approx((0.1, 0.1, 0.1))
    assert cost.how == "assumed"


def test_strubell_2019() -> None:
    # Table 3 there: Transformer (big) with neural architecture search; 0.954 lb per kWh and PUE 1.58 as in section 2.
    cost = assumed("8 P100", (1515.43, 1515.43, 1515.43), 274_120 * 3600.0, pue=1.58)
    assert cost.kwh[1] * 0.954 == pytest.approx(626_155, abs=1)


def test_a_cost_is_in_order_and_adds_up() -> None:
    began = time.perf_counter()
    with Meter() as meter:
        spin(0.2)
    cost = meter.cost()
    assert 0.1 < cost.seconds < time.perf_counter() - began
    assert 0 < cost.kwh[0] <= cost.kwh[1] <= cost.kwh[2]
    for low, mid, high in cost.parts.values():
        assert 0 <= low <= mid <= high
    for index in range(3):
        assert cost.kwh[index] == pytest.approx(sum(part[index] for part in cost.parts.values()))
    assert any(note.startswith("cpu:") and "idle" in note for note in cost.notes) or cost.how == "measured"
    assert any(note.startswith("PUE 1:") for note in cost.notes)
    assert cost.zone is None is cost.kg_co2e
    assert cost == meter.cost()


@pytest.mark.skipif(bool(Rapl().kinds), reason="the energy counters see the whole machine")
def test_work_costs_more_than_rest() -> None:
    with Meter() as rest:
        time.sleep(0.4)
    with Meter() as work:
        spin(0.4)
    assert watts(work.cost()) > 1.2 * watts(rest.cost())


@pytest.mark.skipif(bool(Rapl().kinds), reason="the energy counters see the whole machine")
@pytest.mark.parametrize("waited", [True, False])
def test_children_count(waited: bool) -> None:
    with Meter() as rest:
        time.sleep(0.5)
    with Meter() as work:
        child = subprocess.Popen([sys.executable, "-c", SPIN.format(0.5 if waited else 60)])
        if waited:
            child.wait()
        else:
            time.sleep(0.8)
            cost = work.cost()
            child.kill()
            child.wait()
    assert watts(work.cost() if waited else cost) > 1.2 * watts(rest.cost())


def test_processor_seconds_are_those_of_the_family() -> None:
    import psutil

    process = psutil.Process()
    before, _ = module._processor_seconds(process)
    # A child with a child of its own, half of the work each.
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {SPIN.format(0.3)!r}])\n{SPIN.format(0.3)}"
    subprocess.run([sys.executable, "-c", code], check=True)
    after, resident = module._processor_seconds(process)
    assert 0.6 <= after - before < 2.0
    assert 0.01 < resident < 1000


def test_kwh_so_far_is_cheap_and_grows() -> None:
    with Meter(period_s=0.05) as meter:
        seen = [meter.kwh_so_far()]
        deadline = time.perf_counter() + 30
        while len(seen) < 4 and time.perf_counter() < deadline:
            spin(0.01)
            if meter.kwh_so_far() not in seen:
                seen.append(meter.kwh_so_far())
        began = time.perf_counter()
        for _ in range(10_000):
            meter.kwh_so_far()
        assert (time.perf_counter() - began) / 10_000 < 20e-6
    assert 0 <= seen[0] < seen[1] < seen[2] < seen[3] <= meter.kwh_so_far()
    assert meter.kwh_so_far() == meter.cost().kwh[1]


def test_pue_multiplies() -> None:
    one, two = Meter(), Meter(pue=2.0)
    for each in (one, two):
        each._joules = {"cpu": (1.0, 2.0, 3.0), "memory": (0.0, 0.0, 0.0)}
    assert two.cost().kwh == pytest.approx([2 * kwh for kwh in one.cost().kwh])
    assert one.cost().kwh[1] == pytest.approx(2 / 3.6e6)
    for bad in (0.9, float("nan")):
        with pytest.raises(ValueError, match="pue is"):
            Meter(pue=bad)
    with pytest.raises(ValueError, match="TDP"):
        Meter(tdp_w=0)


def test_a_known_nominal_power_narrows_the_range() -> None:
    with Meter() as unknown, Meter(tdp_w=8.0 * (os.cpu_count() or 1)) as known:
        spin(0.2)
    if known.cost().how == "modelled":
        spread = [cost.parts["cpu"][2] / cost.parts["cpu"][0] for cost in (unknown.cost(), known.cost())]
        assert spread[1] < spread[0]


def test_nothing_is_left_running() -> None:
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), Meter() as meter:
        assert threading.active_count() == before + 1
        _ = 1 / 0
    assert threading.active_count() == before
    assert meter.cost().kwh[1] > 0


def test_a_meter_goes_on() -> None:
    with Meter() as meter:
        time.sleep(0.05)
    first = meter.cost()
    time.sleep(0.3)
    began = time.perf_counter()
    with meter:
        time.sleep(0.05)
        with pytest.raises(RuntimeError, match="runs already"):
            meter.__enter__()
    assert first.seconds + 0.05 <= meter.cost().seconds <= first.seconds + time.perf_counter() - began


def test_a_resumed_run_keeps_its_total() -> None:
    with Meter(start=SOME) as meter:
        assert meter.kwh_so_far() >= 2.0
        time.sleep(0.02)
    cost = meter.cost()
    assert cost.seconds > 2.0
    assert cost.kwh[0] > 1.0
    assert cost.parts["cpu"][1] > 2.0
    assert cost.notes[0] == "n"


def test_costs_add() -> None:
    other = dataclasses.replace(SOME, how="assumed", device="e", parts={"gpu 0": (0.5, 0.5, 0.5)}, notes=("n", "m"))
    total = add(SOME, other)
    assert total.seconds == 4.0
    assert total.kwh == (2.0, 4.0, 6.0)
    assert total.how == "assumed"
    assert total.device == "d; e"
    assert total.parts == {"cpu": (1.0, 2.0, 3.0), "gpu 0": (0.5, 0.5, 0.5)}
    assert total.notes == ("n", "m")
    assert add(SOME) == SOME
    with pytest.raises(ValueError, match="no costs"):
        add()


def test_carbon_adds_only_in_one_zone() -> None:
    here = dataclasses.replace(SOME, zone="FRA", kg_co2e=(1.0, 2.0, 3.0))
    assert add(here, here).kg_co2e == (2.0, 4.0, 6.0)
    for other in (SOME, dataclasses.replace(here, zone="NOR")):
        assert add(here, other).kg_co2e is None is add(here, other).zone


@pytest.mark.parametrize("bad", [((2.0, 1.0, 3.0), 1.0), ((-1.0, 1.0, 3.0), 1.0), ((1.0, 1.0, 1.0), -1.0)])
def test_impossible_assumptions(bad: tuple) -> None:
    with pytest.raises(ValueError, match="the power is"):
        assumed("d", *bad)


class Machine:
    """A host with an energy counter that starts again after 30 J."""

    def __init__(self, root: Path) -> None:
        self.file = root / "sys/class/powercap/intel-rapl:0/energy_uj"
        self.file.parent.mkdir(parents=True)
        (self.file.parent / "name").write_text("package-0\n")
        (self.file.parent / "max_energy_range_uj").write_text("30000000\n")
        self.file.write_text("12000000\n")

    def use(self, joules: int) -> None:
        self.file.write_text(str((int(self.file.read_text()) + joules * 10**6) % 30_000_000))


def test_measured_where_the_counters_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path)
    monkeypatch.setattr(module, "Rapl", lambda: Rapl(tmp_path))
    monkeypatch.setattr(module, "_host_busy_s", lambda: 0.0)  # nobody else is busy
    with Meter(period_s=100) as meter:
        for _ in range(10):
            spin(0.02)
            machine.use(7)
            meter.cost()
    cost = meter.cost()
    low, mid, high = (kwh * 3.6e6 for kwh in cost.parts["cpu"])
    assert (mid, high) == pytest.approx((70.0, 70.0))
    assert 0 < low <= 70.0
    assert any(note.startswith("cpu: measured") for note in cost.notes)
    assert cost.how == "modelled"  # there is no counter for memory


def test_a_counter_that_goes_away_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path)
    monkeypatch.setattr(module, "Rapl", lambda: Rapl(tmp_path))
    with Meter(period_s=10) as meter:
        spin(0.05)
        machine.file.unlink()
    cost = meter.cost()
    assert cost.parts["cpu"][1] > 0
    assert any(note.startswith("cpu: modelled") for note in cost.notes)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_neither_hangs_nor_samples() -> None:
    code = """
import os, time
from clearsight.energy.meter import Meter
for _ in range(20):
    with Meter(period_s=0.001) as meter:
        child = os.fork()
        if child == 0:
            meter.cost(); meter.kwh_so_far(); meter.__exit__(None, None, None)
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert meter.cost().kwh[1] > 0
"""
    warnings = ["-W", "ignore:.*fork.*:DeprecationWarning"]
    subprocess.run([sys.executable, *warnings, "-c", code], check=True, timeout=60)


def test_a_counter_that_stands_still_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Machine(tmp_path)
    monkeypatch.setattr(module, "Rapl", lambda: Rapl(tmp_path))
    with Meter(period_s=10) as meter:
        spin(0.15)
    assert meter.cost().parts["cpu"][0] > 0
    assert any(note.startswith("cpu: modelled") for note in meter.cost().notes)


def test_stages_are_what_was_spent_between_their_ends() -> None:
    with Meter(start=SOME) as meter:
        spin(0.1)
        meter.end_stage("training")
        spin(0.05)
        meter.end_stage("evaluation", pictures=7)
        spin(0.05)
        meter.end_stage("evaluation", pictures=3)
    cost = meter.cost()
    assert list(cost.stages) == ["training", "evaluation"]
    training, evaluation = cost.stages.values()
    assert training.kwh[1] >= SOME.kwh[1] and training.seconds >= SOME.seconds + 0.1  # what was not told apart before
    assert evaluation.pictures == 10 and evaluation.seconds >= 0.1
    assert sum(one.seconds for one in cost.stages.values()) == pytest.approx(cost.seconds, rel=0.01)
    for k in range(3):
        assert sum(one.kwh[k] for one in cost.stages.values()) == pytest.approx(cost.kwh[k], rel=0.01)


def test_a_second_sitting_adds_to_the_stages_of_the_first() -> None:
    with Meter() as first:
        spin(0.02)
        first.end_stage("training")
    with Meter(start=first.cost()) as second:
        spin(0.02)
        second.end_stage("audit")
    stages = second.cost().stages
    assert stages["training"] == first.cost().stages["training"]
    assert 0.02 <= stages["audit"].seconds < second.cost().seconds


def test_processes_that_share_the_work_count_alike() -> None:
    one, two = Meter(), Meter(processes=2)
    for each in (one, two):
        each._joules = {"cpu": (1.0, 2.0, 3.0), "memory": (1.0, 1.0, 1.0)}
    assert two.cost().kwh == pytest.approx([2 * kwh for kwh in one.cost().kwh])
