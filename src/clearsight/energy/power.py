"""The power of processors and memory: measured where the machine permits, modelled with a range where it does not.

The model of a processor (Fan, Weber and Barroso 2007, "Power provisioning for a warehouse-sized computer") is
``idle + (full - idle) * f(u)`` with ``f(u) = 2u - u^1.4`` at busy share ``u``. The range comes from three unknown
quantities: ``f`` between linear (low) and the square root (high), the idle share, and the full power.
"""

import os
import platform
from dataclasses import dataclass, field
from pathlib import Path

Range = tuple[float, float, float]

ROOT = Path("/")
# Watts per logical processor at full load, if unknown: about 1.5 in thin laptops and dense servers
# (15 W / 8, 225 W / 128), 4 to 5 in most servers and desktops (205 W / 56, 125 W / 24), 10 in older fast desktops.
GENERIC_WATTS = (1.5, 4.0, 10.0)
# What sustained full load draws, as a share of the nominal power (TDP): vector-heavy load turbos above it.
FULL_SHARE = (0.7, 1.0, 1.25)
# What an idle processor draws, as a share of full load.
IDLE_SHARE = (0.05, 0.15, 0.30)
# Watts per GB of memory: about 3 W for a module of 8 GB in the middle.
MEMORY_WATTS = (0.2, 0.375, 0.45)


@dataclass(frozen=True, kw_only=True)
class Share:
    """How much of the machine this process may use: its control group's and its affinity's part, not the host's.

    ``cpus`` of the host's ``host_cpus`` logical processors; ``memory_gb`` of RAM (10^9 bytes).
    """

    cpus: float
    host_cpus: int
    memory_gb: float
    processor: str


def read_share(root: Path = ROOT) -> Share:
    """The share of this process; ``root`` is where ``sys`` and ``proc`` are found."""
    import psutil

    host = psutil.cpu_count() or 1
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else host
    folders = _control_groups(root)
    cpus = min([float(available), *(quota for folder in folders if (quota := _cpu_quota(folder)) is not None)])
    total = psutil.virtual_memory().total
    limits = [limit for folder in folders if (limit := _memory_limit(folder)) is not None and limit < total]
    memory = min(limits) if limits else total * cpus / host
    return Share(cpus=max(cpus, 0.01), host_cpus=host, memory_gb=memory / 1e9, processor=_processor(root))


def processor_watts(share: Share, nominal: Range, busy_cpus: float) -> Range:
    """Watts of the share of a processor with ``busy_cpus`` logical processors busy on average.

    ``nominal`` is the full-load power of the whole host's processors.
    """
    busy = min(max(busy_cpus / share.cpus, 0.0), 1.0)
    shapes = (busy, 2 * busy - busy**1.4, busy**0.5)
    part = share.cpus / share.host_cpus
    low, mid, high = (
        part * full * (idle + (1 - idle) * shape) for full, idle, shape in zip(nominal, IDLE_SHARE, shapes, strict=True)
    )
    return (low, mid, high)


def memory_watts(share: Share, resident_gb: float, busy_cpus: float) -> Range:
    """Watts of the memory: low for what is resident, high for all that may be used, between by busy processors."""
    allowed = max(share.memory_gb, resident_gb)
    busy = min(max(busy_cpus / share.cpus, 0.0), 1.0)
    used_gb = (resident_gb, max(resident_gb, allowed * busy), allowed)
    low, mid, high = (watts * gb for watts, gb in zip(MEMORY_WATTS, used_gb, strict=True))
    return (low, mid, high)


def nominal_watts(share: Share, tdp_w: float | None, root: Path = ROOT) -> tuple[Range, str]:
    """Full-load watts of the host's processors and where the number is from.

    From ``tdp_w`` (of the whole host) where given, else the processors' own limit where the system shows it, else a
    wide range per logical processor.
    """
    nominal = tdp_w if tdp_w is not None else _power_limit(root)
    if nominal is None:
        low, mid, high = (watts * share.host_cpus for watts in GENERIC_WATTS)
        return (low, mid, high), f"a nominal power of {low:g} to {high:g} W, because none could be read"
    low, mid, high = (nominal * factor for factor in FULL_SHARE)
    origin = "given" if tdp_w is not None else "the processor's own limit"
    return (low, mid, high), f"a nominal power of {nominal:g} W ({origin})"


