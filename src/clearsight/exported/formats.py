"""The formats of exported models: their files, and the libraries that run them."""

import importlib
import json
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

FORMATS = {"onnx": ".onnx", "openvino": ".xml", "torchscript": ".pt"}
SUFFIXES = {suffix: name for name, suffix in FORMATS.items()}
MARK = "clearsight"  # the key in the model file's metadata that identifies a file of clearsight
LIBRARIES = {"onnx": "onnxruntime", "openvino": "openvino", "torchscript": "torch"}
INPUT, REGIONS, OUTPUTS = "pictures", "regions", ("boxes", "scores", "labels", "masks")
STATIC_AFTER, STATICS = 12, 4  # uses of a size before OpenVINO compiles it as a static shape; at most so many

Engine = Callable[..., list[np.ndarray]]  # a canvas, and regions where the model takes them


def library(name: str) -> Any:
    """A library that only exports need, imported on demand.

    Raises:
        ValueError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        extra = "int8" if name == "nncf" else "export"
        raise ValueError(
            f"{name.split('.')[0]} cannot be imported ({error}). Exported models need it. "
            f"In the folder of clearsight's source: pip install '.[{extra}]'."
        ) from error


def files_of(path: Path) -> tuple[Path, ...]:
    """The files that make up the model named by its first: OpenVINO keeps its weights in a second."""
    return (path, path.with_suffix(".bin")) if path.suffix == ".xml" else (path,)


def open_engine(path: Path, threads: int | None = None) -> tuple[Engine, Mapping[str, Any] | None]:
    """An engine from a canvas ``uint8 1 h w 3`` (and regions) to outputs, and clearsight's mark in the file, if any.

    Raises:
        ValueError: its library is not installed, or it cannot read the file.
    """
    kind = SUFFIXES[path.suffix]
    loaded = library(LIBRARIES[kind])
    opener = {"onnx": _onnx, "openvino": _openvino, "torchscript": _torchscript}[kind]
    try:
        engine, mark = opener(loaded, path, threads)
    except (RuntimeError, OSError) as error:
        raise ValueError(_unreadable(path, error)) from error
    except Exception as error:
        # Each library raises errors of its own for a broken file; they share its package.
        if not type(error).__module__.startswith(LIBRARIES[kind]):
            raise
        raise ValueError(_unreadable(path, error)) from error
    return engine, _read(mark)


def _unreadable(path: Path, error: Exception) -> str:
    first = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    return (
        f"{path} cannot be read as a {SUFFIXES[path.suffix]} model: {first}. Restore it from a copy, or export again."
    )


def _read(mark: str) -> Mapping[str, Any] | None:
    try:
        content = json.loads(mark)
    except ValueError:
        return None
    return content if isinstance(content, dict) and content.get("format") == MARK else None


def _onnx(runtime: Any, path: Path, threads: int | None) -> tuple[Engine, str]:
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]

    def run(*inputs: np.ndarray) -> list[np.ndarray]:
        outputs: list[np.ndarray] = session.run(None, dict(zip(names, inputs, strict=True)))
        return outputs

    return run, session.get_modelmeta().custom_metadata_map.get(MARK, "")


def _openvino(openvino: Any, path: Path, threads: int | None) -> tuple[Engine, str]:
    core = openvino.Core()
    model = core.read_model(path)
    mark = model.get_rt_info([MARK]).astype(str) if model.has_rt_info([MARK]) else ""
    # By default OpenVINO uses half precision where a processor has it, which changes the detections.
    options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    options |= {} if threads is None else {"INFERENCE_NUM_THREADS": threads}
    return _PerCanvas(lambda made: core.compile_model(made, "CPU", options).create_infer_request(), model), mark


class _PerCanvas:
    """An OpenVINO model of dynamic shapes and, for frequent canvas sizes, models compiled for a static shape.

    Static shapes are faster, but compiling takes as long as many pictures do.
    """

    def __init__(self, compiled: Callable[[Any], Any], model: Any) -> None:
        self.compiled, self.model, self.any_size = compiled, model, compiled(model)
        self.seen: Counter[tuple[int, ...]] = Counter()
        self.own: dict[tuple[int, ...], Any] = {}

    def __call__(self, canvas: np.ndarray, *others: np.ndarray) -> list[np.ndarray]:
        request = self.own.get(canvas.shape)
        if request is None:
            self.seen[canvas.shape] += 1
            request = self.any_size
            if self.seen[canvas.shape] > STATIC_AFTER and len(self.own) < STATICS:
                made = self.model.clone()
                made.reshape({made.input(0): list(canvas.shape)})
                request = self.own[canvas.shape] = self.compiled(made)
        # The outputs are copied: the request reuses their memory.
        return [np.array(output) for output in request.infer([canvas, *others], share_inputs=True).values()]


def _torchscript(torch: Any, path: Path, threads: int | None) -> tuple[Engine, str]:
    extra = {MARK: ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch.export, its successor, cannot express every detector yet
        warnings.simplefilter("ignore", DeprecationWarning)
        model = torch.jit.load(str(path), map_location="cpu", _extra_files=extra).eval()

    def run(*inputs: np.ndarray) -> list[np.ndarray]:
        with torch.inference_mode():
            return [output.numpy() for output in model(*(torch.from_numpy(np.array(one)) for one in inputs))]

    mark = extra[MARK]
    return run, mark.decode("utf-8", "replace") if isinstance(mark, bytes) else mark
