"""A signed log: what a forger who may write every file can do, and what not."""

import json

import pytest

import clearsight as cs
from clearsight.files import chain

pytest.importorskip("cryptography")


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.jsonl"
    for number in range(5):
        chain.append(path, {"answer": number})
    return path


@pytest.fixture
def key(tmp_path, log):
    return cs.sign(log, new_key=tmp_path / "key.pem").new_key


def forge(log, answers):
    """A new log of other lines under the old name, head included."""
    log.unlink()
    chain.head_file(log).unlink()
    for answer in answers:
        chain.append(log, {"answer": answer})


def test_a_log_is_verified_without_and_with_a_signature(log, tmp_path):
    found = cs.verify(log)
    assert found.valid and found.what == "log" and found.covered == 5 and not found.key
    assert any("together with the head" in text for text in found.not_covered)
    public = cs.sign(log, new_key=tmp_path / "key.pem").new_key[1]
    found = cs.verify(log, key=public)
    assert found.valid and found.key_given and found.signed
    assert not any("together with the head" in text for text in found.not_covered)


def test_lines_after_the_signature_are_said_to_be_less_sure(log, key):
    chain.append(log, {"answer": 5})
    found = cs.verify(log, key=key[1])
    assert found.valid and any("the 1 line after the signed" in text for text in found.not_covered)
    cs.sign(log, key=key[0])
    assert not any("after the signed" in text for text in cs.verify(log, key=key[1]).not_covered)


def test_a_forger_who_writes_log_and_head_anew_is_found_by_the_signature_alone(log, key):
    forge(log, [0, 1, 2, 3, 9])
    assert cs.verify(log).problems == ("line 5 is not the one that was signed: the log was written anew.",)
    forge(log, [0, 1])
    assert cs.verify(log).problems == ("line 3 is missing: 5 lines were signed.",)
    log.with_name("log.jsonl.sig").unlink()
    assert cs.verify(log).valid  # which is why the documentation says to sign, and to keep signatures elsewhere
    with pytest.raises(ValueError, match="is not signed"):
        cs.verify(log, key=key[1])


def test_the_first_bad_line_stands_first_and_the_signature_is_looked_at_too(log, key):
    text = log.read_text().replace('"answer": 2', '"answer": 7')
    log.write_text(text)
    signature = log.with_name("log.jsonl.sig")
    signature.write_text(signature.read_text().replace("A", "B", 1))
    problems = cs.verify(log, key=key[1]).problems
    assert "line 3 was changed" in problems[0] and "log.jsonl.sig was changed" in problems[1]


def test_a_log_that_was_tampered_with_or_is_empty_is_not_signed(log, key, tmp_path):
    log.write_text(log.read_text().replace('"answer": 2', '"answer": 7'))
    with pytest.raises(ValueError, match="is not signed: line 3 was changed"):
        cs.sign(log, key=key[0])
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(ValueError, match="holds no decision yet"):
        cs.sign(tmp_path / "empty.jsonl", key=key[0])
    assert json.loads(chain.head_file(log).read_text())["lines"] == 5
