"""Small pictures read from files, each of them checked against what the generator makes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from clearsight.ops.colour_measures import is_grey
from clearsight.prediction import writing
from clearsight.prediction.inputs import found_files, moves, readable
from clearsight.sources.problems import DataError, listed, shown
from clearsight.sources.samples import pictures as picture_files
from clearsight.types import Size


@dataclass(frozen=True, kw_only=True)
class Small:
    """Small pictures of one size, with the unique names of their files, and the files that were left out and why."""

    images: UInt8[Tensor, "inputs 3 h w"]
    names: tuple[str, ...]
    files: tuple[Path, ...]
    factor: int
    skipped: tuple[str, ...] = ()


def small_pictures(
    words: Sequence[str | Path], size: Size, channels: int, factor: int | None = None, skip_bad: bool = False
) -> Small:
    """The pictures that the words name: files, folders, patterns.

    All must be of one size, a whole number of times smaller than ``size``: ``factor`` times where it is given.

    Raises:
        ValueError: no picture, a video, one that cannot be read, with transparency or of 16 bits, in colour where the
            generator makes grey ones (``channels`` 1), of a size that does not divide, or as large as the output.
    """
    found = found_files(words)
    if films := [one for one in found if moves(one)]:
        raise DataError(f"{shown(str(films[0]))} is a video. Expected pictures: take frames of it out first.")
    good, problems = readable(found, skip_bad)
    files = [one for one in good if isinstance(one, Path)]
    unfit = {one: why for one in files if (why := _unfit(one))}
    if unfit and not skip_bad:
        told = [f"{shown(str(one))}: {why}" for one, why in unfit.items()]
        raise DataError(f"{len(unfit)} of {len(found)} pictures cannot be restored:\n{listed(told)}")
    files = [one for one in files if one not in unfit]
    if not files:
        raise DataError(f"none of the {len(found)} pictures can be restored.")
    images = [picture_files.decode(one) for one in files]
    whole = _factor(files, images, size, factor)
    if channels == 1:
        _check_grey(files, images)
    return Small(
        images=torch.stack(images),
        names=tuple(writing.unique_names([one.stem for one in files])),
        files=tuple(files),
        factor=whole,
        skipped=(*problems, *(f"{shown(str(one))}: {why}" for one, why in unfit.items())),
    )


def factor_of(small: Size, size: Size) -> int | None:
    """How many times smaller a picture is than another, where that is one whole number from 2 on."""
    whole = size[0] // small[0]
    return whole if whole > 1 and size == (small[0] * whole, small[1] * whole) else None


def check_divides(size: Size, factor: int) -> None:
    """Raise ValueError where pictures of that size cannot be made so many times smaller."""
    if size[0] % factor or size[1] % factor or min(size) <= factor:
        fitting = [str(k) for k in range(2, 17) if not size[0] % k and not size[1] % k and k < min(size)]
        raise ValueError(
            f"the factor is {factor}, and the generator makes pictures of {size[1]} x {size[0]} px. Expected one that "
            f"divides both sides: {', '.join(fitting) or 'none does'}."
        )


def _unfit(file: Path) -> str:
    """Why a picture is not what a search can be held to; "" where it is. Its pixels would have to be invented first."""
    with Image.open(file) as image:
        if image.has_transparency_data:
            return "it has an alpha channel. Put it on a background of your choice first, and save it without"
        if image.mode.startswith("I"):
            return f"it has more than 8 bits a pixel ({image.mode}). Convert it to 8 bits first"
    return ""


def _factor(files: Sequence[Path], images: Sequence[Tensor], size: Size, factor: int | None) -> int:
    sizes = [(int(one.shape[1]), int(one.shape[2])) for one in images]
    for file, own in zip(files, sizes, strict=True):
        name, told = shown(str(file)), f"{own[1]} x {own[0]} px"
        makes = f"the generator makes pictures of {size[1]} x {size[0]} px"
        if own[0] > size[0] or own[1] > size[1]:
            raise DataError(f"{name} is {told}, larger than its restoration would be: {makes}. Give a smaller picture.")
        whole = factor_of(own, size)
        if whole is None:
            fitting = [f"{size[1] // k} x {size[0] // k}" for k in range(2, 17) if not size[0] % k and not size[1] % k]
            raise DataError(
                f"{name} is {told}, and {makes}. Expected a picture smaller by one whole factor both ways: "
                f"{', '.join(fitting) or 'none fits'} px."
            )
        if factor is not None and whole != factor:
            raise DataError(
                f"{name} is {told}: {whole} times smaller than the {size[1]} x {size[0]} px that the generator makes, "
                f"and not {factor} times. Leave --factor out, or give other pictures."
            )
        if own != sizes[0]:
            raise DataError(
                f"{name} is {told}, and {shown(str(files[0]))} is {sizes[0][1]} x {sizes[0][0]} px. Expected pictures "
                "of one size: restore others in a run of their own."
            )
    whole = factor_of(sizes[0], size)
    assert whole is not None
    return whole


def _check_grey(files: Sequence[Path], images: Sequence[Tensor]) -> None:
    for file, image in zip(files, images, strict=True):
        if not bool(is_grey(image[None].float() / 255)):
            raise DataError(
                f"{shown(str(file))} is in colour, and the generator makes grey pictures, none of which would match. "
                "Make it grey first, or use a generator of colour pictures."
            )
