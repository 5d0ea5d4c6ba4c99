"""Attributes read from made pictures by classifiers of real ones: evidence of how often they are wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from clearsight.console.progress import stage
from clearsight.generation.extractors import FEWEST, Extractor
from clearsight.generation.mixes import Grouping, even_probabilities, group_classifier, grouping_of
from clearsight.generation.pictures import Pictures
from clearsight.metrics.attribute_errors import AttributeErrorStatistics
from clearsight.metrics.group_mix import GROUPS_AT_MOST
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
    # The pictures may be cut to another size than another run of these data has: their size is part of the key.
    key = f"{source.split('train').fingerprint} {tuple(train.images.shape[2:])}"
    held_out = Pictures(images=real, ids=at.ids, groups=at.groups)
    evidence: dict[str, Evidence] = {}
    for attribute in known:
        grouping = grouping_of(attribute, train, held_out)
        enough = 2 <= len(grouping.names) <= GROUPS_AT_MOST
        with stage(f"reading {attribute}", quiet) as watch:
            classifier = group_classifier(train, attribute, grouping, key, watch) if enough else None
        for number, (maker, made) in enumerate(makers.items()):
            name = f"{PREFIX}{_word(attribute)}" + (f"-{_word(maker)}" if number else "")
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
        images.append((sample.truth.image * 255).round().to(torch.uint8))
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
        mix = np.bincount(grouping.train[grouping.train >= 0], minlength=count) / (grouping.train >= 0).sum()
        on_real = even_probabilities(classifier.classes(real[rows]), None, mix)
        each = even_probabilities(classifier.classes(made[rows].flatten(0, 1)), None, mix)
        on_made = each.reshape(len(rows), draws, count).mean(1)
        answers = np.eye(count)[each.argmax(1)].reshape(len(rows), draws, count).mean(1)
    statistics = AttributeErrorStatistics(
        attribute=attribute, group_names=grouping.names, truth=grouping.real[rows], real=on_real, made=on_made,
        answers=answers, maker=maker, draws=draws, classifier="" if classifier is None else str(classifier),
        left_out=grouping.left_out,
    )  # fmt: skip
    return replace(
        at,
        statistics=statistics,
        ids=tuple(at.ids[row] for row in rows),
        clusters=at.clusters[rows],
        groups={name: words[rows] for name, words in at.groups.items()},
        seen=None if at.seen is None else at.seen[rows],
    )


def _word(text: str) -> str:
    """Part of a file name, whatever something is called."""
    return "".join(c if c.isalnum() and c.isascii() else "-" for c in text)
