"""Nested state (weights, optimizers, random generators, evidence) in one safetensors file, without pickle.

The tensors are the file's tensors, named by their path (``optimizer/state/0/exp_avg``). The structure around them is
JSON in the file's metadata, so reading a file can only ever make dicts, lists, tuples, tensors, arrays, numbers and
strings.

Kept exactly: dtypes, bits (also of NaN), whole numbers of any size, the types of keys, the order of dicts, and the
memory order of dense tensors (channels_last stays so). What several places share is stored once and shared again.
Not kept: devices (everything is read to the CPU), ``requires_grad``, the gaps in strided views, and subclasses: a
Parameter comes back as a Tensor, an OrderedDict as a dict, a named tuple as a tuple.
"""

import json
import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from clearsight.files.durable import write_atomically

_FORMAT = "clearsight tree 1"
_NATIVE = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
        *(torch.int64, torch.int32, torch.int16, torch.int8),
        *(torch.uint8, torch.uint16, torch.uint32, torch.uint64, torch.bool, torch.complex64),
    )
}
_AS_BYTES = {"complex128": torch.complex128}
_KINDS = frozenset(("scalar", "float", "tensor", "array", "words", "bytes", "dict", "list", "tuple"))
_BROKEN = (
    *(SafetensorError, OSError, RuntimeError, TypeError, LookupError, ValueError, ArithmeticError),
    *(AttributeError, MemoryError, StopIteration),
)


def save_tree(path: Path, tree: Any) -> None:
    """Write a tree atomically: nested dicts, lists and tuples of tensors, NumPy arrays, numbers, strings, bytes, None.

    Raises:
        ValueError: the tree holds something else (the message names its place), or the file cannot be written.
    """
    packer = _Packer()
    try:
        structure = json.dumps(packer.pack(tree, ""), allow_nan=False)
    except RecursionError as error:
        raise ValueError(f"cannot save {path.name}: it is nested too deeply, or holds itself.") from error
    metadata = {"format": "pt", "clearsight": _FORMAT, "tree": structure}
    write_atomically(path, lambda unfinished: save_file(packer.tensors, str(unfinished), metadata))


