"""Evidence of the groups a generator makes: classifiers of attributes look at its pictures, and at held-out real ones.

The classifier of an attribute is trained on the real training pictures and judged on the held-out ones, whose groups
are known; the same network then sees the generated pictures, at several truncations. Where the attribute is the class
of the data, the classifier is the extractor that pictures are compared by.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from clearsight.generation.evidence import Reference
from clearsight.generation.extractors import Extractor, classifier_of
from clearsight.generation.fitting import Watch
from clearsight.generation.pictures import Pictures
from clearsight.metrics.group_mix import GROUPS_AT_MOST, GroupMixStatistics
from clearsight.types import UNKNOWN, Evidence

CLASS = "class"
PREFIX = "mix-"
TRUNCATIONS = (1.0, 0.8, 0.6)
TRAINING_AT_LEAST, HELD_OUT_AT_LEAST = 20, 10  # pictures of a group, for it to be told from the others


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """The groups of an attribute that can be told, the group of each picture (-1 for none), and the groups left out."""

    names: tuple[str, ...]
    train: np.ndarray
    real: np.ndarray
    left_out: tuple[str, ...]

    @property
    def mix(self) -> np.ndarray:
        """The share of each group among the training pictures."""
        counts = np.bincount(self.train[self.train >= 0], minlength=len(self.names)).astype(np.float64)
        found: np.ndarray = counts / counts.sum()
        return found

    @property
    def enough(self) -> bool:
        """Whether there are two groups or more, and no more than can be told apart."""
        return 2 <= len(self.names) <= GROUPS_AT_MOST


def mixes_of(
    found: Reference,
    generated: Mapping[float, Pictures],
    by: Sequence[str],
    fingerprint: str,
    about: Mapping[str, str],
    watch: Watch = lambda done, total: None,
) -> dict[str, Evidence]:
    """Evidence of the mix of the classes, and of the groups of each attribute of ``by``, by the name it is kept under.

    ``generated`` are pictures by truncation, those of one number from the same latents. An attribute without two
    groups that occur often enough, or with more than can be told apart, gives evidence without any row.
    """
    evidence = {}
    if found.class_names:
        grouping = _classes(found)
        if grouping.enough:
            evidence[PREFIX + CLASS] = _seen(found, generated, CLASS, grouping, found.extractors[0], about)
    for attribute in dict.fromkeys(by):
        if attribute == CLASS and found.class_names:
            continue
        key = f"{PREFIX}{file_word(attribute)}"
        key = f"{key}-{len(evidence)}" if key in evidence else key
        grouping = grouping_of(attribute, found.train, found.real)
        if not grouping.enough:
            evidence[key] = _unseen(attribute, grouping, about)
            continue
        classifier = group_classifier(found.train, attribute, grouping, fingerprint, watch)
        evidence[key] = _seen(found, generated, attribute, grouping, classifier, about)
    return evidence


def group_classifier(
    train: Pictures, attribute: str, grouping: Grouping, fingerprint: str, watch: Watch = lambda done, total: None
) -> Extractor:
    """A classifier of an attribute's groups, trained on the training pictures of known group."""
    known = grouping.train >= 0
    chosen = train.select(np.flatnonzero(known))
    labelled = Pictures(images=chosen.images, ids=chosen.ids, classes=torch.from_numpy(grouping.train[known]))
    # The pictures may be cut to another size than another run of these data has: their size is part of the key.
    key = f"{fingerprint} {tuple(train.images.shape[2:])}"
    return classifier_of(labelled, key, attribute, grouping.names, watch=watch)


def grouping_of(attribute: str, train: Pictures, real: Pictures) -> Grouping:
    """The groups of an attribute that occur often enough among training and held-out pictures to be told."""
    words = [np.asarray(one.groups[attribute]).astype(str) for one in (train, real)]
    known = sorted({*words[0].tolist(), *words[1].tolist()} - {UNKNOWN})
    return _enough(known, *(_codes(each, known) for each in words))


def _classes(found: Reference) -> Grouping:
    """The classes of the data, as groups."""
    train, real = (
        np.full(len(one), -1) if one.classes is None else one.classes.numpy() for one in (found.train, found.real)
    )
    return _enough(list(found.class_names), train, real)


