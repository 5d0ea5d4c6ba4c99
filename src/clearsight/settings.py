"""What a user set: ``field=value`` words put into the dataclasses they belong to."""

import dataclasses
import difflib
import inspect
import typing
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from clearsight.suggestions import asked_after


class RenamedSetting(FutureWarning):
    """A setting was given by its former name."""


# Former names of settings, each with the names it may have now: the first that a config has is meant. Version 0.3 drops
# them for what a user types; a run of an earlier version keeps being read.
FORMER = {
    "overlap": ("nms_iou_threshold",), "voting": ("voting_iou_threshold",), "most": ("max_detections",),
    "floor": ("score_threshold",), "hidden": ("hidden_units",), "cells": ("grid_size",), "boxes": ("boxes_per_cell",),
    "empty_weight": ("no_object_weight",), "per_step": ("regions_per_step",), "light": ("warp_brightness",),
    "tuning_share": ("fine_tuning_share",), "regions": ("training_proposals", "max_regions"),
    "shapes": ("anchor_shapes",), "before": ("proposals_before_nms",), "after": ("proposals_after_nms",),
    "proposal_overlap": ("proposal_nms_iou_threshold",), "anchor_samples": ("sampled_anchors",),
    "samples": ("sampled_proposals",), "every": ("loss_stride",), "penalty": ("l2_regularisation",),
    "passes": ("max_epochs",), "weakest": ("min_regularisation",), "strongest": ("max_regularisation",),
    "strengths": ("regularisation_values",), "highest_degree": ("max_degree",), "terms_at_most": ("max_terms",),
    "smoothing": ("label_smoothing",), "focus": ("focal_gamma",), "effective": ("class_balanced_beta",),
    "bend": ("huber_delta",), "filter_rate": ("muon_learning_rate",), "average_share": ("ema_share",),
    "smallest_c": ("min_c",), "largest_c": ("max_c",), "choices": ("c_values",),
}  # fmt: skip


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

    Words become the type of the value they replace. A former name of a setting is understood, with a warning that says
    the present one. Raises ValueError for a field that none has (with the nearest
    names), for a word of another type, and for whatever the dataclass itself refuses.
    """
    fields = {
        field.name: index for index, one in reversed(list(enumerate(defaults))) for field in dataclasses.fields(one)
    }
    changes: list[dict[str, Any]] = [{} for _ in defaults]
    present = renamed(settings, *defaults)
    for former, name in zip(settings, present, strict=True):
        if former != name:
            warnings.warn(f"the setting {former} is now called {name}", RenamedSetting, stacklevel=2)
    for name, value in present.items():
        if name not in fields:
            hint = asked_after(_nearest(name, fields), f"Fields: {', '.join(sorted(fields))}.")
            raise ValueError(f"there is no setting {name!r}. {hint}")
        index = fields[name]
        like = getattr(defaults[index], name)
        if isinstance(like, tuple) and _any_length(defaults[index], name):
            like = (like[:1] or _one_of(defaults[index], name)) * len(_parts(value))
        changes[index][name] = _as(name, value, like)
    return tuple(dataclasses.replace(one, **change) for one, change in zip(defaults, changes, strict=True))


def explanation(config: Any) -> str:
    """What a config says of its fields, as its class states it; "" where it states nothing."""
    said = inspect.getdoc(type(config)) or ""
    return "" if said.startswith(f"{type(config).__name__}(") else said


def defaults(config: Any) -> dict[str, str | None]:
    """The value of each field that can be set, as ``--set`` takes it; None where data settle it or it is left out."""
    return {field.name: _typed(getattr(config, field.name)) for field in dataclasses.fields(config) if field.init}


def _typed(value: Any) -> str | None:
    if value in (None, (), ""):
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def renamed(settings: Mapping[str, Any], *defaults: Any) -> dict[str, Any]:
    """The settings under their present names, in the same order: those of an earlier version's run may be former ones.

    Raises ValueError where a setting is given under both of its names.
    """
    fields = {field.name for one in defaults for field in dataclasses.fields(one)}
    found: dict[str, Any] = {}
    for name, value in settings.items():
        present = name if name in fields else next((new for new in FORMER.get(name, ()) if new in fields), name)
        if present in found:
            raise ValueError(f"the setting {present} is given twice, once by a former name. Leave one of the two out.")
        found[present] = value
    return found


def _nearest(name: str, fields: Mapping[str, int]) -> list[str]:
    """The fields whose present or former names are closest to a name that none has."""
    former = {old: [new for new in names if new in fields] for old, names in FORMER.items()}
    close = difflib.get_close_matches(name, [*fields, *(old for old in former if former[old])], n=3, cutoff=0.5)
    return list(dict.fromkeys(new for one in close for new in former.get(one, [one])))


def _as(name: str, value: Any, like: Any) -> Any:
    """``value`` as the type of ``like``."""
    if isinstance(like, tuple):
        parts = _parts(value)
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


def _one_of(one: Any, name: str) -> tuple[Any, ...]:
    """A value like those of a tuple that is empty by default, as it is filled in from the data: a number."""
    (kind,) = (field.type for field in dataclasses.fields(one) if field.name == name)
    return (0,) if typing.get_args(kind)[:1] == (int,) else (0.0,)


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
