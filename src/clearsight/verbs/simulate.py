"""Simulate what a decision does over time, such as decisions that make their own training data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clearsight import catalogue, report
from clearsight.console.progress import stage
from clearsight.simulations import conclusion
from clearsight.simulations.districts import read_districts
from clearsight.simulations.feedback import Outcome, feedback
from clearsight.simulations.policies import POLICIES
from clearsight.types import Card, Question

ASKED: dict[Question, str] = {
    "what it does": "Where each policy sends its visits, where the incidents are, and what the records come to say."
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Simulated:
    """What a simulation showed: its card, the outcome of every policy, and its page where one was asked for."""

    card: Card
    outcomes: tuple[Outcome, ...]
    asked: Mapping[Question, str]
    page: str | None = None


def simulate(
    what: str,
    districts: Path | str | None = None,
    *,
    policies: Sequence[str] = tuple(POLICIES),
    rounds: int = 500,
    visits: int = 10,
    replicates: int = 500,
    seed: int = 0,
    out: Path | str | None = None,
    quiet: bool = True,
) -> Simulated:
    """Simulate decisions that decide what is observed, and are then made from what was observed.

    Args:
        what: "feedback".
        districts: a table with a row for each place (a district, a branch, a plant): ``district``, its name;
            ``true_rate`` in (0, 1], the probability that a visit finds an incident; ``start`` > 0, the records at the
            start; ``reported_share`` >= 0 (optional), how many incidents become known without a visit, as a share of
            what an equal share of the visits would find. Without it, an invented sample.
        policies: some of greedy, proportional, importance-weighted, rejection, uniform.
        visits: how many visits are decided in each round.
        replicates: how often the whole is repeated, with other random numbers.
        out: a new file for the report, one HTML page.

    Raises:
        ValueError: no such simulation or policy, a number out of range, a table that does not fit, ``out`` exists.
    """
    catalogue.find("simulations", what)
    report.check_new(out)
    places = read_districts(districts)
    with stage("simulating", quiet) as watch:
        outcomes = feedback(
            places, policies, rounds=rounds, visits=visits, replicates=replicates, seed=seed, watch=watch
        )
    facts = {
        "districts": "a sample of invented districts" if districts is None else Path(districts).name,
        "number of districts": str(len(places.names)),
        "rounds": f"{rounds:,} of {visits:,} visits each",
        "replicates": f"{replicates:,}",
        "seed": str(seed),
    }
    card = conclusion.card(places, outcomes, facts, invented=districts is None)
    page = None if out is None else str(report.write_page(card, Path(out), ASKED, "Simulation"))
    return Simulated(card=card, outcomes=outcomes, asked=ASKED, page=page)
