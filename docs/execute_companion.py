"""Executes the pages of the companion to the lecture, and records what they print and the pictures they show.

``python docs/execute_companion.py [PAGE...]`` executes the blocks of ``sh`` and ``python`` of each page (all where none
is named) in their order, in a fresh folder; several pages at once, with a share of the processors each. What a block
prints becomes the block of ``text`` after it; a line ``<!-- shown: HEADING, HEADING -->`` before that block keeps only
the paragraphs that begin with these words. A picture that the page shows as ``pictures/PAGE/NAME`` is the file of that
name which its blocks wrote there. A page that fails, takes too long or shows what it does not make is left as it is,
with all of its pictures.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parent / "companion"
BLOCKS = Path(__file__).parent / "companion_blocks.py"
STYLE = Path(__file__).parent / "matplotlibrc"
KINDS = ("sh", "python")
LIMIT_S = 120
PROCESSORS = os.cpu_count() or 1
MOST_BYTES = 80_000
SHOWN = re.compile(r"<!-- shown: (.+) -->")
PICTURE = re.compile(r"(?:\]\(|\{(?:figure|image)\} )(pictures/[\w./-]+)")
LEFT_OUT = "[…]"


class Failure(Exception):
    """A page that cannot be executed, or whose record would be wrong; the message names it."""


@dataclass(frozen=True)
class Block:
    """A block to be executed: its first line and the one after its fence, counted from 1, and its text.

    ``record`` is the slice of the page's lines to be replaced by what it prints, a block of text or nothing yet;
    ``headings`` are the paragraphs of it to be shown, empty for all.
    """

    kind: str
    line: int
    text: str
    record: slice
    headings: tuple[str, ...]


@dataclass(frozen=True)
class Executed:
    """A page after its execution: its new text, its pictures, and the seconds it took: by the clock, of processors."""

    text: str
    pictures: dict[str, bytes]
    seconds: float
    processor_seconds: float


def pages() -> list[Path]:
    """Every page that is executed."""
    return sorted(path for path in FOLDER.glob("*.md") if path.stem != "index")


def blocks(text: str) -> list[Block]:
    """The blocks of a page that are executed, in their order."""
    lines, found, at = text.splitlines(), [], 0
    while at < len(lines):
        if not lines[at].startswith("```"):
            at += 1
            continue
        kind, end = lines[at].removeprefix("```").strip(), _end(lines, at)
        if kind in KINDS:
            record, headings = _record(lines, end + 1)
            found.append(Block(kind, at + 2, "\n".join(lines[at + 1 : end]), record, headings))
        at = end + 1
    return found


def shown_pictures(text: str) -> tuple[str, ...]:
    """The pictures of a page, as it names them."""
    return tuple(dict.fromkeys(PICTURE.findall(text)))


def executed(page: Path, limit_s: float = LIMIT_S, threads: int = PROCESSORS) -> Executed:
    """Execute a page in a fresh folder, its trainings on so many ``threads``; nothing is written outside it.

    Raises:
        Failure: a block fails, the page takes longer than ``limit_s``, or it shows a picture that it does not make.
    """
    text = page.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="companion-") as folder:
        (Path(folder) / "pictures" / page.stem).mkdir(parents=True)
        start = time.monotonic()
        outputs, used = _outputs(page, blocks(text), Path(folder), limit_s, threads)
        seconds = time.monotonic() - start
        for output in outputs:
            if folder in output:
                raise Failure(f"{page.name}: a block prints its folder, which is another one each time. Print a name.")
        pictures = {name: _picture(page, Path(folder), name) for name in shown_pictures(text)}
    return Executed(recorded(text, outputs), pictures, seconds, used)


def executed_together(
    chosen: Sequence[Path], limit_s: float = LIMIT_S, at_once: int = PROCESSORS
) -> Iterator[tuple[Path, Executed | Failure]]:
    """The pages in their order, each executed or why not, so many at once: small trainings gain little from threads."""

    def result(page: Path) -> tuple[Path, Executed | Failure]:
        try:
            return page, executed(page, limit_s, max(1, PROCESSORS // at_once))
        except Failure as failure:
            return page, failure

    with ThreadPoolExecutor(at_once, thread_name_prefix="page") as pool:
        try:
            yield from pool.map(result, chosen)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(_RUNNING):
                os.killpg(process, signal.SIGKILL)
            raise


def recorded(text: str, outputs: Sequence[str]) -> str:
    """The page with what its blocks printed, in place of what they printed before."""
    lines = text.splitlines()
    for block, output in reversed(list(zip(blocks(text), outputs, strict=True))):
        said = [line.rstrip() for line in output.strip("\n").splitlines()]
        if any(line.startswith("```") for line in said):
            raise Failure(f"line {block.line}: what this block prints holds ```, which would end its record.")
        heading = [f"<!-- shown: {', '.join(block.headings)} -->"] if block.headings else []
        kept = _chosen(said, block) if block.headings else said
        lines[block.record] = ["", *heading, "```text", *kept, "```"] if said else []
    return "\n".join(lines) + "\n"


def write(page: Path, result: Executed) -> None:
    """Replace the page and its pictures; those that it shows no longer are removed."""
    places = {FOLDER / name: content for name, content in result.pictures.items()}
    places[page] = result.text.encode("utf-8")
    for place, content in places.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished = place.with_name(f".{place.name}.unfinished")
        unfinished.write_bytes(content)
        os.replace(unfinished, place)
    for place in (FOLDER / "pictures" / page.stem).glob("*"):
        if place not in places:
            place.unlink()


def _end(lines: Sequence[str], start: int) -> int:
    return next(at for at in range(start + 1, len(lines)) if lines[at].startswith("```"))


def _record(lines: Sequence[str], after: int) -> tuple[slice, tuple[str, ...]]:
    """Where the record of a block stands that ends before this line, and the headings that are shown of it."""
    at, last, headings = after, after, ()
    while at < len(lines) and (not lines[at].strip() or SHOWN.fullmatch(lines[at])):
        if match := SHOWN.fullmatch(lines[at]):
            last, headings = at + 1, tuple(match[1].split(", "))
        at += 1
    recorded_before = at < len(lines) and lines[at].rstrip() == "```text"
    return slice(after, _end(lines, at) + 1 if recorded_before else last), headings


def _chosen(said: Sequence[str], block: Block) -> list[str]:
    """The paragraphs that begin with the headings of a block; a mark stands where others were left out."""
    paragraphs = [part.split("\n") for part in re.split(r"\n{2,}", "\n".join(said))]
    missing = [one for one in block.headings if not any(part[0].startswith(one) for part in paragraphs)]
    if missing:
        raise Failure(f"line {block.line}: nothing that this block prints begins with {', '.join(missing)}.")
    shown: list[str] = []
    for part in paragraphs:
        if part[0].startswith(block.headings):
            shown += ["", *part] if shown else part
        elif shown[-1:] != [LEFT_OUT]:
            shown += ["", LEFT_OUT] if shown else [LEFT_OUT]
    return shown


_RUNNING: set[int] = set()  # the processes that execute a page now


def _outputs(page: Path, found: Sequence[Block], folder: Path, limit_s: float, threads: int) -> tuple[list[str], float]:
    """What each block prints, executed by a process of its own that is ended with all it started; its seconds."""
    asked = json.dumps([str(page), [(block.kind, block.line, block.text) for block in found]])
    with tempfile.TemporaryDirectory(prefix="companion-result-") as beside:
        result = Path(beside) / "outputs.json"
        with subprocess.Popen(
            [sys.executable, str(BLOCKS), str(result)], cwd=folder, env=_environment(folder, threads),
            start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            _RUNNING.add(process.pid)
            try:
                _, errors = process.communicate(asked, timeout=limit_s)
            except BaseException as error:
                os.killpg(process.pid, signal.SIGKILL)
                if isinstance(error, subprocess.TimeoutExpired):
                    raise Failure(f"{page.name}: not done after {limit_s:.0f} s.") from error
                raise
            finally:
                _RUNNING.discard(process.pid)
        if process.returncode:
            raise Failure(f"{page.name}: a block failed.\n{errors[-3000:]}")
        content = json.loads(result.read_text(encoding="utf-8"))
        return content["outputs"], content["processor_seconds"]


def _environment(folder: Path, threads: int) -> dict[str, str]:
    """That of this process, with the command of its own Python first, a cache of its own, and the site's look."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {
        **os.environ,
        "PATH": path,
        "CLEARSIGHT_CACHE": str(folder / ".cache"),
        "OMP_NUM_THREADS": str(threads),
        "MATPLOTLIBRC": str(STYLE),
        "MPLBACKEND": "Agg",
    }


