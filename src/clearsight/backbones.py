"""Backbones: from pictures to a pyramid of feature maps, by any convolutional network of timm."""

import math
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from clearsight.files.durable import read_json
from clearsight.files.tree import load_tensors
from clearsight.suggestions import did_you_mean
from clearsight.types import Backbone, Size

_RUN = "run:"
_REFUSALS = (RuntimeError, ValueError, TypeError, AssertionError, AttributeError, LookupError)
_UNREADABLE = (pickle.UnpicklingError, EOFError, OSError, *_REFUSALS)


class TimmBackbone(nn.Module):
    """A timm network without its head, with its own normalisation of the pictures.

    ``channels`` and ``strides`` describe the maps, fine to coarse; ``name`` is the network's name in timm (also for the
    backbone of a run). Pictures whose sides are multiples of the coarsest stride give maps of exactly side / stride;
    for other sides it is that rounded down or up, as the network pads. For a network that takes only multiples,
    pictures are padded with the mean colour, and the maps cropped accordingly.
    """

    network: Any
    mean: Tensor
    std: Tensor

    def __init__(self, name: str, strides: tuple[int, ...], in_channels: int, pretrained: bool) -> None:
        super().__init__()
        import timm

        levels = _levels(name, strides)
        self.name = name
        self.strides = strides
        self.in_channels = in_channels
        self.network = timm.create_model(
            name, features_only=True, out_indices=levels, in_chans=in_channels, pretrained=pretrained
        )
        self.channels = tuple(self.network.feature_info.channels())
        self.takes_any_size = True
        config: Any = timm.get_pretrained_cfg(name)
        mean, std = _per_channel(config.mean, in_channels), _per_channel(config.std, in_channels)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Feature maps ``b c h w``, one per stride, of pictures ``b in_channels h w`` in [0, 1]."""
        pictures = (images - self.mean) / self.std
        if self.takes_any_size:
            return list(self.network(pictures))
        height, width = images.shape[-2:]
        multiple = max(each["reduction"] for each in self.network.feature_info.info)
        padded = functional.pad(pictures, (0, -width % multiple, 0, -height % multiple))
        sides = [(math.ceil(height / stride), math.ceil(width / stride)) for stride in self.strides]
        return [found[..., :h, :w] for found, (h, w) in zip(self.network(padded), sides, strict=True)]


def build(
    name: str, *, strides: tuple[int, ...] = (8, 16, 32), pretrained: bool | Path = False, in_channels: int = 3
) -> Backbone:
    """A backbone by name: a timm network such as ``resnet18``, or ``run:PATH`` for the backbone of an earlier run.

    Args:
        name: timm's name, or ``run:`` and a run folder, whose backbone comes with its trained weights.
        strides: the strides of the feature maps, in pixels; ascending.
        pretrained: False for random initialisation, True for timm's pretrained weights (downloaded once), or a file:
            safetensors, or a ``torch.save`` of tensors only.
        in_channels: channels of the pictures; pretrained first layers are adapted to other counts than 3.

    Raises:
        ValueError: an unknown name (the message names the nearest), a network without such maps, weights that do not
            fit, an unreadable file, or no internet connection for pretrained weights.
    """
    if not strides or list(strides) != sorted(set(strides)) or strides[0] < 1:
        raise ValueError(f"the strides {strides} are not ascending whole numbers. Give something like (8, 16, 32).")
    if in_channels < 1:
        raise ValueError(f"pictures cannot have {in_channels} channels. Give 1 for grey, 3 for colour, or more.")
    if name.startswith(_RUN):
        return _backbone_of_run(Path(name.removeprefix(_RUN)), strides, pretrained, in_channels)
    _check_name(name)
    if pretrained is not True:
        backbone = _checked(TimmBackbone(name, strides, in_channels, pretrained=False))
        if pretrained is not False:
            _load(backbone, _read(Path(pretrained)), str(pretrained))
        return backbone
    return _checked(_with_pretrained_weights(name, strides, in_channels))


def check_name(name: str) -> None:
    """Raise the ValueError that ``build`` has for a name that is no network's and no run's, without building."""
    if name.startswith(_RUN):
        _name_in(Path(name.removeprefix(_RUN)))
    else:
        _check_name(name)


def _name_in(path: Path) -> str:
    """The timm name of a run's backbone."""
    files = (path / "run.json", path / "weights.safetensors")
    if missing := [file.name for file in files if not file.is_file()]:
        raise ValueError(
            f"cannot take the backbone of {path}: it has no {' and no '.join(missing)}. Name a run folder with weights."
        )
    name = read_json(files[0]).get("backbone")
    if not isinstance(name, str) or not name or name.startswith(_RUN):
        raise ValueError(
            f"cannot take the backbone of {path}: its run.json names the backbone {name!r}, not a network."
        )
    _check_name(name)
    return name


