"""Regions of a picture that may hold an object, by selective search (Uijlings et al. 2013), and what was found before.

Neighbouring patches of like colour, texture and size are merged until one is left; the box around every patch on the
way is a region. OpenCV does the merging (fast mode, on a smaller copy of the picture). What was found is kept in
``regions`` in the user's cache folder (``CLEARSIGHT_CACHE`` names another), one small file each.
"""

import contextlib
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from clearsight.durable import write_bytes
from clearsight.ops import boxes as box_ops
from clearsight.ops.views import FILL

VERSION = 1
FOLDERS, FILES = 256, 400  # 100,000 pictures in all: at most 400 MB
CHECK_BYTES = 16
SCALES = (50, 150, 0.8)  # how coarse the first patches are, how much coarser the next ones, the blur before
LEAST_PX = 8  # regions narrower than this at the searched size are texture
ALIKE = 0.8  # of regions with a higher IoU one is enough


def segmentation() -> Any:
    """OpenCV's module of selective search; raises ValueError where it is not installed."""
    try:
        import cv2

        return cv2.ximgproc.segmentation
    except (ImportError, AttributeError) as error:
        raise ValueError(
            "rcnn looks for regions with OpenCV's selective search, which is not installed. Expected "
            "opencv-contrib-python-headless, and no other OpenCV beside it. Install it with "
            "`pip install clearsight[regions]`."
        ) from error


def found(image: UInt8[Tensor, "3 h w"], longer_px: int, most: int) -> Int[Tensor, "r 4"]:
    """At most ``most`` different regions in whole pixels of the picture shrunk to ``longer_px``; in a fixed order.

    OpenCV ranks regions by chance, so all are taken and, where they are too many, thinned evenly over their sizes.
    """
    import cv2

    search = segmentation().createSelectiveSearchSegmentation()
    height, width = _shrunk((image.shape[1], image.shape[2]), longer_px)
    pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy()[..., ::-1])
    if (height, width) != pixels.shape[:2]:
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    if min(height, width) < LEAST_PX:
        return torch.zeros(0, 4, dtype=torch.long)
    search.setBaseImage(pixels)
    search.switchToSelectiveSearchFast(*SCALES)
    corner, side = torch.from_numpy(np.array(search.process()).reshape(-1, 4)).long().split(2, dim=1)
    boxes = torch.unique(torch.cat([corner, corner + side], dim=1)[side.amin(1) >= LEAST_PX], dim=0)
    sizes = box_ops.area(boxes)
    boxes = boxes[sizes.argsort(stable=True)]
    ranks = torch.arange(len(boxes), 0, -1).float()  # small ones first: of two alike, the tighter
    boxes = boxes[box_ops.keep_best(boxes.float(), ranks, torch.zeros(len(boxes)).long(), ALIKE, len(boxes))]
    return boxes if len(boxes) <= most else boxes[torch.linspace(0, len(boxes) - 1, most).long()]


def regions(
    images: Float[Tensor, "b 3 h w"], longer_px: int, most: int, *, remember: bool
) -> list[Float[Tensor, "r 4"]]:
    """The regions of each picture of a batch in its pixels, never none: the first is the picture itself.

    ``remember`` looks in the cache first and stores what was not there. The grey around a picture that is smaller than
    its canvas is left out, so a picture is known again wherever it lies.
    """
    pixels = (images.detach().float().cpu() * 255).round().clamp(0, 255).to(torch.uint8)
    with ThreadPoolExecutor(min(len(pixels), os.cpu_count() or 1)) as pool:
        one = partial(_regions, longer_px=longer_px, most=most, remember=remember)
        return [each.to(images.device) for each in pool.map(one, pixels)]


def _regions(canvas: Tensor, longer_px: int, most: int, remember: bool) -> Tensor:
    shown = (canvas != FILL).any(0)
    rows, columns = shown.any(1).nonzero().flatten(), shown.any(0).nonzero().flatten()
    if not len(rows):
        return torch.tensor([[0.0, 0.0, canvas.shape[2], canvas.shape[1]]])
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    image = canvas[:, top:bottom, left:right]
    boxes = (remembered if remember else found)(image, longer_px, most)
    height, width = _shrunk((bottom - top, right - left), longer_px)
    grown = boxes * torch.tensor([(right - left) / width, (bottom - top) / height] * 2)
    whole = torch.tensor([[left, top, right, bottom]], dtype=torch.float32)
    return torch.cat([whole, grown + torch.tensor([left, top] * 2)])


def remembered(image: UInt8[Tensor, "3 h w"], longer_px: int, most: int) -> Int[Tensor, "r 4"]:
    """``found``, from the cache where it is there and whole, else stored there."""
    said = f"{VERSION} {SCALES} {LEAST_PX} {ALIKE} {longer_px} {most} {tuple(image.shape)} "
    key = hashlib.blake2b(said.encode() + image.contiguous().numpy().tobytes(), digest_size=16).hexdigest()
    path = folder() / key[:2] / key
    boxes = _read(path)
    if boxes is None:
        boxes = found(image, longer_px, most)
        body = boxes.numpy().astype("<u2").tobytes()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(
                f"the cache cannot be used: {error}. Expected a writable folder at {folder()}. "
                "Correct its permissions or name another in CLEARSIGHT_CACHE."
            ) from error
        _make_room(path.parent)
        write_bytes(path, hashlib.blake2b(body, digest_size=CHECK_BYTES).digest() + body)
    return boxes


def folder() -> Path:
    """Where regions are kept: in ``CLEARSIGHT_CACHE``, else in the user's cache folder."""
    named = os.environ.get("CLEARSIGHT_CACHE")
    return (Path(named).expanduser() if named else platformdirs.user_cache_path("clearsight")) / "regions"


def _read(path: Path) -> Tensor | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    check, body = content[:CHECK_BYTES], content[CHECK_BYTES:]
    if hashlib.blake2b(body, digest_size=CHECK_BYTES).digest() != check or len(body) % 8:
        return None
    return torch.from_numpy(np.frombuffer(body, "<u2").astype(np.int64).reshape(-1, 4))


def _make_room(place: Path) -> None:
    """Remove the oldest files of a folder that is full; another process may remove them too."""
    files: list[tuple[float, Path]] = []
    for path in place.iterdir():
        with contextlib.suppress(FileNotFoundError):
            files.append((path.stat().st_mtime, path))
    for _, path in sorted(files)[: max(0, len(files) - FILES + 1)]:
        path.unlink(missing_ok=True)


def _shrunk(size: Sequence[int], longer_px: int) -> tuple[int, int]:
    scale = min(1.0, longer_px / max(size))
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
