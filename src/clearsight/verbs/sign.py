"""Sign a run or a log of decisions, so that whoever has the public key can tell whether it was changed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Union

from clearsight.signatures import keys, signed_log
from clearsight.signatures.keys import PrivateKey

if TYPE_CHECKING:  # a log is signed, and a key made, without a run, and so without torch
    from clearsight.run import Run


@dataclass(frozen=True, kw_only=True)
class Signed:
    """What was written: the ``signature`` of what was signed, None where only a key was made.

    ``key`` is the fingerprint of the public key; ``new_key`` are the files of a new one, private and public.
    ``not_covered`` says what the signature cannot show.
    """

    signature: Path | None
    key: str
    new_key: tuple[Path, Path] | None = None
    not_covered: tuple[str, ...] = ()


def sign(
    what: Union["Run", str, Path, None] = None, *, key: str | Path | None = None, new_key: str | Path | None = None
) -> Signed:
    """Sign a run folder, every file of it, or a log of decisions, with a private key; nothing leaves this machine.

    Args:
        what: a run folder, or a log that ``predict --log`` wrote; None to make a key only. A former signature is
            replaced.
        key: the private key, an unencrypted PEM file.
        new_key: make an Ed25519 key in this file, which its owner alone may read, its public half beside it with the
            ending ``.pub``, and sign with it.

    Raises:
        ValueError: no key or two, a key that exists already or cannot be read, a run that is not finished, or a log
            that was tampered with.
    """
    if (key is None) == (new_key is None):
        said = "two keys were named" if key is not None else "no key was named"
        raise ValueError(f"{said}. Expected --key KEY to sign with, or --new-key FILE to make one there.")
    if what is None and key is not None:
        raise ValueError("there is nothing to sign. Expected a run folder or a log before --key.")
    writer = None if what is None else _writer(what)
    made = None if new_key is None else keys.make(new_key)
    private = keys.read_private(made[0] if made is not None else str(key))
    place, not_covered = (None, ()) if writer is None else writer(private)
    return Signed(signature=place, key=private.public.fingerprint, new_key=made, not_covered=not_covered)


def _writer(what: Union["Run", str, Path]) -> Callable[[PrivateKey], tuple[Path, tuple[str, ...]]]:
    """What signs the run, or the log, that is meant, and says what its signature cannot show."""
    if isinstance(what, str | Path) and Path(what).is_file():
        log = Path(what)
        return lambda key: (signed_log.sign(log, key), signed_log.NEVER_COVERED)
    from clearsight.run import Run
    from clearsight.signatures import signed_run

    run = Run.open(what) if isinstance(what, str | Path) else what
    return lambda key: (signed_run.sign(run, key), signed_run.NOT_COVERED)
