"""A trained run judged on the same pictures under many conditions, each kept in its folder as soon as it is done.

What was judged before with the same weights, pictures and seed is not judged again, so that an interrupted test goes
on where it was, and a later one with more corruptions adds to it.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from clearsight.audits.under_corruption import UNDAMAGED
from clearsight.corruptions.corruption import Corruption
from clearsight.evaluation import evaluator
from clearsight.evaluation.alike import pooled_features
from clearsight.evaluation.belonging import with_clusters
from clearsight.evaluation.judging import about_run, evidence_name
from clearsight.files.provenance import version
from clearsight.loading import trained
from clearsight.robustness.damaged import damaged
from clearsight.run import Run
from clearsight.sources import PictureDataset, Source
from clearsight.types import Evidence

FOLDER = "stress"
CLEAN = f"{UNDAMAGED}-0"


@dataclass(frozen=True)
class Store:
    """Evidence of the conditions of one test of a split, each in a file of a folder of the run, by condition.

    ``first`` is the condition that every such test has: what was made otherwise than it is of an earlier test.
    """

    run: Run
    folder: str
    data: str
    split: str
    first: str = CLEAN

    def write(self, condition: str, evidence: Evidence) -> None:
        """Keep one."""
        self.run.write_evidence(self._name(condition), evidence)

    def read(self, statistics_type: type | None = None) -> dict[str, Evidence]:
        """Those of the last test: of the same network, pictures and seed as the first."""
        kind = statistics_type or trained.task_of(self.run.config).statistics_type
        found: dict[str, Evidence] = {}
        for name in self.run.evidence_in(self.folder):
            if name.startswith(self._name("")):
                with contextlib.suppress(ValueError):  # what cannot be read is judged again
                    one = self.run.read_evidence(name, kind)
                    found[one.about["condition"]] = one
        if self.first not in found:
            return {}
        made_with = found[self.first].about["made with"]
        return {name: one for name, one in found.items() if one.about["made with"] == made_with}

    def _name(self, condition: str) -> str:
        return f"{self.folder}/{evidence_name(self.data, self.split)}-{condition}"


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """The evidence of every condition of one test by name, the undamaged pictures under ``CLEAN``.

    ``again`` counts those that had been judged before.
    """

    evidence: dict[str, Evidence]
    again: int = 0

    @property
    def clean(self) -> Evidence:
        """That of the undamaged pictures."""
        return self.evidence[CLEAN]


def judged_under(
    run: Run,
    source: Source,
    pictures: PictureDataset,
    corruptions: Sequence[Corruption],
    severities: Sequence[int],
    seed: int,
    watch: Callable[[int, int], None],
) -> Conditions:
    """Judge the run on ``pictures`` of a split of ``source``, undamaged and under each corruption and severity.

    ``watch`` is called with how many pictures of how many were seen. What else was kept of the same test comes with it.
    """
    predictor, task = trained.predictor(run), trained.task_of(run.config)
    store, made = Store(run, FOLDER, pictures.name, pictures.split), made_with(run, pictures, seed)
    trained_here = source.fingerprint == run.config.fingerprint
    part = replace(source, splits={**source.splits, pictures.split: pictures})
    wanted: list[tuple[Corruption | None, int]] = [(None, 0)]
    wanted += [(one, severity) for one in corruptions for severity in severities]
    found = matching(store.read(), made)
    again = sum(_name(*each) in found for each in wanted)
    total, done = len(wanted) * len(pictures), 0
    for corruption, severity in wanted:
        name, data = _name(corruption, severity), damaged(pictures, corruption, severity, seed)
        if name not in found:
            about = about_run(run) | _about(corruption, severity) | described(name, made, len(pictures), seed)
            with pooled_features(predictor.model) as features:
                one = evaluator.evaluate(
                    predictor, task, data, about=about, **trained.deployed(run.config),
                    watch=lambda now, _, start=done: watch(start + now, total),  # type: ignore[misc]
                )  # fmt: skip
            one = with_clusters(one, part, features, trained_here=trained_here)
            found[name] = one if corruption is None else paired_with(one, found[CLEAN])
            store.write(name, found[name])
        done += len(pictures)
        watch(done, total)
    return Conditions(evidence=found, again=again)


def matching(kept: Mapping[str, Evidence], made: str) -> dict[str, Evidence]:
    """What was kept, where it was made with the same network, pictures and seed; else nothing."""
    return dict(kept) if kept and kept[CLEAN].about["made with"] == made else {}


def described(condition: str, made: str, count: int, seed: int) -> dict[str, str]:
    """What evidence of a condition says of how it came about."""
    return {"condition": condition, "made with": made, "pictures": f"{count} drawn with seed {seed}"}


def paired_with(one: Evidence, clean: Evidence) -> Evidence:
    """Evidence of damaged pictures with the clusters and groups of the undamaged ones."""
    about = {**one.about, "clusters": clean.about["clusters"]}
    return replace(one, clusters=clean.clusters, groups=clean.groups, seen=clean.seen, about=about)


def still_holds(run: Run, kept: Evidence, judged: Evidence) -> bool:
    """Whether kept evidence is of the network as it is now, and of the data of an evaluation."""
    same = kept.about["fingerprint"] == judged.about["fingerprint"]
    return same and kept.about["made with"].startswith(trained.network_hash(run))


def made_with(run: Run, pictures: PictureDataset, seed: int) -> str:
    """What the outcome of a condition depends on, as hashes: the network, and the pictures with all else."""
    words = [version("clearsight"), pictures.fingerprint, str(seed), *(record.id for record in pictures.records)]
    return f"{trained.network_hash(run)}-{hashlib.blake2b(json.dumps(words).encode(), digest_size=8).hexdigest()}"


def _name(corruption: Corruption | None, severity: int) -> str:
    return CLEAN if corruption is None else f"{corruption.name}-{severity}"


def _about(corruption: Corruption | None, severity: int) -> dict[str, str]:
    if corruption is None:
        return {"corruption": UNDAMAGED, "family": UNDAMAGED, "severity": "0"}
    level = f"{corruption.level}: {corruption.at(severity):g}"
    return {"corruption": corruption.name, "family": corruption.family, "severity": str(severity), "level": level}
