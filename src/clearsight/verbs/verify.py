"""Verify a signed run, or a log of decisions: whether anything was changed, and what first."""

from pathlib import Path
from typing import TYPE_CHECKING, Union

from clearsight.signatures import keys, signed_log
from clearsight.signatures.verification import Verification

if TYPE_CHECKING:  # a log is read without a run, and so without torch
    from clearsight.run import Run


def verify(what: Union["Run", str, Path], *, key: str | Path | None = None) -> Verification:
    """Compare a run folder, or a log of decisions, with what was signed or chained; without network.

    Args:
        what: a signed run folder, or a log that ``predict --log`` wrote.
        key: the signer's public key, a PEM file that came another way than the run. Without it, a signature is checked
            by the key it names itself: that shows that nothing was changed, and not who signed.

    Raises:
        ValueError: there is no such run or log, it is not signed, or the key cannot be read.
    """
    public = None if key is None else keys.read_public(key)
    if isinstance(what, str | Path) and Path(what).is_file():
        return signed_log.verify(Path(what), public)
    from clearsight.run import Run
    from clearsight.signatures import signed_run

    return signed_run.verify(Run.open(what) if isinstance(what, str | Path) else what, public)
