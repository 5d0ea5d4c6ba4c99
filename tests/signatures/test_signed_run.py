"""A signed run: every change is found and named; and an oracle that knows the formats from their specifications."""

import base64
import hashlib
import json
import os
import shutil
import stat

import pytest

import clearsight as cs
from clearsight.run import Run
from clearsight.signatures import envelope, keys, signed_run

pytest.importorskip("cryptography")
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa


def pem(private):
    formats = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private.private_bytes(serialization.Encoding.PEM, *formats)


@pytest.fixture
def key(tmp_path):
    return cs.sign(new_key=tmp_path / "key.pem").new_key


@pytest.fixture
def signed(run, key):
    cs.sign(run, key=key[0])
    return run


def files(run):
    return sorted(path for path in run.path.rglob("*") if path.is_file())


def test_a_run_as_it_was_signed_is_valid_with_and_without_the_key(signed, key):
    for given in (None, key[1]):
        found = cs.verify(signed, key=given)
        assert found.valid and found.problems == () and found.key_given == (given is not None)
        assert found.responsible == "A. Person" and found.signed
        assert found.covered == len(files(signed)) - 2  # its signature and its lock
    assert any("pictures" in text for text in found.not_covered) and any("key" in text for text in found.not_covered)


def flipped(content, place):
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def test_a_flipped_bit_of_any_file_is_found_and_the_file_is_named(signed):
    for path in files(signed):
        if path.name == ".lock":
            continue
        content = path.read_bytes()
        for place in (0, len(content) // 2, len(content) - 1):
            path.write_bytes(flipped(content, place))
            # Not by its folder: a run.json that cannot be read is no run.
            problems = signed_run.verify(signed).problems
            assert len(problems) == 1 and path.relative_to(signed.path).as_posix() in problems[0], (path, place)
        path.write_bytes(content)
    assert cs.verify(signed).valid


def test_a_flipped_bit_of_any_byte_of_the_signature_itself_is_found(signed, tmp_path):
    content = (signed.path / "model.sig").read_bytes()
    end = len(content)  # between the two ends lies the payload, base64 throughout: each seventh byte of it
    for place in (*range(300), *range(300, end - 300, 7), *range(end - 300, end)):
        (tmp_path / "flipped").write_bytes(flipped(content, place))
        with pytest.raises(ValueError, match=r"was changed since it was written|not a public key"):
            envelope.read(tmp_path / "flipped", signed_run.PREDICATE, None)


def test_space_in_the_signature_file_that_means_nothing_is_found_too(signed):
    path = signed.path / "model.sig"
    path.write_text(json.dumps(json.loads(path.read_text())))
    assert "was changed" in cs.verify(signed).problems[0]


def test_missing_added_and_renamed_files_are_named(signed):
    (signed.path / "examples" / "2.png").write_bytes(b"picture")
    (signed.path / "weights.safetensors").unlink()
    (signed.path / "evidence" / "test.safetensors").rename(signed.path / "evidence" / "val.safetensors")
    problems = cs.verify(signed).problems
    assert [text.split(":")[0] for text in problems] == [
        "evidence/test.safetensors is missing", "weights.safetensors is missing",
        "evidence/val.safetensors was added", "examples/2.png was added",
    ]  # fmt: skip


def test_a_link_is_refused_because_what_it_leads_to_would_not_be_signed(signed, key, tmp_path):
    (signed.path / "more").symlink_to(tmp_path)
    for call in (lambda: cs.verify(signed), lambda: cs.sign(signed, key=key[0])):
        with pytest.raises(ValueError, match="more is a link"):
            call()


def test_signing_again_replaces_the_signature(signed, key, tmp_path):
    signed.write_file("report.html", "new")
    assert not cs.verify(signed).valid
    cs.sign(signed, key=key[0])
    assert cs.verify(signed, key=key[1]).valid
    other = cs.sign(signed, new_key=tmp_path / "other.pem").new_key
    assert cs.verify(signed, key=other[1]).valid
    found = cs.verify(signed, key=key[1])
    assert not found.valid and "signed by another key" in found.problems[0]


def test_a_signature_of_one_run_does_not_fit_another(signed, key, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(signed.path, copy)
    assert cs.verify(copy, key=key[1]).valid  # where a run lies is not part of it
    Run(copy).change(seed=1)
    cs.sign(copy, key=key[0])
    shutil.copy(copy / "model.sig", signed.path)
    assert cs.verify(signed, key=key[1]).problems == ("run.json was changed since it was signed.",)


def test_the_envelope_is_what_the_specifications_say(signed, key):
    """DSSE, in-toto and the OpenSSF predicate, written out again from their texts; OpenSSL's Ed25519 checks it."""
    bundle = json.loads((signed.path / "model.sig").read_text())
    assert bundle["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    public = serialization.load_pem_public_key(key[1].read_bytes())
    assert bundle["verificationMaterial"]["publicKey"]["hint"] == hashlib.sha256(key[1].read_bytes()).hexdigest()
    one = bundle["dsseEnvelope"]
    payload, kind = base64.b64decode(one["payload"]), one["payloadType"]
    message = b" ".join([b"DSSEv1", str(len(kind)).encode(), kind.encode(), str(len(payload)).encode(), payload])
    public.verify(base64.b64decode(one["signatures"][0]["sig"]), message)
    statement = json.loads(payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1" and len(statement["subject"]) == 1
    assert statement["predicateType"] == "https://model_signing/signature/v1.0"
    resources = {each["name"]: each["digest"] for each in statement["predicate"]["resources"]}
    assert list(resources) == sorted(resources) and "evidence/test.safetensors" in resources
    for name, digest in resources.items():
        assert hashlib.sha256((signed.path / name).read_bytes()).hexdigest() == digest
    root = hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in resources.values())).hexdigest()
    assert statement["subject"][0]["digest"]["sha256"] == root
    about = statement["predicate"]["clearsight"]
    assert about["data_fingerprint"] == "sha256:abc" and about["responsible"] == "A. Person"


def test_the_preauthentication_encoding_is_that_of_the_dsse_specification():
    """The example of its protocol text, version 1.0.0."""
    assert envelope.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_a_valid_statement_of_another_type_is_no_signature_of_a_run(signed, key):
    statement = {
        "_type": envelope.STATEMENT, "subject": [], "predicateType": "urn:other",
        "predicate": {"clearsight": {"public_key": key[1].read_text()}},
    }  # fmt: skip
    envelope.write(signed.path / "model.sig", statement, keys.read_private(key[0]))
    assert "states something else" in cs.verify(signed, key=key[1]).problems[0]


@pytest.mark.parametrize("curve", [ec.SECP256R1, ec.SECP384R1, ec.SECP521R1])
def test_ecdsa_keys_sign_too(run, curve, tmp_path):
    private = ec.generate_private_key(curve())
    (tmp_path / "ec.pem").write_bytes(pem(private))
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "ec.pub").write_bytes(private.public_key().public_bytes(serialization.Encoding.PEM, spki))
    cs.sign(run, key=tmp_path / "ec.pem")
    assert cs.verify(run, key=tmp_path / "ec.pub").valid
    run.write_file("weights.safetensors", b"other")
    assert cs.verify(run, key=tmp_path / "ec.pub").problems == ("weights.safetensors was changed since it was signed.",)


def test_a_new_key_is_for_its_owner_only_and_never_replaces_one(tmp_path, key):
    private, public = key
    assert stat.S_IMODE(private.stat().st_mode) == 0o600 or os.name == "nt"
    assert public.name == "key.pem.pub" and b"PUBLIC" in public.read_bytes() and b"PRIVATE" in private.read_bytes()
    before = private.read_bytes()
    with pytest.raises(ValueError, match="exists, and a key is never overwritten"):
        cs.sign(new_key=private)
    (tmp_path / "half.pem.pub").write_text("mine")
    with pytest.raises(ValueError, match="half.pem.pub exists"):
        cs.sign(new_key=tmp_path / "half.pem")
    assert private.read_bytes() == before and not (tmp_path / "half.pem").exists()
    with pytest.raises(ValueError, match="could not write"):
        cs.sign(new_key=tmp_path / "nowhere" / "key.pem")


def test_wrong_keys_are_refused_and_leave_nothing(run, key, tmp_path):
    (tmp_path / "rsa.pem").write_bytes(pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)))
    (tmp_path / "text.pem").write_text("no key")
    for name, said in {
        "rsa.pem": "key of another kind", "text.pem": "not a private key", "none.pem": "cannot read the key",
        "key.pem.pub": "a public key; signing needs the private one",
    }.items():  # fmt: skip
        with pytest.raises(ValueError, match=said):
            cs.sign(run, key=tmp_path / name)
    assert not (run.path / "model.sig").exists()
    with pytest.raises(ValueError, match="is not signed"):
        cs.verify(run)
    with pytest.raises(ValueError, match="is a private key. Expected the public one"):
        cs.verify(run, key=key[0])
    for words in ({}, {"key": key[0], "new_key": tmp_path / "k2"}, {"key": key[0]}):
        with pytest.raises(ValueError, match="no key was named|two keys|nothing to sign"):
            cs.sign(run if words.keys() != {"key"} else None, **words)


def test_what_is_not_finished_is_not_signed(run, key):
    run.change(state="training")
    with pytest.raises(ValueError, match="is not finished"):
        cs.sign(run, key=key[0])
    run.change(state="finished")
    (run.path / "card.json").unlink()
    with pytest.raises(ValueError, match="has no card yet"):
        cs.sign(run, key=key[0])
    assert not (run.path / "model.sig").exists()


def test_a_failed_write_keeps_the_former_signature(signed, key, monkeypatch):
    before = (signed.path / "model.sig").read_bytes()
    signed.write_file("report.html", "new")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("clearsight.files.durable.os.replace", full)
    with pytest.raises(ValueError, match="could not write model.sig"):
        cs.sign(signed, key=key[0])
    assert (signed.path / "model.sig").read_bytes() == before
    assert not [path for path in signed.path.iterdir() if path.name.endswith(".unfinished")]
