"""What is wrong with the words of a command, said as every other error is: one message, and where to look."""

import re
from typing import Any

# How a value is refused, by the versions of typer that are allowed.
_INVALID = re.compile(r"^Invalid value for '?(?P<name>[^:]+?)'?: (?P<why>.*)$", re.DOTALL)


def is_mistake(error: BaseException) -> bool:
    """Whether an exception is about the words of a command: click's own, or typer's copy of it."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def only_help(error: Any) -> bool:
    """Whether nothing was asked for, so that the help is the answer."""
    return type(error).__name__ == "NoArgsIsHelpError"


def said(error: Any) -> str:
    """The mistake as "--epochs: expected a valid number. See `clearsight train --help`."."""
    message = " ".join(error.format_message().split()).rstrip(".")
    refused = _INVALID.match(message)
    if refused is not None:
        why = re.sub(r"^Input should be (?=less|greater)", "expected a value ", refused["why"])
        why = re.sub(r"^Input should be ", "expected ", why).partition(", unable to parse")[0]
        message = f"{refused['name']}: {why}"
    else:
        message = message[:1].lower() + message[1:]
    end = "" if message.endswith("?") else "."
    context = getattr(error, "ctx", None)
    return f"{message}{end} See `{context.command_path} --help`." if context is not None else f"{message}{end}"
