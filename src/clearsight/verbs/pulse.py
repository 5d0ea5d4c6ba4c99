"""Restore small pictures by search in a generator's latents, and audit which groups that makes of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jaxtyping import UInt8
from torch import Tensor

from clearsight.console.progress import stage
from clearsight.depixelising.auditing import audited
from clearsight.depixelising.conclusion import concluded
from clearsight.depixelising.inputs import check_divides, small_pictures
from clearsight.depixelising.plan import WEIGHTS, Plan
from clearsight.depixelising.restoring import Restored, labels_of, restored, searchable
from clearsight.depixelising.writing import about_of, rows_of, unmatched, written
from clearsight.evaluation.judging import check_attributes
from clearsight.files import credentials
from clearsight.generation.conclusion import own_data
from clearsight.loading import trained
from clearsight.ops.downscaling import BOX
from clearsight.prediction import writing
from clearsight.run import Run
from clearsight.types import Card, Finding

FACTOR = 4  # of the audit, unless said
AUDITED = 400  # held-out pictures, unless said


@dataclass(frozen=True, kw_only=True, eq=False)
class Pulsed:
    """What was restored of small pictures: several pictures of each, and a row of plain values for each of these.

    ``names`` are those of the small pictures; ``unmatched`` those of which no restoration came near enough. ``files``
    were written. An audit has ``findings`` and the run's new ``card`` too.
    """

    pictures: UInt8[Tensor, "inputs restarts 3 h w"]
    names: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    unmatched: tuple[str, ...]
    about: dict[str, Any]
    files: tuple[Path, ...] = ()
    skipped: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    card: Card | None = None


def pulse(
    run: Run | str | Path,
    pictures: str | Path | Sequence[str | Path] = (),
    *,
    out: str | Path | None = None,
    by: Sequence[str] = (),
    factor: int | None = None,
    filter: str = BOX,
    restarts: int | None = None,
    epsilon: float = 1e-3,
    steps: int = 200,
    rate: float = 0.1,
    finish: str = WEIGHTS,
    classes: Sequence[str] = (),
    count: int = AUDITED,
    attributes: Path | str | None = None,
    seed: int = 0,
    skip_bad: bool = False,
    quiet: bool = True,
) -> Pulsed:
    """Restore small pictures with a trained generator, several times each; with ``by``, audit what becomes of groups.

    For each picture latents are searched for whose picture, made small again, is the one given (PULSE, Menon et al.
    2020). What comes out is imagined: many pictures fit, and none must be used to identify anybody. The same run, seed
    and pictures give the same restorations.

    Args:
        run: a run of gan, dcgan, wgan-gp, gan-2014 or vae.
        pictures: files, folders or patterns of pictures smaller by a whole factor than those the generator makes; with
            ``by``, where the run's own data lie now, if not where they were.
        out: a new folder for PNG files, a sheet and a table.
        by: attributes, such as race: ``count`` held-out pictures of the run's data are made small, restored, and seen
            by a classifier of each attribute. The findings stand in the run's report, which then opens with them.
        factor: how many times smaller the pictures are: of the audit 4 unless said, else by their size.
        filter: how pictures are made small: "box" or "bicubic".
        restarts: restorations of each picture, 4 unless said, of the audit 1.
        epsilon: the mean squared error, of values in [0, 1], that is near enough; 0.001 is 30 dB.
        steps, rate: of the search, at most so many steps, and its learning rate.
        finish: what follows where the search ends further away: "weights" tunes the generator for that picture,
            "projection" takes the nearest picture that agrees, "none" leaves it (see ``depixelising.plan``).
        classes: names of classes to ask of a conditional generator, in turn; all of them where empty.
        attributes: another table of groups by picture, for the audit.

    Raises:
        ValueError: a run without a latent vector, a picture that does not fit it, a folder that is not empty, or an
            attribute that the data lack.
    """
    run = trained.opened(run)
    network = searchable(run)
    words = [pictures] if isinstance(pictures, str | Path) else list(pictures)
    asked: dict[str, Any] = {
        "filter": filter, "epsilon": epsilon, "steps": steps, "rate": rate, "finish": finish, "seed": seed,
    }  # fmt: skip
    credentials.check()
    folder = None if out is None else writing.new_folder(out)
    if by:
        plan = Plan(factor=FACTOR if factor is None else factor, restarts=1 if restarts is None else restarts, **asked)
        return _audit(run, network, words, by, plan, classes, count, attributes, folder, quiet)
    if not words:
        raise ValueError("there are no pictures to restore. Name files or folders, or attributes to audit (--by).")
    small = small_pictures(words, network.config.size, network.config.channels, factor, skip_bad)
    plan = Plan(factor=small.factor, restarts=4 if restarts is None else restarts, **asked)
    labels = labels_of(run, classes)
    with stage("restoring", quiet) as watch:
        found = restored(network, small.images, plan, labels, watch)
    return _told(run, small.names, small.images, found, folder, skipped=small.skipped)


def _audit(
    run: Run, network: Any, words: Sequence[str | Path], by: Sequence[str], plan: Plan, classes: Sequence[str],
    count: int, attributes: Path | str | None, folder: Path | None, quiet: bool,
) -> Pulsed:  # fmt: skip
    """Restore held-out pictures of the run's own data, and write what that makes of groups into its report."""
    if len(words) > 1:
        raise ValueError(
            f"{len(words)} places were named. An audit restores held-out pictures of the data that {run.path} was "
            "trained on. Leave them out, or name the one place where these lie now."
        )
    if classes:
        raise ValueError("an audit asks for every class in turn. Leave --class out.")
    if count < 2:
        raise ValueError(f"count is {count}. Expected at least 2 pictures, such as {AUDITED}.")
    check_divides(network.config.size, plan.factor)
    run.read_card()  # before the work, not after it
    gathered = own_data(run, str(words[0]) if words else None, quiet, attributes)
    check_attributes(by, gathered.source, run.config.settings.get("target"))
    with run.lock():
        done = audited(run, network, gathered, by, plan, count, quiet)
        told = _told(run, _file_names(done.names), done.small, done.found, folder)
        findings, card = concluded(run, done, told.about)
    return replace(told, findings=findings, card=card)


def _file_names(ids: Sequence[str]) -> list[str]:
    """The ids of pictures as names of files."""
    return writing.unique_names(["".join(c if c.isalnum() or c in "-_" else "-" for c in one) for one in ids])


def _told(
    run: Run, names: Sequence[str], small: Tensor, found: Restored, folder: Path | None, skipped: tuple[str, ...] = ()
) -> Pulsed:
    """What was restored, written where a folder is named."""
    rows = rows_of(names, found, run.config.class_names)
    about = about_of(run.name, run.config.model, found, credentials.kind())
    files = written(folder, small, found, rows, about)
    return Pulsed(
        pictures=found.pictures, names=tuple(names), rows=tuple(row for of_one in rows for row in of_one),
        unmatched=unmatched(names, found), about=about, files=files, skipped=skipped,
    )  # fmt: skip
