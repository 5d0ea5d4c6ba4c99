"""The models that can be trained, listed without importing any of them, and one of them with all its settings."""

from collections.abc import Mapping
from dataclasses import dataclass

from clearsight import catalogue


@dataclass(frozen=True, kw_only=True)
class ModelDescription:
    """A model: what it is (``about``), the tasks it does, what it learns from, and its settings.

    ``settings`` are the defaults of ``--set`` by name, as they are typed; None where the data settle them or they are
    left out; ``meanings`` is what they mean. ``training`` and ``training_meanings`` are those of the training, with the
    defaults of this model; empty for a model of tables, which is fitted until it is done.
    """

    name: str
    about: str
    tasks: tuple[str, ...]
    data: str
    settings: Mapping[str, str | None]
    meanings: str
    training: Mapping[str, str | None]
    training_meanings: str


def models(name: str | None = None) -> tuple[catalogue.Part, ...]:
    """The models that can be trained: networks for pictures, then estimators for tables; or the one of that name.

    Raises ValueError with the nearest names where there is none of that name.
    """
    known = catalogue.parts("architectures") + catalogue.parts("generators") + catalogue.parts("estimators")
    return known if name is None else (catalogue.named({part.name: part for part in known}, name, "model"),)


def tasks_of(part: catalogue.Part) -> tuple[str, ...]:
    """The tasks that a model does, its usual one first."""
    return ("generation",) if part.room == "generators" else catalogue.declared(part, "tasks")


def data_of(part: catalogue.Part) -> str:
    """What a model learns from: "pictures" or "tables"."""
    return "tables" if part.room == "estimators" else "pictures"


def described(part: catalogue.Part) -> ModelDescription:
    """One model and all of its settings; its module is imported for it, and so are these."""
    from clearsight.settings import defaults, explanation
    from clearsight.types import Training

    kind = part.load()
    config, of_tables = kind.config_type(), part.room == "estimators"
    training = None if of_tables else getattr(kind, "training_defaults", Training())
    return ModelDescription(
        name=part.name,
        about=catalogue.documentation(part),
        tasks=tasks_of(part),
        data=data_of(part),
        settings=defaults(config),
        meanings=explanation(config),
        training={} if training is None else defaults(training),
        training_meanings="" if training is None else explanation(training),
    )
