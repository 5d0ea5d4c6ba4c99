"""What a test of robustness is to try, and the trials themselves, one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clearsight import catalogue
from clearsight.audits import attacks as attacks_audit
from clearsight.audits import out_of_distribution, under_corruption
from clearsight.audits.attacks import belongs as of_attacks
from clearsight.audits.attributes import crossed
from clearsight.audits.out_of_distribution import belongs as of_strangers
from clearsight.audits.under_corruption import belongs as of_corruptions
from clearsight.console.progress import stage
from clearsight.corruptions.corruption import SEVERITIES, Corruption
from clearsight.evaluation.amending import added
from clearsight.loading import trained
from clearsight.robustness import attacks, strangers
from clearsight.robustness.conditions import judged_under
from clearsight.robustness.sheets import sheets
from clearsight.run import Run
from clearsight.sources import PictureDataset, Source
from clearsight.suggestions import did_you_mean
from clearsight.types import Card, Evidence, Finding, Request

TESTS = ("corruptions", "strangers", "attacks")
NO_FEATURES = "pictures unlike the training: the network gives no features by which they could be told"
NOT_ITS_OWN = "pictures unlike the training: that is found out on the run's own data only, so leave DATA out"
TOO_FEW = "no picture will be marked by predict: a threshold that 95% of its own pictures pass takes 19 of them or more"
NOT_ATTACKABLE = "attacks: this task is judged by the picture itself, and not by a loss that an attack could raise"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which tests, which corruptions at which severities, and the user's own pictures of another kind."""

    tests: tuple[str, ...]
    corruptions: tuple[Corruption, ...]
    severities: tuple[int, ...]
    strangers: str | Path | None = None


@dataclass(kw_only=True)
class Tried:
    """What came of the tests: evidence by name, what could not be tried, and the threshold of unlike pictures."""

    clean: Evidence
    evidence: dict[str, Evidence]
    count: int = 0
    again: int = 0
    notes: tuple[str, ...] = ()
    threshold: float | None = None


def tried(run: Run, source: Source, pictures: PictureDataset, plan: Plan, seed: int, quiet: bool) -> Tried:
    """Carry out the plan; the undamaged pictures are always judged."""
    damaged = plan.corruptions if "corruptions" in plan.tests else ()
    with stage("judging damaged pictures", quiet) as watch:
        under = judged_under(run, source, pictures, damaged, plan.severities, seed, watch)
    found = Tried(clean=under.clean, evidence=dict(under.evidence), count=len(under.evidence) - 1, again=under.again)
    if "attacks" in plan.tests:
        if attacks.attackable(run):
            with stage("attacking pictures", quiet) as watch:
                attacked = attacks.judged_under_attack(run, pictures, under.clean, attacks.BUDGETS, seed, watch)
            found.evidence |= {f"attack {name}": one for name, one in attacked.evidence.items()}
            found.count, found.again = found.count + len(attacked.evidence) - 1, found.again + attacked.again
        else:
            found.notes += (NOT_ATTACKABLE,)
    if "strangers" in plan.tests:
        _look_for_strangers(run, source, pictures, plan, seed, quiet, found)
    return found


def _look_for_strangers(
    run: Run, source: Source, pictures: PictureDataset, plan: Plan, seed: int, quiet: bool, found: Tried
) -> None:
    if source.fingerprint != run.config.fingerprint:
        found.notes += (NOT_ITS_OWN,)
        return
    with stage("looking at unlike pictures", quiet) as watch:
        unlike, settled = strangers.judged_strangers(
            run, source, found.clean, pictures, plan.corruptions, plan.strangers, seed, watch
        )
    found.evidence |= {f"unlike {name}": one for name, one in unlike.items()}
    found.count += len(unlike)
    if not unlike:
        found.notes += (NO_FEATURES,)
    elif settled is None:
        found.notes += (TOO_FEW,)
    else:
        found.threshold = settled.threshold


def concluded(
    run: Run, tried: Tried, pictures: PictureDataset, plan: Plan, by: Sequence[str], seed: int
) -> tuple[tuple[Finding, ...], Card]:
    """The findings of what was tried, and the run's new card with them; findings of other tests stay."""
    known = tuple(word for word in by if set(crossed(word)) <= set(tried.clean.groups))
    request = Request(evidence=tried.clean, more=tried.evidence, by=known, seed=run.config.seed)
    kinds = (
        (under_corruption, of_corruptions),
        (out_of_distribution, of_strangers),
        (attacks_audit, of_attacks),
    )
    made = [(audit(request), belongs) for audit, belongs in kinds]
    findings = tuple(finding for found, _ in made for finding in found)
    replaced = [belongs for found, belongs in made if found]
    names = {one.about.get("corruption") for one in tried.evidence.values()}
    damaged = [one for one in every_corruption() if one.name in names]
    corrupted = {name: one for name, one in tried.evidence.items() if "corruption" in one.about}
    examples = sheets(run, pictures, damaged, corrupted, seed)
    card = added(run, findings, examples, lambda finding: any(belongs(finding) for belongs in replaced))
    return findings, card


def every_corruption() -> list[Corruption]:
    """All corruptions of the room, in its order."""
    return [part.load() for part in catalogue.parts("corruptions")]


def tests_of(words: Sequence[str]) -> tuple[str, ...]:
    """The tests named, each once; raises ValueError for another word, and for none."""
    for word in words:
        if word not in TESTS:
            hint = did_you_mean(word, TESTS, f"Choose some of: {', '.join(TESTS)}.", cutoff=0.4)
            raise ValueError(f"there is no test named {word!r}. {hint}")
    if not words:
        raise ValueError(f"there is no test to be made. Name some of {', '.join(TESTS)}.")
    return tuple(dict.fromkeys(words))


def levels_of(severities: Sequence[int]) -> tuple[int, ...]:
    """The severities in order, each once; raises ValueError for one that is not 1 to 5, and for none."""
    wrong: list[int | str] = [level for level in severities if level not in SEVERITIES]
    if wrong or not severities:
        first = wrong[0] if wrong else "empty"
        raise ValueError(f"severity is {first}. Expected whole numbers from 1 to 5, such as 1,3,5.")
    return tuple(sorted(set(severities)))


def refuse(run: Run) -> None:
    """Raise ValueError for a run that predicts nothing from pictures."""
    config = run.config
    if config.settings.get("table"):
        raise ValueError(
            f"{run.path} learnt from the rows of a table, and these tests are for pictures. Expected a run that was "
            "trained on pictures."
        )
    if trained.makes_pictures(config.model):
        raise ValueError(
            f"{run.path} is a {config.model}, which makes pictures and is given none to be damaged. Expected a run "
            "that predicts from pictures."
        )


def refuse_training_pictures(run: Run, source: Source, split: str) -> None:
    """Raise ValueError for the split that the run was trained on."""
    if source.fingerprint == run.config.fingerprint and source.split(split).split == "train":
        raise ValueError(
            f"{run.path} was trained on the split train of {source.name}. Expected other pictures: on those it knows, "
            "damage shows too little. Leave --split out."
        )
