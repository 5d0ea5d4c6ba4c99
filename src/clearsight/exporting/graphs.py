"""A network's graph written as ONNX, OpenVINO or TorchScript: one traced graph, whatever the format."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from clearsight.exported.formats import INPUT, MARK, OUTPUTS, REGIONS, Engine, library
from clearsight.exporting import quantisation

OPSET = 17  # the oldest with all operators of detectors


class _OnCanvas(nn.Module):
    """A detector whose input is a decoded picture: uint8, channels last."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: UInt8[Tensor, "1 h w 3"], *regions: Float[Tensor, "r 4"]) -> tuple[Tensor, ...]:
        """Boxes, scores, labels and perhaps masks, in canvas pixels; ``regions`` where the network needs them."""
        images = pictures.permute(0, 3, 1, 2).float() / 255
        found: tuple[Tensor, ...] = self.network.found(images, *regions)  # type: ignore[operator]
        return found


def eager(network: nn.Module) -> Engine:
    """The network itself as an engine, like that of an exported model."""
    module = _OnCanvas(network).eval()

    def run(*inputs: np.ndarray) -> list[np.ndarray]:
        with torch.inference_mode():
            return [output.cpu().numpy() for output in module(*(torch.from_numpy(np.array(one)) for one in inputs))]

    return run


def equalised(network: nn.Module, canvases: Sequence[np.ndarray]) -> nn.Module:
    """The network with its channels evened out for 8-bit integers, itself without canvases to see them on.

    See ``quantisation.equalised``.
    """
    if not canvases:
        return network
    pictures = [torch.from_numpy(one).permute(0, 3, 1, 2).float() / 255 for one in canvases]
    return quantisation.equalised(network, pictures)


def write(
    network: nn.Module,
    inputs: Sequence[np.ndarray],
    path: Path,
    to: str,
    mark: str,
    calibration: Sequence[Sequence[np.ndarray]] = (),
) -> None:
    """Write the graph of a network's ``found``; height, width and the number of regions stay dynamic.

    It is traced on ``inputs``: a canvas ``uint8 1 h w 3``, and the regions on it where the network needs them. ``mark``
    is kept in the file's own metadata. Where there are inputs for ``calibration``, an OpenVINO model computes in 8-bit
    integers.
    """
    example = tuple(torch.from_numpy(one) for one in inputs)
    with warnings.catch_warnings(), torch.no_grad():
        # Tracing is deprecated in torch, but its successor cannot export data-dependent shapes.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        graph = torch.jit.trace(_OnCanvas(network).eval(), example, check_trace=False)
        if to == "torchscript":
            graph.save(str(path), _extra_files={MARK: mark})
            return
        onnx_path = path.with_suffix(".onnx")
        _write_onnx(graph, example, onnx_path, mark)
    if to == "openvino":
        openvino = library("openvino")
        model = openvino.Core().read_model(onnx_path)
        if calibration:
            model = quantisation.quantised(model, calibration)
        model.set_rt_info(mark, [MARK])
        openvino.save_model(model, path, compress_to_fp16=False)


def _write_onnx(graph: torch.jit.ScriptModule, example: tuple[Tensor, ...], path: Path, mark: str) -> None:
    names = OUTPUTS[: len(graph(*example))]
    dynamic: dict[str, dict[int, str]] = {name: {0: "objects"} for name in names}
    inputs = [INPUT, REGIONS][: len(example)]
    dynamic |= {INPUT: {1: "height", 2: "width"}} | {name: {0: "regions"} for name in inputs[1:]}
    torch.onnx.export(
        graph, example, str(path), dynamo=False, opset_version=OPSET, input_names=inputs, output_names=list(names),
        dynamic_axes=dynamic,
    )  # fmt: skip
    onnx = library("onnx")
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, {MARK: mark})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
