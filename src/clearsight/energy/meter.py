"""What a block of work takes: seconds, and kilowatt-hours as [low, mid, high] with how they are known.

    with Meter() as meter:
        train()
    print(meter.cost())

- "measured": the processors' energy counters (RAPL) and the GPUs' own (NVML), where they can be read;
- "modelled": processors from the processor time of this process and its children, memory from its size;
- "assumed": a device's full power times the time.

A cost is as certain as its least certain part; ``notes`` say how each part is known. Idle power is included: the part
of the machine that a run may use is reserved for it. It needs neither a network nor special permissions.
"""

import contextlib
import os
import threading
import time
import weakref
from types import TracebackType
from typing import Self

import psutil

from clearsight.energy.costs import JOULES_PER_KWH, add, joined_stages, least_certain, pue_note, scaled, summed
from clearsight.energy.gpus import Gpus
from clearsight.energy.power import Range, Rapl, attributed, memory_watts, nominal_watts, processor_watts, read_share
from clearsight.types import Cost, How, Stage

LONGEST_PAUSE_S = 5.0
LONGEST_SILENCE_S = 0.1  # counters are renewed more often than that
FAST_S = 0.08

_alive: "weakref.WeakSet[Meter]" = weakref.WeakSet()


class Meter:
    """Measures what happens inside its ``with`` block, in this process and its children.

    Args:
        start: the cost so far of a resumed run; everything is added to it.
        pue: power usage effectiveness, what the building takes for each unit the machine takes: 1.0 at a desk, 1.1 to
            1.6 in computing centres.
        tdp_w: nominal power of the host's processors in watts, where it is known and cannot be read.
        period_s: time between two samples; GPUs without an energy counter are sampled ten times a second.
        gpus: how many GPUs, from the first on, are used by child processes, which this process cannot see.
        processes: how many processes share the work, this one among them: each is taken to use as much as this one.
    """

    def __init__(
        self,
        *,
        start: Cost | None = None,
        pue: float = 1.0,
        tdp_w: float | None = None,
        period_s: float = 1.0,
        gpus: int = 0,
        processes: int = 1,
    ) -> None:
        if not 1.0 <= pue < 10:
            raise ValueError(f"pue is {pue}. Expected 1.0 (nothing added) or more, such as 1.2.")
        if tdp_w is not None and not 0 < tdp_w < 1e5:
            raise ValueError(f"tdp_w is {tdp_w}. Expected the nominal power (TDP) of the processors in watts.")
        self._start_cost, self._pue, self._period_s = start, pue, period_s
        self._processes = processes
        self._share = read_share()
        self._nominal, self._nominal_origin = nominal_watts(self._share, tdp_w)
        self._rapl, self._gpus = Rapl(), Gpus(gpus)
        self._joules: dict[str, Range] = {"cpu": (0.0, 0.0, 0.0), "memory": (0.0, 0.0, 0.0)}
        read = self._rapl.kinds
        self._how: dict[str, How] = {
            "cpu": "measured" if "packages" in read else "modelled",
            "memory": "measured" if "memory" in read else "modelled",
        }
        self._seconds = 0.0
        self._mid_kwh = 0.0
        self._stages: dict[str, Stage] = {}
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._process = psutil.Process()
        _alive.add(self)

    def __enter__(self) -> Self:
        if self._thread is not None:
            raise RuntimeError("this meter runs already")
        self._read_first()
        self._stop.clear()
        self._thread = threading.Thread(target=self._keep_sampling, name="clearsight meter", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._sample()
        self._thread = None

    def abandon(self) -> None:
        """Stop without a last sample or a lock: for the copy of a running meter in a forked child."""
        self._thread, self._lock = None, threading.Lock()

    def kwh_so_far(self) -> float:
        """The middle estimate as of the last sample, about a second ago; cheap enough for every training step."""
        before = self._start_cost.kwh[1] if self._start_cost else 0.0
        return before + self._mid_kwh

    def cost(self) -> Cost:
        """The cost until now, or until the block ended."""
        if self._thread is not None:
            self._sample()
        with self._lock:
            cost = self._cost()
        return cost if self._start_cost is None else add(self._start_cost, cost)

    def end_stage(self, name: str, pictures: int = 0) -> None:
        """Count all that was spent since a stage ended last, or since the start, as the stage of this name.

        ``pictures`` is on how many it predicted. A stage may end more than once: its amounts add up.
        """
        total = self.cost()
        told = total.stages.values()
        low, mid, high = (max(0.0, all_ - sum(one.kwh[k] for one in told)) for k, all_ in enumerate(total.kwh))
        seconds = max(0.0, total.seconds - sum(one.seconds for one in told))
        spent = {name: Stage(seconds=seconds, kwh=(low, mid, high), pictures=pictures)}
        with self._lock:
            self._stages = joined_stages(self._stages, spent)

    # --- sampling -----------------------------------------------------------------------------------------------------

    def _read_first(self) -> None:
        self._last = time.perf_counter()
        self._last_cpu_s, self._resident_gb = _processor_seconds(self._process)
        self._last_busy_s = _host_busy_s()
        self._rapl.joules()
        self._gpus.start()

    def _keep_sampling(self) -> None:
        fast = self._gpus.needs_power_samples
        pause = self._period_s
        full_sample = time.perf_counter() + pause
        while not self._stop.wait(min(pause, FAST_S) if fast else pause):
            began = time.perf_counter()
            if began < full_sample:
                with self._lock:
                    self._gpus.advance()
                continue
            spent = time.thread_time()
            self._sample()
            spent = time.thread_time() - spent
            # Listing the children of a busy host takes time: stay below 0.5% of a processor, but never fall silent.
            pause = max(self._period_s, min(200 * spent, LONGEST_PAUSE_S))
            full_sample = began + pause

    def _sample(self) -> None:
        """Add what happened since the last sample."""
        with self._lock:
            now = time.perf_counter()
            seconds, self._last = now - self._last, now
            cpu_s, self._resident_gb = _processor_seconds(self._process)
            own_s, self._last_cpu_s = max(cpu_s - self._last_cpu_s, 0.0), cpu_s
            busy_s = _host_busy_s()
            host_s, self._last_busy_s = busy_s - self._last_busy_s, busy_s
            if seconds <= 0:
                return
            self._seconds += seconds
            self._gpus.advance()
            self._add_host(seconds, own_s, host_s)
            self._mid_kwh = self._cost().kwh[1]

    def _add_host(self, seconds: float, own_s: float, host_s: float) -> None:
        busy_cpus = own_s / seconds
        try:
            read = self._rapl.joules()
        except (OSError, ValueError):
            read = {}
        modelled = {
            "cpu": processor_watts(self._share, self._nominal, busy_cpus),
            "memory": memory_watts(self._share, self._resident_gb, busy_cpus),
        }
        for part, kind in (("cpu", "packages"), ("memory", "memory")):
            stuck = seconds > LONGEST_SILENCE_S and read.get(kind) == 0  # nothing draws nothing: it is not counting
            if kind in read and not stuck:
                added = attributed(read[kind], own_s, host_s, self._share.host_cpus * seconds)
            else:
                self._how[part] = "modelled"
                added = scaled(modelled[part], seconds)
            self._joules[part] = summed(self._joules[part], added)

    def _cost(self) -> Cost:
        gpus = self._gpus.energy()
        joules = self._joules | {part: used for part, _, _, used in gpus}
        hows = self._how | {part: how for part, _, how, _ in gpus}
        parts = {part: scaled(used, self._processes * self._pue / JOULES_PER_KWH) for part, used in joules.items()}
        share = self._share
        names = [
            f"{share.processor} ({share.cpus:g} of {share.host_cpus} processors)",
            *(name for _, name, _, _ in gpus),
        ]
        return Cost(
            seconds=self._seconds,
            kwh=summed(*parts.values()),
            how=least_certain(*hows.values()),
            device=", ".join(names),
            parts=parts,
            notes=(*self._host_notes(), *(_gpu_note(part, how) for part, _, how, _ in gpus), pue_note(self._pue)),
            stages=dict(self._stages),
        )

    def _host_notes(self) -> tuple[str, str]:
        idle = processor_watts(self._share, self._nominal, 0.0)
        cpu = (
            "cpu: measured by its energy counters. The middle value is this process's share of all processor time, "
            "the high one is the whole host"
            if self._how["cpu"] == "measured"
            else f"cpu: modelled from processor time and {self._nominal_origin}. "
            f"It includes {idle[0]:.1f} to {idle[2]:.1f} W of idle power"
        )
        memory = (
            "memory: measured by its energy counters, attributed as the cpu's"
            if self._how["memory"] == "measured"
            else "memory: modelled from its size. The low value is the resident memory, the high one is all that may "
            "be used"
        )
        return cpu, memory


def _processor_seconds(process: psutil.Process) -> tuple[float, float]:
    """Processor seconds of this process and all its children, living or ended, and the GB they hold."""
    for _ in range(3):  # a child that ends while they are listed would count twice or not at all: list them again
        ended = os.times()[2:4]
        seconds, resident = time.process_time() + sum(ended), float(process.memory_info().rss)
        for child in process.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                seconds += sum(child.cpu_times()[:4])
                memory = child.memory_info()
                resident += max(memory.rss - getattr(memory, "shared", 0), 0)
        if os.times()[2:4] == ended:
            break
    return seconds, resident / 1e9


def _host_busy_s() -> float:
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)


def _gpu_note(part: str, how: str) -> str:
    if how == "measured":
        return f"{part}: measured by the device, within 5 percent, whoever else used it meanwhile"
    return f"{part}: assumed, because its energy could not be read"


def _forget_threads() -> None:
    """In a forked child: the sampling threads are the parent's, and so is whatever they held."""
    for meter in _alive:
        meter.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
