"""The JSON beside an exported model: all that is needed to use the model, with clearsight or without."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from clearsight.exported.formats import MARK, files_of
from clearsight.files import durable
from clearsight.ops.matching import SIZES

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Description:
    """What an exported model is, its inputs and outputs; each field is a field of the JSON.

    ``files`` are the SHA-256 of the model's files; ``size_px``, ``multiple`` and ``fill`` define the letterboxing: the
    picture is resized (bilinear, antialiased where it shrinks) so that its longer side is ``size_px``, at the top left
    of the smallest canvas whose sides are multiples of ``multiple``, padded with the grey ``fill``.
    ``inside`` are the operations within the model, with their settings; ``threshold`` is the deployed score threshold.
    ``calibration`` holds for each class, and for its small, medium and large objects (up to 32² px, up to 96² px,
    larger), a slope and an offset: slope x logit(score) + offset is the logit of the confidence; null where nothing was
    fitted.
    ``precision`` is float32, or int8 where the convolutions are computed in 8-bit integers.
    ``run`` is its origin, and ``check`` its differences from the run when it was exported.
    """

    format: str = MARK
    version: int = VERSION
    kind: str
    files: Mapping[str, str]
    task: str
    model: str
    class_names: tuple[str, ...]
    size_px: int
    multiple: int
    fill: int
    threshold: float
    input: Mapping[str, str]
    output: Mapping[str, str]
    inside: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    check: Mapping[str, Any] = field(default_factory=dict)
    clearsight: str = ""
    precision: str = "float32"
    calibration: Sequence[Sequence[Sequence[float]]] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The content of the JSON."""
        return asdict(self) | {"class_names": list(self.class_names)}

    def mark(self) -> dict[str, Any]:
        """The metadata of the model file itself, by which clearsight's models are recognised."""
        return {"format": self.format, "version": self.version, "run": self.run.get("fingerprint", "")}


def beside(path: Path) -> Path:
    """The JSON of a model file: ``model.onnx.json`` for ``model.onnx``."""
    return path.with_name(f"{path.name}.json")


def digest(path: Path) -> str:
    """SHA-256 of a file's content; raises ValueError where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}.") from error


def read(path: Path) -> Description:
    """The description of a model file, after a check that it is of this file.

    Raises:
        ValueError: the JSON is damaged, not clearsight's, of a newer clearsight, or describes other files.
    """
    content = durable.read_json(beside(path))
    if content.get("format") != MARK or not isinstance(content.get("version"), int):
        raise ValueError(
            f"{beside(path)} was not written by `clearsight export`, so {path.name} is not known. {_AGAIN}"
        )
    if content["version"] > VERSION:
        raise ValueError(
            f"{beside(path)} was written by a newer clearsight (format {content['version']}; this one reads up to "
            f"{VERSION}). Update clearsight to read it."
        )
    known = {each.name for each in fields(Description)}
    try:
        found = Description(**{name: value for name, value in content.items() if name in known})
        found = Description(**vars(found) | {"class_names": tuple(found.class_names)})
        wrong = _wrong(found)
    except TypeError as error:
        raise ValueError(f"{beside(path)} is damaged: {error}. {_AGAIN}") from error
    if wrong:
        raise ValueError(f"{beside(path)} is damaged: {wrong}. {_AGAIN}")
    for file in files_of(path):
        if found.files.get(file.name) != digest(file):
            raise ValueError(
                f"{file} is not the file that {beside(path).name} describes: it was changed or cut short. {_AGAIN}"
            )
    return found


_AGAIN = "Restore both files from a copy, or export again with `clearsight export`."


def _wrong(found: Description) -> str:
    """The first invalid field, in words; "" where all are valid."""
    if not all(isinstance(name, str) for name in found.class_names) or not found.class_names:
        return "class_names are not names"
    if not isinstance(found.files, Mapping):
        return "files are not named with their hashes"
    for name, least, most in (("size_px", 1, 2**20), ("multiple", 1, 2**20), ("fill", 0, 255)):
        value = getattr(found, name)
        if not isinstance(value, int) or not least <= value <= most:
            return f"{name} is {value!r}"
    search = found.inside.get("regions") if isinstance(found.inside, Mapping) else {}
    if search is not None and not all(
        isinstance(search, Mapping) and isinstance(search.get(name), int) and search[name] > 0
        for name in ("longer_px", "most")
    ):
        return f"inside is {found.inside!r}"
    if found.calibration is not None and not _is_calibration(found.calibration, len(found.class_names)):
        return "calibration is not a slope and an offset for each class and each of three sizes"
    if not isinstance(found.threshold, int | float) or not 0 <= found.threshold <= 1:
        return f"threshold is {found.threshold!r}"
    return ""


def _is_calibration(given: Any, classes: int) -> bool:
    def numbers(line: Any) -> bool:
        return all(isinstance(one, int | float) and math.isfinite(one) for one in line)

    try:
        return len(given) == classes and all(
            len(parts) == len(SIZES) and all(len(line) == 2 and numbers(line) for line in parts) for parts in given
        )
    except TypeError:
        return False
