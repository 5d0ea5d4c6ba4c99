"""What a server counts, as Prometheus reads it (text format 0.0.4): requests, pictures, batches, times, refusals."""

import threading
from collections.abc import Callable, Mapping

PREFIX = "clearsight_"
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_HELP = {
    "requests_total": "Requests answered, by path and status.",
    "request_seconds": "Seconds from a request to its answer.",
    "pictures_total": "Pictures answered, by run.",
    "batch_pictures": "Pictures predicted at once.",
    "warnings_total": "Warnings that applied to a picture or row, by run and kind.",
    "waiting_pictures": "Pictures that wait for a model now.",
    "held_pixels": "Pixels of decoded pictures in memory now.",
}


class Metrics:
    """Counters, histograms, and numbers that are asked for when somebody looks. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
        self._histograms: dict[str, tuple[tuple[float, ...], list[float], list[float]]] = {}
        self._asked: dict[str, Callable[[], Mapping[tuple[tuple[str, str], ...], float]]] = {}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter; its labels must be few and known beforehand, never what a client wrote."""
        with self._lock:
            series = self._counts.setdefault(name, {})
            key = tuple(sorted(labels.items()))
            series[key] = series.get(key, 0) + amount

    def observe(self, name: str, value: float, buckets: tuple[float, ...]) -> None:
        """Add a value to a histogram."""
        with self._lock:
            edges, counts, total = self._histograms.setdefault(name, (buckets, [0.0] * (len(buckets) + 1), [0.0]))
            counts[next((place for place, edge in enumerate(edges) if value <= edge), len(edges))] += 1
            total[0] += value

    def ask(self, name: str, now: Callable[[], Mapping[tuple[tuple[str, str], ...], float]]) -> None:
        """Have a number, by labels, be asked for whenever somebody looks."""
        self._asked[name] = now

    def text(self) -> str:
        """Everything, in Prometheus' text format."""
        asked = {name: now() for name, now in self._asked.items()}
        with self._lock:
            lines = [line for name, series in self._counts.items() for line in _series(name, "counter", series)]
            lines += [line for name, series in asked.items() for line in _series(name, "gauge", series)]
            lines += [line for name, parts in self._histograms.items() for line in _histogram(name, *parts)]
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str) -> list[str]:
    return [f"# HELP {PREFIX}{name} {_HELP[name]}", f"# TYPE {PREFIX}{name} {kind}"]


def _series(name: str, kind: str, series: Mapping[tuple[tuple[str, str], ...], float]) -> list[str]:
    return _head(name, kind) + [f"{PREFIX}{name}{_labels(key)} {value:g}" for key, value in series.items()]


def _labels(pairs: tuple[tuple[str, str], ...]) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs)
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _histogram(name: str, edges: tuple[float, ...], counts: list[float], total: list[float]) -> list[str]:
    lines, below = _head(name, "histogram"), 0.0
    for edge, count in zip((*(f"{edge:g}" for edge in edges), "+Inf"), counts, strict=True):
        below += count
        lines.append(f'{PREFIX}{name}_bucket{{le="{edge}"}} {below:g}')
    return [*lines, f"{PREFIX}{name}_sum {total[0]:g}", f"{PREFIX}{name}_count {below:g}"]
