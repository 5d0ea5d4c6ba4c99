"""Files that survive: processes are killed, disks are filled and folders are locked for real."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from clearsight.files.durable import (
    append_line,
    locked,
    read_json,
    read_lines,
    remove_unfinished,
    write_bytes,
    write_json,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these faults are injected with POSIX means")


def python(code: str, *arguments: object) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


def test_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"one")
    write_bytes(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    outside, link = tmp_path / "outside", tmp_path / "run" / "file"
    outside.write_text("theirs")
    link.parent.mkdir()
    link.symlink_to(outside)
    write_bytes(link, b"ours")
    assert outside.read_text() == "theirs"
    assert link.read_bytes() == b"ours"
    assert not link.is_symlink()


def test_a_linked_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_bytes(tmp_path / "link" / "file", b"here")
    assert (tmp_path / "real" / "file").read_bytes() == b"here"


def test_json(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"b": "ü", "a": "\udc80"})
    assert read_json(path) == {"b": "ü", "a": "\udc80"}
    assert path.read_text(encoding="utf-8").startswith('{\n  "b": "ü",\n')
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": float("nan")})
    assert read_json(path)["b"] == "ü"
    for content in ("", "{", "[" * 100_000, "[1]", "\xff\xfe"):
        path.write_bytes(content.encode("latin-1"))
        with pytest.raises(ValueError, match="is damaged"):
            read_json(path)
    with pytest.raises(ValueError, match="cannot read"):
        read_json(tmp_path / "absent")


# --- full disks and closed folders ------------------------------------------------------------------------------------

FULL = """
import resource, signal, sys, torch
from pathlib import Path
from clearsight.files.durable import append_line, write_bytes
from clearsight.files.tree import save_tensors, save_tree
folder, limit = Path(sys.argv[1]), int(sys.argv[2])
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
big = {"t": torch.ones(1_000_000)}
for name, write in (
    ("bytes", lambda path: write_bytes(path, b"x" * 4_000_000)),
    ("tree", lambda path: save_tree(path, big)),
    ("tensors", lambda path: save_tensors(path, big)),
    ("lines", lambda path: append_line(path, {"x": "y" * 4_000_000})),
):
    try:
        write(folder / name)
    except ValueError as error:
        print(str(error).replace("\\n", " "))
