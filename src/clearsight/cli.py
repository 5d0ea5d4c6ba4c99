"""The command: parse, call, print. Nothing heavy is imported before a verb needs it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="clearsight",
    help="One CNN backbone, every vision task, and the whole truth about the model.",
    epilog="Start with `clearsight demo`. Every command explains itself with --help.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

RunFolder = Annotated[str, typer.Argument(metavar="RUN", help="A run folder, such as runs/yolo-blood-1.")]
DataPlace = Annotated[str, typer.Argument(metavar="DATA", help="A folder, FORMAT:FOLDER, or an embedded set: digits.")]
Attributes = Annotated[str | None, typer.Option(help="Table (CSV or Parquet) of groups: id, one column per attribute.")]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave bad pictures and boxes out, and list them in the card.")
]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
By = Annotated[str | None, typer.Option(help="Attributes to compare groups by, separated by commas; all if not said.")]
Zone = Annotated[str | None, typer.Option(help="Electricity grid for CO2e, such as FRA; without it none is printed.")]
Responsible = Annotated[str | None, typer.Option(help="The person who answers for the model, named in the report.")]
Target = Annotated[
    str | None, typer.Option(help="The column of the truth, where DATA is a table; several, split by commas.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")]
Pretrained = Annotated[str | None, typer.Option(help="Backbone weights: a file, or `hub` for timm's published ones.")]


def _version(asked: bool) -> None:
    if asked:
        from clearsight import __version__

        print(f"clearsight {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    out: Annotated[str | None, typer.Option(help="The run folder to make.")] = None,
    zone: Zone = None,
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train, audit and report on scenes of real handwritten digits: two to three minutes, no download."""
    from clearsight.recipes.demo import demo as run_demo

    _say_run(run_demo(out=out, zone=zone, seed=seed, quiet=quiet), as_json)


