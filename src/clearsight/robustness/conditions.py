"""A trained run judged on the same pictures under many conditions, each kept in its folder as soon as it is done.

What was judged before with the same weights, pictures and seed is not judged again, so that an interrupted test goes
on where it was, and a later one with more corruptions adds to it.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from clearsight import __version__
from clearsight.audits.under_corruption import UNDAMAGED
from clearsight.corruptions.corruption import Corruption
from clearsight.evaluation import evaluator
from clearsight.evaluation.alike import pooled_features
from clearsight.evaluation.belonging import with_clusters
from clearsight.evaluation.judging import about_run, evidence_name
from clearsight.inference.predictor import Predictor
from clearsight.loading import trained
from clearsight.robustness.damaged import damaged
from clearsight.run import Run
from clearsight.sources import PictureDataset, Source
from clearsight.types import Evidence

FOLDER = "stress"
Key = tuple[str, int]  # a corruption and a severity


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """The evidence of each corruption and severity, the undamaged pictures under ``("none", 0)``; all of one test.

    ``again`` counts those that had been judged before.
    """

    evidence: dict[Key, Evidence]
    again: int = 0

    @property
    def clean(self) -> Evidence:
        """That of the undamaged pictures."""
        return self.evidence[UNDAMAGED, 0]

    def more(self) -> dict[str, Evidence]:
        """All of them by name, as an audit asks for them."""
        return {f"{corruption} {severity}": one for (corruption, severity), one in self.evidence.items()}


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
    predictor = trained.predictor(run)
    made_with = _made_with(run, pictures, seed)
    trained_here = source.fingerprint == run.config.fingerprint
    part = replace(source, splits={**source.splits, pictures.split: pictures})
    wanted: list[tuple[Corruption | None, int]] = [(None, 0)]
    wanted += [(one, severity) for one in corruptions for severity in severities]
    before = kept(run, pictures.name, pictures.split)
    found = dict(before) if before and before[UNDAMAGED, 0].about["made with"] == made_with else {}
    again = sum(_key(one, severity) in found for one, severity in wanted)
    total, done = len(wanted) * len(pictures), 0
    for corruption, severity in wanted:
        key = _key(corruption, severity)
        if key not in found:
            about = about_run(run) | _about(corruption, severity) | {"made with": made_with}
            about["pictures"] = f"{len(pictures)} drawn with seed {seed}"
            start = done
            data = damaged(pictures, corruption, severity, seed)
            with pooled_features(predictor.model) as features:
                one = _judged(predictor, run, data, about, lambda now, _, start=start: watch(start + now, total))  # type: ignore[misc]
            if corruption is None:
                one = with_clusters(one, part, features, trained_here=trained_here)
            else:
                clean = found[UNDAMAGED, 0]
                one = with_clusters(one, part, features, trained_here=trained_here)
                about = {**one.about, "clusters": clean.about["clusters"]}
                one = replace(one, clusters=clean.clusters, groups=clean.groups, seen=clean.seen, about=about)
            run.write_evidence(_name(pictures.name, pictures.split, key), one)
            found[key] = one
        done += len(pictures)
        watch(done, total)
    return Conditions(evidence=found, again=again)


def kept(run: Run, data: str, split: str) -> dict[Key, Evidence]:
    """The conditions of the last test of a split that the run keeps, by corruption and severity; empty without one."""
    statistics = trained.task_of(run.config).statistics_type
    beginning = _name(data, split, ("", 0)).removesuffix("-0")
    names = [name for name in run.evidence_in(FOLDER) if name.startswith(beginning)]
    found: dict[Key, Evidence] = {}
    for name in names:
        try:
            one = run.read_evidence(name, statistics)
        except ValueError:
            continue  # what cannot be read is judged again
        found[one.about["corruption"], int(one.about["severity"])] = one
    if (UNDAMAGED, 0) not in found:
        return {}
    made_with = found[UNDAMAGED, 0].about["made with"]
    return {key: one for key, one in found.items() if one.about["made with"] == made_with}


def kept_of(run: Run, judged: Evidence) -> dict[str, Evidence]:
    """What the run keeps of tests on the data and split of an evaluation, as an audit asks for it.

    Nothing where the weights, or what was settled for deployment, have changed since.
    """
    found = kept(run, judged.about["data"], judged.about["split"])
    if not found:
        return {}
    clean = found[UNDAMAGED, 0].about
    current = clean["made with"].startswith(_network(run)) and clean["fingerprint"] == judged.about["fingerprint"]
    return Conditions(evidence=found).more() if current else {}


def _judged(
    predictor: Predictor, run: Run, data: PictureDataset, about: dict[str, str], watch: Callable[[int, int], None]
) -> Evidence:
    task = trained.task_of(run.config)
    return evaluator.evaluate(predictor, task, data, about=about, watch=watch, **trained.deployed(run.config))


def _key(corruption: Corruption | None, severity: int) -> Key:
    return (UNDAMAGED if corruption is None else corruption.name, severity)


def _name(data: str, split: str, key: Key) -> str:
    return f"{FOLDER}/{evidence_name(data, split)}-{key[0]}-{key[1]}"


def _about(corruption: Corruption | None, severity: int) -> dict[str, str]:
    if corruption is None:
        return {"corruption": UNDAMAGED, "family": UNDAMAGED, "severity": "0"}
    level = f"{corruption.level}: {corruption.at(severity):g}"
    return {"corruption": corruption.name, "family": corruption.family, "severity": str(severity), "level": level}


def _network(run: Run) -> str:
    """A hash of the weights and of what the run's predictions depend on beside them."""
    state = hashlib.blake2b(digest_size=8)
    with open(run.path / "weights.safetensors", "rb") as file:
        while block := file.read(1 << 20):
            state.update(block)
    settings: Any = run.config.settings
    words = [settings.get(name) for name in ("model", "training", "deployed", "precision")]
    state.update(json.dumps(words, sort_keys=True, default=str).encode())
    return state.hexdigest()


def _made_with(run: Run, pictures: PictureDataset, seed: int) -> str:
    """What the outcome of a condition depends on, as hashes: the network, and the pictures with all else."""
    words = [__version__, pictures.fingerprint, str(seed), *(record.id for record in pictures.records)]
    return f"{_network(run)}-{hashlib.blake2b(json.dumps(words).encode(), digest_size=8).hexdigest()}"
