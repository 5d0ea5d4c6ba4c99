"""Who may ask a server, and from where: names it answers to, other web sites, and the token.

A server on the loopback address is reached by every program of this machine, and a browser among them shows pages of
strangers. Such a page cannot read this server's answers, but it can send requests. So a request is refused

- under another name than the loopback's own, where no token is asked for: a stranger's name that is made to point to
  127.0.0.1 (DNS rebinding) would make the page a part of this site;
- when a browser says that another site sent it, unless it is a person following a link: ``Sec-Fetch-Site``, and
  ``Origin`` for whatever is not only read (cross-site request forgery).

On any other address than the loopback's everybody must show a token.
"""

import hmac
import ipaddress
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
LEAST_TOKEN = 16
COOKIE = "clearsight-token"


@dataclass(frozen=True, kw_only=True)
class Access:
    """The names a server answers to (any where ``hosts`` is empty), and the token to show, None for none."""

    hosts: frozenset[str] = LOCAL_NAMES
    token: str | None = None

    @classmethod
    def of(cls, host: str, token: str | None = None) -> "Access":
        """For a server on this address; off the loopback there is always a token, a new one where none is given.

        Raises ValueError for a token that is too short, or holds what a header or an address cannot.
        """
        if token is not None and (len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable()
                                  or set(token) & set(" \",;\\&#+%?")):  # fmt: skip
            raise ValueError(
                f"the token has {len(token)} characters. Expected {LEAST_TOKEN} or more letters and digits, which "
                "nobody can guess. Leave --token out for a new one."
            )
        if token is None and not is_loopback(host):
            token = secrets.token_urlsafe(24)
        return cls(hosts=frozenset() if token else LOCAL_NAMES | {host.lower()}, token=token)

    def refused(self, method: str, headers: Mapping[str, str]) -> str:
        """Why a request is refused for where it comes from; "" where it is not. Names of headers are in lower case."""
        called = headers.get("host", "")
        name = _hostname(called)
        if not name or (self.hosts and name not in self.hosts):
            return (
                f"this server answers to {' and '.join(sorted(self.hosts)) or 'a name'}, and was called {called!r}. "
                "Open the address that it printed when it started."
            )
        site = headers.get("sec-fetch-site", "none")
        followed = method in READING and headers.get("sec-fetch-mode") == "navigate"
        if site not in ("same-origin", "none") and not followed:
            return "the request was sent by a page of another site."
        origin = headers.get("origin")
        if method not in READING and origin is not None and urlsplit(origin).netloc.lower() != called.lower():
            return f"the request was sent by a page of {origin}, which is another site."
        return ""

    def holds(self, shown: str | None) -> bool:
        """Whether a token that was shown is the one; takes as long for a wrong one as for the right one."""
        if self.token is None:
            return True
        return shown is not None and hmac.compare_digest(shown.encode(), self.token.encode())


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _hostname(called: str) -> str:
    """The name in a Host header without its port, in lower case; "" for a malformed one."""
    try:
        return urlsplit(f"//{called}").hostname or ""
    except ValueError:
        return ""
