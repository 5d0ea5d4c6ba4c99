"""A network's graph in 8-bit integers: what its convolutions take and weigh, rounded to 256 calibrated levels."""

import contextlib
import io
import logging
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from clearsight.exported.formats import library

# Operations on feature maps: what comes out is a picture's content, place by place. Coordinates, scores and choices
# among them are no such thing, and 256 levels would ruin them.
MAPS = {
    "Add", "AvgPool", "Clamp", "Concat", "Convert", "Convolution", "Divide", "GroupConvolution", "HSigmoid", "HSwish",
    "Interpolate", "MaxPool", "Multiply", "Pad", "ReduceMean", "Relu", "Sigmoid", "Subtract", "Swish", "Transpose",
}  # fmt: skip
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


def fold_constants(model: Any) -> None:
    """Make what depends on no input a constant, in place: out of ONNX biases come reshaped to a map's own shape."""
    passes = library("openvino.passes")
    folding = passes.Manager()
    folding.register_pass(passes.ConstantFolding())
    folding.run_passes(model)


def kept_in_float(model: Any) -> list[str]:
    """The names of the operations of an OpenVINO model, its constants folded, that are not computed in 8 bits."""
    operations = model.get_ordered_ops()
    maps = _maps(operations)
    feeding = _feeding(operations, maps)
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
    """Of the operations that give maps, the convolutions and those whose maps reach one."""
    found: set[str] = set()
    for one in reversed(operations):
        name = one.get_friendly_name()
        readers = {each.get_node().get_friendly_name() for value in one.outputs() for each in value.get_target_inputs()}
        if name in maps and (one.get_type_name() in CONVOLUTIONS or readers & found):
            found.add(name)
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
