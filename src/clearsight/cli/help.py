"""The layout of ``--help``: commands in groups with their whole first sentence, in colour on a terminal."""

import os
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


def _styled(text: str, **style: Any) -> str:
    """Text in a colour or weight; a pipe strips it, and NO_COLOR turns it off (https://no-color.org)."""
    return text if os.environ.get("NO_COLOR") else typer.style(text, **style)


def _section(formatter: Any, title: str, rows: list[tuple[str, str]]) -> None:
    """One block of names and what they mean, the names aligned."""
    if rows:
        with formatter.section(_styled(title, bold=True)):
            formatter.write_dl([(_styled(name, fg="cyan"), text) for name, text in rows])


def _parameters(command: Any, ctx: Any, formatter: Any) -> None:
    for title, kind in (("Arguments", "argument"), ("Options", "option")):
        records = [one.get_help_record(ctx) for one in command.get_params(ctx) if one.param_type_name == kind]
        shown = [record for record in records if record is not None]
        if kind == "argument":  # their names say enough without "<str>"
            shown = [(name.partition(" <")[0], text) for name, text in shown]
        _section(formatter, title, shown)


class CommandHelp(TyperCommand):
    """A command whose help names arguments and options in colour."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Its arguments, then its options."""
        _parameters(self, ctx, formatter)


class GroupedHelp(TyperGroup):
    """The command itself: its help lists the commands by group, each with the whole first sentence of its own help."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The commands by group, then the options."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            sentence = " ".join((command.help or "").split("\n\n", 1)[0].split())
            groups.setdefault(str(getattr(command, "rich_help_panel", None) or "Commands"), []).append((name, sentence))
        width = max(len(name) for rows in groups.values() for name, _ in rows)
        for title, rows in groups.items():
            _section(formatter, title, [(name.ljust(width), sentence) for name, sentence in rows])
        _parameters(self, ctx, formatter)
