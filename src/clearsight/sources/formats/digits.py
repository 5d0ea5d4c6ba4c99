"""Embedded set: scenes of real handwritten digits on paper, in dark or faint ink.

The digits are scikit-learn's 1,797 (8 x 8 pixels, from the UCI set of handwritten digits). The first two thirds serve
for training and the last third is held out, so no digit stands on both sides; who wrote which is not known, so a
writer may. Twelve neighbouring digits make a sheet; a scene takes its digits from one sheet, and the sheet is the
scene's cluster: scenes of one sheet share digits and are not independent.

Two attributes of the whole scene: ``ink`` (dark 80%, faint 20%: pale as pencil, close to the paper's own stains) and
``clutter`` (plain or cluttered: lines, scribbles and stains). Scene ``i`` depends on the seed, the split and ``i``
alone.
"""

import functools
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from clearsight.ops import instance_masks
from clearsight.sources.annotations.layout import Request, kind_of
from clearsight.sources.problems import DataError
from clearsight.sources.samples import digit_scenes
from clearsight.sources.samples import fingerprint as hashes
from clearsight.sources.samples.clustering import AUTO, NONE
from clearsight.sources.samples.records import Source
from clearsight.types import Boxes, Dataset, Instances, Sample, Size

VERSION = 1
SHEET = 12
TRIES = 24
CLASS_NAMES = tuple("0123456789")
VISIBLE = 0.35


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How scenes are composed: their size (height, width), digits per scene, digit heights as shares of the
    shorter side."""

    size_px: Size = (160, 160)
    digits: tuple[int, int] = (3, 8)
    height_share: tuple[float, float] = (0.15, 0.36)
    faint_share: float = 0.2
    cluttered_share: float = 0.5
    overlap: float = 0.08
    turn_degrees: float = 12.0

    def __post_init__(self) -> None:
        if min(self.size_px) < 64 or not 1 <= self.digits[0] <= self.digits[1] <= SHEET:
            raise ValueError(f"scenes need at least 64 x 64 px and 1 to {SHEET} digits; got {self}. Change these.")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One composed scene: the picture, each digit's visible pixels, class id and box, and which digits they are."""

    image: UInt8[Tensor, "3 h w"]
    masks: Bool[Tensor, "n h w"]
    labels: Int[Tensor, "n"]
    xyxy: Float[Tensor, "n 4"]
    sources: tuple[int, ...]
    ink: str
    clutter: str
    sheet: int


@dataclass(kw_only=True, eq=False)
class DigitScenes:
    """Scenes of one split as a ``types.Dataset``, with truths of that kind: Boxes, or Instances."""

    split: str
    count: int
    seed: int = 0
    setting: Setting = field(default_factory=Setting)
    truth: type = Boxes
    name: str = "digits"
    class_names: tuple[str, ...] = CLASS_NAMES
    # A mirrored 2 is no 2.
    symmetries: frozenset[str] = frozenset()

    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        images, labels = _digits()
        digits = hashes.of_bytes(images.tobytes() + labels.astype(np.int64).tobytes())
        kind = [] if self.truth is Boxes else [self.truth.__name__]
        self.fingerprint = hashes.of_words(
            ["digits", str(VERSION), digits, self.split, str(self.count), str(self.seed), repr(self.setting), *kind]
        )

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        return _sample(self.split, self._inside(index), self.seed, self.setting, self.truth)

    def scene(self, index: int) -> Scene:
        """Scene ``index``, composed anew: equal on every call; raises IndexError outside the set."""
        return _composed(self.split, self._inside(index), self.seed, self.setting)

    def _inside(self, index: int) -> int:
        if not -self.count <= index < self.count:
            raise IndexError(f"scene {index} of {self.count}")
        return index % self.count


def sheets(split: str) -> tuple[tuple[int, ...], ...]:
    """The sheets of a split: twelve neighbouring digits each; "train" has the first two thirds of all digits."""
    count = len(_digits()[1])
    border = count * 2 // 3 // SHEET * SHEET
    start, stop = (0, border) if split == "train" else (border, count)
    return tuple(tuple(range(first, first + SHEET)) for first in range(start, stop - SHEET + 1, SHEET))


