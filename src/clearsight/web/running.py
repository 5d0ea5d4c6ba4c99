"""Running an application: an address that is free, signals that let what runs finish, and what is said of it."""

import asyncio
import contextlib
import errno
import logging
import socket
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

import uvicorn
from starlette.types import ASGIApp

from clearsight.console.signals import Stop, signals
from clearsight.web.access import Access

WAITING_CONNECTIONS = 2048
FILES = 8192  # open at once, connections among them
GRACE_S = 30
EVERYWHERE = ("0.0.0.0", "::")


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a server listens: a host of this machine, a port (0 for any that is free), and the token to show."""

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None

    @property
    def access(self) -> Access:
        """Who may ask a server on this address; where a token is made, another one at each call."""
        return Access.of(self.host, self.token)


def listen(address: Address) -> socket.socket:
    """A socket on the address.

    Raises:
        ValueError: the port is taken or not allowed, or the host is none of this machine's.
    """
    host, port = address.host, address.port
    if not 0 <= port <= 65535:
        raise ValueError(f"the port is {port}. Expected a number from 1 to 65535, or 0 for any that is free.")
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise ValueError(
            f"there is no host {host!r}. Expected an address of this machine, such as 127.0.0.1."
        ) from error
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(place)
        listening.listen(WAITING_CONNECTIONS)
    except OSError as error:
        listening.close()
        raise ValueError(_not_free(host, port, error)) from error
    return listening


def _not_free(host: str, port: int, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"port {port} may not be opened by this user. Choose one from 1024 on with --port."
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} of {host} is taken by another program. Choose another with --port, or 0 for any that is free."
        )
    return f"cannot listen on {host}, port {port}: {error.strerror or error}. Expected an address of this machine."


def run(
    app: ASGIApp, listening: socket.socket, access: Access, *, open_browser: bool = False,
    say: Callable[[str], None] = print, grace_s: float = GRACE_S,
) -> None:  # fmt: skip
    """Serve until SIGINT or SIGTERM, which lets what runs finish, for ``grace_s`` at most; a second ends it.

    The address is said once requests are answered there.
    """
    _allow_files()
    # Whoever sends nonsense gets an answer, and does not fill the log.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        app, log_level="error", access_log=False, server_header=False, lifespan="on", http="h11", ws="none",
        timeout_keep_alive=30, timeout_graceful_shutdown=int(grace_s), h11_max_incomplete_event_size=2**16,
        backlog=WAITING_CONNECTIONS,
    )  # fmt: skip
    _Server(config, addresses(listening, access), say, open_browser).run([listening])


def addresses(listening: socket.socket, access: Access) -> list[str]:
    """The addresses to open, the first for a person on this machine; with the token where there is one."""
    host, port = listening.getsockname()[:2]
    names = ["127.0.0.1" if host == "0.0.0.0" else "[::1]", socket.gethostname()] if host in EVERYWHERE else [
        f"[{host}]" if ":" in host else host
    ]  # fmt: skip
    token = f"?token={quote(access.token)}" if access.token else ""
    return [f"http://{name}:{port}/{token}" for name in names]


class _Server(uvicorn.Server):
    """uvicorn's server, stopped by the signals of clearsight, which end it without an error."""

    def __init__(
        self, config: uvicorn.Config, places: list[str], say: Callable[[str], None], open_browser: bool
    ) -> None:
        super().__init__(config)
        self.places, self.say, self.open_browser = places, say, open_browser
        self.stop = Stop()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:  # type: ignore[override]
        with signals() as self.stop:
            yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.say(f"Serving at {' and '.join(self.places)} (Ctrl-C stops it)")
        if self.open_browser:
            await asyncio.to_thread(webbrowser.open, self.places[0])

    async def on_tick(self, counter: int) -> bool:
        self.should_exit = self.should_exit or self.stop.asked()
        return await super().on_tick(counter)


def _allow_files() -> None:
    """Let the process open as many connections as it may, where the system has such a limit."""
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
