"""Keys to sign with and to verify by: PEM files that never leave this machine.

New keys are Ed25519 (RFC 8032). ECDSA keys on the curves P-256, P-384 and P-521 are taken too, as other tools that
verify the same format know no others.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearsight.files import durable

MISSING = (
    "signatures need the package cryptography, which is not installed. In the folder of clearsight's source: "
    "pip install '.[sign]'."
)
EXPECTED = "Expected an Ed25519 key, or an ECDSA key on the curve P-256, P-384 or P-521, as an unencrypted PEM file"
PUBLIC = ".pub"


@dataclass(frozen=True)
class PublicKey:
    """A public key as PEM."""

    pem: bytes

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the PEM text in hexadecimal digits: what names the key in a signature."""
        return hashlib.sha256(self.pem).hexdigest()

    def accepts(self, signature: bytes, message: bytes) -> bool:
        """Whether the signature is that of the holder of the private key over exactly this message."""
        from cryptography.exceptions import InvalidSignature

        key = _load_public(self.pem, "the public key")
        try:
            key.verify(signature, message, *_algorithm(key))
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, repr=False)
class PrivateKey:
    """A private key, as the package cryptography has it; it is never printed."""

    key: Any

    @property
    def public(self) -> PublicKey:
        """The public half."""
        from cryptography.hazmat.primitives import serialization

        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        return PublicKey(self.key.public_key().public_bytes(serialization.Encoding.PEM, spki))

    def sign(self, message: bytes) -> bytes:
        """The signature of a message."""
        found: bytes = self.key.sign(message, *_algorithm(self.key))
        return found


def read_private(path: Path | str) -> PrivateKey:
    """The private key in a PEM file; raises ValueError where there is none, or of a kind that is not expected."""
    serialization, path = _serialization(), Path(path)
    try:
        key = serialization.load_pem_private_key(_content(path), None)
    except (ValueError, TypeError, _unsupported()) as error:
        public = b"PUBLIC KEY" in _content(path)
        found = "a public key; signing needs the private one" if public else "not a private key that can be read"
        raise ValueError(f"{path} is {found}. {EXPECTED}: clearsight sign --new-key FILE makes one.") from error
    _algorithm(key, str(path))
    return PrivateKey(key)


def read_public(path: Path | str) -> PublicKey:
    """The public key in a PEM file; raises ValueError where there is none, or of a kind that is not expected."""
    serialization, path = _serialization(), Path(path)
    content = _content(path)
    if b"PRIVATE KEY" in content:
        raise ValueError(
            f"{path} is a private key. Expected the public one, which `clearsight sign --new-key` writes beside it as "
            f"{path.name}{PUBLIC}. Keep the private one to yourself."
        )
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return PublicKey(_load_public(content, str(path)).public_bytes(serialization.Encoding.PEM, spki))


def make(path: Path | str) -> tuple[Path, Path]:
    """A new Ed25519 key: the private half in ``path``, which its owner alone may read, the public one in ``path.pub``.

    Raises:
        ValueError: one of the two is there already, or the folder cannot be written to.
    """
    from_library, path = _serialization(), Path(path)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = path.with_name(path.name + PUBLIC)
    for place in (path, public):
        if place.exists() or place.is_symlink():
            raise ValueError(f"{place} exists, and a key is never overwritten. Choose another file with --new-key.")
    key = PrivateKey(Ed25519PrivateKey.generate())
    private = key.key.private_bytes(
        from_library.Encoding.PEM, from_library.PrivateFormat.PKCS8, from_library.NoEncryption()
    )
    try:
        # Created with its mode: a file that others may read for a moment is a key that others may have.
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(private)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ValueError(durable.failure(path, error)) from error
    durable.write_bytes(public, key.public.pem)
    return path, public


def public_from(pem: str, where: str) -> PublicKey:
    """The public key in a PEM text; raises ValueError for anything else, ``where`` named in the message."""
    _load_public(pem.encode(), where)
    return PublicKey(pem.encode())


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"cannot read the key {path}: {error.strerror or error}. {EXPECTED}: clearsight sign --new-key FILE makes "
            "one."
        ) from error


def _load_public(content: bytes, where: str) -> Any:
    try:
        key = _serialization().load_pem_public_key(content)
    except (ValueError, TypeError, _unsupported()) as error:
        raise ValueError(f"{where} is not a public key that can be read. {EXPECTED}.") from error
    _algorithm(key, where)
    return key


def _algorithm(key: Any, where: str = "the key") -> tuple[Any, ...]:
    """What ``sign`` and ``verify`` of a key need beside the message; raises ValueError for keys of other kinds."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if isinstance(key, ed25519.Ed25519PrivateKey | ed25519.Ed25519PublicKey):
        return ()
    sizes = {"secp256r1": hashes.SHA256(), "secp384r1": hashes.SHA384(), "secp521r1": hashes.SHA512()}
    curve = getattr(getattr(key, "curve", None), "name", "")
    if curve not in sizes:
        raise ValueError(f"{where} is a key of another kind. {EXPECTED}.")
    return (ec.ECDSA(sizes[curve]),)


def _unsupported() -> type[Exception]:
    from cryptography.exceptions import UnsupportedAlgorithm

    return UnsupportedAlgorithm


def _serialization() -> Any:
    try:
        from cryptography.hazmat.primitives import serialization
    except ImportError as error:
        raise ValueError(MISSING) from error
    return serialization
