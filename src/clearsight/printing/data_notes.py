"""What is worth a look in some data before training, in short lines for a terminal."""

from collections import Counter

from clearsight.label_checks import page
from clearsight.label_checks.problems import KINDS
from clearsight.sources import Description
from clearsight.sources.samples.clustering import NONE
from clearsight.types import FEW_CLUSTERS

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


def clusters(found: Description) -> list[str]:
    """Which pictures belong together, how that is known, and an example."""
    about = found.clustering
    if not about.clusters:
        asked = about.choice != NONE and not any(split.clusters < split.pictures for split in found.splits.values())
        return ["clusters: none were found: every picture stands for itself."] if asked else []
    name, *ids = about.example
    several = "s" if about.clusters > 1 else ""
    change = "" if about.stated else " Another choice: --cluster none, or --cluster COLUMN of the attributes."
    return [
        f"clusters: {about.pictures} pictures belong to {about.clusters} cluster{several}, {about.origin}: such as "
        f"{name} ({', '.join(ids)}, ...).{change}"
    ]


def shared(found: Description) -> list[str]:
    """That clusters of the training part are judged on as well, and the way out."""
    lines = []
    for split, one in found.shared_splits.items():
        some = f"all {one.pictures}" if one.seen == one.pictures else f"{one.seen} of {one.pictures}"
        if one.left_out >= FEW_CLUSTERS:
            beyond = f"The score on the {one.left_out} clusters left out of training is given beside it."
        else:
            several = "s are" if one.left_out > 1 else " is"
            beyond = (
                f"{one.left_out or 'No'} cluster{several} left out of training, and it takes at least {FEW_CLUSTERS} "
                "to judge by."
            )
        lines.append(
            f"{split}: {some} pictures are of clusters that train has too, so scores on them will be too good. "
            f"{beyond} --resplit divides the pictures anew, by whole clusters."
        )
    if not lines and found.shared_clusters:
        lines.append(f"{len(found.shared_clusters)} clusters are in several splits: scores will be too good.")
    return lines


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
