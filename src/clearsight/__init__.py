"""clearsight: one CNN backbone, every vision task, and the whole truth about the model.

The verbs of the command, keyword for keyword::

    import clearsight as cs

    run = cs.train("yolo", "blood/", minutes=10, by=["sex"])
    cs.audit(run, zone="FRA")
    found = cs.predict(run, "new/*.jpg")

They are imported when first used, so that ``import clearsight`` is quick.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from clearsight.exported import load_exported as load_exported
    from clearsight.recipes.demo import demo as demo
    from clearsight.verbs.audit import audit as audit
    from clearsight.verbs.augment import augment as augment
    from clearsight.verbs.browse import browse as browse
    from clearsight.verbs.compare import compare as compare
    from clearsight.verbs.data import data as data
    from clearsight.verbs.datasets import datasets as datasets
    from clearsight.verbs.evaluate import evaluate as evaluate
    from clearsight.verbs.export import export as export
    from clearsight.verbs.forecast import forecast as forecast
    from clearsight.verbs.gate import gate as gate
    from clearsight.verbs.mitigate import mitigate as mitigate
    from clearsight.verbs.models import models as models
    from clearsight.verbs.origin import origin as origin
    from clearsight.verbs.predict import predict as predict
    from clearsight.verbs.probe import probe as probe
    from clearsight.verbs.pulse import pulse as pulse
    from clearsight.verbs.runs import runs as runs
    from clearsight.verbs.sample import sample as sample
    from clearsight.verbs.serve import serve as serve
    from clearsight.verbs.sign import sign as sign
    from clearsight.verbs.simulate import simulate as simulate
    from clearsight.verbs.slides import slides as slides
    from clearsight.verbs.stress import stress as stress
    from clearsight.verbs.sweep import sweep as sweep
    from clearsight.verbs.train import train as train
    from clearsight.verbs.verify import verify as verify
    from clearsight.verbs.write_report import write_report as write_report

_VERBS = {
    **{
        name: f"verbs.{name}"
        for name in (
            "audit",
            "augment",
            "browse",
            "compare",
            "data",
            "datasets",
            "evaluate",
            "export",
            "forecast",
            "gate",
            "mitigate",
            "models",
            "origin",
            "predict",
            "probe",
            "pulse",
            "runs",
            "sample",
            "serve",
            "sign",
            "simulate",
            "slides",
            "sweep",
            "stress",
            "train",
            "verify",
            "write_report",
        )  # fmt: skip
    },
    **{"demo": "recipes.demo", "load_exported": "exported"},
}

__all__ = sorted(["__version__", *_VERBS])


def __getattr__(name: str) -> Any:
    if name in _VERBS:
        return getattr(importlib.import_module(f"clearsight.{_VERBS[name]}"), name)
    raise AttributeError(f"module 'clearsight' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_VERBS])