def _enough(names: Sequence[str], train: np.ndarray, real: np.ndarray) -> Grouping:
    """The groups with enough pictures, numbered anew."""
    counts = [(int((train == code).sum()), int((real == code).sum())) for code in range(len(names))]
    kept = [k for k, (one, other) in enumerate(counts) if one >= TRAINING_AT_LEAST and other >= HELD_OUT_AT_LEAST]
    places = np.full(len(names) + 1, -1)  # the last is for -1
    places[kept] = np.arange(len(kept))
    return Grouping(
        names=tuple(names[k] for k in kept),
        train=places[train],
        real=places[real],
        left_out=tuple(name for k, name in enumerate(names) if k not in kept and any(counts[k])),
    )


def _codes(words: np.ndarray, known: Sequence[str]) -> np.ndarray:
    places = {name: place for place, name in enumerate(known)}
    return np.array([places.get(word, -1) for word in words.tolist()], dtype=np.int64)


def _seen(
    found: Reference,
    generated: Mapping[float, Pictures],
    attribute: str,
    grouping: Grouping,
    classifier: Extractor,
    about: Mapping[str, str],
) -> Evidence:
    """What the classifier sees in the held-out pictures of known group and in the generated ones."""
    rows = np.flatnonzero(grouping.real >= 0)
    real = found.real.select(rows)
    columns = [found.class_names.index(name) for name in grouping.names] if classifier is found.extractors[0] else None
    mix = grouping.mix
    parts = [(real.images, np.nan), *((made.images, scale) for scale, made in generated.items())]
    truth = [grouping.real[rows], *(np.full(len(made), -1) for made in generated.values())]
    statistics = GroupMixStatistics(
        attribute=attribute,
        group_names=grouping.names,
        training_mix=tuple(mix.tolist()),
        probabilities=np.concatenate(
            [even_probabilities(classifier.classes(images), columns, mix) for images, _ in parts]
        ),
        truth=np.concatenate(truth).astype(np.int64),
        truncation=np.concatenate([np.full(len(images), scale) for images, scale in parts]),
        classifier=str(classifier),
        left_out=grouping.left_out,
    )
    belonging = [f"real/{name}" if name else f"real/alone/{row}" for row, name in enumerate(real.clusters)]
    belonging = belonging or [f"real/alone/{row}" for row in range(len(real))]
    numbers = [name for made in generated.values() for name in made.ids]
    ids = [*real.ids, *(f"{name}-at-{scale:g}" for scale, made in generated.items() for name in made.ids)]
    clusters = np.unique([*belonging, *(f"generated/{name}" for name in numbers)], return_inverse=True)[1]
    return Evidence(
        task="generation", statistics=statistics, ids=tuple(ids), clusters=clusters.astype(np.int64), about=dict(about)
    )


def _unseen(attribute: str, grouping: Grouping, about: Mapping[str, str]) -> Evidence:
    """Evidence without a row: which groups there would be."""
    count = len(grouping.names)
    statistics = GroupMixStatistics(
        attribute=attribute,
        group_names=grouping.names,
        training_mix=(1 / count,) * count if count else (),
        probabilities=np.zeros((0, count)),
        truth=np.zeros(0, dtype=np.int64),
        truncation=np.zeros(0),
        left_out=grouping.left_out,
    )
    nobody = np.zeros(0, dtype=np.int64)
    return Evidence(task="generation", statistics=statistics, ids=(), clusters=nobody, about=dict(about))


def even_probabilities(probabilities: Tensor, columns: Sequence[int] | None, mix: np.ndarray) -> np.ndarray:
    """Probabilities of the groups as if all were equally common, which tells rare groups from common ones best."""
    chosen = (probabilities if columns is None else probabilities[:, columns]).double().numpy()
    weighed = np.maximum(chosen, 1e-12) / mix
    found: np.ndarray = weighed / weighed.sum(1, keepdims=True)
    return found


def file_word(text: str) -> str:
    """A word for the name of a file of evidence, whatever an attribute is called."""
    return "".join(c if c.isalnum() and c.isascii() else "-" for c in text)
