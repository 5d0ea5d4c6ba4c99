"""Browse an evaluation in the browser: its pictures by error, class, group and score, and the labels to correct."""

from collections.abc import Callable, Sequence
from pathlib import Path

from clearsight.web import installed


def browse(
    runs: Sequence[str | Path] | str | Path,
    *,
    data: str | Path | None = None,
    attributes: str | Path | None = None,
    evaluation: str | None = None,
    corrections: str | Path | None = None,
    out: str | Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    open_browser: bool = False,
    quiet: bool = True,
    say: Callable[[str], None] = print,
) -> None:
    """Show the pictures of an evaluation until SIGINT or SIGTERM, which lets what runs finish.

    Args:
        runs: a run folder, or two that were judged on the same pictures, the second compared with the first.
        data: where the pictures are now, if not where the run says; ``attributes`` the table of their groups.
        evaluation: which of the run's evaluations, by its name in ``evidence/``; the test split's where None.
        corrections: the file that decisions about labels are appended to; one in the first run's folder where None.
        out: where a corrected data set would be written; beside the data where None.
        host: the address to listen on; on any but this machine's own everybody must show a token.
        port: 0 takes any that is free.
        token: what everybody must show, at least 16 characters; off the loopback a new one where None.
        open_browser: open the page in the browser of this machine.
        say: is told the address once requests are answered there.

    Raises:
        ValueError: no run there, none with an evaluation, pictures that are not where they were, runs that were judged
            on different pictures, a port that is taken, or a package of the extra ``serve`` that is not installed.
    """
    installed.check()
    from clearsight.web.app import create_app
    from clearsight.web.running import Address, listen, run

    address = Address(host=host, port=port, token=token)
    access = address.access
    with listen(address) as listening:  # before anything is imported and read, which takes longer
        from clearsight.browsing.opening import opened
        from clearsight.browsing.site import STATIC, Site

        found = opened(
            [runs] if isinstance(runs, str | Path) else list(runs), data=data, attributes=attributes,
            evaluation=evaluation, corrections=corrections, out=out, quiet=quiet,
        )  # fmt: skip
        app = create_app(Site(browsed=found).router(), title="clearsight browse", access=access, static=[STATIC])
        run(app, listening, access, open_browser=open_browser, say=say)
