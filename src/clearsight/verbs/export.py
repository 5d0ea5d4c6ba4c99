"""Export a detector: a model file that runs without clearsight or torch, checked on the spot against its run."""

import contextlib
import dataclasses
import inspect
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clearsight.console.progress import stage
from clearsight.exported import Description, ExportedDetector, Found, agreement, description, formats
from clearsight.exported.agreement import Agreement
from clearsight.exporting import graphs
from clearsight.exporting import pictures as pictures_for
from clearsight.exporting.accuracy_loss import accuracy_loss
from clearsight.files import durable
from clearsight.files.provenance import version
from clearsight.inference.predictor import Predictor
from clearsight.loading import trained
from clearsight.ops import views
from clearsight.run import Run
from clearsight.sources import Source
from clearsight.types import Detections, Prediction

CALIBRATED, EQUALISED = 64, 32
PRECISIONS = ("float32", "int8")
MAX_LOSS = 0.01  # of the headline metric, such as AP
SCORE, APART, MASK = 0.005, 0.01, 0.02  # beyond these the exported model is not the run's
SEARCH = (
    "selective search, fast mode, in the part of the canvas that is not grey, shrunk to longer_px; see "
    "clearsight/ops/regions.py. The first region is that whole part, and at most `most` follow"
)
MASKS = (
    "float n s s: probabilities over a grid of s x s cells laid on each box. A pixel belongs to the object where its "
    "centre lies in the box and the probability there, bilinear between the centres of cells, is at least "
    "inside.settings.mask_threshold"
)


@dataclass(frozen=True, kw_only=True)
class Exported:
    """An export that was made: the model file, what its JSON says, and the agreement in words."""

    path: Path
    description: Description
    said: str


def export(
    run: Run | str | Path,
    *,
    to: str = "onnx",
    out: str | Path | None = None,
    precision: str = "float32",
    calibrate: int = CALIBRATED,
    max_loss: float = MAX_LOSS,
    quiet: bool = True,
) -> Exported:
    """Write the model of a run as ONNX, OpenVINO or TorchScript, with a JSON that describes it.

    The file takes a picture on its canvas and gives final detections: suppression is inside. It is run on up to 16
    validation pictures and must find there what the run finds. ``out`` is ``model`` in the run folder where None.

    With ``precision="int8"`` an OpenVINO model computes its convolutions in 8-bit integers, calibrated on so many
    training pictures (``calibrate``). It is judged on the validation pictures as the run is, and must not lose more
    than ``max_loss`` of the headline metric (AP).

    Raises:
        ValueError: an unknown format or precision, a run that is no detector, a file that exists, a library that is
            missing, no data to calibrate with, or a model that does not find what the run finds; nothing is left.
    """
    _check_options(to, precision, calibrate)
    run = trained.opened(run)
    path = _free(run.path / f"model{formats.FORMATS[to]}" if out is None else Path(out), formats.FORMATS[to])
    libraries = ("onnx", "onnxscript") * (to != "torchscript") + (formats.LIBRARIES[to],)
    for name in libraries + ("nncf",) * (precision == "int8"):
        formats.library(name)
    network = trained.load(run)
    if not hasattr(network, "found"):
        raise ValueError(f"{run.path} is a {run.config.model}, and only detectors are exported. Use the run as it is.")
    if precision == "int8" and run.config.task != "detection":
        raise ValueError(f"int8 is judged by boxes, and {run.path} does {run.config.task}. Leave --precision out.")
    predictor = Predictor(network, int(run.config.settings["training"]["size_px"]), batch=1)
    source = pictures_for.read(run, needed=precision == "int8")
    pictures, origin = pictures_for.checked(source, run, predictor.multiple)
    calibration = [] if precision == "float32" else pictures_for.training(source, run, predictor, calibrate)
    with _room(path.parent) as room, stage("exporting", quiet) as watch:
        described = _description(run, predictor, to, origin, precision)
        model = room / path.name
        watch(1, 3)
        eager = ExportedDetector(model, described, graphs.eager(predictor.model))
        inputs = eager.inputs(pictures_for.canvas(predictor, pictures[0]))
        examples = [eager.inputs(canvas) for canvas in calibration]
        written = graphs.equalised(predictor.model, calibration[:EQUALISED])
        graphs.write(written, inputs, model, to, json.dumps(described.mark()), examples)
        watch(2, 3)
        checked, said = _checked(eager, predictor, pictures)
        if source is not None and precision == "int8":
            checked, said = _judged(run, predictor, checked, model, source, len(calibration), max_loss)
        durable.write_json(description.beside(model), checked.as_dict())
        _move(room, path)
        watch(3, 3)
    return Exported(path=path, description=checked, said=said)


