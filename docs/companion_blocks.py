"""Executes the blocks of a page in their order: the child of ``execute_companion.py``, in a folder of its own.

``python companion_blocks.py RESULT`` reads JSON on standard input: the page's path, and the kind, first line and text
of each block. All blocks of Python share one namespace. RESULT becomes JSON: what each printed, and the
seconds of processors that all of them took.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def printed(page: str, kind: str, line: int, text: str, names: dict[str, Any]) -> str:
    """What a block prints on standard output; a command that fails ends the process with its place."""
    if kind == "sh":
        shell = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", text], stdout=subprocess.PIPE, text=True)
        if shell.returncode:
            sys.exit(f"{page}:{line}: this command ended with status {shell.returncode}:\n{text}\n{shell.stdout}")
        return shell.stdout
    output = io.StringIO()
    # As many empty lines as stand before it, so that a traceback names the lines of the page.
    code = compile("\n" * (line - 1) + text, page, "exec")
    with contextlib.redirect_stdout(output):
        exec(code, names)
    return output.getvalue()


def main() -> None:
    """Execute the blocks given on standard input."""
    page, blocks = json.load(sys.stdin)
    names: dict[str, Any] = {"__name__": "__main__"}
    outputs = [printed(page, kind, line, text, names) for kind, line, text in blocks]
    content = {"outputs": outputs, "processor_seconds": sum(os.times()[:4])}  # its own, and of the commands
    Path(sys.argv[1]).write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    main()
