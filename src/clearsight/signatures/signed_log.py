"""A log of decisions whose length and last line are signed: a checkpoint that nobody without the key can make again.

What was logged before it can no longer be changed, taken out or cut off without notice. What was logged after it can,
by someone who writes the head anew as well: sign often, or keep signatures elsewhere.
"""

import datetime
from pathlib import Path

from clearsight.files import chain
from clearsight.files.provenance import version
from clearsight.quantities import counted
from clearsight.signatures import envelope
from clearsight.signatures.keys import PrivateKey, PublicKey
from clearsight.signatures.verification import Verification

PREDICATE = "urn:clearsight:decision-log:v1"
NEVER_COVERED = (
    "decisions that were made without being logged",
    "whether what a line says is right: only that it is what was written",
)
UNSIGNED = (
    "lines that someone who can write to the folder replaced or cut off together with the head: sign the log, or keep "
    "copies of its head elsewhere",
)


def signature_file(log: Path) -> Path:
    """Where the signature of a log lies."""
    return log.with_name(log.name + ".sig")


def sign(log: Path, key: PrivateKey) -> Path:
    """Sign how many lines a log has and the hash of its last, and return the signature's file.

    Raises:
        ValueError: the log is empty, or was tampered with.
    """
    found = chain.check(log)
    if found.problem:
        raise ValueError(f"{log} is not signed: {found.problem}")
    if not found.head.lines:
        raise ValueError(f"{log} holds no decision yet. Sign it when it does.")
    about = {
        "lines": found.head.lines,
        "signed": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "signed_with": f"clearsight {version('clearsight')}",
        "public_key": key.public.pem.decode("ascii"),
    }
    statement = {
        "_type": envelope.STATEMENT,
        "subject": [{"name": log.name, "digest": {"sha256": found.head.hash}}],
        "predicateType": PREDICATE,
        "predicate": {"clearsight": about},
    }
    envelope.write(signature_file(log), statement, key)
    return signature_file(log)


def verify(log: Path, key: PublicKey | None = None) -> Verification:
    """Read a log from end to end, and compare it with its head and, where it is signed, with its signature.

    Raises:
        ValueError: there is no such log; a ``key`` is given, and the log is not signed.
    """
    path = signature_file(log)
    if key is not None and not path.exists():
        raise ValueError(f"{log} is not signed: there is no {path.name}. Leave --key out, or sign it with `sign`.")
    opened, problems = None, []
    if path.exists():
        try:
            opened = envelope.read(path, PREDICATE, key)
        except ValueError as error:
            problems.append(str(error))
    about = {} if opened is None else opened.statement["predicate"]["clearsight"]
    lines = int(about.get("lines", 0))
    found = chain.check(log, [lines])
    if found.problem:
        problems.insert(0, found.problem)
    elif opened is not None:
        digest = opened.statement["subject"][0]["digest"]["sha256"]
        if found.head.lines < lines:
            problems.append(f"line {found.head.lines + 1} is missing: {lines} lines were signed.")
        elif found.hashes[lines] != digest:
            problems.append(f"line {lines} is not the one that was signed: the log was written anew.")
    after = found.head.lines - lines
    later = (
        f"the {counted(after, 'lines')} after the signed ones, should someone who can write to the folder have "
        "replaced them together with the head",
    )
    return Verification(
        what="log",
        path=str(log),
        valid=not problems,
        problems=tuple(problems),
        covered=found.head.lines,
        key="" if opened is None else opened.key.fingerprint,
        key_given=key is not None,
        signed=str(about.get("signed", "")),
        notes=found.notes,
        not_covered=(*(UNSIGNED if opened is None else later * (after > 0)), *NEVER_COVERED),
    )
