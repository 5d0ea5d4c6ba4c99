"""Processors and memory: what is read from a made-up machine, and what the model makes of it."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearsight.energy.power import (
    Counter,
    Rapl,
    Share,
    attributed,
    memory_watts,
    nominal_watts,
    processor_watts,
    read_share,
)

SHARE = Share(cpus=4, host_cpus=16, memory_gb=32.0, processor="P")
positive = st.floats(0, 1e6, allow_nan=False)


def write(path: Path, text: str | int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


def package(root: Path, index: int, energy: int, name: str = "package-0") -> Path:
    folder = root / f"sys/class/powercap/intel-rapl:{index}"
    write(folder / "name", name)
    write(folder / "max_energy_range_uj", 1_000_000_000)
    write(folder / "energy_uj", energy)
    return folder / "energy_uj"


def test_counter_wraps() -> None:
    counter = Counter(1000)
    assert [counter.advance(now) for now in (900, 950, 50, 50, 49)] == [0, 50, 100, 0, 999]


@given(st.lists(st.integers(0, 999), min_size=1, max_size=30))
def test_counter_never_loses_a_unit(steps: list[int]) -> None:
    counter, true, counted = Counter(1000), 0, 0
    counter.advance(0)
    for step in steps:
        true += step
        counted += counter.advance(true % 1000)
    assert counted == true


def test_rapl_reads_packages_and_memory_once(tmp_path: Path) -> None:
    first = package(tmp_path, 0, 999_000_000)
    second = package(tmp_path, 1, 0, "package-1")
    package(tmp_path, 2, 5, "psys")  # the whole platform: packages would count twice
    memory = tmp_path / "sys/class/powercap/intel-rapl:0:0"
    write(memory / "name", "dram")
    write(memory / "max_energy_range_uj", 1000)
    write(memory / "energy_uj", 0)
    rapl = Rapl(tmp_path)
    assert rapl.kinds == {"packages", "memory"}
    assert rapl.joules() == {"packages": 0, "memory": 0}
    first.write_text("1000000")
    second.write_text("3000000")
    (memory / "energy_uj").write_text("500")
    assert rapl.joules() == {"packages": pytest.approx(2.0 + 3.0), "memory": pytest.approx(0.0005)}


def test_rapl_that_cannot_be_read_is_absent(tmp_path: Path) -> None:
    assert Rapl(tmp_path).kinds == set()
    package(tmp_path, 0, 5).write_text("")
    assert Rapl(tmp_path).kinds == set()


def test_nominal_power(tmp_path: Path) -> None:
    generic, origin = nominal_watts(SHARE, None, tmp_path)
    assert generic == (24, 64, 160)
    assert "none could be read" in origin
    limit = package(tmp_path, 0, 0).parent / "constraint_0_power_limit_uw"
    limit.write_text("65000000")
    assert nominal_watts(SHARE, None, tmp_path)[0] == pytest.approx((45.5, 65, 81.25))
    assert nominal_watts(SHARE, 100.0, tmp_path)[0] == pytest.approx((70, 100, 125))


def test_processor_at_its_ends() -> None:
    nominal = (70.0, 100.0, 125.0)
    assert processor_watts(SHARE, nominal, 4.0) == pytest.approx((17.5, 25, 31.25))  # a quarter of the host, all of it
    assert processor_watts(SHARE, nominal, 0.0) == pytest.approx((17.5 * 0.05, 25 * 0.15, 31.25 * 0.30))
    assert processor_watts(SHARE, nominal, 99.0) == processor_watts(SHARE, nominal, 4.0)


@given(positive, positive, positive, positive)
def test_ranges_are_in_order(cpus: float, resident: float, busy: float, memory: float) -> None:
    share = Share(cpus=max(cpus, 0.01), host_cpus=16, memory_gb=memory, processor="P")
    for low, mid, high in (processor_watts(share, (1.0, 2.0, 3.0), busy), memory_watts(share, resident, busy)):
        assert 0 <= low <= mid <= high
    low, mid, high = attributed(resident, busy, cpus, memory)
    assert 0 <= low <= mid * (1 + 1e-12) <= high * (1 + 1e-9)


def test_more_work_never_takes_less() -> None:
    watts = [processor_watts(SHARE, (70, 100, 125), busy / 10) for busy in range(41)]
    for before, after in itertools.pairwise(watts):
        assert all(a < b for a, b in zip(before, after, strict=True))


def test_memory_is_charged_to_what_uses_it() -> None:
    assert memory_watts(SHARE, 2.0, 0.0) == pytest.approx((0.4, 0.75, 14.4))
    assert memory_watts(SHARE, 2.0, 4.0) == pytest.approx((0.4, 12.0, 14.4))
    assert memory_watts(SHARE, 64.0, 0.0)[2] == pytest.approx(28.8)


def test_measured_energy_is_shared_out_by_processor_time() -> None:
    assert attributed(100.0, own_s=2, busy_s=4, capacity_s=16) == pytest.approx((12.5, 50, 100))
    assert attributed(100.0, own_s=4, busy_s=4, capacity_s=16) == pytest.approx((25, 100, 100))
    assert attributed(100.0, own_s=0, busy_s=0, capacity_s=16) == (0, 0, 100)


@pytest.mark.parametrize(
    ("files", "cpus", "memory_gb"),
    [
        ({"sys/fs/cgroup/cpu.max": "50000 100000", "sys/fs/cgroup/memory.max": "2000000000"}, 0.5, 2.0),
        ({"sys/fs/cgroup/a/cpu.max": "30000 100000", "sys/fs/cgroup/a/b/cpu.max": "max 100000"}, 0.3, None),
        ({"sys/fs/cgroup/cpu/cpu.cfs_quota_us": 25000, "sys/fs/cgroup/cpu/cpu.cfs_period_us": 100000}, 0.25, None),
        ({"sys/fs/cgroup/memory/memory.limit_in_bytes": 1_000_000_000}, None, 1.0),
        ({"sys/fs/cgroup/memory/memory.limit_in_bytes": 2**63 - 4096, "sys/fs/cgroup/cpu.max": "max 1"}, None, None),
    ],
)
def test_the_share_of_a_container(
    tmp_path: Path, files: dict[str, str | int], cpus: float | None, memory_gb: float | None
) -> None:
    whole = read_share(tmp_path)
    write(tmp_path / "proc/self/cgroup", "0::/a/b")
    write(tmp_path / "proc/cpuinfo", "processor : 0\nmodel name\t: Some CPU @ 2 GHz")
    for path, content in files.items():
        write(tmp_path / path, content)
    share = read_share(tmp_path)
    assert share.processor == "Some CPU @ 2 GHz"
    assert share.cpus == pytest.approx(whole.cpus if cpus is None else cpus)
    # Without a limit of its own, memory goes with the processors.
    assert share.memory_gb == pytest.approx(
        whole.memory_gb * share.cpus / whole.cpus if memory_gb is None else memory_gb
    )
