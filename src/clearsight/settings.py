"""What a user set: ``field=value`` words put into the dataclasses they belong to."""

import dataclasses
import difflib
import typing
from collections.abc import Mapping, Sequence
from typing import Any


def parse(words: Sequence[str]) -> dict[str, str]:
    """``["width=64"]`` as ``{"width": "64"}``; raises ValueError for a word without "="."""
    for word in words:
        if "=" not in word:
            raise ValueError(
                f"{word!r} sets nothing. Expected --set field=value, for example --set learning_rate=0.001."
            )
    return {name.strip().replace("-", "_"): value.strip() for name, value in (word.split("=", 1) for word in words)}


def choose(settings: Mapping[str, Any], *defaults: Any) -> tuple[Any, ...]:
    """The dataclasses with the named fields replaced; each setting goes to the first that has such a field.

    Words become the type of the value they replace. Raises ValueError for a field that none has (with the nearest
    names), for a word of another type, and for whatever the dataclass itself refuses.
    """
    fields = {
        field.name: index for index, one in reversed(list(enumerate(defaults))) for field in dataclasses.fields(one)
    }
    changes: list[dict[str, Any]] = [{} for _ in defaults]
    for name, value in settings.items():
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=3, cutoff=0.5)
            hint = f"Did you mean {' or '.join(near)}?" if near else f"Fields: {', '.join(sorted(fields))}."
            raise ValueError(f"there is no setting {name!r}. {hint}")
        index = fields[name]
        like = getattr(defaults[index], name)
        if isinstance(like, tuple) and _any_length(defaults[index], name):
            like = like[:1] * len(_parts(value))
        changes[index][name] = _as(name, value, like)
    return tuple(dataclasses.replace(one, **change) for one, change in zip(defaults, changes, strict=True))


def _as(name: str, value: Any, like: Any) -> Any:
    """``value`` as the type of ``like``."""
    if isinstance(like, tuple):
        parts = _parts(value)
        if not like:  # filled in from the data: as many numbers as that takes
            return tuple(_as(name, part, 0.0) for part in parts)
        if len(parts) != len(like):
            raise ValueError(f"{name} is {value!r}. Expected {len(like)} values, such as {','.join(map(str, like))}.")
        return tuple(_as(name, part, one) for part, one in zip(parts, like, strict=True))
    if isinstance(like, bool):
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if str(value).lower() in words:
            return words[str(value).lower()]
        raise ValueError(f"{name} is {value!r}. Expected true or false.")
    kinds = {int: "a whole number", float: "a number"}
    for kind, said in kinds.items():
        if isinstance(like, kind):
            try:
                return kind(value) if kind is float else _whole(value)
            except (TypeError, ValueError, OverflowError) as error:
                raise ValueError(f"{name} is {value!r}. Expected {said}, such as {like}.") from error
    return str(value)


def _any_length(one: Any, name: str) -> bool:
    """Whether a field is a tuple of as many values as one likes."""
    (kind,) = (field.type for field in dataclasses.fields(one) if field.name == name)
    return typing.get_args(kind)[-1:] == (Ellipsis,)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, str):
        return value.replace(",", " ").split()
    return list(value) if isinstance(value, Sequence) else []


def _whole(value: Any) -> int:
    if float(value) != int(float(value)):
        raise ValueError(value)
    return int(float(value))
