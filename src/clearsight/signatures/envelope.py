"""A signed statement in a file: an in-toto Statement v1 in a DSSE envelope in a Sigstore bundle.

Sources: in-toto attestation framework v1 (Statement), DSSE v1.0.0 (pre-authentication encoding), Sigstore bundle v0.3.
The bundle names the key by its fingerprint, as the OpenSSF model-signing tool writes it; there is no transparency log.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearsight.files import durable
from clearsight.signatures import keys
from clearsight.signatures.keys import PrivateKey, PublicKey

STATEMENT = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A statement whose signature holds, the key that signed it, and whether that key was ``given`` by the reader.

    Where it was not, it is the key that the statement itself names, and anyone can name a key of their own.
    """

    statement: Mapping[str, Any]
    key: PublicKey
    given: bool


def pae(kind: str, payload: bytes) -> bytes:
    """The pre-authentication encoding of DSSE: what is signed, so that no payload can pass for one of another type."""
    return b"DSSEv1 %d %b %d %b" % (len(kind.encode()), kind.encode(), len(payload), payload)


def write(path: Path, statement: Mapping[str, Any], key: PrivateKey) -> None:
    """Sign a statement and replace the file by it, in one step; raises ValueError where it cannot be written."""
    payload = json.dumps(statement, ensure_ascii=True, allow_nan=False).encode()
    durable.write_bytes(path, _text(_bundle(payload, key.sign(pae(PAYLOAD_TYPE, payload)), key.public)))


def read(path: Path, predicate_type: str, given: PublicKey | None) -> Opened:
    """The statement of a file, once its signature holds for the key ``given``, or else for the one it names.

    Raises:
        ValueError: the file is missing or was changed, by as little as a byte; it is signed by another key; or it says
            something else than a ``predicate_type``.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}.") from error
    payload, signature, hint = _parts(path, content)
    statement = json.loads(payload)
    named = keys.public_from(str(statement["predicate"]["clearsight"]["public_key"]), f"the key in {path}")
    key = named if given is None else given
    if given is not None and hint != given.fingerprint:
        raise ValueError(
            f"{path} is signed by another key: {hint[:16]}, not {given.fingerprint[:16]} (SHA-256 of the public key, "
            "its beginning). Give the signer's public key with --key."
        )
    if content != _text(_bundle(payload, signature, key)) or not key.accepts(signature, pae(PAYLOAD_TYPE, payload)):
        raise ValueError(changed(path))
    if statement["_type"] != STATEMENT or statement["predicateType"] != predicate_type:
        raise ValueError(f"{path} is signed, but states something else. Expected a {predicate_type}.")
    return Opened(statement=statement, key=key, given=given is not None)


def changed(path: Path) -> str:
    """What is said of a signature that does not hold."""
    return f"{path} was changed since it was written: its signature does not hold. Nothing it says can be relied on."


def _parts(path: Path, content: bytes) -> tuple[bytes, bytes, str]:
    """The payload, the signature and the key's fingerprint in a bundle; raises ValueError where it is none."""
    try:
        bundle = json.loads(content)
        envelope = bundle["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"], validate=True)
        signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
        predicate = json.loads(payload)["predicate"]
        if not isinstance(predicate["clearsight"]["public_key"], str):
            raise ValueError("the key is no text")
        return payload, signature, str(bundle["verificationMaterial"]["publicKey"]["hint"])
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise ValueError(changed(path)) from error


def _bundle(payload: bytes, signature: bytes, key: PublicKey) -> dict[str, Any]:
    return {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": key.fingerprint}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode("ascii"),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signature).decode("ascii"), "keyid": ""}],
        },
    }


def _text(bundle: Mapping[str, Any]) -> bytes:
    """The one spelling of a bundle: a file that says the same in other bytes was not written here."""
    return json.dumps(bundle, indent=2, ensure_ascii=True).encode("ascii") + b"\n"
