"""A network's graph in 8-bit integers: what its convolutions take and weigh, rounded to 256 calibrated levels."""

import contextlib
import io
import logging
import os
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from clearsight.exported.formats import library

# Operations on feature maps: what comes out is a picture's content, place by place. Coordinates, scores and choices
# among them are no such thing, and 256 levels would ruin them.
MAPS = {
    "Add", "AvgPool", "Clamp", "Concat", "Convert", "Convolution", "Divide", "GroupConvolution", "HSigmoid", "HSwish",
    "Interpolate", "MaxPool", "Multiply", "Pad", "ReduceMean", "Relu", "Sigmoid", "Subtract", "Swish", "Transpose",
}  # fmt: skip
SMALLEST = 1e-3  # of the largest channel: no weight grows beyond that, however silent its channel is
CONVOLUTIONS = {"Convolution", "GroupConvolution"}
SHAPED = {"Interpolate", "Pad"}  # their inputs but the first say only how large the map becomes


def quantised(model: Any, examples: Sequence[Sequence[np.ndarray]]) -> Any:
    """An OpenVINO model that computes its convolutions in 8-bit integers, calibrated on these inputs.

    Each layer's range is the mean of the ranges over the examples; weights have a range per channel; what rounding
    moves on average is taken back by the biases (Nagel et al. 2021, "A White Paper on Neural Network Quantization",
    sections 3.1 and 4.5). All but the convolutions of feature maps stays as it was.

    Raises:
        ValueError: NNCF, which does it, is not installed.
    """
    os.environ.setdefault("NNCF_CI", "1")  # otherwise it reports its use over the network
    nncf = library("nncf")
    nncf.set_log_level(logging.ERROR)
    fold_constants(model)
    with contextlib.redirect_stdout(io.StringIO()):  # its bars would stand among what the command prints
        return nncf.quantize(
            model,
            nncf.Dataset([list(example) for example in examples]),
            subset_size=len(examples),
            preset=nncf.QuantizationPreset.MIXED,
            ignored_scope=nncf.IgnoredScope(names=kept_in_float(model), validate=False),
        )


@torch.no_grad()
def equalised(network: nn.Module, pictures: Sequence[Float[Tensor, "1 3 h w"]]) -> nn.Module:
    """A copy in which the channels between two convolutions, with nothing between them, have one range.

    A channel is divided by its largest value on these pictures where it is made, and multiplied by it where it is read:
    the same function, but 256 levels for all channels are now fine enough for each (Nagel et al. 2019, "Data-Free
    Quantization Through Weight Equalization and Bias Correction", section 4.1).
    """
    copy = deepcopy(network)
    for (first, second), largest in _between(copy, pictures).items():
        scale = (largest / largest.max()).clamp(min=SMALLEST)
        first.weight.div_(scale.reshape(-1, 1, 1, 1))
        if first.bias is not None:
            first.bias.div_(scale)
        second.weight.mul_(scale.reshape(1, -1, 1, 1))
    same = all(
        torch.allclose(one, other, rtol=1e-3, atol=1e-3)
        for one, other in zip(_tensors(network(pictures[0])), _tensors(copy(pictures[0])), strict=True)
    )
    return copy if same else network


def _tensors(output: object) -> list[Tensor]:
    if isinstance(output, Tensor):
        return [output]
    assert isinstance(output, list | tuple)
    return [tensor for part in output for tensor in _tensors(part)]


