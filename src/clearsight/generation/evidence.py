"""Evidence of generated pictures beside held-out real ones, and the calibrators that scores are read against."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from clearsight.generation.copying import Nearest, Seen, nearest_training
from clearsight.generation.extractors import Extractor
from clearsight.generation.fitting import Watch
from clearsight.generation.pictures import Pictures
from clearsight.tasks.generation import Generation
from clearsight.types import UNKNOWN, Evidence, Features

FLOOR, CEILING, COPIES = "floor", "ceiling", "copies"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What generated pictures are evaluated against: real ones trained on and held out, with all that is seen in them.

    ``nearest`` are the training pictures nearest to the held-out ones. Made once, for any number of evaluations.
    """

    train: Pictures
    real: Pictures
    extractors: tuple[Extractor, Extractor]
    class_names: tuple[str, ...]
    training: Seen
    held_out: Seen
    real_features: tuple[Features, ...]
    nearest: Nearest


def reference(
    train: Pictures,
    real: Pictures,
    extractors: tuple[Extractor, Extractor],
    class_names: tuple[str, ...] = (),
    watch: Watch = lambda done, total: None,
) -> Reference:
    """Features of training and held-out pictures, and the nearest training picture of each held-out one.

    Raises ValueError where the two differ in size, or there are no held-out pictures.
    """
    if not len(real):
        raise ValueError("there are no held-out real pictures to compare with. Expected at least 100.")
    _check_size(train, real, "training and held-out pictures")
    training, held_out = _seen(extractors[0], train, watch), _seen(extractors[0], real)
    nearest = nearest_training(held_out, training)
    return Reference(
        train=train,
        real=real,
        extractors=extractors,
        class_names=class_names if extractors[0].knows_classes else (),
        training=training,
        held_out=held_out,
        real_features=tuple(_rows(real, held_out, extractors, nearest)),
        nearest=nearest,
    )


def seen_of(found: Reference, generated: Pictures) -> Seen:
    """Generated pictures with the features of the first extractor; raises ValueError where sizes differ."""
    _check_size(found.train, generated, "training and generated pictures")
    return _seen(found.extractors[0], generated)


def nearest_of(
    found: Reference, generated: Pictures, watch: Watch = lambda done, total: None, seen: Seen | None = None
) -> Nearest:
    """The training picture nearest to each generated one: ``closest`` names the pairs to show."""
    return nearest_training(seen_of(found, generated) if seen is None else seen, found.training, watch=watch)


def evidence_of(
    found: Reference,
    generated: Pictures,
    about: Mapping[str, str] | None = None,
    nearest: Nearest | None = None,
    seen: Seen | None = None,
) -> Evidence:
    """The evidence of generated pictures beside the held-out real ones, for every audit.

    ``generated`` must be quantised to 8 bits, as real pictures are; ``nearest`` and ``seen`` are found where they are
    not given.
    ``about`` is added to what the evidence says of itself: numbers, resizer, and both extractors with their digests.
    Raises ValueError where sizes differ.
    """
    seen = seen_of(found, generated) if seen is None else seen
    nearest = nearest_of(found, generated, seen=seen) if nearest is None else nearest
    return _evidence(found, generated, _rows(generated, seen, found.extractors, nearest), about or {})


def _evidence(found: Reference, generated: Pictures, made: list[Features], about: Mapping[str, str]) -> Evidence:
    # A picture and the one made from its label map are drawn together: they show the same scene.
    kind = "real" if generated.paired else "generated"
    clusters = np.unique([*_clusters(found.real, "real"), *_clusters(generated, kind)], return_inverse=True)[1]
    statistics = Generation().statistics(
        made,
        found.real_features,
        found.class_names,
        clusters=clusters.tolist(),
        training_mix=_training_mix(found),
        extractors=tuple(str(one) for one in found.extractors),
    )
    attributes = sorted({*found.real.groups, *generated.groups})
    return Evidence(
        task=Generation.name,
        statistics=statistics,
        ids=(*found.real.ids, *generated.ids),
        clusters=clusters.astype(np.int64),
        groups={
            name: np.concatenate([_words(found.real, name), _words(generated, name)]).astype(str) for name in attributes
        },
        about={**about, **_described(found, generated)},
    )


