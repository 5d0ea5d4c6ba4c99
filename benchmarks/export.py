"""An exported detector beside its run on one core: pictures per second and AP on the val split, as one JSON line.

    taskset -c 0 python benchmarks/export.py RUN --data DIR [--to openvino] [--precision int8] [--turns 5]

Both run in this process, by turns on the same pictures: decoded beforehand, and from their files. The run is
clearsight's own Predictor with one thread, at its best batch size; each turn's quicker of two passes counts.
``ms`` says where the time goes, in medians: decoding, laying on the canvas, the eager network, and the exported one in
several settings of its engine, on the first picture's canvas.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from clearsight.evaluation.judging import read_for
from clearsight.exported import formats, load_exported
from clearsight.exporting import graphs
from clearsight.files import decoding
from clearsight.inference.predictor import Predictor
from clearsight.loading import trained
from clearsight.run import Run
from clearsight.sources.samples import pictures as picture_files
from clearsight.types import Detections
from clearsight.verbs.export import export

BATCHES = (1, 4)


def seconds(work: Callable[[], object]) -> float:
    """The quicker of two passes."""
    passes = []
    for _ in range(2):
        began = time.perf_counter()
        work()
        passes.append(time.perf_counter() - began)
    return min(passes)


def average_precision(task, predictions, truths, class_names) -> float:
    """The headline metric of some predictions."""
    statistics_ = task.statistics(predictions, truths, class_names)
    metric = statistics_.metrics()[0]
    return float(metric.compute(statistics_, np.ones((1, len(truths))))[0])


def milliseconds(work: Callable[[], object], passes: int = 25) -> float:
    """The median, after a few passes for warmth."""
    times = []
    for _ in range(passes + 4):
        began = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - began))
    return round(statistics.median(times[4:]), 2)


def variants(run: Run, path: Path, to: str, data: str) -> dict[str, float]:
    """Milliseconds of each part of the work on one picture."""
    detector = load_exported(path, threads=1)
    file = next(file for file in sorted(Path(data).rglob("*")) if file.suffix.lower() in decoding.SUFFIXES)
    picture = decoding.decode(file)
    size_px = detector.description.size_px
    inputs = detector.inputs(detector.laid(picture))
    eager = graphs.eager(Predictor(trained.load(run), size_px, batch=1).model)  # in float32, as the export
    found = {
        "decode": milliseconds(lambda: decoding.decode(file)),
        "decode_reduced": milliseconds(lambda: decoding.decode(file, size_px)),
        "lay": milliseconds(lambda: detector.laid(picture)),
        "eager": milliseconds(lambda: eager(*inputs)),
    }
    if to != "openvino":
        return found | {to: milliseconds(lambda: detector.engine(*inputs))}
    core = formats.library("openvino").Core()
    base = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1}
    for name, own, more in (
        ("free_size", False, {}), ("own_size", True, {}), ("own_size_unpinned", True, {"ENABLE_CPU_PINNING": False}),
        ("own_size_throughput", True, {"PERFORMANCE_HINT": "THROUGHPUT"}),
    ):  # fmt: skip
        model = core.read_model(path)
        if own:
            model.reshape({model.input(0): list(inputs[0].shape)})
        began = time.perf_counter()
        request = core.compile_model(model, "CPU", base | more).create_infer_request()
        found[f"{name}_compile"] = round(1000 * (time.perf_counter() - began), 1)
        found[name] = milliseconds(lambda request=request: request.infer(inputs, share_inputs=True))
    return found


def main() -> None:
    """Measure both, in turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--data", required=True)
    parser.add_argument("--to", default="openvino", choices=("onnx", "openvino", "torchscript"))
    parser.add_argument("--precision", default="float32", choices=("float32", "int8"))
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=40)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    run = Run.open(asked.run)
    with tempfile.TemporaryDirectory() as folder:
        suffix = {"onnx": ".onnx", "openvino": ".xml", "torchscript": ".pt"}[asked.to]
        made = export(run, to=asked.to, out=Path(folder) / f"model{suffix}", precision=asked.precision, max_loss=1.0)
        detector = load_exported(made.path, threads=1)
        parts = variants(run, made.path, asked.to, asked.data)
    split = read_for(run, asked.data, None, False).split("val")
    samples = [split[index] for index in range(len(split))]
    tensors = [sample.image for sample in samples]
    arrays = [np.ascontiguousarray(image.permute(1, 2, 0).numpy()) for image in tensors]
    line = {"benchmark": "export", "to": asked.to, "precision": asked.precision, "check": made.said, "ms": parts}
    predictors = {batch: trained.predictor(run, batch=batch, device="cpu") for batch in BATCHES}
    found = [detector(array, min_score=0.0) for array in arrays]
    theirs = [
        Detections(
            xyxy=torch.from_numpy(one.boxes), scores=torch.from_numpy(one.scores), labels=torch.from_numpy(one.labels)
        )
        for one in found
    ]
    task, truths = trained.task_of(run.config), [sample.truth for sample in samples]
    line["ap_run"] = round(average_precision(task, list(predictors[1](tensors)), truths, split.class_names), 5)
    line["ap_export"] = round(average_precision(task, theirs, truths, split.class_names), 5)
    few, few_arrays = tensors[: asked.pictures], arrays[: asked.pictures]
    files = sorted(file for file in Path(asked.data).rglob("*") if file.suffix.lower() in decoding.SUFFIXES)
    files = files[: asked.pictures]
    times: dict[str, list[float]] = {name: [] for name in ("export", "export_files", "run_files", "run_1", "run_4")}
    for _ in range(asked.turns):
        times["export"].append(seconds(lambda: [detector(array) for array in few_arrays]))
        for batch in BATCHES:
            times[f"run_{batch}"].append(seconds(lambda batch=batch: list(predictors[batch](few))))
        times["export_files"].append(seconds(lambda: [detector(file) for file in files]))
        times["run_files"].append(seconds(lambda: list(predictors[4](picture_files.decode(file) for file in files))))
    per_s = {name: len(few) / statistics.median(each) for name, each in times.items()}
    line["pictures_per_s"] = {name: round(value, 1) for name, value in per_s.items()}
    best = [min(pair) for pair in zip(times["run_1"], times["run_4"], strict=True)]
    ratios = [slow / quick for slow, quick in zip(best, times["export"], strict=True)]
    line["ratio_decoded"] = round(statistics.median(ratios), 2)
    ratios = [slow / quick for slow, quick in zip(times["run_files"], times["export_files"], strict=True)]
    line["ratio_files"] = round(statistics.median(ratios), 2)
    print(json.dumps(line))


if __name__ == "__main__":
    main()