@dataclass(frozen=True)
class EmbeddedDigits:
    """The set as ``clearsight.sources.annotations.layout.Format``."""

    embedded: bool = True
    offers: tuple[type, ...] = (Boxes, Instances)
    looked_for: str = "nothing: the set is embedded"
    counts: tuple[tuple[str, int], ...] = (("train", 600), ("val", 300))

    def recognises(self, folder: object) -> bool:
        """Never: the set lies in no folder."""
        return False

    def read(self, request: Request) -> Source:
        """The set, its scenes decided by the request's seed."""
        if request.attributes is not None:
            raise DataError("digits brings its own attributes, ink and clutter. Expected no table. Leave it out.")
        if request.resplit or request.cluster not in (AUTO, NONE):
            raise DataError("digits brings its own splits and clusters, its sheets. Leave --resplit and --cluster out.")
        kind = kind_of(self, request)
        splits: dict[str, Dataset] = {
            split: DigitScenes(split=split, count=count, seed=request.seed, truth=kind) for split, count in self.counts
        }
        return Source(
            name="digits",
            format="digits",
            class_names=CLASS_NAMES,
            splits=splits,
            problems=(),
            fingerprint=hashes.of_splits({split: scenes.fingerprint for split, scenes in splits.items()}),
            truth=kind,
        )


DIGITS = EmbeddedDigits()


@functools.cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    # Imported here: scikit-learn takes a second, and only this set needs it.
    from sklearn.datasets import load_digits

    loaded = load_digits()
    return (loaded.images * (255 / 16)).astype(np.uint8), loaded.target


# The pictures of both splits as delivered: 70 MB for a second look at no cost.
@functools.lru_cache(maxsize=1024)
def _sample(split: str, index: int, seed: int, setting: Setting, kind: type) -> Sample:
    scene = _composed(split, index, seed, setting)
    areas = torch.from_numpy(np.count_nonzero(scene.masks.numpy(), axis=(1, 2)))
    boxes = Boxes.of(scene.xyxy, scene.labels, areas=areas)
    return Sample(
        id=f"{split}-{index:05d}",
        image=scene.image,
        truth=boxes if kind is Boxes else Instances(**vars(boxes), masks=instance_masks.of_bitmaps(scene.masks)),
        groups={"ink": scene.ink, "clutter": scene.clutter},
        cluster=f"{split}-sheet-{scene.sheet:03d}",
    )


def _composed(split: str, index: int, seed: int, setting: Setting) -> Scene:
    images, labels = _digits()
    pages = sheets(split)
    # Sheets take turns, so every one of them carries about the same number of scenes.
    sheet = index % len(pages)
    random = np.random.default_rng([seed, 0 if split == "train" else 1, index])
    faint = random.random() < setting.faint_share
    cluttered = random.random() < setting.cluttered_share
    chosen = random.permutation(pages[sheet])[: random.integers(setting.digits[0], setting.digits[1] + 1)]
    # Large ones first: they find a place more easily while the page is empty.
    least, most = (float(np.log(share)) for share in setting.height_share)
    heights = np.sort(np.exp(random.uniform(least, most, len(chosen))))[::-1] * min(setting.size_px)
    page = digit_scenes.blank(setting.size_px, random)
    if cluttered:
        page = digit_scenes.cluttered(page, random)
    strokes, sources = _placed([images[i] for i in chosen], chosen, heights, setting, random)
    page = digit_scenes.inked(page, strokes, faint, random)
    masks = strokes > VISIBLE
    return Scene(
        image=torch.from_numpy(digit_scenes.photographed(page, random)),
        masks=torch.from_numpy(masks),
        labels=torch.from_numpy(labels[list(sources)].astype(np.int64)),
        xyxy=torch.from_numpy(np.array([_box(mask) for mask in masks], dtype=np.float32)),
        sources=sources,
        ink="faint" if faint else "dark",
        clutter="cluttered" if cluttered else "plain",
        sheet=sheet,
    )


def _placed(
    digits: list[np.ndarray], ids: np.ndarray, heights: np.ndarray, setting: Setting, random: np.random.Generator
) -> tuple[Float[np.ndarray, "n h w"], tuple[int, ...]]:
    """The ink of each digit on the page, and which digits found a place; at least one always does."""
    page_height, page_width = setting.size_px
    taken: list[tuple[int, int, int, int]] = []
    layers, sources = [], []
    for digit, id, height in zip(digits, ids, heights, strict=True):
        ink = digit_scenes.enlarged(digit, float(height), random.uniform(-1, 1) * setting.turn_degrees, random)
        rows, columns = ink.shape
        for _ in range(TRIES):
            top = int(random.integers(0, page_height - rows + 1))
            left = int(random.integers(0, page_width - columns + 1))
            box = (left, top, left + columns, top + rows)
            if all(_overlap(box, other) <= setting.overlap for other in taken):
                layer = np.zeros(setting.size_px, dtype=np.float32)
                layer[top : top + rows, left : left + columns] = ink
                taken.append(box)
                layers.append(layer)
                sources.append(int(id))
                break
    return np.stack(layers), tuple(sources)


def _overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> float:
    """The shared area as a share of the smaller box."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return max(width, 0) * max(height, 0) / smaller


def _box(mask: Bool[np.ndarray, "h w"]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
