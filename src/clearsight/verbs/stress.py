"""Test what breaks a trained model: held-out pictures damaged, attacked, and pictures unlike those of the training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clearsight import catalogue
from clearsight.corruptions.corruption import SEVERITIES
from clearsight.evaluation.judging import check_attributes, judged_split, read_for
from clearsight.loading import trained
from clearsight.robustness.damaged import drawn
from clearsight.robustness.plan import (
    TESTS,
    Plan,
    concluded,
    every_corruption,
    levels_of,
    refuse,
    refuse_training_pictures,
    tests_of,
    tried,
)
from clearsight.run import Run
from clearsight.types import Card, Evidence, Finding


@dataclass(frozen=True, kw_only=True, eq=False)
class Stressed:
    """What a test of robustness found: its findings, the evidence of every condition by name, and the new card.

    ``again`` is how many of the ``conditions`` had been judged before, by an earlier or interrupted test, and were not
    again. ``notes`` say what could not be tried, and why. From the score ``threshold`` on, a distance to the training
    pictures, ``predict`` marks pictures as unlike them; None where it does not.
    """

    findings: tuple[Finding, ...]
    evidence: dict[str, Evidence]
    card: Card
    pictures: int
    conditions: int
    again: int
    page: str
    notes: tuple[str, ...] = ()
    threshold: float | None = None


def stress(
    run: Run | str | Path,
    data: str | Path | None = None,
    *,
    tests: Sequence[str] = TESTS,
    corruptions: Sequence[str] = (),
    severities: Sequence[int] = SEVERITIES,
    strangers: str | Path | None = None,
    pictures: int = 200,
    by: Sequence[str] = (),
    attributes: Path | str | None = None,
    target: str | None = None,
    cluster: str | None = None,
    split: str | None = None,
    skip_bad: bool = False,
    seed: int = 0,
    quiet: bool = True,
) -> Stressed:
    """Judge a run on damaged, attacked and unlike pictures, and add what is found to its report.

    The pictures are ``pictures`` of the judged split, drawn by ``seed``, the same under every condition, so that every
    loss is paired. Boxes and masks are moved where a corruption moves the content. Each condition is kept in the run
    when it is done: a test that was interrupted goes on, and one with other corruptions adds to it.

    Args:
        data: other data than the run's own, in any layout; pictures unlike the training are sought beside its own only.
        tests: some of "corruptions", "strangers" (can it tell pictures unlike those of the training, which ``predict``
            then marks?) and "attacks" (FGSM and PGD of budgets 1, 2 and 4 of 255).
        corruptions: names of the room ``corruptions``, such as "fog"; all where empty.
        severities: whole numbers from 1 (hardly seen) to 5.
        strangers: a folder of pictures of another kind, to be told from the run's own.
        pictures: at most so many; 1,000 give intervals less than half as wide as 200.
        by: attributes by whose groups losses are compared; those of the training, or else all, where empty.

    Raises:
        ValueError: no such test, corruption, severity or attribute, bad data, a run without a card or weights, a table,
            a generator, or the split that the run was trained on.
    """
    run = trained.opened(run)
    refuse(run)
    chosen = [catalogue.find("corruptions", name).load() for name in dict.fromkeys(corruptions)] or every_corruption()
    plan = Plan(tests=tests_of(tests), corruptions=tuple(chosen), severities=levels_of(severities), strangers=strangers)
    if pictures < 2:
        raise ValueError(f"pictures is {pictures}. Expected 2 or more, such as 200: a single one has no interval.")
    config = run.config
    run.read_card()  # before hours of work, not after them
    source = read_for(run, config.data if data is None else data, attributes, skip_bad, target, cluster)
    split = split or judged_split(source)
    refuse_training_pictures(run, source, split)
    check_attributes(by, source, config.settings.get("target"))
    seen_px = None if trained.predictor(run).own_pixels else int(config.settings["training"]["size_px"])
    some = drawn(source.split(split), pictures, seed, seen_px)
    with run.lock():
        done = tried(run, source, some, plan, seed, quiet)
    asked = tuple(by) or tuple(config.settings.get("asked", {}).get("by", ()))
    findings, card = concluded(run, done, some, plan, asked, seed)
    return Stressed(
        findings=findings, evidence=done.evidence, card=card, pictures=len(some), conditions=done.count,
        again=done.again, page=str(run.path / "report.html"), notes=done.notes, threshold=done.threshold,
    )  # fmt: skip
