"""The commands that use a trained model: predict, sample, pulse, and export."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from clearsight.cli.options import (
    AsJson,
    Attributes,
    Never,
    Quiet,
    RunFolder,
    Seed,
    show,
    words,
)


def predict(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run folder, or an exported model (.onnx, .xml, .pt).")],
    pictures: Annotated[
        list[str],
        typer.Argument(metavar="PICTURES...", help="Files, folders, patterns in quotes, videos, or camera:0."),
    ],
    out: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="A new folder for tables, overlays and masks.")
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="SCORE", help="Score threshold of detections; default: the run's own."),
    ] = None,
    classes: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Keep objects of these classes only, separated by commas.")
    ] = None,
    window: Annotated[
        int | None, typer.Option(metavar="PX", help="For large pictures: predict on windows of this size and merge.")
    ] = None,
    overlap: Annotated[
        float,
        typer.Option(metavar="SHARE", help="Overlap of neighbouring windows; more than the largest object needs."),
    ] = 0.25,
    formats: Annotated[
        str, typer.Option("--format", metavar="NAMES", help="Some of json, csv, coco, yolo, separated by commas.")
    ] = "json,csv",
    overlays: Annotated[bool, typer.Option(help="Draw the predictions on the pictures and videos.")] = True,
    crops: Annotated[bool, typer.Option("--crops", help="Save a picture of every object.")] = False,
    never: Never = None,
    policy: Annotated[
        bool,
        typer.Option("--policy", help="Say what the run may decide on alone, what goes to a person, and why."),
    ] = False,
    risk: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", help="With --policy: the error allowed on decided pictures: 0.01, 0.02, 0.05, 0.1 or 0.2."
        ),
    ] = None,
    every: Annotated[int, typer.Option(metavar="NUMBER", help="Of a video: use every n-th frame.")] = 1,
    frames: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Of a video or camera: use at most so many frames.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Of a video or camera: use the first seconds only.")
    ] = None,
    log: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Append every decision to this log, which `clearsight verify` checks."),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out broken pictures; keep the readable part of a broken video.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Predict on pictures, videos, a camera or table rows: tables, overlays, masks, crops."""
    if run.endswith((".onnx", ".xml", ".pt")) and not Path(run).is_dir():
        asked = {"window": window, "crops": crops or None, "never": never, "policy": policy or None, "risk": risk,
                 "every": every - 1 or None, "frames": frames, "seconds": seconds, "log": log}  # fmt: skip
        _predict_exported(
            run, pictures, [name for name, value in asked.items() if value is not None], out=out, as_json=as_json,
            formats=words(formats), min_score=min_score, classes=words(classes), overlays=overlays, skip_bad=skip_bad,
        )  # fmt: skip
        return
    from clearsight.printing import results
    from clearsight.verbs import predict as verb

    folder = None if as_json and out is None else out or "predictions"
    found = verb.predict(
        run, pictures, out=folder, min_score=min_score, classes=words(classes), window=window, overlap=overlap,
        formats=words(formats), overlays=overlays, crops=crops, never=never or (), policy=policy, risk=risk,
        every=every, frames=frames, seconds=seconds, log=log, keep=as_json, skip_bad=skip_bad, quiet=quiet,
    )  # fmt: skip
    for line in getattr(found, "skipped", ()):
        print(f"left out: {line}", file=sys.stderr)
    show(verb.results(found), lambda: results.predicted(found), as_json)


def _predict_exported(
    model: str, pictures: list[str], beyond: list[str], *, out: str | None, as_json: bool, **options: Any
) -> None:
    """``predict`` with an exported model, without the options ``beyond`` it: torch is not imported."""
    from clearsight.prediction import exported as verb

    if beyond:
        raise ValueError(
            f"--{beyond[0]} does not go with an exported model, which predicts on whole pictures only. "
            "Leave it out, or predict with the run itself."
        )
    folder = None if as_json and out is None else out or "predictions"
    found = verb.predict_exported(model, pictures, out=folder, **options)
    for line in found.skipped:
        print(f"left out: {line}", file=sys.stderr)
    show(list(found.rows), lambda: verb.said(found), as_json)


