"""The run folder: everything that belongs to one training, in files that any tool can read and none can execute.

    run.json                     model, data, settings and state: a ``Config``
    weights.safetensors          the weights to use, as plain named tensors
    checkpoint.safetensors       the state of an unfinished training, for resuming
    log.jsonl                    one line per validation
    evidence/NAME.safetensors    finished evaluations
    card.json                    findings, cost and provenance: the content of every report
    examples/                    pictures for the report

Every file is replaced atomically, so a killed writer does not harm the former one.
"""

import contextlib
import dataclasses
import datetime
import difflib
import itertools
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from torch import Tensor

from clearsight.files import durable
from clearsight.files.provenance import provenance as provenance
from clearsight.files.records import from_json, to_json
from clearsight.files.tree import load_tensors, load_tree, save_tensors, save_tree
from clearsight.suggestions import asked_after
from clearsight.types import Card, Evidence

State = Literal["training", "finished", "interrupted", "failed"]

VERSION = 1
CARD_VERSION = 1
EVIDENCE_VERSION = 1
RUNS = Path("runs")


@dataclass(frozen=True, kw_only=True)
class Config:
    """The content of ``run.json``: all that is needed to build the model again and to resume its training.

    ``data`` is the path as the user gave it, ``data_name`` and ``fingerprint`` what was found there; ``backbone`` is
    the name of the network, never of a run; ``settings`` are the model's and the training's own, in plain JSON values.
    """

    model: str
    data: str
    state: State = "training"
    task: str = ""
    backbone: str = ""
    data_name: str = ""
    fingerprint: str = ""
    class_names: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    created: str = ""
    provenance: Mapping[str, str] = field(default_factory=dict)
    version: int = VERSION


