"""What was found when something signed was verified."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Whether a run or a log of decisions is as it was, and what that rests on.

    ``problems`` names everything that is not, the first first; it is empty where ``valid``. ``covered`` counts the
    files of a run or the lines of a log. ``key`` is the fingerprint of the signer's public key, "" where nothing is
    signed, and ``key_given`` whether the reader named that key. ``signed`` is when the signer's clock said it was
    signed, and ``responsible`` who the report says answers for it. ``notes`` are worth knowing, and ``not_covered``
    says what this cannot show.
    """

    what: Literal["run", "log"]
    path: str
    valid: bool
    problems: tuple[str, ...]
    covered: int
    key: str = ""
    key_given: bool = False
    signed: str = ""
    responsible: str | None = None
    notes: tuple[str, ...] = ()
    not_covered: tuple[str, ...] = ()
