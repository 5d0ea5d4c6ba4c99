"""What was signed and what was verified, as text for a terminal."""

from clearsight.quantities import counted
from clearsight.signatures.verification import Verification
from clearsight.verbs.sign import Signed

SHOWN = 20
DIGITS = 16


def signed(found: Signed) -> str:
    """What was written, and what it cannot show."""
    lines = []
    if found.new_key is not None:
        private, public = found.new_key
        lines += [
            f"New key: {private}. Whoever has this file can sign in your name: keep it to yourself.",
            f"Public key: {public}. Give it to those who verify, another way than the run.",
        ]
    if found.signature is not None:
        lines.append(f"Signed: {found.signature}, by the key {found.key[:DIGITS]}.")
    return "\n".join(lines) + _not_covered(found.not_covered)


def verified(found: Verification) -> str:
    """The verdict, everything that is wrong, by whose key, and what it cannot show."""
    counts = counted(found.covered, "files" if found.what == "run" else "lines")
    lines = [f"{found.path}: {'unchanged' if found.valid else 'NOT as it was'}, {counts} compared."]
    lines += [f"  {problem}" for problem in found.problems[:SHOWN]]
    if len(found.problems) > SHOWN:
        lines.append(f"  and {len(found.problems) - SHOWN} more (see --json)")
    if found.signed:
        lines.append(f"Signed on {found.signed} by the key {found.key[:DIGITS]}, {_whose(found)}.")
    if found.responsible:
        lines.append(f"The report names as responsible: {found.responsible}.")
    return "\n".join([*lines, *found.notes]) + _not_covered(found.not_covered)


def _whose(found: Verification) -> str:
    return (
        "which you gave" if found.key_given else "which it names itself: --key PUBLIC tells whether it is the signer's"
    )


def _not_covered(items: tuple[str, ...]) -> str:
    return "".join(["\nThis does not show:", *(f"\n- {item}" for item in items)]) if items else ""
