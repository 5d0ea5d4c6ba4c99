"""Evidence of what restoring makes of groups: held-out pictures made small, restored, and seen by classifiers.

The classifiers are trained on the real training pictures and know the groups of the held-out ones, which correct for
their errors; pictures that the generator makes freely tell what chance alone would do.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from clearsight.console.progress import Watch, stage
from clearsight.depixelising.plan import Plan
from clearsight.depixelising.restoring import Restored, restored
from clearsight.evaluation.belonging import clusters_said
from clearsight.generation.conclusion import ASKED, MOST_TRAINING, pictures_of, split_of
from clearsight.generation.extractors import Extractor, check_count
from clearsight.generation.mixes import CLASS, Grouping, even_probabilities, file_word, group_classifier, grouping_of
from clearsight.generation.pictures import Pictures, quantised
from clearsight.generation.restorations import CONSISTENCY, GROUP, about_weights
from clearsight.generation.sampling import made_like
from clearsight.loading.data import Gathered
from clearsight.metrics.depixelising import DepixelisingStatistics
from clearsight.metrics.group_drift import GroupDriftStatistics
from clearsight.ops.downscaling import downscaled
from clearsight.ops.similarity import psnr
from clearsight.ops.spread import evenly_spread
from clearsight.run import Run
from clearsight.sources.samples.clustering import STATED
from clearsight.types import UNKNOWN, Evidence

TASK = "generation"


@dataclass(frozen=True, kw_only=True)
class Audited:
    """Held-out pictures, the small ones made of them, what was restored, and the evidence by the name it is kept under.

    ``names`` are those of the pictures.
    """

    names: tuple[str, ...]
    true: UInt8[Tensor, "inputs 3 h w"]
    small: UInt8[Tensor, "inputs 3 h2 w2"]
    found: Restored
    evidence: dict[str, Evidence]


def audited(
    run: Run, network: Any, gathered: Gathered, by: Sequence[str], plan: Plan, pictures: int, quiet: bool
) -> Audited:
    """Restore at most so many held-out pictures, evenly spread, and see which groups the restored ones belong to."""
    config, size, split = run.config, network.config.size, split_of(gathered)
    train = _with_classes(run, pictures_of(gathered.cropped("train", size), MOST_TRAINING))
    check_count(len(train))
    whole = gathered.cropped(split, size)
    real = _with_classes(run, pictures_of(whole, len(whole)))
    real = real.select(evenly_spread(len(real), pictures))
    small = quantised(downscaled(real.images.float() / 255, plan.factor, plan.filter))
    labels = list(range(len(config.class_names))) if network.config.conditional else None
    with stage("restoring held-out pictures", quiet) as watch:
        found = restored(network, small, plan, labels, watch)
    with stage("generating pictures", quiet) as watch:
        free = made_like(network, real, config.seed, len(config.class_names), watch)
    about = {**_about(run, gathered, split, real, plan), **({} if labels is None else {"classes asked for": ASKED})}
    evidence = {CONSISTENCY: _consistency(real, found, about)}
    with stage("counting groups", quiet) as watch:
        fingerprint = gathered.cached["train"].fingerprint
        for number, attribute in enumerate(dict.fromkeys(by)):
            name = file_word(attribute)
            name = f"{name}-{number}" if f"{GROUP}{name}" in evidence else name
            evidence[f"{GROUP}{name}"] = _drift(attribute, train, real, found, free, fingerprint, about, watch)
    return Audited(names=real.ids, true=real.images, small=small, found=found, evidence=evidence)


def _with_classes(run: Run, pictures: Pictures) -> Pictures:
    """The pictures with their class as an attribute: by the name "class", and by that of its column."""
    if pictures.classes is None:
        return pictures
    names = np.array([*run.config.class_names, UNKNOWN])
    words = names[pictures.classes.numpy()]  # the last is for -1
    column = run.config.settings.get("target")
    return replace(pictures, groups={**{name: words for name in (CLASS, column) if name}, **pictures.groups})


def _about(run: Run, gathered: Gathered, split: str, real: Pictures, plan: Plan) -> dict[str, str]:
    config = run.config
    clusters = Counter(name for name in real.clusters if name)
    return {
        "data": config.data_name, "split": split, "fingerprint": gathered.cached[split].fingerprint,
        "model": config.model, "run": run.name, "unit": "pictures", "factor": str(plan.factor),
        "restarts": str(plan.restarts), "free": str(len(real)), **about_weights(run),
        "clusters": clusters_said(clusters, len(real), "pictures", gathered.source.clustering.origin or STATED),
    }  # fmt: skip


def _consistency(real: Pictures, found: Restored, about: Mapping[str, str]) -> Evidence:
    true = (real.images.float() / 255)[:, None].expand(-1, found.pictures.shape[1], -1, -1, -1)
    made = found.pictures.float() / 255
    spread = 255 * (made - made.mean(1, keepdim=True)).square().mean((1, 2, 3, 4)).sqrt()
    alone = made.shape[1] < 2
    statistics = DepixelisingStatistics(
        consistency=_numbers(found.psnr.mean(1)),
        matched=_numbers(found.matched.float().mean(1)),
        by_search=_numbers((found.matched & (found.moved == 0)).float().mean(1)),
        psnr=_numbers(psnr(made.flatten(0, 1), true.flatten(0, 1)).unflatten(0, made.shape[:2]).mean(1)),
        spread=np.full(len(made), np.nan) if alone else _numbers(spread),
        factor=found.plan.factor,
        restarts=found.plan.restarts,
        epsilon=found.plan.epsilon,
        finish=found.plan.finish,
    )
    return Evidence(
        task=TASK, statistics=statistics, ids=real.ids, clusters=_clusters(_belonging(real)), groups=real.groups,
        about=dict(about),
    )  # fmt: skip


def _drift(
    attribute: str, train: Pictures, real: Pictures, found: Restored, free: Pictures, fingerprint: str,
    about: Mapping[str, str], watch: Watch,
) -> Evidence:  # fmt: skip
    """What the classifier of an attribute sees; no row where there are too few or too many groups to tell apart."""
    grouping = grouping_of(attribute, train, real)
    if not grouping.enough:
        return _nothing(attribute, grouping, about)
    classifier = group_classifier(train, attribute, grouping, fingerprint, watch)
    rows = np.flatnonzero(grouping.real >= 0)
    known = real.select(rows)
    shown = _seen(classifier, grouping)
    of_each = np.stack([shown(one) for one in found.pictures[torch.from_numpy(rows)].unbind(1)])
    own = shown(known.images)
    statistics = GroupDriftStatistics(
        attribute=attribute,
        group_names=grouping.names,
        probabilities=np.concatenate([own, np.zeros((len(free), len(grouping.names)))]),
        restored=np.concatenate([of_each.mean(0), shown(free.images)]),
        truth=np.concatenate([grouping.real[rows], np.full(len(free), -1)]).astype(np.int64),
        classifier=str(classifier),
        left_out=grouping.left_out,
    )
    ids = (*known.ids, *free.ids)
    clusters = _clusters([*_belonging(known), *(f"generated/{name}" for name in free.ids)])
    return Evidence(task=TASK, statistics=statistics, ids=ids, clusters=clusters, about=dict(about))


def _seen(classifier: Extractor, grouping: Grouping) -> Callable[[Tensor], np.ndarray]:
    return lambda images: even_probabilities(classifier.classes(images), None, grouping.mix)


def _nothing(attribute: str, grouping: Grouping, about: Mapping[str, str]) -> Evidence:
    nobody = np.zeros(0, dtype=np.int64)
    statistics = GroupDriftStatistics(
        attribute=attribute, group_names=grouping.names, probabilities=np.zeros((0, len(grouping.names))),
        restored=np.zeros((0, len(grouping.names))), truth=nobody, left_out=grouping.left_out,
    )  # fmt: skip
    return Evidence(task=TASK, statistics=statistics, ids=(), clusters=nobody, about=dict(about))


def _belonging(pictures: Pictures) -> list[str]:
    names = pictures.clusters or ("",) * len(pictures)
    return [f"real/cluster/{name}" if name else f"real/{row}" for row, name in enumerate(names)]


def _clusters(names: Sequence[str]) -> np.ndarray:
    found: np.ndarray = np.unique(np.array(names), return_inverse=True)[1]
    return found.astype(np.int64)


def _numbers(values: Tensor) -> np.ndarray:
    return values.double().numpy()
