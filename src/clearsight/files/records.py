"""Dataclasses as JSON and back, exactly.

Numbers that JSON lacks are objects of one key: ``{"number": "nan"}``, ``"inf"`` or ``"-inf"``. Sequences come back as
tuples, mappings as dicts. The content of a file is checked against the types: it is data, and never chooses a class.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar, Union, cast

import numpy as np

T = TypeVar("T")

_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def to_json(value: Any) -> Any:
    """Plain JSON of a dataclass, or of its fields' values: sequences, mappings by string, numbers, strings, None.

    NumPy numbers and arrays become plain ones. Raises ValueError for anything else.
    """
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"number": str(float(value))}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        if bad := [key for key in value if not isinstance(key, str)]:
            raise ValueError(f"cannot write a mapping by {bad[0]!r} as JSON: its keys must be strings.")
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [to_json(item) for item in value]
    raise ValueError(
        f"cannot write a {type(value).__name__} as JSON: expected numbers, strings or a dataclass of them."
    )


def from_json(kind: type[T], content: Any, where: str = "") -> T:
    """A value of type ``kind`` from the JSON of ``to_json``; fields that are missing take their defaults.

    Raises:
        ValueError: the content does not fit the type; the message names the place.
    """
    return cast(T, _read(kind, content, where or getattr(kind, "__name__", str(kind))))


def _read(kind: Any, content: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return _read_any(content, where)
    if origin in (Union, types.UnionType):
        return _read_union(arguments, content, where)
    if origin is Literal:
        if content not in arguments:
            raise ValueError(f"{where} is {content!r}; expected one of {', '.join(map(repr, arguments))}.")
        return content
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(cast(type, kind), content, where)
    if origin is not None and issubclass(origin, tuple | Sequence):
        return _read_sequence(arguments, content, where)
    if origin is not None and issubclass(origin, Mapping):
        _expect(dict, content, where)
        return {key: _read(arguments[1], item, f"{where}.{key}") for key, item in content.items()}
    return _read_plain(kind, content, where)


def _read_plain(kind: Any, content: Any, where: str) -> Any:
    if kind is float:
        content = _number(content)
        if isinstance(content, bool) or not isinstance(content, int | float):
            raise ValueError(f"{where} is {content!r}; expected a number.")
        return float(content)
    if kind not in (int, str, bool, type(None)):
        raise TypeError(f"{where}: {kind} has no JSON form")
    if isinstance(content, bool) and kind is int:
        raise ValueError(f"{where} is {content!r}; expected a whole number.")
    _expect(kind, content, where)
    return content


def _read_any(content: Any, where: str) -> Any:
    content = _number(content)
    if isinstance(content, list):
        return tuple(_read_any(item, where) for item in content)
    if isinstance(content, dict):
        return {key: _read_any(item, f"{where}.{key}") for key, item in content.items()}
    return content


def _read_union(options: tuple[Any, ...], content: Any, where: str) -> Any:
    if content is None and type(None) in options:
        return None
    (kind,) = [option for option in options if option is not type(None)]
    return _read(kind, content, where)


def _read_sequence(arguments: tuple[Any, ...], content: Any, where: str) -> tuple[Any, ...]:
    _expect(list, content, where)
    if len(arguments) == 1 or arguments[1:] == (Ellipsis,):
        return tuple(_read(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(content))
    if len(arguments) != len(content):
        raise ValueError(f"{where} holds {len(content)} values; expected {len(arguments)}.")
    pairs = zip(arguments, content, strict=True)
    return tuple(_read(kind, item, f"{where}[{index}]") for index, (kind, item) in enumerate(pairs))


def _read_dataclass(kind: type, content: Any, where: str) -> Any:
    _expect(dict, content, where)
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if unknown := sorted(set(content) - set(fields)):
        raise ValueError(f"{where} holds {', '.join(unknown)}, unknown to this version. Update clearsight to read it.")
    for name, field in fields.items():
        optional = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if name not in content and not optional:
            raise ValueError(f"{where} lacks {name}: it is incomplete or not a {kind.__name__}.")
    return kind(**{name: _read(hints[name], item, f"{where}.{name}") for name, item in content.items()})


def _number(content: Any) -> Any:
    if isinstance(content, dict) and set(content) == {"number"} and content["number"] in _SPECIAL:
        return _SPECIAL[content["number"]]
    return content


def _expect(kind: type, content: Any, where: str) -> None:
    if not isinstance(content, kind):
        raise ValueError(f"{where} is {str(content)[:60]!r}; expected a {kind.__name__}.")