def _check_options(to: str, precision: str, calibrate: int) -> None:
    if to not in formats.FORMATS:
        raise ValueError(f"there is no format {to!r} to export to. Expected one of {', '.join(formats.FORMATS)}.")
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}. Expected one of {', '.join(PRECISIONS)}.")
    if precision == "int8" and to != "openvino":
        raise ValueError(f"int8 is for OpenVINO, not for {to}. Choose --to openvino, or leave --precision out.")
    if calibrate < 1:
        raise ValueError(f"calibrate is {calibrate} pictures. Expected at least 1; {CALIBRATED} are usual.")


def _free(path: Path, suffix: str) -> Path:
    """The path, if it ends as it should and nothing is there yet."""
    if path.suffix != suffix:
        raise ValueError(f"--out is {path}. Expected a file ending in {suffix} for this format.")
    for file in (*formats.files_of(path), description.beside(path)):
        if file.exists() or file.is_symlink():
            raise ValueError(f"{file} exists already. Remove it, or choose another file with --out.")
    return path


def _description(run: Run, predictor: Predictor, to: str, origin: str, precision: str) -> Description:
    config = run.config
    chosen = dataclasses.asdict(predictor.model.config)  # type: ignore[arg-type]
    inside: dict[str, Any] = {"suppression": "yes; boxes come out final", "settings": chosen}
    takes_regions = len(inspect.signature(predictor.model.found).parameters) > 1  # type: ignore[arg-type]
    if takes_regions:
        inside["regions"] = {"search": SEARCH, "longer_px": chosen["search_px"], "most": chosen["max_regions"]}
    return Description(
        kind=to,
        files={},
        task=config.task,
        model=config.model,
        class_names=config.class_names,
        size_px=predictor.size_px,
        multiple=predictor.multiple,
        fill=views.FILL,
        threshold=float(trained.deployed(config).get("threshold", 0.5)),
        input={
            "name": formats.INPUT,
            "type": "uint8",
            "shape": "1 height width 3",
            "values": "RGB from 0 to 255; divided by 255 and normalised inside",
        }
        | ({"regions": "float n 4: x1 y1 x2 y2 in pixels of the canvas; see inside.regions"} if takes_regions else {}),
        output={
            "boxes": "float n 4: x1 y1 x2 y2 in pixels of the canvas, best first",
            "scores": "float n: in [0, 1]",
            "labels": "int64 n: numbers of class_names, from 0",
        }
        | ({"masks": MASKS} if "mask_threshold" in chosen else {}),
        inside=inside,
        run={
            "name": run.name,
            "fingerprint": description.digest(run.path / "weights.safetensors"),
            "data": config.data_name,
            "data_fingerprint": config.fingerprint,
            "created": config.created,
            "provenance": dict(config.provenance),
        },
        check={"pictures": origin},
        clearsight=version("clearsight"),
        precision=precision,
        calibration=trained.deployed(config).get("calibration"),
    )


