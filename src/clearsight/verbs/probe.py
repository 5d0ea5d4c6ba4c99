"""Probe a language system: a translator's pronouns, a chat bot's drift, or its consistency."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clearsight import catalogue, report
from clearsight.console.progress import stage
from clearsight.probes import conclusion
from clearsight.probes.asking import replies_of
from clearsight.probes.connections import Connection, opened
from clearsight.probes.probe import Judging, Reply
from clearsight.probes.probe import Probe as Probe
from clearsight.probes.tables import read_rows
from clearsight.types import Card, Question


@dataclass(frozen=True, kw_only=True)
class Probed:
    """What a probe showed: its card, every reply, and its page where one was asked for."""

    card: Card
    replies: tuple[Reply, ...]
    asked: Mapping[Question, str]
    page: str | None = None


def probe(
    what: str,
    answer: Callable[[str], str] | None = None,
    *,
    command: str | Sequence[str] | None = None,
    url: str | None = None,
    reference: str | None = None,
    body: str | None = None,
    reply: str = "text",
    allow_remote: bool = False,
    timeout: float = 30.0,
    prompts: Path | str | None = None,
    words: Sequence[str] = (),
    tolerated: float = 0.1,
    replicates: int = 1000,
    seed: int = 0,
    out: Path | str | None = None,
    quiet: bool = True,
) -> Probed:
    """Ask a language system questions with known answers, and tell its mistakes with intervals.

    Args:
        what: "translator", "drift" or "consistency".
        answer: a function from a message to the reply. Exactly one of this and the next three is given.
        command: a program and its arguments. With ``{text}`` in them it is run once for each message and prints the
            reply; without, it runs throughout, reads a line for each message and writes a line for each reply.
        url: an endpoint on this machine; each message is posted to it as JSON.
        reference: a small system that ships with the probe, good or bad by construction.
        body: the JSON that is posted, ``{text}`` standing for the message; default: ``{"text": "{text}"}``.
        reply: the path to the text in the JSON that comes back, such as ``choices.0.message.content``.
        allow_remote: let ``url`` be on another machine.
        timeout: seconds to wait for a reply.
        prompts: a table of your own with the columns of the probe's sample.
        words: for drift, hostile words to look for instead of the sample's.
        tolerated: the share of mistakes, between 0 and 1, above which the verdict is "fail".
        replicates: bootstrap replicates of the intervals.
        out: a new file for the report, one HTML page.

    Raises:
        ValueError: no such probe, not exactly one system, a table that does not fit, an address on another machine,
            a system that cannot be reached or does not reply with text in time, ``out`` exists.
    """
    chosen: Probe = catalogue.find("probes", what).load()
    connection = Connection(
        answer=answer, command=command, url=url, reference=reference, body=body, reply=reply,
        allow_remote=allow_remote, timeout_s=timeout,
    )  # fmt: skip
    judging = _judging(chosen, words, tolerated, replicates, seed)
    report.check_new(out)
    rows = read_rows(chosen, prompts)
    turns = chosen.turns(rows)
    with opened(connection, chosen.references, rows) as ask, stage(f"probing {connection.named}", quiet) as watch:
        replies = replies_of(ask, turns, watch)
    evidence, read = chosen.judge(rows, turns, replies, judging)
    told = tuple(
        Reply(id=str(turn.row + 1), phase=turn.phase, prompt=turn.text, reply=text, read_as=word)
        for turn, text, word in zip(turns, replies, read, strict=True)
    )
    table = "the sample of the project" if prompts is None else Path(prompts).name
    card = conclusion.card(chosen, connection.named, table, told, chosen.findings(evidence, judging), judging)
    page = None if out is None else str(report.write_page(card, Path(out), chosen.asked, "Probe"))
    return Probed(card=card, replies=told, asked=chosen.asked, page=page)


def _judging(chosen: Probe, words: Sequence[str], tolerated: float, replicates: int, seed: int) -> Judging:
    if not 0 < tolerated < 1:
        raise ValueError(
            f"the tolerated share of mistakes is {tolerated}. Expected a number between 0 and 1, such as 0.1."
        )
    if replicates < 100:
        raise ValueError(f"{replicates} replicates give no interval of 95%. Expected 100 or more.")
    if words and chosen.name != "drift":
        raise ValueError(f"--words are hostile words, which probe {chosen.name} does not look for. Leave them out.")
    return Judging(hostile_words=tuple(words), tolerated=tolerated, replicates=replicates, seed=seed)
