"""Attributes read from made pictures by classifiers of real ones: evidence of how often they are wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from clearsight.console.progress import stage
from clearsight.drawing import in_bytes
from clearsight.generation.extractors import FEWEST, Extractor
from clearsight.generation.mixes import Grouping, even_probabilities, file_word, group_classifier, grouping_of
from clearsight.generation.pictures import Pictures
from clearsight.metrics.attribute_errors import AttributeErrorStatistics
from clearsight.ops.spread import evenly_spread
from clearsight.run import Run
from clearsight.sources import Source
from clearsight.types import UNKNOWN, Evidence, Picture

PREFIX = "attribute-"
LEARNT_FROM = 20_000  # training pictures at most
MOST_NUMBERS = 200_000_000


def read_attributes(
    run: Run,
    source: Source,
    at: Evidence,
    real: UInt8[Tensor, "n 3 h w"],
    makers: Mapping[str, UInt8[Tensor, "n draws 3 h w"]],
    by: Sequence[str],
    *,
    quiet: bool = True,
) -> dict[str, Evidence]:
    """Evidence of each attribute for each maker, by the name it is kept under; the first maker is the run itself.

    ``at`` tells the ids, clusters and groups of the ``real`` pictures, of which each maker made one or several. An
    attribute without two groups that occur often enough gives evidence without any row.
    """
    known = [name for name in dict.fromkeys(by) if name in at.groups]
    train = _training(source, (real.shape[2], real.shape[3])) if known else None
    if train is None or len(train) < FEWEST:
        return {}
    fingerprint = source.split("train").fingerprint
    held_out = Pictures(images=real, ids=at.ids, groups=at.groups)
    evidence: dict[str, Evidence] = {}
    for attribute in known:
        grouping = grouping_of(attribute, train, held_out)
        with stage(f"reading {attribute}", quiet) as watch:
            classifier = group_classifier(train, attribute, grouping, fingerprint, watch) if grouping.enough else None
        for number, (maker, made) in enumerate(makers.items()):
            name = f"{PREFIX}{file_word(attribute)}" + (f"-{file_word(maker)}" if number else "")
            name = f"{name}-{len(evidence)}" if name in evidence else name
            evidence[name] = _read(at, real, made, attribute, maker, grouping, classifier)
    return evidence


def _training(source: Source, size: tuple[int, int]) -> Pictures | None:
    """The true training pictures of that size, evenly spread, with their groups."""
    dataset = source.splits.get("train")
    if dataset is None:
        return None
    most = min(LEARNT_FROM, MOST_NUMBERS // (3 * size[0] * size[1]))
    images, ids, groups = [], [], []
    for row in evenly_spread(len(dataset), most):
        sample = dataset[row]
        assert isinstance(sample.truth, Picture)
        if tuple(sample.truth.image.shape[1:]) != size:
            continue
        images.append(in_bytes(sample.truth))
        ids.append(sample.id)
        groups.append(sample.groups)
    if not images:
        return None
    names = sorted({name for one in groups for name in one})
    words = {name: np.array([one.get(name, UNKNOWN) for one in groups]) for name in names}
    return Pictures(images=torch.stack(images), ids=tuple(ids), groups=words)


def _read(
    at: Evidence,
    real: UInt8[Tensor, "n 3 h w"],
    made: UInt8[Tensor, "n draws 3 h w"],
    attribute: str,
    maker: str,
    grouping: Grouping,
    classifier: Extractor | None,
) -> Evidence:
    """What the classifier reads in the real pictures of known group and in what was made of them."""
    count = len(grouping.names)
    rows = np.flatnonzero(grouping.real >= 0) if classifier is not None else np.zeros(0, dtype=np.int64)
    empty = np.zeros((0, count))
    on_real = on_made = answers = empty
    draws = made.shape[1]
    if classifier is not None:
        on_real = even_probabilities(classifier.classes(real[rows]), None, grouping.mix)
        each = even_probabilities(classifier.classes(made[rows].flatten(0, 1)), None, grouping.mix)
        on_made = each.reshape(len(rows), draws, count).mean(1)
        answers = np.eye(count)[each.argmax(1)].reshape(len(rows), draws, count).mean(1)
    statistics = AttributeErrorStatistics(
        attribute=attribute, group_names=grouping.names, truth=grouping.real[rows], real=on_real, made=on_made,
        answers=answers, maker=maker, draws=draws, classifier="" if classifier is None else str(classifier),
        left_out=grouping.left_out,
    )  # fmt: skip
    return replace(of_rows(at, rows), statistics=statistics)


def of_rows(evidence: Evidence, rows: Int[np.ndarray, "n"]) -> Evidence:
    """What is known of some pictures of an evaluation, without its statistics, features and conditions."""
    return replace(
        evidence,
        statistics=None,
        ids=tuple(evidence.ids[row] for row in rows),
        clusters=evidence.clusters[rows],
        groups={name: words[rows] for name, words in evidence.groups.items()},
        seen=None if evidence.seen is None else evidence.seen[rows],
        features=None,
        conditions={},
    )
