"""What a segmenter finds in pictures made from label maps, beside what it finds in the real pictures of these maps.

As Park et al. 2019 judge (section 4): a network trained on real pictures says the class of every pixel of a generated
one, and is right where that is the label map's. What it cannot find in a real picture it cannot find in a generated one
either, so the real pictures of the same maps stand beside; and since maps of one kind of scene are alike, so do real
pictures paired with the map of another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

from clearsight.audits.recognised import GENERATED, OTHERS, REAL
from clearsight.generation.pictures import Pictures
from clearsight.inference.device import best_device
from clearsight.inference.predictor import Predictor
from clearsight.tasks.segmentation import SemanticSegmentation
from clearsight.types import ClassMap, Evidence, Segmentation


@dataclass(frozen=True, kw_only=True)
class Segmenter:
    """A network that says the class of every pixel; ``said`` is what it is and how it was trained, in words."""

    network: Any
    size_px: int
    said: str

    def __call__(self, images: UInt8[Tensor, "n 3 h w"]) -> list[Segmentation]:
        """The class of every pixel of each picture."""
        found = list(Predictor(self.network, self.size_px, batch=8, device=best_device())(iter(images)))
        assert all(isinstance(one, Segmentation) for one in found)
        return found  # type: ignore[return-value]


def recognised(
    segmenter: Segmenter, generated: Pictures, real: Pictures, class_names: Sequence[str], about: Mapping[str, str]
) -> dict[str, Evidence]:
    """The evidence of the segmenter on generated pictures, on the real ones of their maps, and on those of other maps.

    All three have the ids, clusters and groups of the real pictures, so that they are resampled together.
    """
    assert real.maps is not None and len(generated) == len(real), "a generated picture for each label map"
    truths = [ClassMap(labels=labels) for labels in real.maps]
    on_real = segmenter(real.images)
    answers = {GENERATED: segmenter(generated.images), REAL: on_real, OTHERS: _exchanged(on_real)}
    names = real.clusters or ("",) * len(real)
    clusters = np.unique([name or f"/{k}" for k, name in enumerate(names)], return_inverse=True)[1]
    return {
        f"segmenter-{name}": Evidence(
            task=SemanticSegmentation.name,
            statistics=SemanticSegmentation().statistics(found, truths, class_names),
            ids=real.ids,
            clusters=clusters.astype(np.int64),
            groups=real.groups,
            about={**about, "segmenter": segmenter.said, "segmented": name},
        )
        for name, found in answers.items()
    }


def _exchanged(found: list[Segmentation]) -> list[Segmentation]:
    """What was found in another picture: half the set further on, since pictures of one video follow each other."""
    half = len(found) // 2
    return [*found[half:], *found[:half]]
