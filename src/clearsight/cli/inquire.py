"""The commands that need no trained model: a simulation of decisions, and probes of language systems."""

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
    _show(found, verb.ASKED, {}, as_json)


def _show(found: Any, asked: Any, more: dict[str, Any], as_json: bool) -> None:
    """Print the card of a simulation or a probe: as JSON with ``more``, or as text."""
    from clearsight.printing import results

    show(
        {"card": results.plain(found.card), "page": found.page, **more},
        lambda: results.inquiry(found.card, asked, found.page),
        as_json,
    )


COMMANDS = (simulate,)
