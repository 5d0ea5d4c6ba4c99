"""Trees in safetensors: everything comes back exactly, and a broken or hostile file gives one ValueError."""

import collections
import json
import math
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from clearsight.files.tree import load_tensors, load_tree, save_tensors, save_tree

DTYPES = [
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.complex128),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.uint16, torch.uint32, torch.uint64),
    torch.bool,
]


def same(first: Any, second: Any) -> bool:
    """Equal in type, structure, dtype, shape and every bit, but for those that tell one NaN from another."""
    if type(first) is not type(second):
        return False
    if isinstance(first, torch.Tensor):
        as_bytes = [each.contiguous().reshape(-1).view(torch.uint8) for each in (first, second) if each.numel()]
        return first.dtype == second.dtype and first.shape == second.shape and (not as_bytes or torch.equal(*as_bytes))
    if isinstance(first, np.ndarray | np.generic):
        if first.dtype != second.dtype or first.shape != second.shape:
            return False
        return first.tolist() == second.tolist() if first.dtype.kind == "O" else first.tobytes() == second.tobytes()
    if isinstance(first, dict):
        return list(first) == list(second) and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, float) and not math.isnan(first):
        return struct.pack("d", first) == struct.pack("d", second)
    return first == second or (first != first and second != second)


def there_and_back(folder: Path, tree: Any) -> Any:
    save_tree(folder / "tree.safetensors", tree)
    return load_tree(folder / "tree.safetensors")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4, 5)])
def test_tensors_of_every_dtype(tmp_path: Path, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    tensor = torch.randint(0, 2, shape).to(dtype)
    assert same(tensor, there_and_back(tmp_path, {"t": tensor})["t"])


def test_bits_of_nan_and_zero(tmp_path: Path) -> None:
    bits = torch.tensor([0x7FC00001, 0x7F800000, -0x80000000, 0x00000001], dtype=torch.int64).to(torch.int32)
    assert same(bits.view(torch.float32), there_and_back(tmp_path, bits.view(torch.float32)))


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 1, 4, 5), (1, 3, 1, 1)])
def test_channels_last_stays(tmp_path: Path, shape: tuple[int, ...]) -> None:
    tensor = torch.randn(shape).to(memory_format=torch.channels_last)
    back = there_and_back(tmp_path, tensor)
    assert same(tensor, back)
    assert back.is_contiguous(memory_format=torch.channels_last)


def test_views(tmp_path: Path) -> None:
    whole = torch.arange(60.0).reshape(5, 12)
    conjugate = torch.randn(3, dtype=torch.complex64).conj()
    views = [whole.t(), whole[::2, 1::3], whole[0].expand(4, 12), whole[2:3], conjugate, conjugate.imag]
    back = there_and_back(tmp_path, views)
    assert all(torch.equal(first, second) for first, second in zip(views, back, strict=True))
    assert back[0].stride() == whole.t().stride()


def test_what_is_shared_is_stored_once_and_shared_again(tmp_path: Path) -> None:
    tensor = torch.randn(1000)
    back = there_and_back(tmp_path, {"a": tensor, "b": [tensor.detach(), tensor.clone()]})
    assert (tmp_path / "tree.safetensors").stat().st_size < 2.5 * 4000
    back["a"][0] = 7
    assert back["b"][0][0] == 7
    assert back["b"][1][0] != 7


def test_temporaries_are_not_mistaken_for_each_other(tmp_path: Path) -> None:
    class Fresh(dict):
        def items(self) -> Any:  # each tensor is freed before the next takes its place in memory
            return ((key, torch.full((4,), float(key))) for key in self)

    back = there_and_back(tmp_path, Fresh.fromkeys(range(20)))
    assert [back[key].tolist() for key in back] == [[float(key)] * 4 for key in range(20)]


ARRAYS = [
    np.arange(6, dtype=np.int16).reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(3, dtype=">f4"),
    np.arange(12.0)[::3],
    np.array(3.5),
    np.empty((0, 3), np.float32),
    np.array([True, False]),
    np.array([1 + 2j]),
    np.array([np.longdouble(1) / 3]),
    np.array(["2020-02-29", "NaT"], "M8[D]"),
    np.array([["a", "längër"], ["", "a"]]),
    np.array(["x", "unknown", "x"], dtype=object),
    np.empty(0, dtype="U4"),
    np.array(["\udc80", "\u2028"]),
    np.array([b"raw", b""]),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: str(array.dtype))
