"""A run folder that is signed, and what of it was changed since.

The statement is that of OpenSSF model signing v1.0: one subject, the run, whose digest is the SHA-256 of the digests of
all files, and these as resources. Beside them, in the field ``clearsight`` of the predicate, which other verifiers of
that format leave aside: who answers for the run, the fingerprint of its data, the code that made it, and the key.
"""

import datetime
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clearsight.files.provenance import version
from clearsight.run import Run
from clearsight.signatures import envelope
from clearsight.signatures.keys import PrivateKey, PublicKey
from clearsight.signatures.verification import Verification

FILE = "model.sig"
PREDICATE = "https://model_signing/signature/v1.0"
IGNORED = (FILE, ".lock")
NOT_COVERED = (
    "the pictures it was trained and judged on: their fingerprint is signed, not they themselves",
    "when it was signed: the time is that of the signer's clock",
    "who holds the key: whom it belongs to must be known from elsewhere",
    "whether what the report says is right: only that it is what was signed",
    f"{FILE} and .lock, which are no part of what is signed, and empty folders",
)


def sign(run: Run, key: PrivateKey) -> Path:
    """Sign every file of a run, and return the signature's; a former signature is replaced in one step.

    Raises:
        ValueError: the run is being trained, or has no card; a file cannot be read, or is a symbolic link.
    """
    if run.config.state == "training":
        raise ValueError(
            f"{run.path} is not finished, and would change after it was signed. Finish it first: clearsight train "
            f"--resume {run.path}."
        )
    card = run.read_card()
    with run.lock():
        resources = [{"name": name, "algorithm": "sha256", "digest": own} for name, own in digests(run.path).items()]
        config = run.config
        about = {
            "signed": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "responsible": card.responsible,
            "model": config.model,
            "task": config.task,
            "data": config.data_name,
            "data_fingerprint": config.fingerprint,
            "code": config.provenance.get("code", ""),
            "signed_with": f"clearsight {version('clearsight')}",
            "public_key": key.public.pem.decode("ascii"),
        }
        envelope.write(run.path / FILE, _statement(run.name, resources, about), key)
    return run.path / FILE


def verify(run: Run, key: PublicKey | None = None) -> Verification:
    """Compare every file of a run with what was signed; without ``key``, by the key that the signature names.

    Raises:
        ValueError: the run is not signed.
    """
    path = run.path / FILE
    if not path.exists():
        raise ValueError(f"{run.path} is not signed: it has no {FILE}. Sign it: clearsight sign {run.path} --key KEY.")
    try:
        opened = envelope.read(path, PREDICATE, key)
        signed, about = _signed(opened.statement)
    except (KeyError, TypeError, ValueError) as error:
        said = str(error) if type(error) is ValueError else envelope.changed(path)
        return Verification(
            what="run", path=str(run.path), valid=False, problems=(said,), covered=0, not_covered=NOT_COVERED
        )
    problems = differences(signed, digests(run.path))
    return Verification(
        what="run",
        path=str(run.path),
        valid=not problems,
        problems=problems,
        covered=len(signed),
        key=opened.key.fingerprint,
        key_given=opened.given,
        signed=str(about["signed"]),
        responsible=about["responsible"],
        notes=(f"It is of the data {about['data']} ({about['data_fingerprint']}).",),
        not_covered=NOT_COVERED,
    )


def differences(signed: Mapping[str, str], found: Mapping[str, str]) -> tuple[str, ...]:
    """What was changed, is missing or was added, in sentences by file, given digests by name."""
    both = sorted(signed.keys() & found.keys())
    return (
        *(f"{name} was changed since it was signed." for name in both if signed[name] != found[name]),
        *(f"{name} is missing: it was signed, and is not there." for name in sorted(signed.keys() - found.keys())),
        *(f"{name} was added: it was not there when it was signed." for name in sorted(found.keys() - signed.keys())),
    )


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder but those ``IGNORED``, by its path in it, in the order of the paths.

    Raises:
        ValueError: a file cannot be read, or is no plain file: what a link leads to would not be signed.
    """
    found = {}
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(place, name)
            inside = path.relative_to(folder).as_posix()
            if path.is_symlink() or (name in names and not path.is_file()):
                raise ValueError(f"{path} is a link, or no plain file. A run that is signed holds plain files only.")
            if name in names and inside not in IGNORED:
                found[inside] = _digest(path)
    return dict(sorted(found.items()))


def _digest(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}.") from error


def _root(digests_in_order: list[str]) -> str:
    return hashlib.sha256(b"".join(map(bytes.fromhex, digests_in_order))).hexdigest()


def _statement(name: str, resources: list[dict[str, str]], about: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "_type": envelope.STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": _root([one["digest"] for one in resources])}}],
        "predicateType": PREDICATE,
        "predicate": {
            "serialization": {
                "method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": list(IGNORED),
            },
            "resources": resources,
            "clearsight": dict(about),
        },
    }  # fmt: skip


def _signed(statement: Mapping[str, Any]) -> tuple[dict[str, str], Mapping[str, Any]]:
    """The digests by name that were signed, and what was said beside them."""
    resources = statement["predicate"]["resources"]
    found = {str(one["name"]): str(one["digest"]) for one in resources}
    if statement["subject"][0]["digest"]["sha256"] != _root([one["digest"] for one in resources]):
        raise ValueError(f"{FILE} contradicts itself: the digest of the run is not that of its files.")
    return found, statement["predicate"]["clearsight"]