@dataclass(frozen=True)
class Run:
    """A run folder. ``Run.create`` makes one, ``Run.open`` takes one that exists."""

    path: Path

    @classmethod
    def create(cls, out: Path | None, model: str, data: str) -> Self:
        """A new folder: ``out``, or else ``runs/<model>-<data>-<number>`` with the next free number.

        Several processes may create runs at once: no two get the same folder.

        Raises:
            ValueError: ``out`` holds something already, or the folder cannot be made.
        """
        config = Config(model=model, data=data, created=_now(), provenance=provenance())
        try:
            path = _numbered(RUNS, f"{_word(model)}-{_word(data)}") if out is None else _empty(Path(out))
            with open(path / "run.json", "xb"):
                pass
        except FileExistsError as error:
            raise ValueError(_taken(Path(error.filename))) from error
        except OSError as error:
            raise ValueError(
                f"cannot make a run folder: {error.strerror or error} ({error.filename}). "
                "Choose another place with --out."
            ) from error
        run = cls(path)
        run.write_config(config)
        return run

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """The run in a folder.

        Raises:
            ValueError: there is none (the message names the nearest), or a newer clearsight wrote it.
        """
        run = cls(Path(path))
        if not (run.path / "run.json").is_file():
            raise ValueError(_not_a_run(run.path))
        _ = run.config
        return run

    @classmethod
    def all(cls, folder: Path = RUNS) -> tuple[Self, ...]:
        """The runs in a folder, by name with numbers in their order; empty where there is no such folder.

        They are not read: ``config`` of a damaged one raises ValueError.
        """
        paths = sorted((path.parent for path in Path(folder).glob("*/run.json")), key=lambda path: _natural(path.name))
        return tuple(cls(path) for path in paths)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    @property
    def config(self) -> Config:
        """The content of ``run.json`` now; raises ValueError where it is damaged or of a newer clearsight."""
        content = durable.read_json(self.path / "run.json")
        _check_version(content, VERSION, self.path / "run.json")
        return from_json(Config, content, "run.json")

    def write_config(self, config: Config) -> None:
        """Replace ``run.json``."""
        durable.write_json(self.path / "run.json", to_json(config))

    def change(self, **fields: Any) -> Config:
        """Replace fields of ``run.json`` (``run.change(state="finished")``) and return the whole."""
        config = dataclasses.replace(self.config, **fields)
        self.write_config(config)
        return config

    def _repr_html_(self) -> str:
        """The run as Jupyter shows it."""
        from clearsight.report.notebook import html  # when it is shown: it needs what no training does

        try:
            card = self.read_card() if (self.path / "card.json").is_file() else None
            return html(self.path, self.config.state, card)
        except ValueError as error:  # what is damaged is said, since a notebook shows no error of this method
            return html(self.path, str(error), None)

    def lock(self) -> AbstractContextManager[None]:
        """Hold the run for a block of training, so that no second process trains into it.

        It is released when the process dies. Entering also removes the unfinished files of a killed writer.

        Raises:
            ValueError: another process holds it.
        """
        return self._locked()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        refusal = (
            f"{self.path} is being trained by another process (number {{pid}}). "
            "Wait until it has finished, stop it, or train into another folder with --out."
        )
        with durable.locked(self.path / ".lock", refusal):
            durable.remove_unfinished(self.path)
            yield

    # --- weights and training state -----------------------------------------------------------------------------------

    @property
    def has_weights(self) -> bool:
        """Whether there are weights to predict with."""
        return (self.path / "weights.safetensors").is_file()

    def write_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Replace the weights (a ``state_dict``)."""
        save_tensors(self.path / "weights.safetensors", dict(weights))

    def read_weights(self) -> dict[str, Tensor]:
        """The weights by name, on the CPU; raises ValueError where there are none yet or the file is damaged."""
        if not self.has_weights:
            raise ValueError(f"{self.path} has no weights yet: its training has saved none. Continue it with --resume.")
        return load_tensors(self.path / "weights.safetensors")

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a training state to resume from."""
        return (self.path / "checkpoint.safetensors").is_file()

    def write_checkpoint(self, state: Any) -> None:
        """Replace the training state: any tree that ``save_tree`` takes."""
        save_tree(self.path / "checkpoint.safetensors", state)

    def read_checkpoint(self) -> Any:
        """The training state, on the CPU; raises ValueError where there is none or the file is damaged."""
        if not self.has_checkpoint:
            raise ValueError(f"{self.path} has no checkpoint to resume from: it has finished, or saved none.")
        return load_tree(self.path / "checkpoint.safetensors")

    def remove_checkpoint(self) -> None:
        """Remove the training state of a finished run, where there is one."""
        (self.path / "checkpoint.safetensors").unlink(missing_ok=True)

    def append_log(self, record: Mapping[str, Any]) -> None:
        """Append one line to the log, and flush it to the disk."""
        durable.append_line(self.path / "log.jsonl", to_json(record))

    def read_log(self) -> tuple[dict[str, Any], ...]:
        """The lines of the log, oldest first, without torn ones."""
        return tuple(from_json(dict[str, Any], line, "log") for line in durable.read_lines(self.path / "log.jsonl"))

    # --- results ------------------------------------------------------------------------------------------------------

    @property
    def evidence_names(self) -> tuple[str, ...]:
        """The names of the finished evaluations."""
        return tuple(sorted(path.stem for path in (self.path / "evidence").glob("*.safetensors")))

    def evidence_in(self, folder: str) -> tuple[str, ...]:
        """The names, ``folder/name``, of the evaluations under special conditions that are kept in a folder."""
        return tuple(
            sorted(f"{folder}/{path.stem}" for path in (self.path / "evidence" / folder).glob("*.safetensors"))
        )

    def write_evidence(self, name: str, evidence: Evidence) -> None:
        """Keep a finished evaluation under a name of letters, digits, ``.``, ``_`` and ``-``.

        That of a special condition stands in a folder of them: ``folder/name``.

        Every field of its statistics must be something ``save_tree`` takes.
        """
        path = self._evidence(name)
        durable.make_folder(path.parent)
        statistics = evidence.statistics
        fields = {each.name: getattr(statistics, each.name) for each in dataclasses.fields(statistics) if each.init}
        content = {each.name: getattr(evidence, each.name) for each in dataclasses.fields(evidence)}
        content |= {"statistics": fields, "groups": dict(evidence.groups), "about": dict(evidence.about)}
        content |= {"conditions": dict(evidence.conditions)}
        save_tree(path, {"kind": type(statistics).__name__, "version": EVIDENCE_VERSION, "evidence": content})

    def read_evidence(self, name: str, statistics_type: type) -> Evidence:
        """The evaluation of that name; ``statistics_type`` is the one its task names.

        Raises:
            ValueError: there is none, it is damaged, or its statistics are of another type or version.
        """
        path = self._evidence(name)
        if not path.is_file():
            known = ", ".join(self.evidence_names) or "none"
            raise ValueError(f"{self.path} has no evidence named {name!r}; it has: {known}. Run `clearsight evaluate`.")
        content = load_tree(path)
        if not isinstance(content, dict):
            raise ValueError(f"cannot read {path}: it holds no evidence.")
        _check_version(content, EVIDENCE_VERSION, path)
        if content.get("kind") != statistics_type.__name__:
            raise ValueError(
                f"{path} holds {content.get('kind')}; expected {statistics_type.__name__}. Evaluate the run again."
            )
        try:
            found = content["evidence"]
            return Evidence(**found | {"statistics": statistics_type(**found["statistics"])})
        except (TypeError, KeyError) as error:
            raise ValueError(
                f"{path} does not fit this version's {statistics_type.__name__} ({error}). Evaluate the run again."
            ) from error

    def write_card(self, card: Card) -> None:
        """Replace the card."""
        durable.write_json(self.path / "card.json", to_json(card))

    def read_card(self) -> Card:
        """The card; raises ValueError where there is none, it is damaged, or a newer clearsight wrote it."""
        path = self.path / "card.json"
        if not path.is_file():
            raise ValueError(f"{self.path} has no card yet. Run `clearsight audit {self.path}`.")
        content = durable.read_json(path)
        _check_version(content, CARD_VERSION, path)
        return from_json(Card, content, "card.json")

    def write_file(self, name: str, content: str | bytes) -> Path:
        """Replace another file of the run (``report.html``, ``examples/1.png``) and return its path."""
        path = self.path / name
        if not path.resolve().is_relative_to(self.path.resolve()):
            raise ValueError(f"{name} lies outside the run folder {self.path}.")
        durable.make_folder(path.parent)
        durable.write_bytes(path, content.encode("utf-8") if isinstance(content, str) else content)
        return path

    def _evidence(self, name: str) -> Path:
        if not re.fullmatch(r"(\w[\w-]*/)?\w[\w.-]*", name):
            raise ValueError(f"{name!r} cannot name evidence: use letters, digits, '.', '_' and '-'.")
        return self.path / "evidence" / f"{name}.safetensors"


