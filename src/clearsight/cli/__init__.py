"""The command: parse, call, print. One file per group of ``--help``; heavy imports wait until a verb needs them."""

import sys
import warnings
from typing import Annotated, Any, NoReturn

import typer

from clearsight.cli import judge, mistakes, present, release, start, systems, train, use, web
from clearsight.cli.help import CommandHelp, GroupedHelp

app = typer.Typer(
    name="clearsight",
    cls=GroupedHelp,
    help="One CNN backbone, every vision task, and the whole truth about the model.",
    epilog="Begin with `clearsight demo`. `clearsight COMMAND --help` explains a command and its options.",
    no_args_is_help=True,
    context_settings={"max_content_width": 100},
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for group, commands in (
    ("Start", start.COMMANDS), ("Train", train.COMMANDS), ("Use", (*use.COMMANDS, web.serve)),
    ("Judge", (*judge.COMMANDS, web.browse, *systems.COMMANDS)), ("Present", present.COMMANDS),
    ("Release", release.COMMANDS),
):  # fmt: skip
    for command in commands:
        app.command(cls=CommandHelp, rich_help_panel=group)(command)


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


def _note(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
    """A warning for the user as one line, those of libraries as Python shows them."""
    if category.__module__.startswith("clearsight."):
        print(f"note: {message}", file=sys.stderr)
    else:
        _show_warning(message, category, *where, **more)


_show_warning = warnings.showwarning


def main() -> None:
    """The entry point: a mistake of the user is one message and exit status 2, never a traceback."""
    warnings.showwarning = _note
    try:
        status = app(standalone_mode=False, prog_name="clearsight")
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1 if type(error).__name__ == "Diverged" else 2)
    except KeyboardInterrupt:
        print("stopped.", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if mistakes.is_mistake(error):
            _refused(error)
        if type(error).__name__ != "Interrupted":
            raise
        print(f"stopped and saved. {error}", file=sys.stderr)
        sys.exit(130)
    if isinstance(status, int) and status:  # typer gives the status of an early end instead of ending
        sys.exit(status)


def _refused(error: Any) -> NoReturn:
    """Words that are no command are a message like any other; no words at all are answered by the help."""
    if mistakes.only_help(error):
        error.show()
    else:
        print(f"error: {mistakes.said(error)}", file=sys.stderr)
    sys.exit(error.exit_code)
