"""Audit a trained model again: other groups, another grid zone, or other data; a new card and report."""

from collections.abc import Sequence
from pathlib import Path

from clearsight.audits.attributes import crossed, known_names
from clearsight.audits.cost import EVALUATION
from clearsight.energy.meter import Meter
from clearsight.evaluation.baselines import baseline_for
from clearsight.evaluation.beside_start import beside_start, notes_of_start
from clearsight.evaluation.classical_answers import classical_answers
from clearsight.evaluation.conclusion import examples_of, settled_on_the_same, write_card
from clearsight.evaluation.judging import (
    check_attributes,
    check_for_a_table,
    cost_of,
    judged,
    judged_split,
    read_for,
    zone_of,
)
from clearsight.generation.conclusion import conclude_again
from clearsight.generation.invention import invented
from clearsight.loading import guarantees, trained
from clearsight.loading import never as never_confused
from clearsight.robustness.kept import kept_of
from clearsight.run import Run
from clearsight.sources import Source
from clearsight.tabular.training import audit_table
from clearsight.training.segmenter import segmenter_of
from clearsight.types import Card, Evidence, Request


def audit(
    run: Run | str | Path,
    data: str | Path | None = None,
    *,
    by: Sequence[str] = (),
    reference: str | Path | None = None,
    never: Sequence[str | Path] = (),
    zone: str | None = None,
    attributes: Path | str | None = None,
    target: str | None = None,
    cluster: str | None = None,
    split: str | None = None,
    skip_bad: bool = False,
    responsible: str | None = None,
    quiet: bool = True,
) -> Card:
    """Audit a run and write its card and report anew.

    Without ``data`` the run's own data are judged again. ``by`` names the attributes to compare groups by (all where
    empty), ``race*age`` an intersection; of two or more names every intersection of two is compared too. ``never`` are
    confusions that must never happen, as "truth>prediction" or files of them: they are counted, and kept in the run for
    ``predict``; ``("none",)`` lifts them. ``zone`` is the electricity grid for CO2e, ``attributes`` a table of groups
    by picture. ``cluster`` is "auto", "none" or an attribute, as in ``train``; of the run's own data what it was
    trained with, unless said.

    Of a generator, ``by`` names the attributes whose groups are counted among its pictures, and ``reference`` declares
    the shares they should have: "uniform", or a table of the attributes and a column ``share`` or ``count``.

    Raises:
        ValueError: an attribute or zone that does not exist (nearest names in the message), bad data, no weights, or
            the pictures that the run was trained on, which its report must not be about.
    """
    run = trained.opened(run)
    config = run.config
    if reference is not None and not trained.makes_pictures(config.model):
        raise ValueError(
            f"{run.path} is a {config.model}, which makes no pictures: a reference declares the mix of groups among "
            "the pictures of a generator. Leave --reference out."
        )
    if config.settings.get("table"):
        check_for_a_table(cluster)
        never_confused.refused(run, never)
        return audit_table(
            run, data, by=by, zone=zone, attributes=attributes, skip_bad=skip_bad, responsible=responsible
        )
    if trained.makes_pictures(config.model):
        _refuse_choices_of_pictures(run, split, target, cluster)
        never_confused.refused(run, never)
        place = zone_of(run, zone)
        return conclude_again(
            run, None if data is None else str(data), by=by, reference=reference, attributes=attributes, zone=place,
            responsible=responsible, segmenter=segmenter_of, quiet=quiet,
        )  # fmt: skip
    choices = (attributes, skip_bad, target, cluster)
    with Meter(start=cost_of(run)) as meter:
        source = read_for(run, config.data if data is None else data, *choices)
        return _audited_anew(run, source, split or judged_split(source), by, never, zone, responsible, quiet, meter)


def _audited_anew(
    run: Run, source: Source, split: str, by: Sequence[str], never: Sequence[str | Path], zone: str | None,
    responsible: str | None, quiet: bool, meter: Meter,
) -> Card:  # fmt: skip
    """Judge the run on a split that it was not trained on, audit it, and write its card."""
    config = run.config
    asked = config.settings.get("asked", {})
    zone = zone_of(run, zone)
    own = source.fingerprint == config.fingerprint
    if own:
        _refuse_training_pictures(run, source, split)
    check_attributes(by, source, config.settings.get("target"))
    pairs = never_confused.pairs_of(never, config.class_names) if list(never) != [never_confused.NONE] else []
    found = judged(run, source, split, quiet)
    meter.end_stage(EVALUATION, len(found.ids))
    if never:
        never_confused.keep(run, pairs, found)
        config = run.config
    attributes = tuple(by) or _known(asked.get("by", ()), found)
    more = invented(run, source, found, attributes, quiet=quiet)
    compared = _compared(run, source, found) if own else {}
    request = Request(
        evidence=found,
        more={**compared, **kept_of(run, found), **more.evidence},
        by=attributes,
        never=never_confused.kept_pairs(config),
        guarantees=guarantees.kept(config),
        zone=zone,
        seed=config.seed,
    )
    former = run.read_card() if (run.path / "card.json").is_file() else None
    shown = [one for one in (former.examples if former else ()) if one.kind == "corrupted"]
    facts = {
        **(former.facts if former else {}),
        "Evaluated on": f"{len(found.ids)} pictures of {source.name}, split {split}",
        "Clusters": found.about["clusters"],
    }
    return write_card(
        run, request, meter, facts,
        [*more.examples, *examples_of(run, source.split(split), request), *shown],
        [
            *source.problems,
            *notes_of_start(config),
            *(settled_on_the_same(config, found.about["split"]) if own else []),
        ],
        responsible or (former.responsible if former else None),
    )  # fmt: skip


def _refuse_training_pictures(run: Run, source: Source, split: str) -> None:
    if source.split(split).split == "train":
        raise ValueError(
            f"{run.path} was trained on the split train of {source.name}. Expected other pictures: the report and the "
            "model card of a run are about pictures that it has not seen. Leave --split out, or see the scores on its "
            f"training pictures with `clearsight evaluate {run.path} DATA --split train`."
        )


def _compared(run: Run, source: Source, found: Evidence) -> dict[str, Evidence]:
    """The trivial baseline, the classical answers, and the run it went on from, on a split of the run's own data."""
    classical = classical_answers(run, source, found)
    baseline = baseline_for(run, source, found, classical)
    return {"baseline": baseline, **classical, **beside_start(run, source, found)}


def _known(asked: Sequence[str], found: Evidence) -> tuple[str, ...]:
    """The attributes among those asked for in training that these pictures have."""
    return tuple(name for name in asked if set(crossed(name)) <= set(known_names(found)))


def _refuse_choices_of_pictures(run: Run, *choices: str | None) -> None:
    if any(choice is not None for choice in choices):
        raise ValueError(
            f"{run.path} is a {run.config.model}: a generator is compared with the held-out pictures of its own data, "
            "read as it was trained on them. Leave --split, --target and --cluster out."
        )
