"""The key that generated pictures are signed with: made once on this machine, with a certificate chain of its own.

It lies in the user's configuration folder (``CLEARSIGHT_CONFIG`` names another). Nobody else's trust list knows it: a
signature by it shows that a file was not changed since, and that two files are of one key, not who holds it.
"""

import datetime
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import platformdirs

from clearsight.files import durable

VALID_DAYS = 3650
NAME = "clearsight, a local key"


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A private key and the chain of certificates above it, both PEM; ``folder`` is where they lie."""

    private: bytes
    chain: bytes
    folder: Path


def folder() -> Path:
    """Where the key of this user lies."""
    named = os.environ.get("CLEARSIGHT_CONFIG")
    return (Path(named).expanduser() if named else platformdirs.user_config_path("clearsight")) / "signing"


def signing_key() -> SigningKey:
    """The key of this user, made where there is none or its certificate has run out.

    Raises ValueError where the folder cannot be written to, or its files cannot be read. Needs ``cryptography``.
    """
    place = folder()
    key, chain = place / "key.pem", place / "chain.pem"
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        with filelock.FileLock(place / "lock"):
            if not (key.is_file() and chain.is_file() and _in_time(chain.read_bytes())):
                private, certificates = _made()
                # The key first: a chain without its key would be taken for a whole pair.
                durable.write_bytes(key, private, mode=0o600)
                durable.write_bytes(chain, certificates)
            return SigningKey(private=key.read_bytes(), chain=chain.read_bytes(), folder=place)
    except OSError as error:
        raise ValueError(
            f"the signing key in {place} cannot be used: {error.strerror or error}. Expected a folder that can be "
            "written to. Name another with CLEARSIGHT_CONFIG."
        ) from error


def _in_time(chain: bytes) -> bool:
    from cryptography import x509

    try:
        certificates = x509.load_pem_x509_certificates(chain)
    except ValueError:
        return False
    tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    return all(each.not_valid_after_utc > tomorrow for each in certificates)


def _made() -> tuple[bytes, bytes]:
    """A new private key and its chain: its certificate, and that of an authority whose own key is thrown away.

    C2PA refuses a certificate that signs itself, so an authority that signs this one and nothing else stands above it.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    above, below = f"{NAME}: authority", NAME
    chain = _certificate(below, above, own.public_key(), authority, of_authority=False)
    chain += _certificate(above, above, authority.public_key(), authority, of_authority=True)
    private = own.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, chain


def _certificate(subject: str, issuer: str, public: Any, authority: Any, *, of_authority: bool) -> bytes:
    """A certificate as section 14.5 of the C2PA specification wants it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def name(common: str) -> x509.Name:
        organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, NAME)
        return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, common)])

    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(
        digital_signature=not of_authority, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=of_authority, crl_sign=of_authority, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # clocks differ
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=of_authority, path_length=0 if of_authority else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
    )
    if not of_authority:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    certificate: bytes = builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return certificate
