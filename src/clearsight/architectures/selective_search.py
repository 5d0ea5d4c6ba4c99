"""Region proposals by selective search (Uijlings et al. 2013), with a cache.

Neighbouring patches of similar colour, texture and size are merged until one is left; the bounding box of every patch
on the way is a region (see ``clearsight.ops.regions``, which searches). Results are cached in ``regions`` in the user's
cache folder (``CLEARSIGHT_CACHE`` names another), one small file each.
"""

import contextlib
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import platformdirs
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from clearsight.files.durable import write_bytes
from clearsight.ops import regions as search
from clearsight.ops.views import FILL

VERSION = 2
FOLDERS, FILES = 256, 400  # 100,000 pictures in all: at most 400 MB
CHECK_BYTES = 16


def found(image: UInt8[Tensor, "3 h w"], longer_px: int, max_regions: int) -> Int[Tensor, "r 4"]:
    """At most ``max_regions`` distinct regions in whole pixels of the picture shrunk to ``longer_px``; fixed order."""
    return torch.from_numpy(search.found(image.permute(1, 2, 0).numpy(), longer_px, max_regions))


def regions(
    images: Float[Tensor, "b 3 h w"], longer_px: int, max_regions: int, *, use_cache: bool
) -> list[Float[Tensor, "r 4"]]:
    """The regions of each picture of a batch in its pixels, never none: the first is the picture itself.

    ``use_cache`` reads from the cache and adds what is missing. Grey padding is left out, so the cache key does not
    depend on where on its canvas a picture lies.
    """
    pixels = (images.detach().float().cpu() * 255).round().clamp(0, 255).to(torch.uint8)
    with ThreadPoolExecutor(min(len(pixels), os.cpu_count() or 1)) as pool:
        one = partial(_regions, longer_px=longer_px, max_regions=max_regions, use_cache=use_cache)
        return [each.to(images.device) for each in pool.map(one, pixels)]


def _regions(canvas: Tensor, longer_px: int, max_regions: int, use_cache: bool) -> Tensor:
    window = search.content(canvas.permute(1, 2, 0).numpy(), FILL)
    if window is None:
        return torch.tensor([[0.0, 0.0, canvas.shape[2], canvas.shape[1]]])
    left, top, right, bottom = window
    boxes = (cached if use_cache else found)(canvas[:, top:bottom, left:right], longer_px, max_regions)
    return torch.from_numpy(search.placed(boxes.numpy(), window, longer_px))


def cached(image: UInt8[Tensor, "3 h w"], longer_px: int, max_regions: int) -> Int[Tensor, "r 4"]:
    """``found``, read from the cache where it is there and intact, else computed and stored."""
    settings = f"{VERSION} {search.SCALES} {search.MIN_SIDE_PX} {search.DUPLICATE_IOU} {longer_px} {max_regions} "
    settings += f"{tuple(image.shape)} "
    key = hashlib.blake2b(settings.encode() + image.contiguous().numpy().tobytes(), digest_size=16).hexdigest()
    path = folder() / key[:2] / key
    boxes = _read(path)
    if boxes is None:
        boxes = found(image, longer_px, max_regions)
        body = boxes.numpy().astype("<u2").tobytes()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(
                f"the cache cannot be used: {error}. Expected a writable folder at {folder()}. "
                "Correct its permissions or name another in CLEARSIGHT_CACHE."
            ) from error
        _evict_oldest(path.parent)
        write_bytes(path, hashlib.blake2b(body, digest_size=CHECK_BYTES).digest() + body)
    return boxes


def folder() -> Path:
    """Where regions are cached: in ``CLEARSIGHT_CACHE``, else in the user's cache folder."""
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


def _evict_oldest(place: Path) -> None:
    """Remove the oldest files of a full folder; another process may remove them too."""
    files: list[tuple[float, Path]] = []
    for path in place.iterdir():
        with contextlib.suppress(FileNotFoundError):
            files.append((path.stat().st_mtime, path))
    for _, path in sorted(files)[: max(0, len(files) - FILES + 1)]:
        path.unlink(missing_ok=True)