def _picture(page: Path, folder: Path, name: str) -> bytes:
    """The content of a picture that the page made."""
    path = folder / name
    if path.parent != folder / "pictures" / page.stem:
        raise Failure(f"{page.name} shows {name}. Its pictures lie in pictures/{page.stem}/.")
    if not path.is_file():
        raise Failure(f"{page.name} shows {name}, which none of its blocks writes.")
    content = path.read_bytes()
    if len(content) > MOST_BYTES:
        raise Failure(f"{page.name}: {name} has {len(content):,} bytes. Expected at most {MOST_BYTES:,}.")
    if path.suffix == ".svg":
        if not content.lstrip().startswith(b"<svg"):
            raise Failure(f"{page.name}: {name} is no SVG picture.")
    else:
        with Image.open(path) as picture:
            picture.verify()
    return content


def main() -> None:
    """Execute the pages named and record what they print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="such as cnn, or docs/companion/cnn.md")
    parser.add_argument("--at-once", type=int, default=PROCESSORS, help="pages at a time (default: %(default)s)")
    parser.add_argument("--limit-s", type=float, default=LIMIT_S, help="seconds a page may take (default: %(default)s)")
    asked = parser.parse_args()
    known = {path.stem: path for path in pages()}
    unknown = [name for name in asked.pages if Path(name).stem not in known]
    if unknown:
        parser.error(f"there is no page {', '.join(unknown)}. There are: {', '.join(known)}.")
    failures, start = 0, time.monotonic()
    chosen = [known[Path(name).stem] for name in asked.pages] or list(known.values())
    for path, result in executed_together(chosen, asked.limit_s, max(1, asked.at_once)):
        if isinstance(result, Failure):
            failures += 1
            print(result, file=sys.stderr)
            continue
        write(path, result)
        size = sum(map(len, result.pictures.values()))
        took = f"{result.seconds:6.0f} s by the clock, {result.processor_seconds:4.0f} s of processors"
        print(f"{path.stem:16}{took}; {len(result.pictures)} pictures, {size / 1000:.0f} KB", flush=True)
    print(f"{'together':16}{time.monotonic() - start:6.0f} s by the clock")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
