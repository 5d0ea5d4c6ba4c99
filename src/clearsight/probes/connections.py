"""How a language system is asked: a Python callable, a command, or an endpoint on this machine."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clearsight.probes.asking import SystemFailed, excerpt
from clearsight.probes.commands import LineCommand, TemplateCommand, split_command
from clearsight.probes.endpoints import Endpoint
from clearsight.probes.probe import Ask, Row
from clearsight.probes.references import References
from clearsight.suggestions import did_you_mean

MOST_CHARACTERS = 100_000


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Which system is asked, exactly one of four, and how.

    ``command`` with ``{text}`` in it is run once for each message; without, it runs throughout, reads a line and writes
    a line. ``body`` is the JSON sent to ``url`` with ``{text}`` in it, and ``reply`` the path to the text in what comes
    back. ``reference`` is a small system that ships with the probe.
    """

    answer: Ask | None = None
    command: str | Sequence[str] | None = None
    url: str | None = None
    reference: str | None = None
    body: str | None = None
    reply: str = "text"
    allow_remote: bool = False
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        given = [self.answer, self.command, self.url, self.reference]
        if sum(one is not None for one in given) != 1:
            raise ValueError(
                f"{sum(one is not None for one in given)} systems were named. Expected one: --command, --url, "
                "--reference, or a Python function."
            )
        if self.url is None and (self.body is not None or self.reply != "text" or self.allow_remote):
            raise ValueError("--body, --reply and --allow-remote go with --url only. Leave them out.")
        if not self.timeout_s > 0:
            raise ValueError(f"the time-out is {self.timeout_s} s. Expected a number above 0.")

    @property
    def named(self) -> str:
        """The system in a few words, for the report."""
        if self.reference is not None:
            return f"the reference system {self.reference}"
        if self.url is not None:
            return f"endpoint {excerpt(self.url)}"
        if self.command is not None:
            words = self.command if isinstance(self.command, str) else " ".join(self.command)
            return f"command {excerpt(words, 160)}"
        return f"Python function {getattr(self.answer, '__qualname__', type(self.answer).__name__)}"


@contextlib.contextmanager
def opened(connection: Connection, references: References, rows: Sequence[Row]) -> Iterator[Ask]:
    """The system ready to be asked; a command that runs throughout is ended afterwards.

    Raises SystemFailed (a ValueError) where it cannot be reached, and on asking where it does not reply as it should.
    """
    if connection.url is not None:
        yield _checked(
            Endpoint(connection.url, connection.body, connection.reply, connection.allow_remote, connection.timeout_s)
        )
        return
    if connection.command is not None:
        words = split_command(connection.command)
        if any("{text}" in word for word in words):
            yield _checked(TemplateCommand(words, connection.timeout_s))
            return
        with LineCommand(words, connection.timeout_s) as running:
            yield _checked(running)
        return
    yield _checked(connection.answer or _reference(str(connection.reference), references, rows))


def _reference(name: str, references: References, rows: Sequence[Row]) -> Ask:
    if name not in references:
        hint = did_you_mean(name, references, f"Choose one of: {', '.join(references)}.")
        raise ValueError(f"this probe has no reference system named {name!r}. {hint}")
    return references[name](rows)


def _checked(ask: Ask) -> Ask:
    """The same, but whatever goes wrong within it, or comes back that is no text, is a SystemFailed."""

    def asked(text: str) -> str:
        try:
            reply = ask(text)
        except SystemFailed:
            raise
        except Exception as error:
            raise SystemFailed(
                f"the system failed on {excerpt(text)!r} with {type(error).__name__}: {excerpt(error)}. Expected a "
                "reply. Mend the function."
            ) from error
        if not isinstance(reply, str):
            raise SystemFailed(
                f"the system answered {excerpt(text)!r} with a {type(reply).__name__}. Expected text (str). "
                "Let it return the reply alone."
            )
        if len(reply) > MOST_CHARACTERS:
            raise SystemFailed(
                f"the reply to {excerpt(text)!r} has {len(reply):,} characters. Expected at most {MOST_CHARACTERS:,}."
            )
        return reply.strip()

    return asked