def calibrators(
    found: Reference, count: int, seed: int = 0, about: Mapping[str, str] | None = None
) -> dict[str, Evidence]:
    """Evidence of three stand-ins for a generator, ``count`` pictures each: what no score can be read without.

    "floor" are real training pictures, each compared with all other training pictures only: what a perfect generator
    would reach. "copies" are the same, passed off as generated. "ceiling" are those with their pixels shuffled.
    """
    random = np.random.default_rng(seed)
    index = random.choice(len(found.train), min(count, len(found.train)), replace=False)
    drawn = found.train.select(index)
    stand_ins = Pictures(images=drawn.images, ids=tuple(f"{COPIES}-{one}" for one in drawn.ids), classes=drawn.classes)
    rows, known = torch.from_numpy(index), found.training.probabilities
    seen = Seen(
        images=drawn.images,
        features=found.training.features[rows],
        probabilities=None if known is None else known[rows],
    )
    nearest = nearest_training(seen, found.training, own=index)
    floor = _rows(stand_ins, seen, found.extractors, nearest)
    copies = [replace(row, distance=float(distance)) for row, distance in zip(floor, nearest.of_copies, strict=True)]
    shuffled = Pictures(
        images=_shuffled(drawn.images, seed), ids=tuple(f"{CEILING}-{one}" for one in drawn.ids), classes=drawn.classes
    )
    return {
        FLOOR: _evidence(found, stand_ins, floor, about or {}),
        CEILING: evidence_of(found, shuffled, about),
        COPIES: _evidence(found, stand_ins, copies, about or {}),
    }


def _seen(extractor: Extractor, pictures: Pictures, watch: Watch = lambda done, total: None) -> Seen:
    features, probabilities = extractor.look(pictures.images, watch)
    return Seen(images=pictures.images, features=features, probabilities=probabilities)


def _rows(pictures: Pictures, seen: Seen, extractors: tuple[Extractor, Extractor], nearest: Nearest) -> list[Features]:
    second = extractors[1](pictures.images)
    count = len(pictures)
    answers = [-1] * count if seen.probabilities is None else seen.probabilities.argmax(1).tolist()
    labels = [-1] * count if pictures.classes is None else pictures.classes.tolist()
    return [
        Features(
            first=seen.features[row], second=second[row], distance=float(nearest.relative[row]), answer=answers[row],
            label=labels[row],
        )
        for row in range(count)
    ]  # fmt: skip


def _training_mix(found: Reference) -> tuple[float, ...]:
    classes = found.train.classes
    if not found.class_names or classes is None:
        return ()
    counts = torch.bincount(classes, minlength=len(found.class_names)).double()
    return tuple((counts / counts.sum()).tolist())


def _described(found: Reference, generated: Pictures) -> dict[str, str]:
    first, second = found.extractors
    return {
        "unit": "pictures",
        "counted": f"{len(generated)} generated and {len(found.real)} real pictures",
        "generated": str(len(generated)),
        "real": str(len(found.real)),
        "training pictures": str(len(found.train)),
        "first extractor": f"{first.name}, {first.digest}",
        "second extractor": f"{second.name}, {second.digest}",
        "resizer": str(first.resizer) if first.resizer == second.resizer else f"{first.resizer}; {second.resizer}",
        "pixels": "8 bits, generated ones rounded",
    }


def _clusters(pictures: Pictures, kind: str) -> list[str]:
    names = pictures.clusters or ("",) * len(pictures)
    return [f"{kind}/cluster/{name}" if name else f"{kind}/{row}" for row, name in enumerate(names)]


def _words(pictures: Pictures, attribute: str) -> np.ndarray:
    return np.asarray(pictures.groups.get(attribute, np.full(len(pictures), UNKNOWN)))


def _shuffled(images: Tensor, seed: int) -> Tensor:
    """Each picture with its pixels in a random order of its own; colours stay together."""
    random = torch.Generator().manual_seed(seed)
    order = torch.rand(len(images), images[0, 0].numel(), generator=random).argsort(1)
    return images.flatten(2).gather(2, order[:, None].expand(-1, images.shape[1], -1)).view_as(images)


def _check_size(one: Pictures, other: Pictures, which: str) -> None:
    if one.images.shape[2:] != other.images.shape[2:]:
        sizes = " and ".join(f"{each.images.shape[3]} x {each.images.shape[2]}" for each in (one, other))
        raise ValueError(f"{which} differ in size: {sizes} px. Expected one size. Crop or resize them alike.")
