"""What the documentation shows: its Python, its commands, its options, each with the file and line where it stands."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMPANION = ROOT / "docs" / "companion"
PAGES = (*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md")
SOURCES = sorted((ROOT / "src").rglob("*.py"))
FENCE = re.compile(r"(?P<fence>`{3,}|:{3,})(?P<language>[\w{}-]*)")
NOT_RUN = re.compile(r"<!-- not run: (?P<reason>.+) -->")


@dataclass(frozen=True)
class Block:
    """A piece of code of a page; ``reason`` says why it is not run, and is empty where it is."""

    place: str
    language: str
    text: str
    reason: str = ""

    @property
    def of_the_companion(self) -> bool:
        """Whether its page is executed as a whole (see test_companion.py)."""
        return self.place.startswith(COMPANION.relative_to(ROOT).as_posix())


def blocks(text: str, name: str) -> Iterator[Block]:
    """The fenced blocks of a page, and its indented ones as blocks of no language."""
    lines, number, reason = text.splitlines(), 0, ""
    while number < len(lines):
        line, start = lines[number], number
        fence = FENCE.match(line)
        if fence and fence["fence"].startswith("`"):
            end = next(at for at in range(number + 1, len(lines)) if lines[at].startswith(fence["fence"]))
            yield Block(f"{name}:{start + 2}", fence["language"], "\n".join(lines[number + 1 : end]), reason)
            number, reason = end, ""
        elif line.startswith("    ") and (number == 0 or not lines[number - 1].strip()):
            end = next((at for at in range(number, len(lines)) if not lines[at].startswith("    ")), len(lines))
            yield Block(f"{name}:{start + 1}", "", "\n".join(each[4:] for each in lines[number:end]))
            number = end - 1
        elif line.strip():
            marked = NOT_RUN.fullmatch(line)
            reason = marked["reason"] if marked else ""
        number += 1


def python_blocks() -> list[Block]:
    """All blocks of Python in the documentation."""
    return [block for each in PAGES for block in blocks(*_page(each)) if block.language == "python"]


def commands(text: str, name: str) -> Iterator[tuple[str, list[str]]]:
    """Each ``clearsight ...`` of a page, in blocks of commands and in code within sentences: its place and words."""
    shown = [] if name.endswith(".py") else blocks(text, name)  # what is indented there is Python
    found = [
        (block.place, line)
        for block in shown
        if block.language in ("", "sh", "console", "text")
        for line in block.text.replace("\\\n", " ").splitlines()
    ]
    prose = re.sub(r"^(`{3,}).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    found += [(name, " ".join(code.split())) for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose)]
    for place, line in found:
        for part in re.split(r"&&|\|", line):
            words = _words(part)
            if words[:1] == ["clearsight"] and len(words) > 1:
                yield place, words[1:]


def all_commands() -> list[tuple[str, list[str]]]:
    """Each command of the documentation, and of what the package itself says (messages, help, docstrings)."""
    return [found for each in (*PAGES, *SOURCES) for found in commands(*_page(each))]


def options(text: str) -> set[str]:
    """Every ``--option`` that a page names, wherever it stands."""
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def _page(path: Path) -> tuple[str, str]:
    return path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()


def _words(line: str) -> list[str]:
    try:
        words = shlex.split(line.removeprefix("$ "), comments=True)
    except ValueError:  # an apostrophe in a text that is no command
        return []
    return words[next((at for at, word in enumerate(words) if "=" not in word or word.startswith("-")), 0) :]
