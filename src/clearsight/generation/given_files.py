"""What pictures are to be made from, read from files: label maps, or pictures to be completed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor

from clearsight.prediction.inputs import found_files, unique_names
from clearsight.sources.annotations.single_maps import label_maps
from clearsight.sources.problems import DataError, listed, shown
from clearsight.sources.samples import pictures
from clearsight.sources.samples.cropped import cropped, cropped_map
from clearsight.types import TRUTHS, ClassMap, Size


@dataclass(frozen=True, kw_only=True)
class Given:
    """What pictures are made from: ``rows`` are label maps or pictures, one for each of ``files``, of one size."""

    files: tuple[Path, ...]
    names: tuple[str, ...]
    rows: UInt8[Tensor, "n ..."]


def read_given(
    network: Any, class_names: Sequence[str], run: Path, places: str | Path | Sequence[str | Path] | None
) -> Given | None:
    """The files at ``places`` (files, folders, patterns) as the network takes them; None where it takes none.

    They are cut from their middle to the shape of what it makes and resized, label maps by the nearest pixel; pictures
    that are to be made larger must have the size it learnt to enlarge. Raises
    ValueError where it needs some and none are named, or the other way round, and for whatever it cannot use.
    """
    config = network.config
    words = [places] if isinstance(places, str | Path) else list(places or ())
    if config.made_from is None:
        if words:
            raise ValueError(
                f"{run} makes pictures from noise alone, and {shown(words[0])} was given for them to be made from. "
                "Leave --from out, or name a run that makes pictures from label maps or from other pictures."
            )
        return None
    if not words:
        raise ValueError(
            f"{run} makes pictures from {_said(config.made_from)}, and none were named. Name a file or a folder of "
            "them with --from."
        )
    files = tuple(found_files(words))
    if config.made_from is ClassMap:
        rows = [cropped_map(torch.from_numpy(one), config.size) for one in label_maps(files, class_names)]
    elif hasattr(network, "draw"):
        rows = _whole(files, (config.size[0] // network.factor, config.size[1] // network.factor))
    else:
        rows = _pictures(files, config.size)
    return Given(files=files, names=tuple(unique_names(list(files))), rows=torch.stack(rows))


def _said(made_from: type) -> str:
    return "label maps" if made_from is ClassMap else TRUTHS[made_from].partition(",")[0]


def _whole(files: Sequence[Path], size: Size) -> list[UInt8[Tensor, "3 h w"]]:
    """Pictures as they are, all of that size."""

    def checked(image: UInt8[Tensor, "3 h w"]) -> UInt8[Tensor, "3 h w"]:
        if tuple(image.shape[1:]) == size:
            return image
        raise pictures.PictureError(
            f"it is {image.shape[2]} x {image.shape[1]} px, and this model enlarges pictures of {size[1]} x {size[0]} "
            "px. Make it that small first"
        )

    return _decoded(files, checked)


def _pictures(files: Sequence[Path], size: Size) -> list[UInt8[Tensor, "3 h w"]]:
    return _decoded(files, lambda image: cropped(image, size))


def _decoded(files: Sequence[Path], taken: Callable[[Tensor], Tensor]) -> list[UInt8[Tensor, "3 h w"]]:
    found, wrong = [], []
    for file in files:
        try:
            found.append(taken(pictures.decode(file)))
        except pictures.PictureError as error:
            wrong.append(f"{shown(file)}: {error}")
    if wrong:
        raise DataError(f"{len(wrong)} of {len(files)} files cannot be used:\n{listed(wrong)}\nRemove them.")
    return found
