"""A log whose lines hang together: what was changed, cut, moved or torn is found, and the first bad line named."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from clearsight.files import chain


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.jsonl"
    for number in range(1, 8):
        chain.append(path, {"answer": f"class {number}", "picture": "a\udc80b.png"})
    return path


def lines(log):
    return log.read_bytes().splitlines(keepends=True)


def write(log, content):
    log.write_bytes(b"".join(content))


def found(log):
    return chain.check(log).line


def with_own_hash(content):
    """A line of a forger who knows how lines are made: written out again from the documentation."""
    content = {name: value for name, value in content.items() if name != "hash"}
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "backslashreplace")
    return body[:-1] + b', "hash": "' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


def test_lines_are_json_and_their_hashes_follow_the_documentation(log):
    previous = "0" * 64
    for number, line in enumerate(lines(log), 1):
        content = json.loads(line)
        assert content["number"] == number and content["previous"] == previous
        assert content["answer"] == f"class {number}" and content["picture"] == "a\udc80b.png"
        assert with_own_hash(content) == line
        previous = content["hash"]
    checked = chain.check(log)
    assert checked.problem == "" and checked.head == chain.Head(7, previous) and not checked.notes
    assert json.loads(chain.head_file(log).read_text()) == {"lines": 7, "hash": previous}


@pytest.mark.parametrize("number", [1, 4, 7])
def test_any_changed_byte_is_found_in_its_line(log, number):
    content = lines(log)
    whole = content[number - 1]
    for place in range(len(whole) - 1):
        content[number - 1] = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        write(log, content)
        assert found(log) == number, place


def test_a_line_changed_with_its_hash_does_not_fit_the_next(log):
    content = lines(log)
    content[3] = with_own_hash(json.loads(content[3]) | {"answer": "another"})
    write(log, content)
    checked = chain.check(log)
    assert checked.line == 5 and "one of the two was replaced" in checked.problem
    content = lines(log)[:6] + [with_own_hash(json.loads(lines(log)[6]) | {"answer": "another"})]
    content[3] = with_own_hash(json.loads(content[3]) | {"answer": "class 4"})
    write(log, content)
    assert "line 7 is not the one that the head knows" in chain.check(log).problem


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda one: one[:2] + one[3:], 3),  # taken out
        (lambda one: one[:3] + [one[4], one[3]] + one[5:], 4),  # two change places
        (lambda one: one[:4] + [one[3]] + one[4:], 5),  # twice
        (lambda one: one[:5], 6),  # cut off at the end
        (lambda one: one[1:], 1),  # cut off at the beginning
        (lambda one: [], 1),  # emptied
        (lambda one: one[:3] + [b"\n"] + one[3:], 4),  # an empty line put in
        (lambda one: [*one[:6], one[6][:-1]], 7),  # the end of the last line: a finished line, torn afterwards
        (lambda one: [*one[:6], one[6][:-9]], 7),
    ],
)
def test_what_was_taken_out_moved_put_in_or_cut_off_is_found(log, change, line):
    write(log, change(lines(log)))
    checked = chain.check(log)
    assert checked.line == line and f"line {line}" in checked.problem


@pytest.mark.parametrize("keep", [slice(5), slice(0)])
def test_nothing_is_appended_to_a_log_that_lost_its_end(log, keep):
    write(log, lines(log)[keep])
    before = log.read_bytes()
    with pytest.raises(ValueError, match="nothing is appended.*the head knows 7 lines"):
        chain.append(log, {"answer": "next"})
    assert log.read_bytes() == before
    write(log, [*lines(log)[:-1], b"{}\n"])
    with pytest.raises(ValueError, match="nothing is appended.*does not fit its hash"):
        chain.append(log, {"answer": "next"})


def test_a_missing_or_damaged_head_is_a_problem_of_its_own(log):
    head = chain.head_file(log)
    head.write_text('{"lines": 7}')
    with pytest.raises(ValueError, match="is damaged"):
        chain.check(log)
    head.unlink()
    assert "its head is missing" in chain.check(log).problem
    with pytest.raises(ValueError, match="nothing is appended.*head is missing"):
        chain.append(log, {"answer": "next"})
    with pytest.raises(ValueError, match="cannot read"):
        chain.check(log.with_name("none"))


def test_an_unfinished_line_is_told_removed_by_the_next_writer_and_told_there(log):
    whole = log.read_bytes()
    log.write_bytes(whole + b'{"number": 8, "answer')
    checked = chain.check(log)
    assert checked.problem == "" and "21 bytes" in checked.notes[0]
    assert chain.append(log, {"answer": "next"}).lines == 8
    last = json.loads(lines(log)[-1])
    assert log.read_bytes().startswith(whole) and last["removed_bytes"] == 21 and last["answer"] == "next"
    assert chain.check(log).problem == "" and not chain.check(log).notes


def test_a_writer_killed_between_line_and_head_is_told_and_the_log_goes_on(log):
    head = chain.head_file(log)
    before = head.read_bytes()
    chain.append(log, {"answer": "eighth"})
    head.write_bytes(before)
    checked = chain.check(log)
    assert checked.problem == "" and checked.head.lines == 8 and "head ends at line 7" in checked.notes[0]
    assert chain.append(log, {"answer": "ninth"}).lines == 9 and not chain.check(log).notes


def test_a_full_disk_leaves_the_log_as_it_was(log, monkeypatch):
    before, write_some = log.read_bytes(), os.write

    def full(descriptor, content):
        if b"next" in content:
            return write_some(descriptor, content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(chain.os, "write", full)
    with pytest.raises(ValueError, match="could not write log.jsonl"):
        chain.append(log, {"answer": "next"})
    monkeypatch.undo()
    assert log.read_bytes() == before and chain.check(log).problem == ""


def test_fields_of_the_log_itself_are_refused(log):
    with pytest.raises(ValueError, match="previous is a field"):
        chain.append(log, {"previous": "x"})
    with pytest.raises(ValueError, match="not JSON compliant"):
        chain.append(log, {"confidence": float("nan")})
    assert chain.check(log).head.lines == 7


def test_a_long_last_line_is_found_whole(log):
    chain.append(log, {"answer": "x" * 300_000})
    assert chain.append(log, {"answer": "after"}).lines == 9 and chain.check(log).problem == ""


def test_processes_append_at_once_and_no_line_is_lost_or_torn(tmp_path):
    log = tmp_path / "log.jsonl"
    code = (
        "import sys; from pathlib import Path; from clearsight.files import chain\n"
        "for number in range(12): chain.append(Path(sys.argv[1]), {'writer': sys.argv[2], 'nth': number})"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, log, name]) for name in "abc"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    checked = chain.check(log)
    assert checked.problem == "" and checked.head.lines == 36
    told = [json.loads(line) for line in lines(log)]
    for name in "abc":
        assert [one["nth"] for one in told if one["writer"] == name] == list(range(12))


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is not known there")
def test_writers_that_are_killed_leave_a_log_that_goes_on(tmp_path):
    log = tmp_path / "log.jsonl"
    code = (
        "import sys; from pathlib import Path; from clearsight.files import chain\n"
        "while True: print(chain.append(Path(sys.argv[1]), {'text': 'x' * 5000}).lines, flush=True)"
    )
    said = 0
    for _ in range(2):
        writer = subprocess.Popen([sys.executable, "-c", code, str(log)], stdout=subprocess.PIPE, text=True)
        for _ in range(5):
            said = int(writer.stdout.readline())
        time.sleep(0.02)
        writer.send_signal(signal.SIGKILL)
        rest = writer.communicate()[0].split()
        said = int(rest[-1]) if rest else said
        checked = chain.check(log)
        assert checked.problem == "" and checked.head.lines >= said  # what was said to be written is there
    assert chain.append(log, {"text": "after"}).lines == checked.head.lines + 1
    assert chain.check(log).problem == ""


def test_a_lock_that_is_held_too_long_is_said(log, monkeypatch):
    monkeypatch.setattr(chain, "WAIT_S", 0.05)
    import filelock

    with (
        filelock.FileLock(log.with_name(f".{log.name}.lock")),
        pytest.raises(ValueError, match="was locked by another"),
    ):
        chain.append(log, {"answer": "next"})
    assert chain.check(log).head.lines == 7
