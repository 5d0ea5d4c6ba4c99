"""The reference of the command: every command with its arguments and options, read from the typer app itself."""

import re
import typing
from collections.abc import Iterator
from typing import Any

import typer.main

from clearsight import cli


def commands() -> str:
    """All commands as Markdown, a section each, in alphabetical order."""
    group = typer.main.get_command(cli.app)
    functions = {each.name or each.callback.__name__: each.callback for each in cli.app.registered_commands}
    return "\n".join(
        line
        for name in sorted(group.commands)
        for line in _section(name, group.commands[name], typing.get_type_hints(functions[name]))
    )


def _section(name: str, command: Any, types: dict[str, Any]) -> Iterator[str]:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and not each.hidden]
    words = [_metavar(each) if each.required else f"[{_metavar(each)}]" for each in arguments]
    yield from (f"## {name}", "", _text(command.help), "")
    yield from ("```text", " ".join(["clearsight", name, *words, *(["[OPTIONS]"] if options else [])]), "```", "")
    for title, rows in (
        ("argument", [(f"`{_metavar(each)}`", each) for each in arguments]),
        ("option", [("<br>".join(f"`{form}`" for form in _forms(each, types[each.name])), each) for each in options]),
    ):
        if rows:
            yield from (f"| {title} | meaning | default |", "|-|-|-|")
            yield from (f"| {form} | {_cell(each.help)} | {_default(each)} |" for form, each in rows)
            yield ""


def _metavar(argument: Any) -> str:
    return argument.metavar or argument.name.upper()


def _forms(option: Any, kind: Any) -> list[str]:
    """How an option is written: its names, and its value where it takes one."""
    if option.is_flag:
        return [*option.opts, *option.secondary_opts]
    number = {int, float} & {kind, *typing.get_args(kind)}
    return [f"{form} {option.metavar or ('NUMBER' if number else 'TEXT')}" for form in option.opts]


def _default(parameter: Any) -> str:
    value = parameter.default
    if parameter.required:
        return "required"
    if getattr(parameter, "is_flag", False) and parameter.secondary_opts:
        return f"`{(parameter.opts if value else parameter.secondary_opts)[0]}`"
    said = isinstance(value, str | int | float) and not isinstance(value, bool)
    return f"`{value}`" if said else ""


def _cell(text: str | None) -> str:
    return _text(text or "").replace("|", "\\|")


def _text(text: str) -> str:
    """Help as Markdown on one line: options become code, and nothing else is taken for markup."""
    plain = re.sub(r"([*<>_])", r"\\\1", re.sub(r"\s+", " ", text.strip()))
    return re.sub(r"(?<![`\w-])(--[a-z][\w-]*)", r"`\1`", plain)