def load_tree(path: Path) -> Any:
    """The tree of a file, on the CPU, independent of the file.

    Raises:
        ValueError: there is no such file, or it is damaged or no tree; nothing of it has been executed.
    """
    if not path.is_file():
        raise ValueError(f"there is no file {path}.")
    try:
        with safe_open(str(path), "pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("clearsight") != _FORMAT:
                raise ValueError(f"its metadata does not say {_FORMAT!r}")
            return _Unpacker(file).unpack(json.loads(metadata["tree"]))
    except _BROKEN as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"cannot read {path}: it is damaged or was not written by clearsight ({reason}).") from error


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write named tensors in one step, as plain safetensors that any tool reads; shared ones are written once each.

    Raises:
        ValueError: the file cannot be written.
    """
    apart = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    write_atomically(path, lambda unfinished: save_file(apart, str(unfinished), {"format": "pt"}))


def load_tensors(path: Path) -> dict[str, Tensor]:
    """The named tensors of a file, on the CPU, independent of the file; raises ValueError where it is damaged."""
    if not path.is_file():
        raise ValueError(f"there is no file {path}.")
    try:
        with safe_open(str(path), "pt") as file:
            return {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (not a dict)
    except _BROKEN as error:
        raise ValueError(f"cannot read {path}: it is damaged or no safetensors file ({error}).") from error


class _Packer:
    """Turns a tree into JSON nodes and a dict of dense tensors.

    None, booleans, strings and integers are themselves; everything else is an object whose first key is its kind.
    """

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._shared: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._kept: list[Tensor] = []

    def pack(self, value: Any, place: str) -> Any:
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, np.generic):
            return {"scalar": self._array(np.asarray(value), place)}
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return {"float": float(value).hex()}
        if isinstance(value, Tensor):
            return self._tensor(value, place)
        if isinstance(value, np.ndarray):
            return self._array(value, place)
        if isinstance(value, bytes):
            return {"bytes": value.hex()}
        if isinstance(value, dict):
            keys = [self._key(key, place) for key in value]
            items = [self.pack(item, f"{place}/{key}" if place else str(key)) for key, item in value.items()]
            return {"dict": [keys, items]}
        if isinstance(value, list | tuple):
            items = [self.pack(item, f"{place}/{index}" if place else str(index)) for index, item in enumerate(value)]
            return {"list" if isinstance(value, list) else "tuple": items}
        raise ValueError(
            f"cannot save a {type(value).__name__} (at {place or 'the top'}). Expected tensors, arrays, numbers, "
            "strings, bytes, None, and dicts, lists and tuples of them."
        )

    def _key(self, key: Any, place: str) -> Any:
        if key is None or isinstance(key, str | int | float | tuple):
            return self.pack(key, place)
        raise ValueError(f"cannot save a dict with the key {key!r} (at {place or 'the top'}): use strings or numbers.")

    def _tensor(self, tensor: Tensor, place: str) -> dict[str, Any]:
        name = str(tensor.dtype).removeprefix("torch.")
        if tensor.layout is not torch.strided or name not in _NATIVE | _AS_BYTES:
            raise ValueError(f"cannot save a {tensor.dtype} {tensor.layout} tensor (at {place}): make it dense first.")
        key = (tensor.device, tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), name, tensor.is_conj())
        if tensor.numel() and key in self._shared:
            return self._shared[key]
        self._kept.append(tensor)  # a freed tensor's address may be taken by the next
        plain = tensor.detach().cpu().resolve_conj().resolve_neg()
        order = sorted(range(plain.dim()), key=plain.stride().__getitem__, reverse=True)
        dense = plain.permute(order)
        if not dense.is_contiguous():
            order, dense = list(range(plain.dim())), plain.contiguous()
        node: dict[str, Any] = {"tensor": self._store(dense, name, place)}
        if order != list(range(tensor.dim())):
            node["order"] = order
        if name in _AS_BYTES:
            node |= {"dtype": name, "shape": list(dense.shape)}
        self._shared[key] = node
        return node

    def _store(self, dense: Tensor, dtype: str, place: str) -> str:
        if dtype in _AS_BYTES:
            dense = dense.reshape(-1).view(torch.uint8)
        name = place or "tensor"
        while name in self.tensors or name == "__metadata__":
            name += "'"
        self.tensors[name] = dense.clone() if dense.numel() else dense
        return name

    def _array(self, array: np.ndarray, place: str) -> dict[str, Any]:
        if array.dtype.kind in "UO":
            return self._words(array, place)
        if array.dtype.kind not in "biufcSmM":
            raise ValueError(f"cannot save an array of {array.dtype} (at {place}): expected numbers or strings.")
        order: Literal["C", "F"] = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        raw = np.frombuffer(array.tobytes(order), np.uint8).copy() if array.size else np.empty(0, np.uint8)
        dense = torch.from_numpy(raw)
        node: dict[str, Any] = {"array": "", "dtype": array.dtype.str, "shape": list(array.shape), "order": order}
        if array.size and array.dtype.isnative and array.dtype.name in _NATIVE and order == "C":
            dense = dense.view(_NATIVE[array.dtype.name]).reshape(array.shape)
        node["array"] = self._store(dense, "uint8", place)
        return node

    def _words(self, array: np.ndarray, place: str) -> dict[str, Any]:
        words = array.ravel().tolist()
        if not all(isinstance(word, str) for word in words):
            raise ValueError(f"cannot save an array of objects (at {place}): expected numbers or strings.")
        codes = {word: code for code, word in enumerate(dict.fromkeys(words))}
        indices = torch.tensor([codes[word] for word in words], dtype=torch.int32).reshape(array.shape)
        return {"words": self._store(indices, "int32", place), "vocabulary": list(codes), "dtype": array.dtype.str}


class _Unpacker:
    """Turns nodes back into a tree; whatever does not fit raises."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._shared: dict[str, Tensor] = {}

    def unpack(self, node: Any) -> Any:
        if node is None or isinstance(node, bool | str | int):
            return node
        kind = next(iter(node))
        if kind not in _KINDS:
            raise ValueError(f"it holds a {kind}, unknown to this version")
        return getattr(self, f"_{kind}")(node, node[kind])

    def _float(self, node: dict[str, Any], value: str) -> float:
        return float.fromhex(value)

    def _bytes(self, node: dict[str, Any], value: str) -> bytes:
        return bytes.fromhex(value)

    def _dict(self, node: dict[str, Any], value: Any) -> dict[Any, Any]:
        keys, items = value
        return {self.unpack(key): self.unpack(item) for key, item in zip(keys, items, strict=True)}

    def _list(self, node: dict[str, Any], value: Any) -> list[Any]:
        return [self.unpack(item) for item in value]

    def _tuple(self, node: dict[str, Any], value: Any) -> tuple[Any, ...]:
        return tuple(self.unpack(item) for item in value)

    def _scalar(self, node: dict[str, Any], value: Any) -> Any:
        return self.unpack(value)[()]

    def _tensor(self, node: dict[str, Any], name: str) -> Tensor:
        if name not in self._shared:
            tensor = self._file.get_tensor(name).clone()
            if "dtype" in node:
                tensor = tensor.view(_AS_BYTES[node["dtype"]]).reshape(node["shape"])
            if order := node.get("order"):
                if sorted(order) != list(range(tensor.dim())):
                    raise ValueError("a tensor's axes are not a permutation")
                tensor = tensor.permute([order.index(axis) for axis in range(tensor.dim())])
            self._shared[name] = tensor
        return self._shared[name]

    def _array(self, node: dict[str, Any], name: str) -> np.ndarray:
        dtype = np.dtype(node["dtype"])
        if dtype.hasobject or min(node["shape"], default=0) < 0:
            raise ValueError("an array has the dtype object, or a negative shape")
        raw = self._file.get_tensor(name).contiguous().reshape(-1).view(torch.uint8).numpy()
        count = math.prod(node["shape"])
        flat = np.frombuffer(raw.tobytes(), dtype, count) if count else np.empty(0, dtype)
        return flat.reshape(node["shape"], order=node["order"]).copy(order="K")

    def _words(self, node: dict[str, Any], name: str) -> np.ndarray:
        dtype = np.dtype(node["dtype"])
        if dtype.kind not in "UO":
            raise ValueError(f"an array of strings has the dtype {dtype}")
        codes = self._file.get_tensor(name).numpy()
        vocabulary = np.array(node["vocabulary"], dtype=dtype) if node["vocabulary"] else np.empty(0, dtype)
        if codes.size and not 0 <= codes.min() <= codes.max() < len(vocabulary):
            raise ValueError("an array's strings are outside its vocabulary")
        return vocabulary[codes]