"""


def check_full(folder: Path, limit: int) -> None:
    for name in ("bytes", "tree", "tensors", "lines"):
        (folder / name).write_bytes(b'{"former": 1}\n')
    output, _ = python(FULL, folder, limit).communicate(timeout=120)
    messages = output.splitlines()
    assert len(messages) == 4
    for name, message in zip(("bytes", "tree", "tensors", "lines"), messages, strict=True):
        assert f"could not write {name}" in message
        assert f"MB are free in {folder}" in message
        assert "unharmed" in message
    assert sorted(path.name for path in folder.iterdir()) == ["bytes", "lines", "tensors", "tree"]
    assert all(path.read_bytes() == b'{"former": 1}\n' for path in folder.iterdir())


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    check_full(tmp_path, 1_000_000)


def test_a_full_disk(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a small disk")
    try:
        check_full(tmp_path, 0)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_missing_folder(tmp_path: Path) -> None:
    for write in (lambda path: write_bytes(path, b""), lambda path: append_line(path, {})):
        with pytest.raises(ValueError, match=r"could not write file: No such file .* does not exist"):
            write(tmp_path / "absent" / "file")


# Starts Python anew without root's right to write where the mode forbids it (on Linux CAP_DAC_OVERRIDE leaves the
# bounding set). The user and the right to read stay, so the environment may lie where only its owner may enter.
BOUND_BY_MODES = """
import ctypes, os, sys
if os.geteuid() == 0:
    PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
    assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0) == 0
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux") and os.geteuid() == 0, reason="root gives up rights by Linux's means"
)
def test_a_closed_folder(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from clearsight.files.durable import write_bytes
from clearsight.run import Run
folder = Path(sys.argv[1])
for act in (lambda: write_bytes(folder / "file", b"x"), lambda: Run.create(folder / "r", "m", "d")):
    try:
        act()
    except ValueError as error:
        print(error)
"""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    output, _ = python(BOUND_BY_MODES, code, folder).communicate(timeout=60)
    assert "could not write file: Permission denied" in output
    assert "cannot make a run folder: Permission denied" in output
    assert not list(folder.iterdir())


# --- killed writers ---------------------------------------------------------------------------------------------------

# Forks a writer for every line it reads, so that torch is imported once; tells the writer's number, then its end.
FORKS = """
import os, sys
from pathlib import Path
from clearsight.files.durable import append_line, write_bytes
place = Path(sys.argv[1])

def write_files(start):
    while True:
        start += 1
        write_bytes(place, (b"%07d." % start) * 6000)

def write_checkpoints(start):
    import torch
    from clearsight.run import Run
    torch.set_num_threads(1)
    run = Run(place)
    while True:
        start += 1
        run.write_checkpoint({"number": start, "weights": torch.full((300_000,), start)})
        run.append_log({"number": start, "text": "x" * 3000})

if sys.argv[2] == "write_checkpoints":
    import torch, clearsight.run
for line in sys.stdin:
    writer = os.fork()
    if writer == 0:
        globals()[sys.argv[2]](int(line))
    os.write(1, b"%d\\n" % writer)
    os.waitpid(writer, 0)
    os.write(1, b"dead\\n")
"""


class Killed:
    """Writers that are killed after a while, one after the other."""

    def __init__(self, place: Path, what: str) -> None:
        command = [sys.executable, "-c", FORKS, str(place), what]
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def after(self, seconds: float, start: int) -> None:
        """Let a writer go on from a number, for so long."""
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(f"{start}\n")
        self.server.stdin.flush()
        writer = int(self.server.stdout.readline())
        time.sleep(seconds)
        os.kill(writer, signal.SIGKILL)
        assert self.server.stdout.readline() == "dead\n"

    def close(self) -> None:
        """End the server; its last writer is dead or was never started."""
        self.server.communicate(timeout=60)


def test_killed_while_writing_checkpoints(tmp_path: Path) -> None:
    from clearsight.run import Run

    run = Run.create(tmp_path / "run", "yolo", "blood")
    run.write_checkpoint({"number": 0, "weights": torch.zeros(1)})
    killed, chance = Killed(run.path, "write_checkpoints"), random.Random(0)
    last, leftovers, logged = 0, 0, []
    began = time.monotonic()
    while last < 25 or leftovers < 3:
        assert time.monotonic() < began + 60, "no writer is killed in the middle: this test proves nothing"
        killed.after(chance.uniform(0.01, 0.1), start=last)
        state = run.read_checkpoint()
        assert state["number"] >= last
        assert torch.unique(state["weights"]).tolist() == [state["number"]]
        last = state["number"]
        numbers = [record["number"] for record in run.read_log()]
        assert numbers == sorted(set(numbers))
        assert numbers[: len(logged)] == logged  # a line that was there stays there
        assert numbers[-1:] <= [last]
        logged = numbers
        leftovers += len(list(run.path.glob(".*.unfinished")))
    killed.close()
    with run.lock():
        assert not list(run.path.glob(".*.unfinished"))


def test_killed_while_writing_small_files(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"0000000." * 6000)
    killed, chance, leftovers, last = Killed(path, "write_files"), random.Random(1), 0, 0
    began = time.monotonic()
    while last < 60 or leftovers < 10:
        assert time.monotonic() < began + 60, "no writer is killed in the middle: this test proves nothing"
        killed.after(chance.uniform(0.001, 0.02), start=last)
        words = path.read_bytes().split(b".")
        assert len(words) == 6001
        assert len(set(words[:-1])) == 1
        assert int(words[0]) >= last
        last = int(words[0])
        leftovers += len(list(tmp_path.glob(".*.unfinished")))
    killed.close()
    remove_unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


# --- lines ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", range(1, 20))
def test_a_torn_line_is_skipped_and_ended(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "log.jsonl"
    append_line(path, {"step": 1})
    append_line(path, {"step": 22, "x": "ü"})
    first = len(b'{"step": 1}\n')
    os.truncate(path, first + kept)
    whole = path.stat().st_size == first + len('{"step": 22, "x": "ü"}'.encode())
    assert read_lines(path) == [{"step": 1}] + whole * [{"step": 22, "x": "ü"}]
    append_line(path, {"step": 3})
    assert read_lines(path) == [{"step": 1}] + whole * [{"step": 22, "x": "ü"}] + [{"step": 3}]
    assert json.loads(path.read_bytes().splitlines()[-1]) == {"step": 3}


def test_lines_of_no_file(tmp_path: Path) -> None:
    assert read_lines(tmp_path / "absent") == []
    with pytest.raises(ValueError, match="cannot read"):
        read_lines(tmp_path)


def test_line_breaks_in_words_do_not_break_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    record = {"a": "one\ntwo\r\u2028\udc80"}
    append_line(path, record)
    append_line(path, {"b": 1})
    assert read_lines(path) == [record, {"b": 1}]


# --- locks ------------------------------------------------------------------------------------------------------------

HOLDER = """
import os, sys, time
from pathlib import Path
from clearsight.files.durable import locked
with locked(Path(sys.argv[1]), "held by {pid}"):
    if "fork" in sys.argv and os.fork() == 0:
        os.write(1, b"child %d\\n" % os.getpid())
        time.sleep(60)
    os.write(1, b"locked %d\\n" % os.getpid())
    time.sleep(60)
"""


def test_one_holder_and_a_dead_one_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    child = python(HOLDER, path)
    assert child.stdout is not None
    assert child.stdout.readline() == f"locked {child.pid}\n"
    with pytest.raises(ValueError, match=f"held by {child.pid}"), locked(path, "held by {pid}"):
        raise AssertionError
    child.kill()
    child.wait()
    child.stdout.close()
    with locked(path, "held by {pid}"):
        assert path.read_text() == f"{os.getpid()}\n"
        with pytest.raises(ValueError, match=f"held by {os.getpid()}"), locked(path, "held by {pid}"):
            raise AssertionError
    with locked(path, "held by {pid}"):
        pass


def test_an_orphaned_worker_does_not_hold_the_lock(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    parent = python(HOLDER, path, "fork")
    assert parent.stdout is not None
    words = [parent.stdout.readline().split() for _ in range(2)]
    worker = next(int(number) for kind, number in words if kind == "child")
    parent.kill()
    parent.wait()
    try:
        with locked(path, "held by {pid}"):
            os.kill(worker, 0)  # it still lives
    finally:
        os.kill(worker, signal.SIGKILL)
        parent.stdout.close()


def test_a_lock_is_released_by_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path / ".lock", "held"):
        _ = 1 / 0
    with locked(tmp_path / ".lock", "held"):
        pass
