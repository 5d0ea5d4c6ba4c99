"""The generated reference holds every command, option, part and setting, as Markdown that a table does not break."""

import dataclasses
import re
import sys

import pages
import pytest
import typer.main

from clearsight import catalogue, cli
from clearsight.types import Training

sys.path.insert(0, str(pages.ROOT / "docs" / "extensions"))
import command_line
import parts


def rows(markdown):
    """The cells of all tables."""
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]


def test_every_command_with_every_argument_and_option():
    made = command_line.commands()
    sections = {part.split("\n", 1)[0]: part for part in made.split("\n## ")}
    sections = {name.removeprefix("## "): text for name, text in sections.items()}
    group = typer.main.get_command(cli.app)
    assert set(sections) == set(group.commands)
    for name, command in group.commands.items():
        shown = rows(sections[name])
        assert {len(row) for row in shown} <= {3}
        for parameter in command.params:
            forms = [*parameter.opts, *parameter.secondary_opts]
            if parameter.param_type_name == "argument":
                forms = [parameter.metavar]
            (row,) = [row for row in shown if re.search(rf"`{re.escape(forms[0])}( |`)", row[0])]
            assert all(re.search(rf"`{re.escape(form)}( |`)", row[0]) for form in forms) and len(row[1]) > 10, row
    assert "| `--minutes NUMBER` |" in made and "| `--set FIELD=VALUE` |" in made and "| `--quiet` |" in made
    assert "| `--overlap SHARE` |" in made and "| `0.25` |" in made


@pytest.mark.parametrize("room", catalogue.ROOMS)
def test_every_part_of_a_room(room):
    names = [part.name for part in catalogue.parts(room)]
    shown = rows(parts.table(room))
    assert [row[0].strip() for row in shown[2:]] == [f"`{name}`" for name in names]
    assert len({len(row) for row in shown}) == 1 and all(len(row[1]) > 15 for row in shown[2:])
    assert re.findall(r"^## (.+)$", parts.details(room), re.MULTILINE) == names


@pytest.mark.parametrize("room", ["architectures", "estimators"])
def test_every_setting_of_every_model(room):
    sections = parts.settings(room).split("## ")[1:]
    for part, section in zip(catalogue.parts(room), sections, strict=True):
        fields = [field.name for field in dataclasses.fields(part.load().config_type)]
        assert [row[0].strip().strip("`") for row in rows(section)[2:]] == fields, part.name


def test_the_settings_of_training_and_what_yolo_changes_of_them():
    shown = {row[0].strip(): row[1].strip() for row in rows(parts.training())}
    assert {f"`{field.name}`" for field in dataclasses.fields(Training)} <= set(shown)
    assert shown["`zoom`"] == "`0.75,1.35`" and shown["`enlarge`"] == "`yes`"
    (yolo,) = [text for text in parts.settings("architectures").split("## ") if text.startswith("yolo\n")]
    assert "`optimizer=muon`" in yolo and "`zoom=" not in yolo
