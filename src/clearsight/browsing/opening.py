"""A run, or two, opened to be browsed: which evaluation, where its pictures are, what was decided before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from clearsight.audits.slices import searched
from clearsight.browsing.doubts import Doubt, doubted_in, doubts_of, strength
from clearsight.browsing.gallery import Gallery
from clearsight.browsing.pictures import Pictures
from clearsight.comparison.paired import alike, evaluations, shared
from clearsight.console.progress import stage
from clearsight.corrections.decisions import Decision, Decisions, What
from clearsight.corrections.writing import Data, Written, beside, check_can_be_written, write
from clearsight.evaluation.judging import data_judged, same_place
from clearsight.label_checks.doubted import Doubted
from clearsight.loading import trained
from clearsight.run import Run
from clearsight.signatures.signed_run import FILE as SIGNATURE
from clearsight.sources import DataError, Source
from clearsight.types import Dataset, Evidence, Prediction, Request, Size, Truth

FOLDER = "corrections"


@dataclass(frozen=True, kw_only=True)
class Browsed:
    """What is shown: the evaluation called ``name`` in columns, its pictures, and the decisions about its labels.

    ``out`` is where a corrected data set would be written; None, and ``why_not``, where it cannot be.
    """

    name: str
    runs: tuple[Run, ...]
    evidence: Evidence
    gallery: Gallery
    pictures: Pictures
    decisions: Decisions
    data: Data
    out: Path | None
    why_not: str = ""

    def doubts(self, row: int) -> list[Doubt]:
        """The doubts about the labels of a picture; raises ValueError where it cannot be read."""

        def look() -> tuple[Truth, Prediction | None, Size]:
            sample = self.pictures.sample(row)
            return sample.truth, self.pictures.answer(row, 0), sample.size

        return doubts_of(self.evidence.statistics, self._doubted, row, self.gallery.ids[row], look)

    @cached_property
    def _doubted(self) -> Doubted | None:
        """The labels that the evaluation alone speaks against: sought once, for it takes all pictures."""
        return doubted_in(self.evidence.statistics)

    def decide(self, row: int, key: str, what: What) -> None:
        """Keep a decision about a label of a picture.

        Raises ValueError where there is no such doubt, what is decided does not fit it, or it cannot be kept.
        """
        doubt = next((one for one in self.doubts(row) if one.key == key), None)
        if doubt is None or (what == "dropped" and doubt.dropped is None):
            raise ValueError("there is no such doubt about this picture. Reload the page.")
        if (self.runs[0].path / SIGNATURE).exists() and self.decisions.path.is_relative_to(self.runs[0].path):
            raise ValueError(
                f"{self.runs[0].path} is signed, and a file of decisions in it would change what was signed. Start "
                "again with --corrections FILE."
            )
        change = {"accepted": doubt.accept, "dropped": doubt.dropped}.get(what)
        self._take(row, Decision(key=key, id=doubt.id, what=what, change=change, kind=doubt.kind, fingerprint=""))

    def undo(self) -> int | None:
        """Take the last decision back; the row of its picture, None where there is none."""
        last = self.decisions.last
        if last is None:
            return None
        row = self.gallery.ids.index(last.id)
        self._take(row, replace(last, what="open", change=None))
        return row

    def _take(self, row: int, decision: Decision) -> None:
        """Keep a decision, with how many doubts about the picture are open then."""
        others = [one for one in self.doubts(row) if one.key != decision.key]
        left = sum(self.decisions.about(one.key) is None for one in others) + (decision.what == "open")
        self.decisions.take(replace(decision, fingerprint=self.decisions.fingerprint, left=left))
        self.gallery.decided.discard(row) if left else self.gallery.decided.add(row)

    def write(self) -> Written:
        """Write the corrected data set; raises ValueError where it cannot be, and nothing is left then."""
        if self.out is None:
            raise ValueError(self.why_not)
        return write(self.data, self.decisions.changes(), self.out)


def opened(
    runs: Sequence[Run | str | Path],
    *,
    data: str | Path | None = None,
    attributes: str | Path | None = None,
    evaluation: str | None = None,
    corrections: str | Path | None = None,
    out: str | Path | None = None,
    quiet: bool = True,
) -> Browsed:
    """Open one run, or two that were judged on the same pictures: see ``clearsight.browse``.

    Raises:
        ValueError: no run, no evaluation, pictures that are not where they were, runs judged on different pictures.
    """
    if not 1 <= len(runs) <= 2:
        raise ValueError(f"{len(runs)} runs were named. Expected one, or two to compare: clearsight browse RUN RUN.")
    found = tuple(trained.opened(run) for run in runs)
    name, evidence = _evaluation(found, evaluation)
    source, dataset = _pictures(found[0], evidence[0], data, attributes, quiet)
    path = Path(corrections) if corrections is not None else found[0].path / FOLDER / f"{name}.jsonl"
    decisions = Decisions.open(path, evidence[0].about["fingerprint"])
    named = [(run.name, one) for run, one in zip(found, evidence, strict=True)]
    with stage("gathering what was said of each picture", quiet):
        gallery = Gallery.of(named, doubt=strength(evidence[0].statistics), slices=_slices(found[0], evidence[0]))
    browsed = Browsed(
        name=name,
        runs=found,
        evidence=evidence[0],
        gallery=gallery,
        pictures=Pictures(found, dataset),
        decisions=decisions,
        **_writable(found[0], source, data, attributes, out),
    )
    settled = decisions.settled
    gallery.decided |= {row for row, id in enumerate(gallery.ids) if id in settled}
    return browsed


def _evaluation(runs: Sequence[Run], asked: str | None) -> tuple[str, list[Evidence]]:
    """The evaluation to show, by every run; raises ValueError where there is none."""
    for run in runs:
        if trained.makes_pictures(run.config.model):
            raise ValueError(
                f"{run.path} is a {run.config.model}, which makes pictures and judges none. Its report shows what it "
                "makes; `clearsight sample` makes more."
            )
        if run.config.settings.get("table"):
            raise ValueError(f"{run.path} learns from a table, whose rows have no pictures. Its report is report.html.")
        if not evaluations(run):
            raise ValueError(f"{run.path} has no evaluation yet. Make one: clearsight evaluate {run.path} DATA.")
    if asked is None:
        return shared(runs)
    first = runs[0].read_evidence(asked, trained.task_of(runs[0].config).statistics_type)
    found = [first, *(one for run in runs[1:] if (one := alike(run, asked, first)) is not None)]
    if len(found) < len(runs):
        raise ValueError(
            f"{runs[1].path} was not evaluated on the pictures of {asked}. Evaluate it on the same data: "
            f"clearsight evaluate {runs[1].path} DATA."
        )
    return asked, found


def _pictures(
    run: Run, evidence: Evidence, data: str | Path | None, attributes: str | Path | None, quiet: bool
) -> tuple[Source, Dataset]:
    try:
        with stage("reading the data", quiet):
            return data_judged(run, evidence, data, attributes)
    except ValueError as error:
        about = evidence.about
        reason = str(error).rstrip(".")
        raise DataError(
            f"the pictures of {about.get('data', '')}, {about.get('split', '')}, were not found: {reason}.\nExpected "
            f"them in {run.config.data if data is None else data}, as they were when {run.path} was judged. Say where "
            "they are now with --data (and their table of groups with --attributes), or evaluate the run again."
        ) from error


def _slices(run: Run, evidence: Evidence) -> Mapping[str, np.ndarray]:
    """The slices that the report of the run names; sought again only where it names some, which takes a while."""
    try:
        told = any((finding.group or "").startswith("slice ") for finding in run.read_card().findings)
    except ValueError:
        return {}
    search = searched(Request(evidence=evidence, seed=run.config.seed)) if told else None
    return {} if search is None else {one.name: one.rows for one in search.confirmed}


def _writable(
    run: Run, source: Source, data: str | Path | None, attributes: str | Path | None, out: str | Path | None
) -> dict[str, Any]:
    """How the data are read to be corrected, and where they would be written, or why they cannot be."""
    config = run.config
    place = str(config.data if data is None else data)
    own = same_place(place, config.data)
    table = attributes if attributes is not None else config.settings["attributes"] if own else None
    described = Data(
        place=place,
        kind=trained.task_of(config).truth_type,
        attributes=None if table is None else Path(table),
        target=config.settings.get("target"),
        skip_bad=True,
    )
    try:
        check_can_be_written(source.format, source.truth)
        return {"data": described, "out": Path(out) if out is not None else beside(place)}
    except ValueError as error:
        return {"data": described, "out": None, "why_not": str(error)}
