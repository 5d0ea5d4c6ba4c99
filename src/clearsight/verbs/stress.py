"""Test what breaks a trained model: its own held-out pictures noisy, blurred, foggy, too dark or compressed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from clearsight import catalogue
from clearsight.audits.under_corruption import belongs, under_corruption
from clearsight.console.progress import stage
from clearsight.corruptions.corruption import SEVERITIES, Corruption
from clearsight.evaluation.judging import check_attributes, judged_split, read_for
from clearsight.loading import trained
from clearsight.robustness.conclusion import added
from clearsight.robustness.conditions import Conditions, judged_under
from clearsight.robustness.damaged import drawn
from clearsight.robustness.sheets import sheets
from clearsight.run import Run
from clearsight.sources import Source
from clearsight.types import Card, Evidence, Finding, Request


@dataclass(frozen=True, kw_only=True, eq=False)
class Stressed:
    """What a test of robustness found: its findings, the evidence of every condition by name, and the new card.

    ``again`` is how many conditions had been judged before, by an earlier or interrupted test, and were not again.
    """

    findings: tuple[Finding, ...]
    evidence: dict[str, Evidence]
    card: Card
    pictures: int
    conditions: int
    again: int
    page: str


def stress(
    run: Run | str | Path,
    data: str | Path | None = None,
    *,
    corruptions: Sequence[str] = (),
    severities: Sequence[int] = SEVERITIES,
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
    """Judge a run on pictures damaged by each corruption at each severity, and add what is found to its report.

    The pictures are ``pictures`` of the judged split, drawn by ``seed``, the same under every corruption, so that every
    loss is paired. Boxes and masks are moved where a corruption moves the content. Each condition is kept in the run
    when it is done: a test that was interrupted goes on, and one with other corruptions adds to it.

    Args:
        data: other data than the run's own, in any layout.
        corruptions: names of the room ``corruptions``, such as "fog"; all where empty.
        severities: whole numbers from 1 (hardly seen) to 5.
        pictures: at most so many; 1,000 give intervals less than half as wide as 200.
        by: attributes by whose groups losses are compared; those of the training, or else all, where empty.

    Raises:
        ValueError: no such corruption, severity or attribute, bad data, a run without a card or weights, a table, a
            generator, or the split that the run was trained on.
    """
    run = trained.opened(run)
    _refuse(run)
    chosen = [catalogue.find("corruptions", name).load() for name in dict.fromkeys(corruptions)] or every_corruption()
    levels = _levels(severities)
    if pictures < 2:
        raise ValueError(f"pictures is {pictures}. Expected 2 or more, such as 200: a single one has no interval.")
    config = run.config
    run.read_card()  # before hours of work, not after them
    source = read_for(run, config.data if data is None else data, attributes, skip_bad, target, cluster)
    split = split or judged_split(source)
    _refuse_training_pictures(run, source, split)
    check_attributes(by, source, config.settings.get("target"))
    seen_px = None if trained.predictor(run).own_pixels else int(config.settings["training"]["size_px"])
    some = drawn(source.split(split), pictures, seed, seen_px)
    with run.lock(), stage("judging damaged pictures", quiet) as watch:
        found = judged_under(run, source, some, chosen, levels, seed, watch)
    asked = tuple(by) or tuple(config.settings.get("asked", {}).get("by", ()))
    request = Request(evidence=found.clean, more=found.more(), by=asked, seed=config.seed)
    findings = under_corruption(replace(request, by=_known(request)))
    shown = sheets(run, some, _tried(found), found.evidence, seed)
    card = added(run, findings, shown, belongs, "corrupted")
    return Stressed(
        findings=findings, evidence=found.more(), card=card, pictures=len(some), conditions=len(found.evidence) - 1,
        again=found.again, page=str(run.path / "report.html"),
    )  # fmt: skip


def every_corruption() -> list[Corruption]:
    """All corruptions of the room, in its order."""
    return [part.load() for part in catalogue.parts("corruptions")]


def _tried(found: Conditions) -> list[Corruption]:
    names = {name for name, _ in found.evidence}
    return [one for one in every_corruption() if one.name in names]


def _known(request: Request) -> tuple[str, ...]:
    """The attributes asked for at the training that these pictures have."""
    return tuple(word for word in request.by if set(word.replace("×", "*").split("*")) <= set(request.evidence.groups))


def _levels(severities: Sequence[int]) -> list[int]:
    wrong: list[int | str] = [level for level in severities if level not in SEVERITIES]
    if wrong or not severities:
        raise ValueError(
            f"severity is {wrong[0] if wrong else 'empty'}. Expected whole numbers from 1 to 5, such as 1,3,5."
        )
    return sorted(set(severities))


def _refuse(run: Run) -> None:
    config = run.config
    if config.settings.get("table"):
        raise ValueError(
            f"{run.path} learnt from the rows of a table, and corruptions are for pictures. Expected a run that was "
            "trained on pictures."
        )
    if trained.makes_pictures(config.model):
        raise ValueError(
            f"{run.path} is a {config.model}, which makes pictures and is given none to be damaged. Expected a run "
            "that predicts from pictures."
        )


def _refuse_training_pictures(run: Run, source: Source, split: str) -> None:
    if source.fingerprint == run.config.fingerprint and source.split(split).split == "train":
        raise ValueError(
            f"{run.path} was trained on the split train of {source.name}. Expected other pictures: on those it knows, "
            "damage shows too little. Leave --split out."
        )