def _checked(
    eager: ExportedDetector, predictor: Predictor, pictures: Sequence[pictures_for.Picture]
) -> tuple[Description, str]:
    """The description with its hashes and what the check found; raises ValueError where the two do not agree.

    Of integers agreement is not asked: they are judged instead.
    """
    model, described = eager.path, eager.description
    engine, mark = formats.open_engine(model)
    if mark is None:
        raise ValueError(f"the {described.kind} file lost clearsight's mark while it was written. Report this.")
    detector = ExportedDetector(model, described, engine)
    same_canvas, own_canvas = [], []
    readings = [_as_found(prediction) for prediction in predictor(pictures)]
    least = agreement.compared_from(readings)
    for picture, expected in zip(pictures, readings, strict=True):
        pixels = np.ascontiguousarray(picture.permute(1, 2, 0).numpy())
        size, scale = (pixels.shape[0], pixels.shape[1]), max(1.0, max(pixels.shape[:2]) / predictor.size_px)
        canvas = pictures_for.canvas(predictor, picture)
        there = detector.on_canvas(canvas, size)
        same_canvas.append(agreement.agreement(expected, there, scale, least))
        own_canvas.append(agreement.agreement(expected, detector(pixels, min_score=0.0), scale, least))
        if there.masks is not None:  # the run's are pixels already: the probabilities are those of its network
            mask = agreement.agreement(eager.on_canvas(canvas, size), there, scale, least).mask
            same_canvas[-1] = dataclasses.replace(same_canvas[-1], mask=mask)
    found, whole = agreement.together(same_canvas), agreement.together(own_canvas)
    if not found.objects:
        raise ValueError(
            f"the run finds nothing at all in {described.check['pictures']}, so the exported model cannot be checked. "
            "Expected a run that finds objects of some score. Train it longer; no file was left."
        )
    if described.precision == "float32" and not found.within(SCORE, APART, MASK):
        raise ValueError(
            f"the exported model does not find what the run finds: {found}. Expected at most {SCORE} in score, {MASK} "
            f"in masks, and {APART:.0%} of the objects elsewhere. No file was left; try another format, and report it."
        )
    files = {file.name: description.digest(file) for file in formats.files_of(model)}
    origin = described.check["pictures"]
    check = {"pictures": origin, **_numbers(found), "with_own_resizing": _numbers(whole)}
    said = f"checked on {origin}: {found}; with the pictures resized without torch: {whole}"
    return dataclasses.replace(described, files=files, check=check), said


def _judged(
    run: Run,
    predictor: Predictor,
    described: Description,
    model: Path,
    source: Source,
    calibrated: int,
    max_loss: float,
) -> tuple[Description, str]:
    """The description with what the integers lose; raises ValueError where that is more than ``max_loss``."""
    engine, _ = formats.open_engine(model)
    held_out = pictures_for.held_out(source.aligned(run.config.class_names))
    loss = accuracy_loss(run, predictor, ExportedDetector(model, described, engine), held_out)
    said = f"int8, calibrated on {calibrated} pictures of the split train: {loss}"
    if loss.run - loss.exported > max_loss:
        raise ValueError(
            f"{said}. Expected a loss of at most {max_loss:g}. No file was left: calibrate with more pictures "
            "(--calibrate), accept the loss (--max-loss), or leave --precision out."
        )
    check = {**described.check, "calibration_pictures": calibrated, "accuracy": dataclasses.asdict(loss)}
    return dataclasses.replace(described, check=check), said


def _numbers(found: Agreement) -> dict[str, Any]:
    return dataclasses.asdict(found)


def _as_found(prediction: Prediction) -> Found:
    assert isinstance(prediction, Detections)
    arrays = (prediction.xyxy.numpy(), prediction.scores.numpy(), prediction.labels.numpy())
    return Found(boxes=arrays[0], scores=arrays[1], labels=arrays[2])


@contextlib.contextmanager
def _room(folder: Path) -> Iterator[Path]:
    """A folder beside the place of the files, gone at the end."""
    room = folder / f".export.{os.getpid()}-{secrets.token_hex(4)}{durable.UNFINISHED}"
    try:
        room.mkdir()
        yield room
    except OSError as error:
        raise ValueError(durable.failure(folder / "model", error)) from error
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _move(room: Path, path: Path) -> None:
    """The files take their names, the JSON last: without it nobody uses the others."""
    done: list[Path] = []
    try:
        for file in (*reversed(formats.files_of(path)), description.beside(path)):
            durable.flush(room / file.name)
            os.link(room / file.name, file)  # unlike a rename, fails where somebody made the file meanwhile
            done.append(file)
    except OSError as error:
        for file in done:
            file.unlink()
        raise ValueError(durable.failure(path, error)) from error
    durable.flush(path.parent)