def test_arrays(tmp_path: Path, array: np.ndarray) -> None:
    back = there_and_back(tmp_path, {"x": array})["x"]
    assert same(array, back)
    assert back.flags.f_contiguous == array.flags.f_contiguous or not array.flags.forc
    assert back.flags.writeable


def test_numbers_words_and_containers(tmp_path: Path) -> None:
    tree = {
        "plain": [None, True, False, 0, -1, 10**300, "", "ü\0\n\udcff", b"\0\xff", ()],
        "floats": (0.1, -0.0, float("nan"), float("inf"), -float("inf"), 5e-324, 1e308),
        "numpy": [np.float32(0.1), np.int64(-3), np.bool_(True), np.uint8(255)],
        3: {None: 1, (1, "b"): 2, True: 3, 2.5: 4, "3": 5},
        "odd/name": {"a": torch.ones(2)},
        "odd": {"name/a": torch.zeros(2)},
        "__metadata__": torch.ones(3),
        "": [torch.ones(1)],
    }
    assert same(tree, there_and_back(tmp_path, tree))
    assert there_and_back(tmp_path, 5) == 5


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=5)
keys = st.text(max_size=3) | st.integers() | st.none() | st.tuples(st.integers(), st.text(max_size=2))
nested = st.recursive(
    leaves | st.integers(0, 20).map(torch.arange) | st.integers(0, 20).map(np.arange),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=12,
)


@given(tree=nested)
def test_any_tree(tmp_path_factory: pytest.TempPathFactory, tree: Any) -> None:
    assert same(tree, there_and_back(tmp_path_factory.getbasetemp(), tree))


