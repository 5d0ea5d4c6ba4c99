"""The commands that judge what clearsight did not train: decisions by simulation, language systems by probes."""

from typing import Annotated, Any

import typer

from clearsight.cli.options import AsJson, Quiet, Seed, show, words

NewPage = Annotated[str | None, typer.Option(metavar="FILE", help="A new HTML file for the report, with plots.")]


def simulate(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="feedback: decisions that make their own data.")],
    districts: Annotated[
        str | None,
        typer.Argument(
            metavar="TABLE",
            help="Places: columns district, true_rate, start, reported_share; default: an invented sample.",
        ),
    ] = None,
    policies: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Some of greedy, proportional, importance-weighted, rejection, uniform, separated by commas; "
            "default: all.",
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(metavar="NUMBER", help="How many times visits are decided.")] = 500,
    visits: Annotated[int, typer.Option(metavar="NUMBER", help="How many visits each round has.")] = 10,
    replicates: Annotated[int, typer.Option(metavar="NUMBER", help="How often the whole is repeated.")] = 500,
    seed: Seed = 0,
    out: NewPage = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Simulate decisions that make their own training data: runaway feedback, and what correcting it does."""
    from clearsight.simulations.policies import POLICIES
    from clearsight.verbs import simulate as verb

    found = verb.simulate(
        what, districts, policies=words(policies) if policies is not None else tuple(POLICIES), rounds=rounds,
        visits=visits, replicates=replicates, seed=seed, out=out, quiet=quiet,
    )  # fmt: skip
    _show(found, {}, as_json)


def probe(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="translator: pronouns; drift: a bot under hostile users; consistency: the same sum in other words.",
        ),
    ],
    command: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS",
            help="A program and its arguments in quotation marks: run once for each message where {text} stands in "
            "them, else reading and writing a line for each.",
        ),
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="An endpoint on this machine that takes and gives JSON.")
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A small system that ships with the probe: reads-the-context, by-activity, always-he (translator); "
            "firm, learner (drift); steady, agreeable, wavering (consistency).",
        ),
    ] = None,
    body: Annotated[
        str | None,
        typer.Option(
            metavar="JSON", help='What is posted to --url, {text} for the message; default: {"text": "{text}"}.'
        ),
    ] = None,
    reply: Annotated[
        str,
        typer.Option(metavar="PATH", help="Where the text is in what --url gives, such as choices.0.message.content."),
    ] = "text",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Let --url be on another machine, to which the messages are sent.")
    ] = False,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="How long to wait for a reply.")] = 30.0,
    prompts: Annotated[
        str | None, typer.Option(metavar="TABLE", help="Your own messages, in the columns of the sample table.")
    ] = None,
    hostile_words: Annotated[
        str | None,
        typer.Option("--words", metavar="WORDS", help="For drift: hostile words to look for, separated by commas."),
    ] = None,
    tolerated: Annotated[
        float, typer.Option(metavar="SHARE", help="The share of mistakes above which the verdict is fail.")
    ] = 0.1,
    replicates: Annotated[int, typer.Option(metavar="NUMBER", help="Bootstrap replicates of the intervals.")] = 1000,
    seed: Seed = 0,
    out: NewPage = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Probe a language system with questions of known answer: a translator, or a chat bot."""
    from clearsight.printing import results
    from clearsight.verbs import probe as verb

    found = verb.probe(
        what, command=command, url=url, reference=reference, body=body, reply=reply, allow_remote=allow_remote,
        timeout=timeout, prompts=prompts, words=words(hostile_words), tolerated=tolerated, replicates=replicates,
        seed=seed, out=out, quiet=quiet,
    )  # fmt: skip
    _show(found, {"replies": results.plain(found.replies)}, as_json)


def _show(found: Any, more: dict[str, Any], as_json: bool) -> None:
    """Print the card of a simulation or a probe: as JSON with ``more``, or as text."""
    from clearsight.printing import results

    show(
        {"card": results.plain(found.card), **more, "page": found.page},
        lambda: results.inquiry(found.card, found.asked, found.page),
        as_json,
    )


COMMANDS = (simulate, probe)
