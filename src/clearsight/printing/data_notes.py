"""What is worth a look in some data before training, in short lines for a terminal."""

from collections import Counter

from clearsight.label_checks import page
from clearsight.label_checks.problems import KINDS
from clearsight.sources import Description

FIRST = 3


def worth_a_look(found: Description) -> list[str]:
    """Near-duplicates, classes with few examples, small objects and likely problems of the labels."""
    lines = []
    # Pictures equal to the last byte are told of elsewhere.
    near = found.near_duplicates
    if near:
        lines.append(
            f"{len(near)} pair{'s' * (len(near) > 1)} of pictures in two splits nearly the same: scores will be "
            + "too good. "
            + "; ".join(f"{pair.first} = {pair.second}" for pair in near[:FIRST])
            + _more(len(near))
        )
    lines += [one.said for one in found.few[: 2 * FIRST]]
    if len(found.few) > 2 * FIRST:
        lines.append(f"and {len(found.few) - 2 * FIRST} more classes with under 30 examples in a split (see --json).")
    if found.box_sizes is not None and found.box_sizes.advice:
        lines.append(found.box_sizes.advice + ".")
    return lines + _likely(found)


def _likely(found: Description) -> list[str]:
    """Likely problems of the labels by kind, the surest of each named."""
    counts = Counter(one.kind for one in found.likely_problems)
    names = {"missing box": "boxes may be missing", "wrong class": "boxes may have a wrong class",
             "misplaced box": "boxes may be badly placed"}  # fmt: skip
    lines = []
    for kind in KINDS:
        if counts[kind]:
            first = [one for one in found.likely_problems if one.kind == kind][:FIRST]
            told = "; ".join(f"{one.id} ({page.words(one)})" for one in first)
            lines.append(f"{counts[kind]} {names[kind]}, the surest first: {told}{_more(counts[kind])}")
    if found.problems_page:
        lines.append(f"pictures of them: {found.problems_page}")
    return lines


def _more(count: int) -> str:
    return f"; and {count - FIRST} more." if count > FIRST else "."
