"""A trained network prepared for inference: norms folded into convolutions, one precision, pictures of any size."""

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from itertools import chain, groupby

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from clearsight.inference.allocation import keep_freed_memory
from clearsight.ops import views
from clearsight.types import LastLayer, Model, Prediction, Size

Picture = UInt8[Tensor, "3 h w"]


class Predictor:
    """Predicts on pictures of any size, in their own pixels.

    A network that makes pictures larger says so by its ``factor``: predicted are so many times more rows and columns.

    ``size_px`` is the longer side of the network's input, unless it is one that sees every picture in its own pixels
    (``own_pixels``); ``batch`` the batch size, of consecutive pictures of one canvas size, unless the
    network has one of its own (``predicted_together``); ``dtype`` float32 or bfloat16.
    """

    keeps_memory = True  # faster, but memory of large pictures is not returned to the system

    def __init__(
        self, model: Model, size_px: int, *, batch: int = 4, dtype: torch.dtype = torch.float32, device: str = "cpu"
    ) -> None:
        assert isinstance(model, nn.Module)
        if self.keeps_memory:
            keep_freed_memory()
        self.device = torch.device(device)
        probe = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
        network = fold_norms(deepcopy(model).cpu().float().eval().requires_grad_(False), probe)
        self.model = network.to(device=self.device, dtype=dtype, memory_format=torch.channels_last)  # type: ignore
        self.size_px, self.dtype = size_px, dtype
        self.batch = int(getattr(model, "predicted_together", batch))
        self.own_pixels = bool(getattr(model, "own_pixels", False))
        self.factor = int(getattr(model, "factor", 1))
        self.multiple = max(model.strides, default=1)

    def __call__(self, images: Iterable[Picture]) -> Iterator[Prediction]:
        """One prediction per picture, in order."""
        for canvas, chunk in self._batches(images):
            yield from self._predict(canvas, chunk)

    def features(self, images: Iterable[Picture]) -> Iterator[Float[Tensor, "b c"]]:
        """What the last layer of a network reads of the pictures (see ``types.LastLayer``), by batches, in order."""
        assert isinstance(self.model, LastLayer)
        for canvas, chunk in self._batches(images):
            yield self.model.features(self.laid(chunk, canvas)[0]).float().cpu()

    def _batches(self, images: Iterable[Picture]) -> Iterator[tuple[Size, list[Tensor]]]:
        laid = ((self._canvas(_size(image)), image) for image in images)
        for canvas, run in groupby(laid, key=lambda pair: pair[0]):
            for chunk in _chunks((image for _, image in run), self.batch):
                yield canvas, chunk

    def laid(
        self, images: Sequence[Picture], canvas: Size | None = None
    ) -> tuple[Float[Tensor, "b 3 h w"], list[views.Placement]]:
        """Pictures of one size, or for one ``canvas``, letterboxed for the network, and the placement of each."""
        canvas = canvas or self._canvas(_size(images[0]))
        placements = [
            views.Placement(size=size, placed=views.fitted(size, self._longer(size))) for size in map(_size, images)
        ]
        pasted = [views.paste(image, canvas, at) for image, at in zip(images, placements, strict=True)]
        stack = torch.stack(pasted).to(self.device).contiguous(memory_format=torch.channels_last)
        return stack.to(self.dtype).div_(255), placements

    def _longer(self, size: Size) -> int:
        """The longer side at which the network sees a picture of this size."""
        return max(size) if self.own_pixels else self.size_px

    def _canvas(self, size: Size) -> Size:
        return views.canvas_for(size, self._longer(size), self.multiple)

    def _predict(self, canvas: Size, images: list[Tensor]) -> list[Prediction]:
        batch, placements = self.laid(images, canvas)
        with torch.inference_mode():
            found = self.model.predict(batch)
            at = [views.enlarged(one, self.factor) for one in placements]
            back = (views.bring_back(one, place) for one, place in zip(found, at, strict=True))
            return [self.finished(one, image) for one, image in zip(back, images, strict=True)]

    def finished(self, found: Prediction, image: Picture) -> Prediction:
        """What the network makes of its prediction, in the picture's own pixels, and that picture: mostly nothing."""
        finish = getattr(self.model, "finished", None)
        return found if finish is None else finish(found, image)


def _size(image: Tensor) -> tuple[int, int]:
    return (image.shape[1], image.shape[2])


def _chunks(items: Iterable[Tensor], size: int) -> Iterator[list[Tensor]]:
    chunk: list[Tensor] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


@torch.no_grad()
def fold_norms(network: nn.Module, probe: Tensor) -> nn.Module:
    """A copy of the network whose batch norms are folded into the convolutions before them.

    The pairs are found by running ``probe`` through the network. Folding is an identity (at evaluation the norm is an
    affine map), and it is checked: where the output on the probe changes, the network is returned unfolded.
    """
    folded = deepcopy(network)
    for conv, norm in _pairs(folded, probe):
        assert norm.running_var is not None and norm.running_mean is not None
        scale = torch.rsqrt(norm.running_var + norm.eps)
        scale = scale if norm.weight is None else scale * norm.weight
        shift = -norm.running_mean * scale if norm.bias is None else norm.bias - norm.running_mean * scale
        conv.weight.mul_(scale.reshape(-1, *[1] * (conv.weight.ndim - 1)))
        conv.bias = nn.Parameter(shift if conv.bias is None else conv.bias * scale + shift, requires_grad=False)
        _replace(folded, norm, getattr(norm, "act", nn.Identity()))  # timm's norms may hold an activation
    same = (
        torch.allclose(a, b, rtol=1e-2, atol=1e-2)
        for a, b in zip(_flat(network(probe)), _flat(folded(probe)), strict=True)
    )
    return folded if all(same) else network


def _replace(network: nn.Module, old: nn.Module, new: nn.Module) -> None:
    for parent in network.modules():
        for name, child in list(parent.named_children()):
            if child is old:
                setattr(parent, name, new)


def _pairs(network: nn.Module, probe: Tensor) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Convolutions whose output, the same tensor, is the input of a batch norm."""
    made: dict[int, nn.Conv2d] = {}
    kept, pairs = [], []

    def after_conv(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        assert isinstance(module, nn.Conv2d)
        made[id(output)] = module
        kept.append(output)  # alive until the end, so that no id is given twice

    def before_norm(module: nn.Module, inputs: tuple) -> None:
        assert isinstance(module, nn.BatchNorm2d)
        conv = made.get(id(inputs[0]))
        if conv is not None and module.track_running_stats:
            pairs.append((conv, module))

    hooks = [m.register_forward_hook(after_conv) for m in network.modules() if isinstance(m, nn.Conv2d)]
    hooks += [m.register_forward_pre_hook(before_norm) for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    network(probe)
    for hook in hooks:
        hook.remove()
    return pairs


def _flat(output: object) -> list[Tensor]:
    if isinstance(output, Tensor):
        return [output]
    assert isinstance(output, (list, tuple))
    return list(chain.from_iterable(_flat(part) for part in output))