@app.command()
def data(
    place: DataPlace,
    attributes: Attributes = None,
    target: Target = None,
    run: Annotated[str | None, typer.Option(help="A trained run, to list the labels it doubts.")] = None,
    out: Annotated[str | None, typer.Option(help="A new folder for pictures of these labels.")] = None,
    size_px: Annotated[int | None, typer.Option(help="Judge the objects' sizes at this input size; 416.")] = None,
    skip_bad: SkipBad = False,
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say what is in the data, before anyone trains on it, and which labels a trained run doubts."""
    from clearsight.verbs import said
    from clearsight.verbs.data import data as describe

    found = describe(
        place, attributes=attributes, target=target, run=run, out=out, size_px=size_px, skip_bad=skip_bad, seed=seed,
        quiet=quiet,
    )  # fmt: skip
    _print(found.as_dict(), lambda: said.description(found), as_json)


@app.command()
def train(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="A name from `clearsight models`.")] = None,
    place: Annotated[str | None, typer.Argument(metavar="DATA", help="A folder, FORMAT:FOLDER, or digits.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Train so many minutes (10 if no budget is given).")] = None,
    epochs: Annotated[float | None, typer.Option(help="Or so many passes over the pictures.")] = None,
    budget_kwh: Annotated[float | None, typer.Option(help="Or until so much energy is used, in kWh.")] = None,
    backbone: Annotated[
        str | None, typer.Option(help="Any timm CNN, or run:PATH for the trunk of an earlier run.")
    ] = None,
    pretrained: Pretrained = None,
    by: By = None,
    zone: Zone = None,
    attributes: Attributes = None,
    target: Target = None,
    responsible: Responsible = None,
    out: Annotated[str | None, typer.Option(help="The run folder; runs/MODEL-DATA-NUMBER if not said.")] = None,
    resume: Annotated[str | None, typer.Option(help="Go on with the run in this folder.")] = None,
    devices: Annotated[int, typer.Option(help="How many processors or GPUs share each batch.")] = 1,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="A setting of the model or training.")
    ] = None,
    seed: Seed = 0,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train a model, judge it on pictures it has not seen, audit it, and write the report."""
    from clearsight.verbs import choices
    from clearsight.verbs.train import train as run_train

    run = run_train(
        model, place, backbone=backbone, pretrained=_weights(pretrained), epochs=epochs, minutes=minutes,
        budget_kwh=budget_kwh, devices=devices, by=_words(by), zone=zone, attributes=attributes, target=target,
        out=out, resume=resume, seed=seed, skip_bad=skip_bad, settings=choices.parse(set_ or []),
        responsible=responsible, quiet=quiet,
    )  # fmt: skip
    _say_run(run, as_json)


@app.command()
def evaluate(
    run: RunFolder,
    place: DataPlace,
    split: Annotated[str | None, typer.Option(help="train, val or test; test if there is one, else val.")] = None,
    attributes: Attributes = None,
    target: Target = None,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Judge a trained model on data, every metric with its interval."""
    from clearsight.verbs import evaluate as verb
    from clearsight.verbs import said

    evidence = verb.evaluate(
        run, place, split=split, attributes=attributes, target=target, skip_bad=skip_bad, quiet=quiet
    )
    found = verb.metrics(evidence)
    _print(said.plain(found), lambda: said.metrics(found), as_json)


@app.command()
def predict(
    run: RunFolder,
    pictures: Annotated[
        list[str], typer.Argument(metavar="PICTURES...", help="Files, folders, patterns in quotes, or camera:0.")
    ],
    out: Annotated[str | None, typer.Option(help="A new folder for what is found: tables, overlays, masks.")] = None,
    min_score: Annotated[float | None, typer.Option(min=0, max=1, help="Score from which a detection counts.")] = None,
    classes: Annotated[str | None, typer.Option(help="Keep only objects of these classes, split by commas.")] = None,
    window: Annotated[
        int | None, typer.Option(help="For large pictures: look through windows of so many px, and merge.")
    ] = None,
    overlap: Annotated[
        float, typer.Option(help="Share of a window that its neighbour sees too: more than the largest objects.")
    ] = 0.25,
    formats: Annotated[
        str, typer.Option("--format", help="Some of json, csv, coco, yolo, split by commas.")
    ] = "json,csv",
    overlays: Annotated[bool, typer.Option(help="Draw what was found on the pictures and videos.")] = True,
    crops: Annotated[bool, typer.Option("--crops", help="Save every object cut out, as a picture.")] = False,
    every: Annotated[int, typer.Option(help="Of a video: look at each so-manieth frame.")] = 1,
    frames: Annotated[int | None, typer.Option(help="Of a video or camera: look at so many frames at most.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Of a video or camera: look at its first seconds.")] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out bad pictures; keep what a broken video gave.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find what a trained model sees in pictures, videos or a camera: tables, overlays, masks, crops."""
    if run.endswith((".onnx", ".xml", ".pt")) and not Path(run).is_dir():
        asked = {"window": window, "crops": crops or None, "every": every - 1 or None, "frames": frames,
                 "seconds": seconds}  # fmt: skip
        _predict_exported(
            run, pictures, [name for name, value in asked.items() if value is not None], out=out, as_json=as_json,
            formats=_words(formats), min_score=min_score, classes=_words(classes), overlays=overlays, skip_bad=skip_bad,
        )  # fmt: skip
        return
    from clearsight.verbs import predict as verb
    from clearsight.verbs import said

    folder = None if as_json and out is None else out or "predictions"
    found = verb.predict(
        run, pictures, out=folder, min_score=min_score, classes=_words(classes), window=window, overlap=overlap,
        formats=_words(formats), overlays=overlays, crops=crops, every=every, frames=frames, seconds=seconds,
        keep=as_json, skip_bad=skip_bad, quiet=quiet,
    )  # fmt: skip
    for line in getattr(found, "skipped", ()):
        print(f"left out: {line}", file=sys.stderr)
    _print(verb.results(found), lambda: said.predicted(found), as_json)


@app.command()
def export(
    run: RunFolder,
    to: Annotated[str, typer.Option(help="onnx, openvino or torchscript.")] = "onnx",
    out: Annotated[str | None, typer.Option(help="The file to write; RUN/model.onnx (.xml, .pt) if not said.")] = None,
    precision: Annotated[
        str, typer.Option(help="float32, or int8: 8-bit integers, quicker, for OpenVINO; says what accuracy is lost.")
    ] = "float32",
    calibrate: Annotated[int, typer.Option(help="Training pictures to calibrate int8 with.")] = 64,
    max_loss: Annotated[float, typer.Option(help="How much AP int8 may lose.")] = 0.01,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Export a detector to a file that runs without clearsight, checked against the run; a JSON describes it."""
    from clearsight.verbs.export import export as run_export

    made = run_export(run, to=to, out=out, precision=precision, calibrate=calibrate, max_loss=max_loss, quiet=quiet)
    content = {"file": str(made.path), **made.description.as_dict()}
    _print(content, lambda: f"{made.path}, described in {made.path.name}.json\n{made.said}", as_json)


@app.command()
def audit(
    run: RunFolder,
    place: Annotated[str | None, typer.Argument(metavar="DATA", help="Other data; the run's own if not said.")] = None,
    by: By = None,
    zone: Zone = None,
    attributes: Attributes = None,
    target: Target = None,
    split: Annotated[str | None, typer.Option(help="train, val or test; test if there is one, else val.")] = None,
    responsible: Responsible = None,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Audit a trained model again: other groups, another grid, other data. Writes a new card and report."""
    from clearsight.verbs.audit import audit as run_audit

    run_audit(
        run, place, by=_words(by), zone=zone, attributes=attributes, target=target, split=split,
        responsible=responsible, skip_bad=skip_bad, quiet=quiet,
    )  # fmt: skip
    from clearsight.run import Run

    _say_run(Run.open(run), as_json)


@app.command()
def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN...", help="The run to compare with, then the others.")],
    out: Annotated[
        str | None, typer.Option(help="A new HTML file with plots, and pictures of what each misses.")
    ] = None,
    speed: Annotated[bool, typer.Option(help="Time each run on some of the pictures.")] = True,
    as_json: AsJson = False,
) -> None:
    """Compare runs on the same pictures, paired: scores, differences with intervals, speed, memory, energy."""
    from clearsight.verbs import compare as verb
    from clearsight.verbs import said

    found = verb.compare(*runs, out=out, speed=speed)
    _print(said.plain(found), lambda: said.comparison(found), as_json)


@app.command()
def models(as_json: AsJson = False) -> None:
    """List the models that can be trained."""
    from clearsight.verbs.listing import models as listed

    _parts(listed(), as_json)


@app.command()
def datasets(as_json: AsJson = False) -> None:
    """List the data layouts that are read, and the embedded sets."""
    from clearsight.verbs.listing import datasets as listed

    _parts(listed(), as_json)


@app.command()
def runs(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Where the runs are.")] = "runs",
    as_json: AsJson = False,
) -> None:
    """List the runs in a folder: what they are, how they ended, what they reached."""
    from clearsight.verbs import said
    from clearsight.verbs.runs import runs as listed

    found = listed(folder)
    _print(said.plain(found), lambda: said.runs(found, folder), as_json)


def main() -> None:
    """The entry point: a mistake of the user is one message and exit status 2, never a traceback."""
    try:
        app()
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1 if type(error).__name__ == "Diverged" else 2)
    except KeyboardInterrupt:
        print("stopped.", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if type(error).__name__ != "Interrupted":
            raise
        print(f"stopped and saved. {error}", file=sys.stderr)
        sys.exit(130)


def _predict_exported(
    model: str, pictures: list[str], beyond: list[str], *, out: str | None, as_json: bool, **options: Any
) -> None:
    """``predict`` with an exported model, without the options ``beyond`` it: torch is not imported."""
    from clearsight.verbs import predict_exported as verb

    if beyond:
        raise ValueError(
            f"--{beyond[0]} does not go with an exported model, which looks at whole pictures alone. "
            "Leave it out, or predict with the run itself."
        )
    folder = None if as_json and out is None else out or "predictions"
    found = verb.predict_exported(model, pictures, out=folder, **options)
    for line in found.skipped:
        print(f"left out: {line}", file=sys.stderr)
    _print(list(found.rows), lambda: verb.said(found), as_json)


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()] if text else []


def _weights(text: str | None) -> bool | Path:
    return False if text is None else True if text == "hub" else Path(text)


def _print(content: Any, words: Callable[[], str], as_json: bool) -> None:
    print(json.dumps(content, indent=2, ensure_ascii=False, default=str) if as_json else words())


def _parts(parts: tuple[Any, ...], as_json: bool) -> None:
    width = max(len(part.name) for part in parts)
    rows = [{"name": part.name, "summary": part.summary} for part in parts]
    _print(rows, lambda: "\n".join(f"{row['name']:<{width}}  {row['summary']}" for row in rows), as_json)


def _say_run(run: Any, as_json: bool) -> None:
    """The card of a run: as JSON, or as the summary and where the report is."""
    from clearsight import report

    card = (run.path / "card.json").read_text(encoding="utf-8")
    if as_json:
        print(json.dumps({"run": str(run.path), "card": json.loads(card)}, indent=2, ensure_ascii=False))
        return
    print(report.summary(run.read_card()))
    print(f"\nReport: {run.path / 'report.html'}")


if __name__ == "__main__":
    main()