@dataclass
class Counter:
    """An energy counter that wraps around to 0 after ``size`` units."""

    size: int
    _before: int | None = field(default=None, init=False)

    def advance(self, now: int) -> int:
        """How much was counted since the last call (0 at the first); at most one wrap-around may lie between."""
        before, self._before = self._before, now
        if before is None:
            return 0
        return now - before if now >= before else now - before + self.size


class Rapl:
    """The energy counters of Intel and AMD processors (running average power limit), where they may be read.

    ``packages`` are the processors; ``memory`` their memory controllers, which few client processors report.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self._counters: dict[Path, tuple[str, Counter]] = {}
        for folder in sorted((root / "sys/class/powercap").glob("intel-rapl:*")):
            try:
                name = (folder / "name").read_text().strip()
                size = int((folder / "max_energy_range_uj").read_text())
                int((folder / "energy_uj").read_text())
            except (OSError, ValueError):
                continue  # since Linux 5.10 only root may read them; what cannot be read is modelled
            kind = "packages" if name.startswith("package") else "memory" if name == "dram" else ""
            if kind:
                self._counters[folder / "energy_uj"] = (kind, Counter(size))

    @property
    def kinds(self) -> set[str]:
        """Which of "packages" and "memory" can be read."""
        return {kind for kind, _ in self._counters.values()}

    def joules(self) -> dict[str, float]:
        """Joules of the whole host since the last call, by kind; raises OSError where a counter is gone."""
        found = dict.fromkeys(self.kinds, 0.0)
        for path, (kind, counter) in self._counters.items():
            found[kind] += counter.advance(int(path.read_text())) / 1e6
        return found


def attributed(joules: float, own_s: float, busy_s: float, capacity_s: float) -> Range:
    """Our share of a host's measured energy: by capacity (low), by busy time (mid), all of it (high).

    ``own_s`` are our processor seconds, ``busy_s`` those of all processes, ``capacity_s`` all available.
    """
    own = min(max(own_s, 0.0), capacity_s)
    busy = min(max(busy_s, own), capacity_s)
    if capacity_s <= 0:
        return (0.0, joules, joules)
    return (joules * (own / capacity_s), joules * (own / busy) if busy else 0.0, joules)


def _control_groups(root: Path) -> list[Path]:
    """The folders of this process's control groups and all above them, of both versions."""
    base = root / "sys/fs/cgroup"
    folders = [base, base / "cpu", base / "memory"]
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return folders
    for line in lines:
        _, controllers, path = line.split(":", 2)
        top = base / controllers if controllers else base
        folder = top / path.strip("/")
        folders += [folder, *(parent for parent in folder.parents if parent.is_relative_to(top))]
    return list(dict.fromkeys(folders))


def _cpu_quota(folder: Path) -> float | None:
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
        return int(quota) / int(period) if int(quota) > 0 and int(period) > 0 else None
    except (OSError, ValueError):
        return None


def _memory_limit(folder: Path) -> int | None:
    for name in ("memory.max", "memory.limit_in_bytes"):
        try:
            return int((folder / name).read_text())
        except (OSError, ValueError):
            continue
    return None


def _power_limit(root: Path) -> float | None:
    """The long-term power limits of all processors; world-readable where the energy counters are not."""
    watts = 0.0
    for folder in (root / "sys/class/powercap").glob("intel-rapl:[0-9]"):
        try:
            if (folder / "name").read_text().startswith("package"):
                watts += int((folder / "constraint_0_power_limit_uw").read_text()) / 1e6
        except (OSError, ValueError):
            continue
    return watts or None


def _processor(root: Path) -> str:
    try:
        for line in (root / "proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
