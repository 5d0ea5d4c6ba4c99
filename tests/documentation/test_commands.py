"""Every command, option and setting that the documentation shows is one that the command takes."""

import re

import pages
import pytest
import typer.main

from clearsight import catalogue, cli, settings

GROUP = typer.main.get_command(cli.app)
PLACEHOLDERS = {"COMMAND", "..."}
# Options that the documentation names and that belong to other programs.
OF_OTHERS = {
    "--check",
    "--fail-on-warning",
    "--data",
    "--clearsight-run",
    "--logdir",
}  # of ruff, of benchmarks/export.py, of pytest, of tensorboard


def refusal(words):
    """Why the command would not take these words; None where it would. Nothing is carried out."""
    name, *rest = words
    if name in ("--help", "--version"):
        return None
    if name not in GROUP.commands:
        return f"there is no command {name!r}"
    if "--help" in rest or not rest and any(each.required for each in GROUP.commands[name].params):
        return None  # the command is spoken of, not shown
    try:
        values = GROUP.commands[name].make_context(name, list(rest)).params
    except Exception as error:  # click's own or typer's copy of it, as the version has it
        if not hasattr(error, "format_message"):
            raise
        return error.format_message()
    return _refused_settings(values) if name == "train" else None


def _refused_settings(values):
    """Why a model, or what is set of it, would be refused."""
    model, words = values["model"], values["set_"] or []
    if model is None:
        return None
    every = ("architectures", "generators", "estimators")
    rooms = [room for room in every if model in {each.name for each in catalogue.parts(room)}]
    refusals = [f"there is no model {model!r}"]
    for room in rooms:
        kind = catalogue.find(room, model).load()
        asked = settings.parse(words)
        if room == "estimators":
            asked.pop("ignore", None)  # of the columns, for every model of tables
        try:
            settings.choose(asked, kind.config_type(), *filter(None, [getattr(kind, "training_defaults", None)]))
            return None
        except ValueError as error:
            refusals.append(str(error))
    return refusals[-1]


@pytest.mark.parametrize(("place", "words"), pages.all_commands(), ids=lambda each: str(each)[:60])
def test_every_command_in_the_documentation_is_taken(place, words):
    assert PLACEHOLDERS & set(words) or refusal(words) is None, f"{place}: clearsight {' '.join(words)}"


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: page.name)
def test_every_option_named_is_one(page):
    known = {
        form for each in GROUP.commands.values() for one in each.params for form in (*one.opts, *one.secondary_opts)
    }
    named = pages.options(page.read_text(encoding="utf-8"))
    assert not named - known - OF_OTHERS - {"--help", "--version"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("clearsight train yolo blood/ --minuts 10", "No such option.*--minuts"),
        ("clearsight train yolo blood/ --minutes soon", "--minutes"),
        ("clearsight train yollo blood/", "no model 'yollo'"),
        ("clearsight train yolo blood/ --set widht=64", "no setting 'widht'"),
        ("clearsight trian yolo blood/", "no command 'trian'"),
        ("clearsight predict --out found", "PICTURES|RUN"),
        ("CLEARSIGHT_CACHE=there clearsight runs here there", "unexpected"),
    ],
)
@pytest.mark.parametrize("form", ["    {}\n", "```sh\n{}\n```\n", "Type `{}` now.\n"])
def test_a_wrong_command_would_be_found(form, line, said):
    ((_, words),) = pages.commands("Some words.\n\n" + form.format(line), "page")
    assert re.search(said, refusal(words))


def test_the_documentation_shows_every_command():
    assert {words[0] for _, words in pages.all_commands()} >= set(GROUP.commands)
