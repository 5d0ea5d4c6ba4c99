"""A network's graph written as ONNX, OpenVINO or TorchScript: one traced graph, whatever the format."""

import warnings
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from clearsight.exported.formats import INPUT, MARK, OUTPUTS, library

OPSET = 17  # the oldest with all that detectors need


class _OnCanvas(nn.Module):
    """A detector whose input is what a picture file decodes to: bytes, colour last."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: UInt8[Tensor, "1 h w 3"]) -> tuple[Tensor, ...]:
        """Boxes, scores, labels and perhaps masks, in canvas pixels."""
        found: tuple[Tensor, ...] = self.network.found(pictures.permute(0, 3, 1, 2).float() / 255)  # type: ignore[operator]
        return found


def write(network: nn.Module, canvas: UInt8[np.ndarray, "1 h w 3"], path: Path, to: str, mark: str) -> None:
    """Write the graph of a network that can say what it ``found``; height and width stay free.

    It is recorded while the network looks at ``canvas``. ``mark`` is kept in the file's own metadata.
    """
    example = torch.from_numpy(canvas)
    with warnings.catch_warnings(), torch.no_grad():
        # Tracing is on its way out in torch, and its successor cannot record graphs whose sizes depend on the data.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        graph = torch.jit.trace(_OnCanvas(network).eval(), (example,), check_trace=False)
        if to == "torchscript":
            graph.save(str(path), _extra_files={MARK: mark})
            return
        onnx_path = path.with_suffix(".onnx")
        _write_onnx(graph, example, onnx_path, mark)
    if to == "openvino":
        openvino = library("openvino")
        model = openvino.Core().read_model(onnx_path)
        model.set_rt_info(mark, [MARK])
        openvino.save_model(model, path, compress_to_fp16=False)


def _write_onnx(graph: torch.jit.ScriptModule, example: Tensor, path: Path, mark: str) -> None:
    names = OUTPUTS[: len(graph(example))]
    free: dict[str, dict[int, str]] = {name: {0: "objects"} for name in names}
    torch.onnx.export(
        graph, (example,), str(path), dynamo=False, opset_version=OPSET, input_names=[INPUT], output_names=list(names),
        dynamic_axes={INPUT: {1: "height", 2: "width"}, **free},
    )  # fmt: skip
    onnx = library("onnx")
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, {MARK: mark})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