def _between(network: nn.Module, pictures: Sequence[Tensor]) -> dict[tuple[nn.Conv2d, nn.Conv2d], Tensor]:
    """Pairs of convolutions of which the second reads the first's output, the very same tensor: its largest values."""
    made: dict[int, tuple[nn.Conv2d, Tensor]] = {}
    found: dict[tuple[nn.Conv2d, nn.Conv2d], Tensor] = {}

    def after(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        assert isinstance(module, nn.Conv2d)
        made[id(output)] = (module, output)  # the tensor is kept, so that no id is given twice

    def before(module: nn.Module, inputs: tuple) -> None:
        assert isinstance(module, nn.Conv2d)
        first, output = made.get(id(inputs[0]), (None, None))
        if first is not None and output is not None and module.groups == 1:
            largest = output.abs().amax((0, 2, 3))
            found[first, module] = torch.maximum(found.get((first, module), largest), largest)

    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    hooks = [module.register_forward_hook(after) for module in convolutions]
    hooks += [module.register_forward_pre_hook(before) for module in convolutions]
    for picture in pictures:
        network(picture)
        made.clear()
    for hook in hooks:
        hook.remove()
    return found


def fold_constants(model: Any) -> None:
    """Make what depends on no input a constant, in place: out of ONNX biases come reshaped to a map's own shape."""
    passes = library("openvino.passes")
    folding = passes.Manager()
    folding.register_pass(passes.ConstantFolding())
    folding.run_passes(model)


def kept_in_float(model: Any) -> list[str]:
    """The names of the operations of an OpenVINO model, its constants folded, that are not computed in 8 bits.

    The first convolution and the last ones are among them: they lose the most, and cost little.
    """
    operations = model.get_ordered_ops()
    maps = _maps(operations)
    feeding = _feeding(operations, maps) - _first(operations)
    return [
        one.get_friendly_name()
        for one in operations
        if one.get_friendly_name() not in feeding or _in_groups(one) or _gate(one)
    ]


def _maps(operations: Sequence[Any]) -> set[str]:
    """The names of the operations that give feature maps, made of the picture by nothing but such operations."""
    found: set[str] = set()
    constant: set[str] = set()
    for one in operations:
        name, kind = one.get_friendly_name(), one.get_type_name()
        sources = [value.get_source_output().get_node().get_friendly_name() for value in one.inputs()]
        if kind == "Constant" or (sources and constant.issuperset(sources)):
            constant.add(name)
            continue
        needed = set(sources[:1] if kind in SHAPED else sources) - constant
        if (kind in MAPS and needed <= found) or (kind == "Parameter" and len(one.get_output_partial_shape(0)) == 4):
            found.add(name)
    return found


def _feeding(operations: Sequence[Any], maps: set[str]) -> set[str]:
    """The names of those operations that give maps which reach a convolution."""
    found: set[str] = set()
    convolutions = {one.get_friendly_name() for one in operations if one.get_type_name() in CONVOLUTIONS}
    for one in reversed(operations):
        readers = {each.get_node().get_friendly_name() for value in one.outputs() for each in value.get_target_inputs()}
        if one.get_friendly_name() in maps and readers & maps & (found | convolutions):
            found.add(one.get_friendly_name())
    return found


def _first(operations: Sequence[Any]) -> set[str]:
    """The names of the convolutions that no other one comes before."""
    found: set[str] = set()
    after: set[str] = set()
    for one in operations:
        sources = {value.get_source_output().get_node().get_friendly_name() for value in one.inputs()}
        if one.get_type_name() in CONVOLUTIONS and not sources & after:
            found.add(one.get_friendly_name())
        if one.get_type_name() in CONVOLUTIONS or sources & after:
            after.add(one.get_friendly_name())
    return found


def _in_groups(operation: Any) -> bool:
    """Whether a convolution has groups of several channels, for which processors have no 8-bit kernels."""
    # Its weights: groups, channels out and in per group, rows, columns.
    return operation.get_type_name() == "GroupConvolution" and operation.input(1).get_partial_shape()[2] != 1


def _gate(operation: Any) -> bool:
    """Whether this is the product of a map and its own sigmoid: one operation, SiLU, in any engine."""
    if operation.get_type_name() != "Multiply":
        return False
    one, other = (value.get_source_output() for value in operation.inputs())
    return any(
        gate.get_node().get_type_name() == "Sigmoid" and gate.get_node().input_value(0) == map_
        for gate, map_ in ((one, other), (other, one))
    )