def test_random_generators_go_on_as_they_would_have(tmp_path: Path) -> None:
    ours = random.Random(1)
    generators = [np.random.Generator(kind(2)) for kind in (np.random.PCG64, np.random.MT19937, np.random.Philox)]
    of_torch = torch.Generator().manual_seed(3)
    state = {
        "python": ours.getstate(),
        "numpy": [generator.bit_generator.state for generator in generators],
        "legacy": np.random.RandomState(4).get_state(),
        "torch": of_torch.get_state(),
    }
    back = there_and_back(tmp_path, state)
    expected = [ours.random(), *(generator.random() for generator in generators), torch.rand(1, generator=of_torch)]
    ours.setstate(back["python"])
    for generator, its in zip(generators, back["numpy"], strict=True):
        generator.bit_generator.state = its
    of_torch.set_state(back["torch"])
    assert expected == [
        ours.random(),
        *(generator.random() for generator in generators),
        torch.rand(1, generator=of_torch),
    ]
    np.random.RandomState().set_state(back["legacy"])


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.AdamW])
def test_an_optimizer_goes_on_as_it_would_have(tmp_path: Path, kind: Any) -> None:
    def one() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(0)
        model = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
        return model, kind(model.parameters(), lr=0.1, **({"momentum": 0.9} if kind is torch.optim.SGD else {}))

    def step(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad()
        model(torch.ones(1, 3, 8, 8)).square().sum().backward()
        optimizer.step()

    model, optimizer = one()
    step(model, optimizer)
    back = there_and_back(tmp_path, {"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    again, its_optimizer = one()
    again.load_state_dict(back["model"])
    its_optimizer.load_state_dict(back["optimizer"])
    step(model, optimizer)
    step(again, its_optimizer)
    assert all(map(torch.equal, model.parameters(), again.parameters()))


def test_subclasses_become_what_they_are(tmp_path: Path) -> None:
    point = collections.namedtuple("point", "x y")
    tree = [collections.OrderedDict(a=1), point(1, 2), torch.nn.Parameter(torch.ones(2)), torch.Size([1, 2])]
    back = there_and_back(tmp_path, tree)
    assert same(back, [{"a": 1}, (1, 2), torch.ones(2), (1, 2)])
    assert not back[2].requires_grad


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": {"b": object()}}, r"cannot save a object \(at a/b\)"),
        ([{1, 2}], r"cannot save a set \(at 0\)"),
        ({"a": {frozenset(): 1}}, "the key"),
        (lambda: 0, "cannot save a function"),
        ({"t": torch.eye(2).to_sparse()}, "make it dense"),
        (np.array([object()]), "array of objects"),
        (np.zeros(2, dtype=[("a", int)]), "expected numbers or strings"),
    ],
)
def test_what_cannot_be_saved_is_named(tmp_path: Path, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        save_tree(tmp_path / "tree.safetensors", value)
    assert list(tmp_path.iterdir()) == []


def test_a_tree_that_holds_itself(tmp_path: Path) -> None:
    tree: list[Any] = []
    tree.append(tree)
    with pytest.raises(ValueError, match="holds itself"):
        save_tree(tmp_path / "tree.safetensors", tree)


def test_loading_is_independent_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "tree.safetensors"
    save_tree(path, {"a": torch.ones(1000), "b": np.ones(1000)})
    back = load_tree(path)
    path.write_bytes(b"")
    assert back["a"].sum() == 1000 == back["b"].sum()


# --- broken and hostile files -----------------------------------------------------------------------------------------


def test_truncated_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "tree.safetensors"
    save_tree(path, {"a": torch.arange(10), "b": [1, np.arange(3.0)], "w": np.array(["x", "y"])})
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="damaged"):
            load_tree(path)


def test_flipped_bits_never_give_another_error(tmp_path: Path) -> None:
    path = tmp_path / "tree.safetensors"
    save_tree(path, {"a": torch.arange(10), "b": [1, np.arange(3.0)], "w": np.array(["x", "y"]), "z": (2**70, 0.5)})
    whole, chance = path.read_bytes(), random.Random(0)
    refused = 0
    for _ in range(1000):
        changed = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            changed[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        try:
            load_tree(path)
        except ValueError:
            refused += 1
    assert refused > 300


HOSTILE = [
    *("", "{}", "[]", "[1]", '{"tensor": 1}', '{"tensor": "absent"}', '{"tensor": "t", "order": [0, 0]}'),
    *('{"tensor": "t", "order": [5]}', '{"tensor": "t", "order": "x"}', '{"tensor": "t", "dtype": "complex128"}'),
    *('{"array": "t", "dtype": "O", "shape": [1], "order": "C"}', '{"array": "t"}', '{"scalar": 3}', "NaN", "1.5"),
    *('{"array": "t", "dtype": "f8", "shape": [9999999999], "order": "C"}', '{"dict": [[1], []]}', '{"dict": 3}'),
    *('{"array": "t", "dtype": "f4", "shape": [-1], "order": "C"}', '{"float": "seven"}', '{"bytes": "zz"}'),
    *('{"array": "t", "dtype": "O,O", "shape": [1], "order": "C"}', '{"list": 5}', '{"dict": [[{"list": []}], [1]]}'),
    *('{"words": "t", "vocabulary": [], "dtype": "U1"}', '{"words": "t", "vocabulary": ["a"], "dtype": "f8"}'),
    *('{"words": "t", "vocabulary": ["a"], "dtype": "U99999999999"}', '{"__init__": 1}', '{"unpack": 1}'),
    *("9" * 5000, "[" * 100_000, '{"list": [' * 5000 + "]}" * 5000, '{"eval": "1"}', '{"file": "t"}'),
]


@pytest.mark.parametrize("structure", HOSTILE, ids=lambda text: text[:40])
def test_hostile_structures(tmp_path: Path, structure: str) -> None:
    path = tmp_path / "tree.safetensors"
    save_file({"t": torch.arange(3.0)}, path, {"clearsight": "clearsight tree 1", "tree": structure})
    with pytest.raises(ValueError, match="damaged"):
        load_tree(path)


def test_not_a_tree(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    with pytest.raises(ValueError, match="no file"):
        load_tree(path)
    with pytest.raises(ValueError, match="no file"):
        load_tree(tmp_path)
    save_file({"t": torch.ones(1)}, path)
    with pytest.raises(ValueError, match="not written by clearsight"):
        load_tree(path)
    for content in (b"", b"garbage", b"\x80\x04\x95", struct.pack("<Q", 2**62) + b"{}", struct.pack("<Q", 2) + b"{}x"):
        path.write_bytes(content)
        for load in (load_tree, load_tensors):
            with pytest.raises(ValueError, match="damaged"):
                load(path)


def test_weights_are_plain_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    tied = torch.randn(3, 4)
    weights = {"a": tied, "b": tied, "c": torch.randn(1, 2, 3, 4).to(memory_format=torch.channels_last), "n": tied[0]}
    save_tensors(path, weights)
    back = load_tensors(path)
    assert all(torch.equal(weights[name], back[name]) for name in weights)
    header = json.loads(path.read_bytes()[8:].partition(b"}}")[0] + b"}}")
    assert set(header) - {"__metadata__"} == set(weights)
