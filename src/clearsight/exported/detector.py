"""Inference with an exported detector: letterboxing, the model, and boxes mapped back to the picture's pixels."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image

from clearsight.exported import description
from clearsight.exported.description import Description
from clearsight.exported.formats import SUFFIXES, Engine, files_of, open_engine
from clearsight.files import decoding
from clearsight.ops import mask_pasting, regions

Picture = UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True, kw_only=True)
class Found:
    """The objects of one picture, best first: boxes ``x1 y1 x2 y2`` in its pixels, scores in [0, 1], class ids.

    ``masks``, where the model predicts them, are probabilities over a grid on each of ``frames``, the boxes before
    clipping to the picture; ``crops`` turns them into pixels.
    """

    boxes: Float[np.ndarray, "n 4"]
    scores: Float[np.ndarray, "n"]
    labels: Int[np.ndarray, "n"]
    masks: Float[np.ndarray, "n s s"] | None = None
    frames: Float[np.ndarray, "n 4"] | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def select(self, which: np.ndarray) -> "Found":
        """The objects at these indices, or of this boolean mask."""
        masks, frames = (None if each is None else each[which] for each in (self.masks, self.frames))
        return Found(
            boxes=self.boxes[which], scores=self.scores[which], labels=self.labels[which], masks=masks, frames=frames
        )

    def crops(self, size: decoding.Size, threshold: float = 0.5) -> Iterator[tuple[list[int], Bool[np.ndarray, "_ _"]]]:
        """Each object's window ``x1 y1 x2 y2`` in a picture of ``size`` (height, width), and its pixels there.

        Raises:
            ValueError: the model predicts no masks.
        """
        if self.masks is None or self.frames is None:
            raise ValueError("these objects have no masks. Expected those of an exported mask-rcnn.")
        windows, crops = mask_pasting.pasted(self.masks, self.frames.astype(np.float64), size, threshold)
        return zip(windows.tolist(), crops, strict=True)


class ExportedDetector:
    """A callable: a picture (a file, its bytes, or an array ``h w 3``) to what is ``Found`` there."""

    def __init__(self, path: Path, described: Description, engine: Engine) -> None:
        self.path, self.description, self.engine = path, described, engine
        self.class_names, self.threshold = described.class_names, float(described.threshold)
        chosen = described.inside.get("settings")
        least = chosen.get("mask_threshold") if isinstance(chosen, Mapping) else None
        self.mask_threshold = float(least) if isinstance(least, int | float) else 0.5
        search = described.inside.get("regions")
        self.search = None if search is None else (int(search["longer_px"]), int(search["most"]))
        if self.search is not None:
            regions.segmentation()  # fails early where OpenCV is missing

    def __call__(self, picture: str | Path | bytes | Picture, *, min_score: float | None = None) -> Found:
        """The detections with a score of at least ``min_score``, the deployed threshold where None.

        Raises:
            ValueError: the picture cannot be decoded, or is an array of another shape or type.
        """
        if isinstance(picture, np.ndarray):
            if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
                shape = f"{picture.dtype} of shape {picture.shape}"
                raise ValueError(f"the picture is {shape}. Expected uint8 of shape (height, width, 3).")
        else:
            picture = decoding.decode(Path(picture) if isinstance(picture, str) else picture)
        found = self.on_canvas(self.laid(picture), (picture.shape[0], picture.shape[1]))
        return found.select(found.scores >= (self.threshold if min_score is None else min_score))

    def laid(self, picture: Picture) -> UInt8[np.ndarray, "1 ch cw 3"]:
        """The letterboxed picture: resized, at the top left of its canvas."""
        height, width = size = decoding.resized((picture.shape[0], picture.shape[1]), self.description.size_px)
        resized = np.asarray(decoding.shrunk(Image.fromarray(picture), size))
        multiple = self.description.multiple
        canvas = (-(-height // multiple) * multiple, -(-width // multiple) * multiple)
        if canvas == size:
            return resized[None]
        laid = np.full((1, *canvas, 3), self.description.fill, dtype=np.uint8)
        laid[0, :height, :width] = resized
        return laid

    def on_canvas(self, canvas: UInt8[np.ndarray, "1 ch cw 3"], size: decoding.Size) -> Found:
        """The detections on the canvas of a picture of ``size``, in the picture's pixels, clipped to it."""
        boxes, scores, labels, *masks = self.engine(*self.inputs(canvas))
        placed = decoding.resized(size, self.description.size_px)
        ratio = np.array([size[1] / placed[1], size[0] / placed[0]] * 2, dtype=np.float32)
        frames = boxes.astype(np.float32) * ratio
        boxes = np.clip(frames, 0, np.array([size[1], size[0]] * 2, dtype=np.float32))
        found = Found(
            boxes=boxes, scores=scores.astype(np.float32), labels=labels.astype(np.int64),
            masks=masks[0] if masks else None, frames=frames if masks else None,
        )  # fmt: skip
        return found.select((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))

    def inputs(self, canvas: UInt8[np.ndarray, "1 ch cw 3"]) -> list[np.ndarray]:
        """The model's inputs: the canvas and, for a model without proposals of its own, the region proposals."""
        if self.search is None:
            return [canvas]
        return [canvas, regions.on_canvas(canvas[0], self.description.fill, *self.search)]


def load_exported(path: str | Path, *, threads: int | None = None) -> ExportedDetector:
    """The detector in a file that ``clearsight export`` wrote; ``threads`` is how many cores it may use.

    Neither ONNX nor OpenVINO files need torch.

    Raises:
        ValueError: no such file, one of another tool, one whose JSON is missing or describes another, a damaged one, or
            the library that runs it is not installed.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path} is not an exported model. Expected a file ending in {', '.join(SUFFIXES)}.")
    for file in files_of(path):
        if not file.is_file():
            raise ValueError(f"there is no file {file}. `clearsight export` makes one.")
    missing = not description.beside(path).is_file()
    described = None if missing else description.read(path)
    engine, mark = open_engine(path, threads)
    if mark is None:
        raise ValueError(
            f"{path} was not exported by clearsight: its inputs and outputs are unknown. "
            "Export a run with `clearsight export RUN`."
        )
    if described is None:
        raise ValueError(
            f"{description.beside(path)} is missing, which says how {path.name} is used. "
            "Copy it from where the model was exported, or export again."
        )
    return ExportedDetector(path, described, engine)
