"""Systems behind HTTP: a message is posted as JSON to an endpoint of this machine, and the reply read from JSON."""

import http.client
import ipaddress
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from clearsight.probes.asking import SystemFailed, excerpt

BODY = '{"text": "{text}"}'
MOST_BYTES = 1_000_000


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Redirects are errors: one could lead to another machine."""

    def redirect_request(self, *request: Any, **more: Any) -> None:
        """None: the redirect becomes an HTTPError."""


class Endpoint:
    """An endpoint asked by POST; no proxy is used and no redirect followed.

    Raises ValueError where the address is not on this machine and ``allow_remote`` is not set, or it or the body cannot
    be read.
    """

    def __init__(self, url: str, body: str | None, reply: str, allow_remote: bool, timeout_s: float) -> None:
        _check_address(url, allow_remote)
        self.url, self.timeout_s = url, timeout_s
        self.body = _template(BODY if body is None else body)
        self.path = [part for part in reply.split(".") if part]
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())

    def __call__(self, text: str) -> str:
        """The text at the path of the reply; raises SystemFailed where the endpoint does not give one."""
        content = json.dumps(_filled(self.body, text)).encode("utf-8")
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        request = urllib.request.Request(self.url, data=content, headers=headers, method="POST")
        try:
            with self.opener.open(request, timeout=self.timeout_s) as answer:
                received = answer.read(MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                said = excerpt(error.read(400).decode("utf-8", "replace").strip())
            raise SystemFailed(
                f"{excerpt(self.url)} answered {excerpt(text)!r} with HTTP status {error.code} ({error.reason})"
                + (f": {said!r}" if said else "")
                + ". Expected status 200. Check the address and --body; redirects are not followed."
            ) from error
        except TimeoutError as error:
            raise self._too_slow(text) from error
        except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise self._too_slow(text) from error
            raise SystemFailed(
                f"{excerpt(self.url)} cannot be reached: {excerpt(reason)}. Start the system, and check the address."
            ) from error
        return self._read(received, text)

    def _too_slow(self, text: str) -> SystemFailed:
        return SystemFailed(
            f"{excerpt(self.url)} took longer than {self.timeout_s:g} s for {excerpt(text)!r}. Allow more with "
            "--timeout."
        )

    def _read(self, received: bytes, text: str) -> str:
        start = f"the reply of {excerpt(self.url)} to {excerpt(text)!r}"
        if len(received) > MOST_BYTES:
            raise SystemFailed(f"{start} has over {MOST_BYTES:,} bytes. Expected a short text.")
        try:
            found: Any = json.loads(received.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise SystemFailed(
                f"{start} is not JSON: {excerpt(received.decode('utf-8', 'replace'))!r}. Expected a JSON object "
                f"with the text at {'.'.join(self.path)!r} (--reply)."
            ) from error
        for part in self.path:
            held = found if isinstance(found, dict) else dict(enumerate(found)) if isinstance(found, list) else {}
            key = int(part) if isinstance(found, list) and part.isdecimal() else part
            if key not in held:
                names = ", ".join(map(str, held)) or "nothing"
                raise SystemFailed(
                    f"{start} has no {part!r}, where {excerpt(names)} was found. Name the path to the text with "
                    "--reply, such as choices.0.message.content."
                )
            found = held[key]
        if not isinstance(found, str):
            raise SystemFailed(
                f"{start} has a {type(found).__name__} at {'.'.join(self.path)!r}. Expected text. Name another path "
                "with --reply."
            )
        return found


def _check_address(url: str, allow_remote: bool) -> None:
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{excerpt(url)!r} is no address: {error}. Expected http://localhost:8000/path.") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"{excerpt(url)!r} is no address of an endpoint. Expected http://localhost:8000/path.")
    if not allow_remote and not _on_this_machine(host):
        raise ValueError(
            f"{excerpt(host)} is not this machine. The probe's questions would be sent there. Name an endpoint on "
            "localhost, or add --allow-remote (allow_remote=True) if that is meant."
        )


def _on_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _template(body: str) -> Any:
    try:
        found = json.loads(body)
    except ValueError as error:
        raise ValueError(f"--body is not JSON: {error}. Expected something like {BODY}.") from error
    if "{text}" not in json.dumps(found):
        raise ValueError(f"--body has no {{text}}, where the message is to stand. Expected something like {BODY}.")
    return found


def _filled(body: Any, text: str) -> Any:
    if isinstance(body, str):
        return body.replace("{text}", text)
    if isinstance(body, dict):
        return {key: _filled(value, text) for key, value in body.items()}
    return [_filled(value, text) for value in body] if isinstance(body, list) else body