def sample(
    run: RunFolder,
    count: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="How many pictures; default: 16, or 1 of each file of --from."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Which pictures: the same seed gives the same ones.")] = 0,
    truncation: Annotated[
        float, typer.Option(metavar="SCALE", help="Below 1: more typical and less varied pictures.")
    ] = 1.0,
    classes: Annotated[
        str | None,
        typer.Option("--class", metavar="NAMES", help="Classes to generate in turn, by commas; default: all."),
    ] = None,
    made_from: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="PATH", help="What to make pictures from, where a run needs it: label maps, pictures."
        ),
    ] = None,
    folder: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="A new folder for one PNG file per picture and a table.")
    ] = None,
    grid: Annotated[
        str | None, typer.Option(metavar="FILE", help="A PNG file of all pictures side by side; default: samples.png.")
    ] = None,
    interpolate: Annotated[
        int, typer.Option(metavar="NUMBER", help="Make a path through so many pictures, for --video or --folder.")
    ] = 0,
    video: Annotated[
        str | None, typer.Option(metavar="FILE", help="With --interpolate: an MP4 or GIF file of the path.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Generate pictures with a trained generator: single ones, a grid, or a video between them."""
    from clearsight.files.credentials import said
    from clearsight.verbs.sample import sample as run_sample

    if folder is None and video is None:
        grid = grid or "samples.png"
    made = run_sample(
        run, count=count, seed=seed, truncation=truncation, classes=words(classes), made_from=made_from,
        folder=folder, grid=grid, interpolate=interpolate, video=video, quiet=quiet,
    )  # fmt: skip
    content = {**made.about, "pictures": len(made.pictures), "files": [str(path) for path in made.files]}
    places = [str(path) for path in made.files if folder is None or path.parent != Path(folder)]
    places += [] if folder is None else [f"{folder}/ ({len(made.pictures)} pictures and samples.json)"]
    text = f"{len(made.pictures)} pictures generated by {made.about['run']}, seed {seed}: {', '.join(places)}"
    show(content, lambda: f"{text}\nThey are generated. {said()}", as_json)


def pulse(
    run: RunFolder,
    pictures: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PICTURES...", help="Small pictures: files, folders, patterns. With --by: the run's own data."
        ),
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="A new folder for the pictures, a sheet and a table.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Audit: restore held-out pictures, and report how often these attributes change, by group.",
        ),
    ] = None,
    factor: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER", help="How many times smaller pictures are; default: by their size, with --by 4."
        ),
    ] = None,
    filter: Annotated[
        str, typer.Option(metavar="NAME", help="How pictures are made small: box (means of squares) or bicubic.")
    ] = "box",
    restarts: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Restorations of each picture; default: 4, with --by 1.")
    ] = None,
    epsilon: Annotated[
        float, typer.Option(metavar="NUMBER", help="The mean squared error that is near enough; 0.001 is 30 dB.")
    ] = 0.001,
    steps: Annotated[int, typer.Option(metavar="NUMBER", help="Steps of a search at most.")] = 200,
    rate: Annotated[float, typer.Option(metavar="NUMBER", help="Learning rate of a search.")] = 0.1,
    finish: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Where a search ends further away: weights (tune them), projection, or none."
        ),
    ] = "weights",
    classes: Annotated[
        str | None,
        typer.Option("--class", metavar="NAMES", help="Classes to ask for in turn, by commas; default: all."),
    ] = None,
    count: Annotated[int, typer.Option(metavar="NUMBER", help="With --by: held-out pictures at most.")] = 400,
    attributes: Attributes = None,
    seed: Seed = 0,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out pictures that cannot be restored.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Imagine large pictures of small ones with a generator, and audit how often that changes the group."""
    from clearsight.printing import pulse as printing
    from clearsight.verbs.pulse import pulse as run_pulse

    folder = out or (None if as_json or by else "restored")
    found = run_pulse(
        run, pictures or (), out=folder, by=words(by), factor=factor, filter=filter, restarts=restarts,
        epsilon=epsilon, steps=steps, rate=rate, finish=finish, classes=words(classes), count=count,
        attributes=attributes, seed=seed, skip_bad=skip_bad, quiet=quiet,
    )  # fmt: skip
    for line in found.skipped:
        print(f"left out: {line}", file=sys.stderr)
    show(printing.plain(found), lambda: printing.pulsed(found, run), as_json)


def export(
    run: RunFolder,
    to: Annotated[str, typer.Option(metavar="FORMAT", help="onnx, openvino or torchscript.")] = "onnx",
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="The file to write; default: RUN/model.onnx (.xml, .pt).")
    ] = None,
    precision: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="float32, or int8: quicker 8-bit integers, for openvino; the loss of accuracy is measured.",
        ),
    ] = "float32",
    calibrate: Annotated[
        int, typer.Option(metavar="NUMBER", help="With int8: how many training pictures it is calibrated on.")
    ] = 64,
    max_loss: Annotated[
        float, typer.Option(metavar="NUMBER", help="With int8: refuse the export if it loses more of its AP.")
    ] = 0.01,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Export a detector to a file that runs without clearsight, checked against the run; a JSON file describes it."""
    from clearsight.verbs.export import export as run_export

    made = run_export(run, to=to, out=out, precision=precision, calibrate=calibrate, max_loss=max_loss, quiet=quiet)
    content = {"file": str(made.path), **made.description.as_dict()}
    show(content, lambda: f"{made.path}, described in {made.path.name}.json\n{made.said}", as_json)


COMMANDS = (predict, sample, pulse, export)
