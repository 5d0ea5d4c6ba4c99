"""The command as a person meets it: through a process where that matters, else through its own entry point."""

import dataclasses
import inspect
import json
import re
import shutil
import subprocess
import sys

import pytest
import typer.main

import clearsight as cs
from clearsight import catalogue, cli
from clearsight.run import Run
from clearsight.settings import choose, defaults
from clearsight.verbs.models import models as known_models

COMMANDS = [
    "audit",
    "augment",
    "browse",
    "compare",
    "data",
    "datasets",
    "demo",
    "evaluate",
    "export",
    "gate",
    "mitigate",
    "models",
    "origin",
    "predict",
    "probe",
    "pulse",
    "report",
    "runs",
    "sample",
    "serve",
    "sign",
    "simulate",
    "slides",
    "stress",
    "sweep",
    "train",
    "verify",
]
# What the command calls otherwise, because a keyword of Python or of the shell stands in the way.
RENAMED = {
    "place": "data", "set_": "settings", "hostile_words": "words", "set_classifier": "classifier_settings",
}  # fmt: skip
ONLY_COMMAND = {"as_json", "quiet"}


def process(*words, cwd=None, timeout=120):
    return subprocess.run(
        [sys.executable, "-m", "clearsight", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=cwd,
    )


@pytest.fixture
def command(monkeypatch, capsys):
    """The command in this process: exit status, stdout, stderr."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["clearsight", *map(str, words)])
        status = 0
        try:
            cli.main()
        except SystemExit as stop:
            status = stop.code or 0
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["models"], ["datasets", "--json"], ["train", "--help"]])
def test_what_needs_no_network_loads_none(words):
    found = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "clearsight", *words], capture_output=True, text=True, timeout=60
    )
    assert found.returncode == 0 and found.stdout
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in found.stderr.splitlines()}
    assert "typer" in loaded and not loaded & {"torch", "torchvision", "timm", "numpy", "matplotlib", "scipy", "polars"}


def test_help_names_every_command_in_its_group_with_a_whole_sentence(command):
    status, out, _ = command("--help")
    assert status == 0 and all(re.search(rf"^ +{name} +\S", out, re.MULTILINE) for name in COMMANDS)
    assert "clearsight demo" in out and "..." not in out.replace("[ARGS]...", "")
    blocks = {block.split(":")[0]: block for block in out.split("\n\n") if re.match(r"\w+:\n", block)}
    assert list(blocks) == ["Start", "Train", "Use", "Judge", "Present", "Release", "Options"]
    assert (
        "  audit " in blocks["Judge"]
        and "  probe " in blocks["Judge"]
        and "  export " in blocks["Use"]
        and "  demo " in blocks["Start"]
    )
    for name, one in typer.main.get_command(cli.app).commands.items():
        assert " ".join(one.help.split("\n\n")[0].split()) in " ".join(out.split()), name


def test_help_has_colour_where_a_terminal_shows_it_and_nowhere_else(command, monkeypatch):
    from typer.testing import CliRunner

    assert "\x1b[" not in command("--help")[1]
    for name in ([], ["train"]):
        coloured = CliRunner().invoke(cli.app, [*name, "--help"], color=True).output
        assert "\x1b[1mOptions\x1b[0m:" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in CliRunner().invoke(cli.app, ["--help"], color=True).output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_every_option(command, name):
    status, out, err = command(name, "--help")
    assert status == 0 and not err and len(out.splitlines()[2]) > 15
    for parameter in typer.main.get_command(cli.app).commands[name].params:
        assert getattr(parameter, "help", None), f"{name} {parameter.name} has no help"


def test_the_python_face_has_the_same_names_and_keywords():
    commands = typer.main.get_command(cli.app).commands
    assert sorted(commands) == COMMANDS
    no_verbs = {"__version__", "load_exported", "forecast"}  # the last is `train --forecast`
    faces = {name: {"report": "write_report"}.get(name, name) for name in COMMANDS}  # clearsight.report is a room
    assert set(cs.__all__) - no_verbs == set(faces.values()) and set(faces.values()) <= set(dir(cs))
    for name, command in commands.items():
        keywords = set(inspect.signature(getattr(cs, faces[name])).parameters)
        options = {RENAMED.get(parameter.name, parameter.name) for parameter in command.params}
        if name == "data":
            options = {"place" if option == "data" else option for option in options}
        if name == "train":
            options -= {"forecast"}  # a function of its own in Python
        assert options - keywords - ONLY_COMMAND == set(), f"{name}: the command has options that the function lacks"


def test_a_name_the_package_does_not_have():
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = cs.trian


def one_error(status, out, err, *words):
    assert status == 2 and not out
    assert "Traceback" not in err and "Usage" not in err and len(err) < 3000
    assert sum(line.startswith("error: ") for line in err.splitlines()) == 1, err
    for word in words:
        assert word in err, err


def test_mistakes_of_training_are_one_message(command, rectangles, tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr("clearsight.verbs.train.launch", lambda *_: pytest.fail("a mistake was trained on"))
    small = ["--set", "width=16", "--set", "backbone=regnetx_002", "--quiet", "--out", tmp_path / "new"]
    for words, said in [
        ([], ["nothing to train", "clearsight train yolo"]),
        (["yolo"], ["no data were named for yolo", "after the model, such as blood/"]),
        (["yolo", rectangles, "--set", "backbone=resnet181"], ["no backbone named 'resnet181'", "resnet18"]),
        (["linear", rectangles], ["linear learns from the rows of a table", "learn from it: ", "faster-rcnn"]),
        (["yoloo", rectangles], ["yoloo", "Did you mean yolo"]),
        (["yolo", rectangles.parent / "rectangle"], ["there is nothing at", "Did you mean"]),
        (["yolo", tmp_path], ["no annotations found", "Looked for"]),
        (["yolo", rectangles, "--set", "widht=3"], ["widht", "Did you mean width"]),
        (["yolo", rectangles, "--set", "width"], ["field=value"]),
        (["yolo", rectangles, "--set", "width=17"], ["multiple of 16"]),
        (["yolo", rectangles, "--by", "light, age"], ["no attribute 'age'", "light"]),
        (["yolo", rectangles, "--zone", "FRANCE"], ["no grid zone", "FRA"]),
        (["yolo", rectangles, "--minutes", "1", "--epochs", "1"], ["2 budgets"]),
        (["yolo", rectangles, "--minutes", "-1"], ["-1.0 minutes", "above 0"]),
        (["yolo", rectangles, "--attributes", tmp_path / "none.csv"], ["none.csv"]),
        (["yolo", rectangles, "--pretrained", tmp_path / "none.safetensors"], ["none.safetensors"]),
        (["yolo", rectangles, "--minutes", "long"], ["--minutes"]),
        (["yolo", rectangles, "--fast"], ["--fast"]),
    ]:
        one_error(*command("train", *(small if words else []), *words), *said)
    assert not (tmp_path / "new").exists()
    one_error(*command("train", "yolo", rectangles, "--out", tiny_run.path), "holds a run already", "--resume")
    one_error(*command("train", "--resume", tiny_run.path), "has finished", "--backbone run:")
    one_error(*command("train", "--resume", tmp_path), "there is no run in")


def test_wrong_names_are_refused_before_any_picture_is_decoded(command, rectangles, tmp_path, monkeypatch):
    monkeypatch.setattr("clearsight.sources.cached", lambda *_, **__: pytest.fail("pictures were decoded"))
    for words, said in [
        (["--backbone", "resnet181"], "no backbone named 'resnet181'"),
        (["--backbone", f"run:{tmp_path}"], "it has no run.json"),
        (["--by", "sexx"], "no attribute 'sexx'"),
    ]:
        one_error(*command("train", "yolo", rectangles, "--quiet", "--out", tmp_path / "new", *words), said)


def test_only_models_that_can_learn_from_the_data_are_named(rectangles):
    with pytest.raises(ValueError, match="linear learns from the rows of a table") as caught:
        cs.train("linear", rectangles)
    named = set(str(caught.value).rpartition(": ")[2].rstrip(".").split(", "))
    boxes = {part.name for part in catalogue.parts("architectures") if "detection" in part.load().tasks}
    assert named == boxes and "classifier" not in named


def test_one_model_is_shown_with_its_settings(command):
    status, out, _ = command("models", "yolo")
    assert status == 0 and "detection" in out and "batch_size" in out
    config = catalogue.find("architectures", "yolo").load().config_type()
    for field in dataclasses.fields(config):
        assert re.search(rf"^  {field.name} ", out, re.MULTILINE), field.name
    status, out, _ = command("models", "ridge", "--json")
    found = json.loads(out)
    assert status == 0 and found["data"] == "tables" and found["training"] == {}
    assert "regularisation_values" in found["settings"] and found["meanings"]
    one_error(*command("models", "yoloo"), "no model named 'yoloo'", "Did you mean yolo")


def test_a_printed_default_is_taken_as_a_setting():
    for part in known_models():
        config = part.load().config_type()
        typed = {name: value for name, value in defaults(config).items() if value is not None}
        assert choose(typed, config) == (config,), part.name


def test_mistakes_with_a_run_are_one_message(command, rectangles, tiny_run, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep")
    (tmp_path / "empty").mkdir()
    picture = rectangles / "JPEGImages" / "scene050.png"
    near = tiny_run.path.with_name("tinny")
    for words, said in [
        (["evaluate", near, rectangles], ["there is no run in", "Did you mean", str(tiny_run.path)]),
        (["evaluate", tiny_run.path, "digits"], ["classes that are not expected", "brick, leaf"]),
        (["evaluate", tiny_run.path, rectangles, "--split", "tset"], ["no split 'tset'"]),
        (["predict", tiny_run.path, tmp_path / "none.png"], ["there is no picture"]),
        (["predict", tiny_run.path, tmp_path / "empty"], ["no pictures"]),
        (["predict", tiny_run.path, picture, "--out", tmp_path / "full"], ["is not empty", "--out"]),
        (["predict", tiny_run.path, picture, "--min-score", "2"], ["min-score"]),
        (["predict", tiny_run.path], ["PICTURES"]),
        (["audit", tiny_run.path, "--by", "lihgt"], ["no attribute 'lihgt'", "light"]),
        (["audit", tiny_run.path, "--zone", "XX"], ["no grid zone 'XX'"]),
        (["compare", tiny_run.path, tmp_path / "none"], ["there is no run in"]),
        (["data", tmp_path / "none"], ["there is nothing at"]),
        (["simulate", "feedbak"], ["no simulation named 'feedbak'", "Did you mean feedback"]),
        (["simulate", "feedback", tmp_path / "none.csv"], ["there is no table"]),
        (["simulate", "feedback", "--policies", "gready"], ["Did you mean greedy"]),
        (["probe", "translator"], ["0 systems were named", "--command"]),
        (["probe", "drift", "--command", "no-such-program"], ["cannot be run"]),
        (["probe", "drift", "--url", "http://192.0.2.1/"], ["is not this machine", "--allow-remote"]),
        (["trian"], ["trian"]),
    ]:
        one_error(*command(*words), *said)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["predict"], "missing argument 'RUN'. See `clearsight predict --help`."),
        (["trian"], "no such command 'trian'. Did you mean 'train'? See `clearsight --help`."),
        (["train", "--epochs", "abc"], "--epochs: "),
        (["predict", "r", "x", "--min-score", "2"], "--min-score: "),
        (["train", "--bogus"], "no such option: --bogus"),
        (["train", "--epochs"], "'--epochs' requires an argument."),
    ],
)
def test_words_that_are_no_command_are_a_message_like_any_other(command, words, said):
    status, out, err = command(*words)
    one_error(status, out, err, said)
    assert len(err.splitlines()) == 1 and "Input should" not in err and "Error" not in err


def test_a_mistake_shows_no_traceback_in_a_process_either(tmp_path):
    found = process("train", "yoloo", "digits", cwd=tmp_path)
    said = "error: there is no model named 'yoloo'. Did you mean yolo"
    one_error(found.returncode, found.stdout, found.stderr, said)
    assert len(found.stderr.splitlines()) == 1 and not list(tmp_path.iterdir())


@pytest.fixture
def run(tiny_run, tmp_path):
    shutil.copytree(tiny_run.path, tmp_path / "runs" / "one")
    return Run.open(tmp_path / "runs" / "one")


def test_json_is_all_there_is_on_stdout(command, run, rectangles, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    answers = {}
    for words in (
        ["models"],
        ["datasets"],
        ["runs", run.path.parent],
        ["data", rectangles],
        ["evaluate", run.path, rectangles],
        ["predict", run.path, rectangles / "JPEGImages", "--min-score", "0.05"],
        ["audit", run.path, "--zone", "FRA"],
        ["compare", run.path, run.path, "--no-speed"],
        ["simulate", "feedback", "--rounds", "30", "--replicates", "50"],
        ["probe", "translator", "--reference", "always-he", "--replicates", "100"],
    ):
        status, out, err = command(*words, "--json")
        assert status == 0, err
        answers[words[0]] = json.loads(out)
    assert {"yolo", "cnn"} <= {row["name"] for row in answers["models"]}
    assert all(row["summary"] for row in answers["models"])
    by_name = {row["name"]: row for row in answers["models"] if row["data"] == "pictures"}
    assert by_name["mask-rcnn"]["tasks"] == ["instance-segmentation"] and "regression" in by_name["cnn"]["tasks"]
    assert next(row for row in answers["datasets"] if row["name"] == "voc")["tasks"] == ["detection"]
    assert {"coco", "digits", "voc", "yolo"} <= {row["name"] for row in answers["datasets"]}
    assert answers["runs"][0]["state"] == "finished" and answers["runs"][0]["model"] == "yolo"
    assert answers["data"]["splits"]["val"]["pictures"] == 70
    assert answers["evaluate"][0]["metric"] == "AP" and 0 <= answers["evaluate"][0]["value"] <= 1
    assert len(answers["predict"]) > 20 and not (tmp_path / "predictions").exists()
    assert answers["audit"]["card"]["cost"]["zone"] == "FRA" and answers["audit"]["run"] == str(run.path)
    assert answers["compare"]["differences"][0]["difference"] == 0
    assert len(answers["simulate"]["card"]["findings"]) == 7 and answers["simulate"]["page"] is None
    assert answers["probe"]["replies"][0]["read_as"] == "he, wrong"
    assert answers["probe"]["card"]["findings"][0]["verdict"] == "fail"


def test_words_say_the_same_and_fit_a_terminal(command, run, rectangles, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    told = {}
    for words in (
        ["models"],
        ["datasets"],
        ["runs", "runs"],
        ["runs", "nowhere"],
        ["data", rectangles],
        ["evaluate", run.path, rectangles],
        ["predict", run.path, rectangles / "JPEGImages" / "scene05?.png", "--min-score", "0.05"],
        ["audit", run.path],
        ["compare", run.path, run.path, "--no-speed"],
    ):
        status, told[" ".join(map(str, words[:2]))], err = command(*words)
        assert status == 0, err
    said = "\n".join(told.values())
    assert re.search(r"Object detection: .*\n +data: coco, digits.* voc.*\n\n(  .*\n)*  yolo  ", told["models"])
    assert "\x1b[" not in said and "Traceback" not in said
    assert "There are no runs in nowhere" in told["runs nowhere"] and "finished" in told["runs runs"]
    assert re.search(r"AP +0\.\d+ +\[0\.\d+, 0\.\d+\] +70 ", told[f"evaluate {run.path}"])
    assert "10 pictures" in told[f"predict {run.path}"] and "predictions.csv" in told[f"predict {run.path}"]
    assert (tmp_path / "predictions" / "overlays" / "scene050.jpg").is_file()
    assert f"Report: {run.path / 'report.html'}" in told[f"audit {run.path}"]
    assert "cannot be told apart" in told[f"compare {run.path}"]
    assert re.search(r"light +train +val\nday +20 +35\nnight +20 +35", told[f"data {rectangles}"])


def test_skipped_pictures_are_told_on_stderr(command, run, tmp_path):
    shutil.copy(next((run.path / "examples").iterdir()), tmp_path / "good.jpg")
    (tmp_path / "bad.jpg").write_text("no")
    status, out, err = command("predict", run.path, tmp_path / "good.jpg", tmp_path / "bad.jpg", "--skip-bad", "--json")
    assert status == 0 and isinstance(json.loads(out), list) and "bad.jpg" in err
