"""A policy: thresholds that a run must keep, written down before looking; from Python, or from a TOML file.

confidence = 0.95
against = "runs/yolo-blood-1"

[[threshold]]
metric = "accuracy"
by = "sex"
at_least = 0.85

[[threshold]]
metric = "accuracy"
worse_by_at_most = 0.01
"""

import dataclasses
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

from clearsight.suggestions import did_you_mean

DecideBy = Literal["interval", "point estimate"]
LIMITS = ("at_least", "at_most", "worse_by_at_most")


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """One limit on one number of the report.

    ``metric`` is the number's name as the report has it, or ``energy_kwh`` or ``co2e_kg``. ``group`` is the group it is
    about, such as "sex = female", or the name of a row, such as a class; ``by`` an attribute, each group of which must
    keep the limit. Exactly one of ``at_least``, ``at_most``, and ``worse_by_at_most`` is given: this last is how much
    worse it may be than in the earlier run, in the metric's own units, on the same pictures.

    ``decide_by`` is that of the policy where None; ``name`` says what the limit is for.
    """

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    worse_by_at_most: float | None = None
    group: str = ""
    by: str = ""
    decide_by: DecideBy | None = None
    name: str = ""

    def __post_init__(self) -> None:
        given = [limit for limit in LIMITS if getattr(self, limit) is not None]
        if len(given) != 1:
            said = " and ".join(given) or "no limit"
            raise ValueError(f"the threshold on {self.metric} has {said}. Expected one of {', '.join(LIMITS)}.")
        if not math.isfinite(self.limit):
            raise ValueError(f"{given[0]} of the threshold on {self.metric} is {self.limit}. Expected a number.")
        if self.group and self.by:
            raise ValueError(f"the threshold on {self.metric} has both group and by. Expected one of them, or neither.")
        _one_of("decide_by", self.decide_by, (None, *get_args(DecideBy)))

    @property
    def limit(self) -> float:
        """The number that is not to be passed."""
        return float(next(value for limit in LIMITS if (value := getattr(self, limit)) is not None))

    @property
    def compares(self) -> bool:
        """Whether it compares with an earlier run."""
        return self.worse_by_at_most is not None

    @property
    def said(self) -> str:
        """The limit in words: "at least 0.9"."""
        words = next(limit for limit in LIMITS if getattr(self, limit) is not None).replace("_", " ")
        return f"{words} {self.limit:g}"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """All thresholds, and how they are judged.

    A limit counts as broken where the number is beyond it with this ``confidence``, over all thresholds together, and
    as kept where it is within it with this confidence; else the evidence is insufficient. With ``decide_by`` "point
    estimate" the number itself decides, whatever its error. ``against`` is the folder of the earlier run, which must be
    signed, and ``against_key`` the file of its signer's public key.
    """

    thresholds: tuple[Threshold, ...]
    confidence: float = 0.95
    decide_by: DecideBy = "interval"
    against: str = ""
    against_key: str = ""

    def __post_init__(self) -> None:
        if not self.thresholds:
            raise ValueError("the policy has no threshold, and would let everything pass. Expected one or more.")
        if twice := [one for place, one in enumerate(self.thresholds) if one in self.thresholds[:place]]:
            raise ValueError(f"the threshold on {twice[0].metric}, {twice[0].said}, is given twice. Leave one out.")
        if not 0.5 < self.confidence < 1:
            raise ValueError(f"confidence is {self.confidence}. Expected a share between 0.5 and 1, such as 0.95.")
        _one_of("decide_by", self.decide_by, get_args(DecideBy))

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """The policy in a TOML file; places in it are relative to the file's folder.

        Raises:
            ValueError: the file cannot be read, a key is not known (with the nearest), or a value is not as expected.
        """
        path = Path(path)
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ValueError(f"cannot read the policy {path}: {error.strerror or error}.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is no TOML: {error}. Expected lines such as confidence = 0.95.") from error
        try:
            rows = content.pop("threshold", [])
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise ValueError("threshold is no list of tables. Expected [[threshold]] above the lines of each.")
            thresholds = tuple(Threshold(**_fields(Threshold, row, "a threshold")) for row in rows)
            fields = _fields(cls, content, "the policy", also=("threshold",))
            for place in ("against", "against_key"):
                if fields.get(place):
                    fields[place] = str(path.parent / fields[place])
            return cls(thresholds=thresholds, **fields)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error


def nearest(word: str, known: Sequence[str], what: str) -> str:
    """A hint: the known words that are closest to one, or else all of them."""
    return did_you_mean(word, known, f"{what}: {', '.join(known) or 'none'}.")


def _fields(kind: type, content: Mapping[str, Any], what: str, also: Sequence[str] = ()) -> dict[str, Any]:
    """The keys of a table, checked: each is a field of ``kind``, of its type."""
    fields = {field.name: field for field in dataclasses.fields(kind) if field.name != "thresholds"}
    for name, value in content.items():
        if name not in fields:
            raise ValueError(f"{what} has no key {name!r}. {nearest(name, [*fields, *also], 'Keys')}")
        number = "float" in str(fields[name].type)
        good = isinstance(value, int | float) and not isinstance(value, bool) if number else isinstance(value, str)
        if not good:
            raise ValueError(f"{name} of {what} is {value!r}. Expected {'a number' if number else 'text in quotes'}.")
    if kind is Threshold and "metric" not in content:
        raise ValueError('a threshold names no metric. Expected a line such as metric = "accuracy".')
    return dict(content)


def _one_of(name: str, value: object, allowed: Sequence[object]) -> None:
    if value not in allowed:
        words = [str(one) for one in allowed if one is not None]
        raise ValueError(f"{name} is {value!r}. {nearest(str(value), words, 'Expected one of')}")
