"""The rules of the house that no linter knows."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import clearsight
from clearsight import catalogue

SOURCE = Path(clearsight.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
NAMES = Path(__file__).with_name("public_names.txt")
FILE_LINES, FUNCTION_LINES = 310, 45

# Exceptions, each with its reason.
LONG_FILES = {
    "run.py": "one class with the whole run folder; split, its file names would stand in two places",
}
LONG_FUNCTIONS = {
    "tabular/training.py:train_table": "every option of the verb, and its documentation",
    "verbs/browse.py:browse": "every option of the verb, and its documentation",
    "verbs/data.py:data": "every option of the verb, and its documentation",
    "verbs/probe.py:probe": "every option of the verb, and its documentation",
    "verbs/forecast.py:forecast": "every option of the verb, and its documentation",
    "verbs/sweep.py:sweep": "every option of the verb, and its documentation",
    "verbs/sample.py:sample": "every option of the verb, and its documentation",
    "verbs/train.py:train": "every option of the verb, and its documentation",
    "training/planning.py:planned": "the checks before a training, in the order a user makes mistakes",
    "verbs/export.py:export": "every option of the verb, and its documentation",
    "verbs/audit.py:audit": "every option of the verb, and its documentation",
    "verbs/mitigate.py:mitigate": "every option of the verb, and its documentation",
    "verbs/augment.py:augment": "every option of the verb, and its documentation",
    "audits/groups.py:_shown": "one finding, all its words",
    "verbs/pulse.py:pulse": "every option of the verb, and its documentation",
    "verbs/stress.py:stress": "every option of the verb, and its documentation",
    "verbs/serve.py:serve": "every option of the verb, and its documentation",
    "verbs/predict.py:predict": "every option of the verb, and its documentation",
    "prediction/exported.py:predict_exported": "every option of the verb, and its documentation",
}


def place(path):
    return path.relative_to(SOURCE).as_posix()


def public(node, prefix=""):
    """The public names a module defines: functions, classes, constants, and the methods and fields of classes."""
    for each in node.body:
        targets = []
        if isinstance(each, ast.FunctionDef | ast.ClassDef):
            targets = [each.name]
        elif isinstance(each, ast.Assign):
            targets = [target.id for target in each.targets if isinstance(target, ast.Name)]
        elif isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            targets = [each.target.id]
        for name in targets:
            if not name.startswith("_"):
                yield prefix + name
                if isinstance(each, ast.ClassDef):
                    yield from public(each, f"{prefix}{name}.")


def public_names():
    """What users hold on to: the face, the vocabulary, the run folder, and the parts of every room."""
    names = {f"clearsight.{name}" for name in clearsight.__all__}
    for file in (*(SOURCE / "types").glob("[!_]*.py"), SOURCE / "run.py"):
        module = "clearsight.run" if file.stem == "run" else "clearsight.types"
        names |= {f"{module}.{name}" for name in public(ast.parse(file.read_text(encoding="utf-8")))}
    for room in catalogue.ROOMS:
        names |= {f"{part.module}.{part.attribute}" for part in catalogue.parts(room)}
    return names


def test_no_public_name_is_lost_and_every_new_one_is_listed():
    listed, found = set(NAMES.read_text(encoding="utf-8").split()), public_names()
    lost, new = sorted(listed - found), sorted(found - listed)
    assert not lost, (
        f"public names were removed or renamed: {', '.join(lost)}. Users may hold on to them: keep the old name, or "
        f"remove its line from {NAMES.name} and say so in the CHANGELOG."
    )
    assert not new, (
        f"new public names: {', '.join(new)}. Once they are meant to stay, add each as a line to {NAMES.name}."
    )


@pytest.mark.parametrize("path", FILES, ids=place)
def test_files_are_short(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    if place(path) in LONG_FILES:
        assert lines <= 420, f"{place(path)} is an exception, but {lines} lines are too many even so"
    else:
        assert lines <= FILE_LINES, f"{place(path)} has {lines} lines. Split it by what its parts know of."


@pytest.mark.parametrize("path", FILES, ids=place)
def test_functions_are_short_and_take_few_positional_arguments(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            lines, name = node.end_lineno - node.lineno + 1, f"{place(path)}:{node.name}"
            if not place(path).startswith("cli/"):
                most = 80 if name in LONG_FUNCTIONS else FUNCTION_LINES
                assert lines <= most, f"{name} has {lines} lines. Name a part of it, or add its reason here."


def test_every_exception_is_still_needed():
    gone = [name for name in LONG_FILES if not (SOURCE / name).is_file()]
    for name in LONG_FUNCTIONS:
        file, function = name.split(":")
        nodes = ast.walk(ast.parse((SOURCE / file).read_text(encoding="utf-8")))
        gone += [] if any(isinstance(node, ast.FunctionDef) and node.name == function for node in nodes) else [name]
    assert not gone, f"remove these exceptions: {gone}"


def test_nothing_is_named_after_what_it_is_not():
    forbidden = {"utils", "util", "common", "helpers", "helper", "misc"}
    assert not [place(path) for path in FILES if forbidden & {*path.with_suffix("").parts}]


LOADERS = {"torch.load", "np.load", "numpy.load", "yaml.load"}
PICKLES = ("pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal")


def test_nothing_that_can_execute_code_is_read():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PICKLES:
                pytest.fail(f"{place(path)}:{node.lineno} {ast.unparse(node)}")
            if not isinstance(node, ast.Call):
                continue
            called, safe = ast.unparse(node.func), {each.arg: ast.unparse(each.value) for each in node.keywords}
            assert called.split(".")[0] not in PICKLES, f"{place(path)}:{node.lineno} {ast.unparse(node)}"
            if called in LOADERS:
                allowed = safe.get("weights_only") == "True" or safe.get("allow_pickle") == "False"
                assert allowed or "Safe" in safe.get("Loader", "") or safe.get("Loader") == "yaml.BaseLoader", (
                    f"{place(path)}:{node.lineno} {ast.unparse(node)}"
                )


@pytest.mark.parametrize("name", ["__future__", "eval", "exec"])
def test_words_that_do_not_occur(name):
    pattern = re.compile(r"from __future__ import annotations" if name == "__future__" else rf"(?<![.\w]){name}\(")
    assert not [place(path) for path in FILES if pattern.search(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("name", ["clearsight", "clearsight.cli", "clearsight.catalogue"])
def test_importing_the_face_loads_nothing_heavy(name):
    heavy = "torch numpy matplotlib scipy polars timm PIL lightning_fabric sklearn"
    code = f"import sys, {name}; print(*[m for m in {heavy.split()} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stderr
    assert not found.stdout.strip(), f"import {name} loads {found.stdout}"


@pytest.mark.parametrize("part", [part for room in catalogue.ROOMS for part in catalogue.parts(room)], ids=str)
def test_every_part_loads_and_says_what_it_is(part):
    assert part.load() is not None
    assert re.fullmatch(r"[A-Z].{15,118}[.:]?", part.summary), f"{part.name} says of itself: {part.summary!r}"
    assert part.name == part.name.lower() and catalogue.find(part.room, part.name) == part


@pytest.mark.parametrize("room", catalogue.ROOMS)
def test_a_name_that_is_not_there_gives_the_nearest(room):
    first = catalogue.parts(room)[0].name
    with pytest.raises(ValueError, match=f"Did you mean .*{first}"):
        catalogue.find(room, first[:-1] + "x" if len(first) > 3 else first + "x")
    with pytest.raises(ValueError, match="Choose one of"):
        catalogue.find(room, "@@@@")


def test_what_a_part_declares_is_read_as_it_is():
    for room, attribute in (("architectures", "tasks"), ("estimators", "tasks"), ("sources.formats", "offers")):
        for part in catalogue.parts(room):
            true = [one if isinstance(one, str) else one.__name__ for one in getattr(part.load(), attribute)]
            assert list(catalogue.declared(part, attribute)) == true, part.name
    assert catalogue.declared(catalogue.find("audits", "scores"), "nothing") == ()


def test_every_verb_is_where_the_face_says():
    for name, module in clearsight._VERBS.items():
        assert getattr(importlib.import_module(f"clearsight.{module}"), name) is getattr(clearsight, name)