def _backbone_of_run(path: Path, strides: tuple[int, ...], pretrained: bool | Path, in_channels: int) -> TimmBackbone:
    if pretrained is not False:
        raise ValueError(f"{_RUN}{path} brings its own weights. Leave out the pretrained ones, or name a network.")
    name, file = _name_in(path), path / "weights.safetensors"
    weights = {key: tensor for key, tensor in load_tensors(file).items() if key.startswith("backbone.")}
    backbone = _checked(TimmBackbone(name, strides, in_channels, pretrained=False))
    _load(backbone, weights, f"the backbone of {path}")
    return backbone


def _check_name(name: str) -> None:
    import timm

    architecture, _, tag = name.partition(".")
    names: list[str] = timm.list_models()
    if architecture not in names:
        hint = did_you_mean(architecture, names, "`timm.list_models()` lists them all.")
        raise ValueError(f"there is no backbone named {name!r}. {hint}")
    tags = [each.partition(".")[2] for each in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        known = f"Known are {', '.join(tags)}." if tags else "It has none."
        raise ValueError(f"{architecture} has no weights named {tag!r}. {known}")


def _levels(name: str, strides: tuple[int, ...]) -> list[int]:
    """Which of the network's maps have these strides; the deepest where several have one."""
    import timm

    with torch.random.fork_rng(devices=[]):  # these weights are discarded; the random state must not change
        try:
            network: Any = timm.create_model(name, features_only=True)
        except _REFUSALS as error:
            raise ValueError(_no_maps(name, str(error))) from error
    deepest = {each["reduction"]: index for index, each in enumerate(network.feature_info.info)}
    if missing := [stride for stride in strides if stride not in deepest]:
        raise ValueError(
            f"{name} has no map of stride {' or '.join(map(str, missing))}; it has {', '.join(map(str, deepest))}. "
            "Choose among these, or another backbone, such as resnet18."
        )
    return [deepest[stride] for stride in strides]


def _with_pretrained_weights(name: str, strides: tuple[int, ...], in_channels: int) -> TimmBackbone:
    import timm

    if not timm.is_model_pretrained(name):
        raise ValueError(f"there are no pretrained weights for {name}. Train from random ones, or give a file.")
    try:
        return TimmBackbone(name, strides, in_channels, pretrained=True)
    except OSError as error:
        raise ValueError(
            f"could not download the pretrained weights of {name} ({str(error).splitlines()[0]}). Connect to the "
            "network, or download them elsewhere and give the file, or train from random weights."
        ) from error


def _checked(backbone: TimmBackbone) -> TimmBackbone:
    """The same backbone, after a check of the maps of an odd-sized picture."""
    size = (2 * backbone.strides[-1] + 1, 3 * backbone.strides[-1] + 1)
    if reason := _misfit(backbone, size):
        backbone.takes_any_size = False
        if _misfit(backbone, size):
            raise ValueError(_no_maps(backbone.name, reason))
    return backbone


def _misfit(backbone: TimmBackbone, size: Size) -> str:
    """What is wrong with the maps of a picture of this size, or an empty string."""
    training = backbone.training
    try:
        with torch.no_grad():
            maps = backbone.eval()(torch.zeros(1, backbone.in_channels, *size))
    except _REFUSALS as error:
        return str(error) or type(error).__name__
    finally:
        backbone.train(training)
    for found, channels, stride in zip(maps, backbone.channels, backbone.strides, strict=True):
        allowed = [(side // stride, math.ceil(side / stride)) for side in size]
        fits = found.dim() == 4 and all(n in either for n, either in zip(found.shape[2:], allowed, strict=True))
        if not fits or found.shape[1] != channels:
            return f"its map of stride {stride} has the shape {tuple(found.shape)}"
    return ""


def _no_maps(name: str, reason: str) -> str:
    first = reason.splitlines()[0] if reason else "no reason given"
    return (
        f"{name} gives no feature maps for pictures of any size ({first}). "
        "Choose a convolutional network, such as resnet18, regnetx_004 or mobilenetv4_conv_small."
    )


def _per_channel(values: tuple[float, ...], channels: int) -> Tensor:
    """Normalisation ``c 1 1``: the network's own for three channels, else their average for each."""
    chosen = values if len(values) == channels else [sum(values) / len(values)] * channels
    return torch.tensor(chosen, dtype=torch.float32).reshape(-1, 1, 1)


def _read(path: Path) -> dict[str, Tensor]:
    """The named tensors of a weight file; nothing in it is ever executed."""
    if path.suffix == ".safetensors":
        return load_tensors(path)
    if not path.is_file():
        raise ValueError(f"there is no weight file {path}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about unusual pickles: it either reads or refuses them
            content = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise ValueError(
            f"cannot read {path}: it is no weight file, is damaged, or holds more than tensors. "
            "Give safetensors, or a torch.save of a state_dict."
        ) from error
    for key in ("state_dict", "model", "weights"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping):
        raise ValueError(f"{path} holds a {type(content).__name__}; expected tensors by name, as a state_dict.")
    return {str(key): tensor for key, tensor in content.items() if isinstance(tensor, Tensor)}


def _load(backbone: TimmBackbone, found: Mapping[str, Tensor], source: str) -> None:
    """Put weights into the network, whatever prefix their names have; all of its tensors must be there and fit."""
    wanted = backbone.network.state_dict()
    fitting = max((_fitting(wanted, found, prefix) for prefix in _prefixes(wanted, found)), key=len, default={})
    needed = [name for name in wanted if not name.endswith("num_batches_tracked")]
    if absent := [name for name in needed if name not in fitting]:
        raise ValueError(
            f"the weights of {source} do not fit {backbone.name} with {backbone.in_channels} channels: "
            f"{len(needed) - len(absent)} of {len(needed)} tensors match (not, for one, {absent[0]}). "
            f"Give weights of {backbone.name}, or name the network they are of."
        )
    backbone.network.load_state_dict(wanted | fitting)


def _flat(name: str) -> str:
    # timm's feature networks call `stages_0.blocks` what the whole network calls `stages.0.blocks`.
    return name.replace(".", "_")


def _prefixes(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> set[str]:
    first = _flat(next(iter(wanted)))
    return {_flat(name).removesuffix(first) for name in found if _flat(name).endswith(first)}


def _fitting(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    from timm.models import adapt_input_conv

    by_name = {
        _flat(name).removeprefix(prefix): tensor for name, tensor in found.items() if _flat(name).startswith(prefix)
    }
    fitting = {}
    for name, own in wanted.items():
        tensor = by_name.get(_flat(name))
        if tensor is None:
            continue
        if own.dim() == 4 == tensor.dim() and tensor.shape[1] == 3 != own.shape[1]:
            tensor = adapt_input_conv(own.shape[1], tensor)
        if tensor.shape == own.shape and tensor.is_floating_point() == own.is_floating_point():
            fitting[name] = tensor
    return fitting
