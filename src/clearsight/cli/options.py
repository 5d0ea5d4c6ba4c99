"""Arguments and options that several commands share, each with its help, and how their words are read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

RunFolder = Annotated[str, typer.Argument(metavar="RUN", help="A run folder, such as runs/yolo-blood-1.")]
Data = Annotated[
    str,
    typer.Argument(metavar="DATA", help="A folder, FORMAT:FOLDER, a table, or an embedded set: digits."),
]
AnyData = Annotated[
    str | None, typer.Argument(metavar="DATA", help="Other data to audit on; without it, the data of the run.")
]
AnyPictures = Annotated[
    str | None,
    typer.Argument(metavar="DATA", help="Pictures with one class each: a folder, FORMAT:FOLDER, or a table."),
]
Attributes = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="Table (CSV, .csv.gz, Parquet) of groups: a column `id`, one column per attribute."
    ),
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave out broken pictures and annotations, and list them in the report.")
]
Seed = Annotated[int, typer.Option(metavar="NUMBER", help="Seed of all random numbers.")]
By = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Attributes whose groups and intersections are compared, separated by commas; default: all.",
    ),
]
Never = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TRUTH>PREDICTION",
        help="A confusion that must never happen, or a file of such lines; repeatable. none: lift those of the run.",
    ),
]
Zone = Annotated[
    str | None,
    typer.Option(metavar="CODE", help="Electricity grid for CO2e, such as FRA; without it, no CO2e is reported."),
]
Responsible = Annotated[
    str | None, typer.Option(metavar="NAME", help="The person who answers for the model, named in the report.")
]
Target = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="The target column, where DATA is a table; several, separated by commas."),
]
Cluster = Annotated[
    str,
    typer.Option(
        metavar="HOW",
        help="Which pictures belong together: auto (inferred), none, or a column of the attributes.",
    ),
]
OwnCluster = Annotated[
    str | None,
    typer.Option(
        "--cluster", metavar="HOW", help="auto, none, or a column of the attributes; default: that of the run."
    ),
]
Resplit = Annotated[
    bool, typer.Option("--resplit", help="Ignore the splits of the layout, and split by whole clusters instead.")
]
Split = Annotated[
    str | None, typer.Option(metavar="SPLIT", help="train, val or test; default: test if the data have one, else val.")
]
Host = Annotated[
    str, typer.Option(metavar="ADDRESS", help="Where to listen; on any but this machine's own, a token is asked for.")
]
Port = Annotated[int, typer.Option(metavar="NUMBER", help="0 takes any that is free.")]
Token = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT", envvar="CLEARSIGHT_TOKEN", help="What everybody must show; at least 16 letters and digits."
    ),
]
OpenBrowser = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]


def words(text: str | None) -> list[str]:
    """``"sex, age"`` as ``["sex", "age"]``."""
    return [word.strip() for word in text.split(",") if word.strip()] if text else []


def numbers(text: str, option: str) -> list[float]:
    """``"1, 2.5"`` as ``[1.0, 2.5]``; raises ValueError for what is no number."""
    try:
        return [float(word) for word in words(text)]
    except ValueError as error:
        raise ValueError(f"{option} is {text!r}. Expected numbers separated by commas, such as 1,3,9.") from error


def whole_numbers(text: str, option: str) -> list[int]:
    """``"1, 3"`` as ``[1, 3]``; raises ValueError for what is no whole number."""
    try:
        return [int(word) for word in words(text)]
    except ValueError as error:
        raise ValueError(f"{option} is {text!r}. Expected whole numbers separated by commas, such as 1,3,5.") from error


def weights(text: str | None) -> bool | Path:
    """What ``--pretrained`` means: no weights, those of the hub, or a file."""
    return False if text is None else True if text == "hub" else Path(text)


def show(content: Any, text: Callable[[], str], as_json: bool) -> None:
    """Print a result: as JSON, or as text for a person."""
    if not as_json:
        print(text())
        return
    # The name of a file may hold lone surrogates, which UTF-8 cannot encode: spelled out, they are JSON's own escapes.
    written = json.dumps(content, indent=2, ensure_ascii=False, default=str)
    print(written.encode("utf-8", "backslashreplace").decode())


def show_run(run: Any, as_json: bool) -> None:
    """Print the card of a run: as JSON, or as the summary and where the report is."""
    from clearsight import report

    card = (run.path / "card.json").read_text(encoding="utf-8")
    if as_json:
        print(json.dumps({"run": str(run.path), "card": json.loads(card)}, indent=2, ensure_ascii=False))
        return
    print(report.summary(run.read_card()))
    print(f"\nReport: {run.path / 'report.html'}")
