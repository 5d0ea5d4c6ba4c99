"""Pictures of one size with what is known of each, and the resizing that extractors see them through."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Pictures of one size; ``classes`` are true ones or those asked for, -1 where unknown, None without any.

    ``clusters`` names what belongs together, "" for a picture on its own; () where all are. ``groups`` has one array of
    words for each attribute. ``maps`` are the label maps of real pictures, where they have any. Generated pictures are
    ``paired`` where each was made from the label map, or from a poorer version, of the real picture at its place.
    """

    images: UInt8[Tensor, "n 3 h w"]
    ids: tuple[str, ...]
    classes: Int[Tensor, "n"] | None = None
    clusters: tuple[str, ...] = ()
    groups: Mapping[str, np.ndarray] = field(default_factory=dict)
    maps: UInt8[Tensor, "n h w"] | None = None
    paired: bool = False

    def __post_init__(self) -> None:
        counts = {len(self.images), len(self.ids)} | ({len(self.clusters)} if self.clusters else set())
        counts |= {len(self.maps)} if self.maps is not None else set()
        counts |= {len(self.classes)} if self.classes is not None else set()
        counts |= {len(values) for values in self.groups.values()}
        if len(counts) > 1:
            raise ValueError(
                f"{len(self.images)} pictures came with {len(self.ids)} names and other numbers of clusters, "
                "classes, label maps or groups. Expected one of each for every picture, or none."
            )

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, index: Sequence[int] | np.ndarray) -> "Pictures":
        """The pictures at these indices, in that order."""
        place = torch.as_tensor(np.asarray(index, dtype=np.int64))
        order = place.tolist()
        return replace(
            self,
            images=self.images[place],
            ids=tuple(self.ids[one] for one in order),
            classes=None if self.classes is None else self.classes[place],
            clusters=tuple(self.clusters[one] for one in order) if self.clusters else (),
            groups={name: values[place.numpy()] for name, values in self.groups.items()},
            maps=None if self.maps is None else self.maps[place],
        )


def quantised(images: Float[Tensor, "n 3 h w"]) -> UInt8[Tensor, "n 3 h w"]:
    """Generated pictures in [0, 1] as 8 bits, as real ones are: rounded, so that no classifier sees what is between.

    Raises ValueError where a picture is not finite.
    """
    if not bool(torch.isfinite(images).all()):
        bad = int((~torch.isfinite(images)).flatten(1).any(1).sum())
        raise ValueError(f"{bad} of {len(images)} generated pictures hold NaN or infinity. Train the generator again.")
    return (images.clamp(0, 1) * 255).round().to(torch.uint8)


@dataclass(frozen=True, kw_only=True)
class Resizer:
    """Pictures as a network sees them: in [0, 1], the longer side within bounds; its words are part of every hash.

    Larger ones are shrunk by averaging areas, smaller ones enlarged bilinearly.
    """

    at_least_px: int = 8
    at_most_px: int = 64

    def __str__(self) -> str:
        return f"averaged areas to at most {self.at_most_px} px, bilinear to at least {self.at_least_px} px"

    def __call__(self, images: UInt8[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h2 w2"]:
        """The pictures in [0, 1], resized where a bound asks for it; the aspect ratio stays."""
        seen = images.float() / 255
        longer = max(images.shape[2:])
        wanted = min(max(longer, self.at_least_px), self.at_most_px)
        if wanted == longer:
            return seen
        height, width = (max(1, round(side * wanted / longer)) for side in images.shape[2:])
        if wanted < longer:
            return F.interpolate(seen, (height, width), mode="area")
        return F.interpolate(seen, (height, width), mode="bilinear", align_corners=False)
