"""Without the extra ``sign``, what it takes to sign is said; logs are verified all the same."""

import sys

import pytest

import clearsight as cs
from clearsight.files import chain


def test_the_missing_package_is_named(run, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "cryptography"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ValueError, match=r"pip install '\.\[sign\]'"):
        cs.sign(new_key=tmp_path / "key.pem")
    assert not (tmp_path / "key.pem").exists()
    chain.append(tmp_path / "log.jsonl", {"answer": "cat"})
    assert cs.verify(tmp_path / "log.jsonl").valid
