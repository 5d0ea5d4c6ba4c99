"""The energy of the accelerators that this process uses: NVIDIA's energy counters where available, else their power."""

import contextlib
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from clearsight.types import How

Joules = tuple[float, float, float]

# Where nothing can be read: an idle card, a common one, and a large one at full load; and an Apple laptop's.
UNKNOWN_WATTS = (30.0, 200.0, 700.0)
APPLE_WATTS = (3.0, 15.0, 60.0)
LONGEST_SILENCE_S = 1.0  # counters are renewed more often than that
# NVIDIA states that its power readings are accurate to within 5 percent.
ERROR = 0.05


@dataclass
class _Device:
    handle: Any
    name: str
    has_counter: bool
    limit_w: float
    joules: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    how: How = "measured"
    before: float | None = None


class Gpus:
    """All NVIDIA devices of the machine; ``energy`` reports those that this process has used.

    ``of_children`` GPUs, from the first on, are reported too: child processes use them, which nothing here shows.
    """

    def __init__(self, of_children: int = 0) -> None:
        self._of_children = of_children
        self._devices: dict[str, _Device] = {}
        self._seconds = 0.0
        self._last = time.perf_counter()
        try:
            import pynvml

            pynvml.nvmlInit()
        except ImportError:
            return
        except pynvml.NVMLError:
            return  # no driver: whatever is used nevertheless is assumed in ``energy``
        self._nvml = pynvml
        for index in range(pynvml.nvmlDeviceGetCount()):
            with contextlib.suppress(pynvml.NVMLError):  # a lost device; if it is used nevertheless, it is assumed
                self._add(pynvml.nvmlDeviceGetHandleByIndex(index))

    def _add(self, handle: Any) -> None:
        nvml = self._nvml
        self._devices[str(nvml.nvmlDeviceGetUUID(handle))] = _Device(
            handle=handle,
            name=str(nvml.nvmlDeviceGetName(handle)),
            has_counter=self._ask(nvml.nvmlDeviceGetTotalEnergyConsumption, handle) is not None,
            limit_w=(self._ask(nvml.nvmlDeviceGetPowerManagementLimit, handle) or UNKNOWN_WATTS[2] * 1e3) / 1e3,
        )

    @property
    def needs_power_samples(self) -> bool:
        """Whether some device has no energy counter, so that its power must be sampled ten times a second."""
        return any(not device.has_counter for device in self._devices.values())

    def start(self) -> None:
        """Take the counters' current values as the start."""
        self._last = time.perf_counter()
        for device in self._devices.values():
            device.before = self._reading(device)

    def advance(self) -> None:
        """Add the energy since the last call."""
        now_s = time.perf_counter()
        seconds, self._last = now_s - self._last, now_s
        self._seconds += seconds
        for device in self._devices.values():
            now = self._reading(device)
            before, device.before = device.before, now
            if now is None or before is None:
                device.how = "assumed"
                added = (0.0, device.limit_w / 2 * seconds, device.limit_w * seconds)
            else:
                middle = max(now - before, 0.0) if device.has_counter else (now + before) / 2 * seconds
                added = (middle * (1 - ERROR), middle, middle * (1 + ERROR))
            device.joules = [old + new for old, new in zip(device.joules, added, strict=True)]

    def energy(self) -> list[tuple[str, str, How, Joules]]:
        """For each used device: its part's name (``gpu 0``), its model, how its energy is known, and joules."""
        found: list[tuple[str, str, How, Joules]] = []
        for index, uuid, model in _used(self._of_children):
            device = self._devices.get(uuid)
            if device is None:
                low, mid, high = (watts * self._seconds for watts in UNKNOWN_WATTS)
                found.append((f"gpu {index}", model, "assumed", (low, mid, high)))
            elif self._seconds > LONGEST_SILENCE_S and device.joules[2] == 0:  # it says that it used nothing at all
                half, full = device.limit_w / 2 * self._seconds, device.limit_w * self._seconds
                found.append((f"gpu {index}", device.name, "assumed", (0.0, half, full)))
            else:
                low, mid, high = device.joules
                found.append((f"gpu {index}", device.name, device.how, (low, mid, high)))
        if _apple_is_used():
            low, mid, high = (watts * self._seconds for watts in APPLE_WATTS)
            found.append(("gpu", "Apple GPU", "assumed", (low, mid, high)))
        return found

    def _reading(self, device: _Device) -> float | None:
        """Joules of the counter, or watts where there is none; None where neither can be read."""
        nvml = self._nvml
        ask = nvml.nvmlDeviceGetTotalEnergyConsumption if device.has_counter else nvml.nvmlDeviceGetPowerUsage
        reading = self._ask(ask, device.handle)
        return None if reading is None else reading / 1e3

    def _ask(self, question: Any, handle: Any) -> float | None:
        try:
            return float(question(handle))
        except self._nvml.NVMLError:
            return None


def _used(of_children: int) -> list[tuple[int, str, str]]:
    """Number, NVML name and model of the devices on which this process has held memory, and of the first few.

    It starts no device unless its children use some.
    """
    torch = sys.modules.get("torch")
    if torch is None or not (torch.cuda.is_initialized() or (of_children and torch.cuda.is_available())):
        return []
    count = torch.cuda.device_count()
    used = [index for index in range(count) if index < of_children or torch.cuda.max_memory_reserved(index)]
    properties = [(index, torch.cuda.get_device_properties(index)) for index in used]
    return [(index, f"GPU-{getattr(each, 'uuid', '')}", each.name) for index, each in properties]


def _apple_is_used() -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and torch.backends.mps.is_available() and torch.mps.driver_allocated_memory() > 0
