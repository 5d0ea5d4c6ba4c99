"""Accelerators, with a made-up driver: counters first, then power, then an assumption; only what is used."""

import sys
import types

import pytest

from clearsight.energy import gpus as module
from clearsight.energy.gpus import UNKNOWN_WATTS, Gpus
from clearsight.energy.meter import Meter


class Driver(types.ModuleType):
    """What NVML would say: one device that draws 200 W by its counter, its power or neither."""

    class NVMLError(Exception):
        """A question that was refused."""

    def __init__(self, clock: list[float], counter: bool = True, power: bool = True, there: bool = True) -> None:
        super().__init__("pynvml")
        self.clock, self.counter, self.power, self.there = clock, counter, power, there

    def nvmlInit(self) -> None:
        if not self.there:
            raise self.NVMLError

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        if index == 1:
            raise self.NVMLError
        return index

    def nvmlDeviceGetName(self, handle: int) -> str:
        return "Test 9000"

    def nvmlDeviceGetUUID(self, handle: int) -> str:
        return f"GPU-{handle}"

    def nvmlDeviceGetPowerManagementLimit(self, handle: int) -> int:
        return 300_000

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:
        if not self.counter:
            raise self.NVMLError
        return int(self.clock[0] * 200 * 1000)

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        if not self.power:
            raise self.NVMLError
        return 200_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(module, "_used", lambda of_children: [(0, "GPU-0", "Test 9000")])
    return now


def after_an_hour(driver: Driver, monkeypatch: pytest.MonkeyPatch, steps: int = 6) -> Gpus:
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    gpus = Gpus()
    gpus.start()
    for _ in range(steps):
        driver.clock[0] += 3600 / steps
        gpus.advance()
    return gpus


@pytest.mark.parametrize("counter", [True, False])
def test_measured(clock: list[float], monkeypatch: pytest.MonkeyPatch, counter: bool) -> None:
    gpus = after_an_hour(Driver(clock, counter=counter), monkeypatch)
    ((part, name, how, (low, mid, high)),) = gpus.energy()
    assert (part, name, how) == ("gpu 0", "Test 9000", "measured")
    assert (low, mid, high) == pytest.approx((0.19 * 3.6e6, 0.2 * 3.6e6, 0.21 * 3.6e6))
    assert gpus.needs_power_samples is not counter


def test_a_device_that_says_nothing_is_assumed_from_its_limit(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus = after_an_hour(Driver(clock, counter=False, power=False), monkeypatch)
    ((_, _, how, joules),) = gpus.energy()
    assert how == "assumed"
    assert joules == pytest.approx((0, 0.15 * 3.6e6, 0.3 * 3.6e6))


def test_a_device_that_falls_silent_is_no_longer_measured(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(clock)
    gpus = after_an_hour(driver, monkeypatch)
    driver.counter = False
    clock[0] += 3600
    gpus.advance()
    ((_, _, how, joules),) = gpus.energy()
    assert how == "assumed"
    assert joules[1] == pytest.approx(0.35 * 3.6e6)


def test_without_a_driver_a_used_device_is_assumed_and_never_zero(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus = after_an_hour(Driver(clock, there=False), monkeypatch)
    ((part, name, how, joules),) = gpus.energy()
    assert (part, name, how) == ("gpu 0", "Test 9000", "assumed")
    assert joules == pytest.approx([watts * 3600 for watts in UNKNOWN_WATTS])


def test_unused_devices_cost_nothing(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    gpus = after_an_hour(Driver(clock), monkeypatch)
    monkeypatch.setattr(module, "_used", lambda of_children: [])
    assert gpus.energy() == []


def test_a_cost_with_a_gpu(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Driver(clock))
    with Meter(period_s=100) as meter:
        clock[0] += 3600.0
    cost = meter.cost()
    assert cost.parts["gpu 0"][1] == pytest.approx(0.2)
    assert cost.device.endswith(", Test 9000")
    assert "gpu 0: measured by the device, within 5 percent, whoever else used it meanwhile" in cost.notes


def test_a_counter_that_stands_still_is_not_believed(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(clock)
    monkeypatch.setattr(driver, "nvmlDeviceGetTotalEnergyConsumption", lambda handle: 5000)
    ((_, _, how, joules),) = after_an_hour(driver, monkeypatch).energy()
    assert how == "assumed"
    assert joules == pytest.approx((0, 0.15 * 3.6e6, 0.3 * 3.6e6))


def test_gpus_of_children_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parent of training processes holds no memory of a GPU itself, and starts none where it has no children."""
    torch = types.SimpleNamespace(
        cuda=types.SimpleNamespace(
            is_initialized=lambda: False,
            is_available=lambda: True,
            device_count=lambda: 3,
            max_memory_reserved=lambda index: 0,
            get_device_properties=lambda index: types.SimpleNamespace(name="Test 9000", uuid=f"u{index}"),
        )
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert module._used(0) == []
    assert [(index, uuid) for index, uuid, _ in module._used(2)] == [(0, "GPU-u0"), (1, "GPU-u1")]