def _empty(path: Path) -> Path:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ValueError(_taken(path))
    path.mkdir(parents=True, exist_ok=True)
    return path


def _numbered(folder: Path, stem: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    taken = [re.fullmatch(re.escape(stem) + r"-(\d+)", path.name) for path in folder.iterdir()]
    first = 1 + max((int(match[1]) for match in taken if match), default=0)
    for number in itertools.count(first):
        with contextlib.suppress(FileExistsError):
            (folder / f"{stem}-{number}").mkdir()
            return folder / f"{stem}-{number}"
    raise AssertionError("numbers do not end")


def _taken(path: Path) -> str:
    path = path.parent if path.name == "run.json" else path
    if (path / "run.json").exists():
        return f"{path} holds a run already. Continue it with --resume, or choose another folder with --out."
    what = "is not empty" if path.is_dir() else "is a file"
    return f"{path} {what}. A run needs a folder of its own: choose a new one with --out."


def _not_a_run(path: Path) -> str:
    what = "has no run.json" if path.is_dir() else "is not a folder" if path.exists() else "does not exist"
    folders = dict.fromkeys((path.parent, path, RUNS))
    runs = {str(run.path): run.name for folder in folders for run in Run.all(folder) if _is_of_use(run)}
    near = difflib.get_close_matches(path.name, runs.values(), n=3, cutoff=0.75)
    places = [place for place, name in runs.items() if name in near][:3]
    if places:
        return f"there is no run in {path}: it {what}. {asked_after(places)}"
    hint = f"These are runs: {', '.join(list(runs)[:5])}." if runs else "`clearsight train` makes one."
    return f"there is no run in {path}: it {what}. {hint}"


def _is_of_use(run: Run) -> bool:
    """Whether there is something to predict with or to go on from: no other run is what a user meant."""
    try:
        return run.has_weights or run.has_checkpoint or run.config.state == "finished"
    except ValueError:
        return False


def _check_version(content: Mapping[str, Any], newest: int, path: Path) -> None:
    version = content.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"{path} was not written by clearsight: it has no version.")
    if version > newest:
        raise ValueError(
            f"{path} was written by a newer clearsight (format {version}; this one reads up to {newest}). "
            "Update clearsight to read it."
        )


def _word(text: str) -> str:
    """A part of a folder's name from a model, or from a place such as ``voc:blood/``."""
    last = re.split(r"[/\\]", text.rstrip("/\\"))[-1]
    return re.sub(r"[^\w.-]+", "-", last.split(":")[-1]).strip(".-")[:60] or "data"


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
