"""Trials run one after another in this process, or several at once on a Ray cluster.

Both take a function of the sweep's folder and a trial's number, and yield what became of each trial as it ends. Ray is
told the function and two words; trials read and write the folder, which all machines of the cluster must see under the
same path.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from clearsight.sweeps.folder import Folder, Outcome

Work = Callable[[str, int], Outcome]
LOCAL = "local"
OBJECTS_BYTES = 100_000_000  # trials hand over a few words: next to the least that Ray takes


def one_by_one(folder: Folder, numbers: Sequence[int], work: Work) -> Iterator[Outcome]:
    """Each trial in this process, one after another."""
    for number in numbers:
        folder.begins(number)
        yield work(str(folder.path), number)


def on_ray(folder: Folder, numbers: Sequence[int], work: Work, address: str, workers: int) -> Iterator[Outcome]:
    """At most ``workers`` trials at once on a Ray cluster; ``local`` starts one on this machine.

    A trial whose process dies has failed; the others go on. Raises ValueError where there is no cluster.
    """
    ray = checked_ray()
    _connect(ray, address, workers)
    try:
        remote = ray.remote(max_retries=0, num_cpus=1, num_gpus=_gpus(ray, workers))(work)
        place = str(Path(folder.path).resolve())
        waiting = list(numbers)
        running: dict[Any, int] = {}
        while waiting or running:
            while waiting and len(running) < workers:
                number = waiting.pop(0)
                folder.begins(number)
                running[remote.remote(place, number)] = number
            (ended,), _ = ray.wait(list(running), num_returns=1)
            yield _outcome(ray, ended, running.pop(ended))
    finally:
        ray.shutdown()


def _outcome(ray: Any, reference: Any, number: int) -> Outcome:
    try:
        found: Outcome = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        said = str(error).strip().splitlines()
        return Outcome(
            trial=number, state="failed", cost=None,
            error=f"its process died ({type(error).__name__}{': ' + said[0] if said else ''})",
        )  # fmt: skip
    return found


def _connect(ray: Any, address: str, workers: int) -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # Ray tells its makers of its use unless it is forbidden
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or else it warns of its next version
    quiet = {"logging_level": "ERROR", "log_to_driver": False}
    try:
        if address == LOCAL:
            ray.init(
                address="local", num_cpus=workers, include_dashboard=False, object_store_memory=OBJECTS_BYTES, **quiet
            )  # fmt: skip
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        with suppress(Exception):
            ray.shutdown()
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"there is no Ray cluster to reach at {address!r} ({first}). Expected an address such as 10.0.0.1:6379, "
            "auto for the one this machine belongs to, or local to start one here."
        ) from error


def _gpus(ray: Any, workers: int) -> float:
    """The share of a GPU that a trial reserves: all trials at once fit, however many GPUs there are."""
    return min(1.0, float(ray.cluster_resources().get("GPU", 0)) / workers)


def checked_ray() -> Any:
    """Ray; raises ValueError where it is not installed."""
    try:
        import ray
    except ImportError as error:
        raise ValueError(
            "ray is not installed, which several machines are used with. Install it with: pip install '.[sweep]', or "
            "leave --ray and --workers out to run one trial after another."
        ) from error
    return ray
