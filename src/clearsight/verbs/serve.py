"""Serve trained runs on this machine: a page for people, an HTTP interface for programs, within limits."""

from collections.abc import Callable, Sequence
from pathlib import Path

from clearsight.exported import SUFFIXES
from clearsight.serving.served import Served
from clearsight.web import installed


def serve(
    runs: Sequence[str | Path] | str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    policy: bool = True,
    risk: float | None = None,
    log: str | Path | None = None,
    batch: int = 8,
    max_mib: float = 32,
    max_files: int = 16,
    max_megapixels: float = 50,
    max_seconds: float = 30,
    max_waiting: int = 64,
    open_browser: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Serve runs until SIGINT or SIGTERM, which lets what runs finish.

    Args:
        runs: run folders, or exported models (.onnx, .xml), which are served without torch; several stand side by side.
        host: the address to listen on; on any but this machine's own everybody must show a token.
        port: 0 takes any that is free.
        token: what everybody must show, at least 16 characters; off the loopback a new one where None.
        policy: say of each picture whether the run may decide on it alone, where it keeps a policy; ``risk`` is the
            error allowed on those it decides, one of 0.01, 0.02, 0.05 (the usual), 0.1 and 0.2.
        log: append a line for each picture to this file: what was answered, when, by which weights (see ``verify``).
        batch: how many pictures are predicted together at most.
        max_mib: how much a request may send; ``max_files`` pictures in it, ``max_megapixels`` of each,
            ``max_seconds`` until its answer, and ``max_waiting`` pictures that wait for a run.
        open_browser: open the page in the browser of this machine.
        say: is told the address once requests are answered there.

    Raises:
        ValueError: no run there, one without weights, a port that is taken, a limit out of its range, or a package of
            the extra ``serve`` that is not installed.
    """
    installed.check()
    from clearsight.serving.application import application
    from clearsight.serving.limits import Limits
    from clearsight.serving.service import Service
    from clearsight.web.running import Address, listen, run

    limits = Limits(mib=max_mib, files=max_files, megapixels=max_megapixels, seconds=max_seconds, waiting=max_waiting)
    if not 1 <= batch <= 256:
        raise ValueError(f"--batch is {batch}. Expected 1 to 256.")
    places = [runs] if isinstance(runs, str | Path) else list(runs)
    address = Address(host=host, port=port, token=token)
    access = address.access
    with listen(address) as listening:  # before anything is loaded, which takes longer
        models = [_served(one, batch=batch, policy=policy, risk=risk, log=log) for one in places]
        run(application(Service(models, limits), access), listening, access, open_browser=open_browser, say=say)


def _served(place: str | Path, *, batch: int, policy: bool, risk: float | None, log: str | Path | None) -> Served:
    """A model ready to answer; torch is imported for runs only."""
    path = Path(place)
    if path.suffix in SUFFIXES and not path.is_dir():
        from clearsight.serving.of_exports import ServedExport

        for name, value in {"risk": risk, "log": log}.items():
            if value is not None:
                raise ValueError(f"--{name} does not go with an exported model. Leave it out, or serve the run itself.")
        return ServedExport(path)
    from clearsight.loading import trained

    run = trained.opened(path)
    pictures = not run.config.settings.get("table") and not trained.makes_pictures(run.config.model)
    if not pictures and log is not None:
        raise ValueError(f"--log keeps decisions on pictures, and {run.path} looks at none. Leave it out.")
    if pictures:
        from clearsight.serving.of_runs import ServedRun

        return ServedRun(run, batch=batch, policy=policy, risk=risk, log=log)
    if run.config.settings.get("table"):
        from clearsight.serving.of_tables import ServedTable

        return ServedTable(run, policy=policy, risk=risk)
    from clearsight.serving.of_generators import ServedGenerator

    return ServedGenerator(run)
