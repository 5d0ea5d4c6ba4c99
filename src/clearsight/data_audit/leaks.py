"""What stands in two splits, as findings: equal files, pictures that are nearly the same, clusters."""

from clearsight.sources import Description
from clearsight.types import Finding

LISTED = 100


def leaks(found: Description) -> tuple[Finding, ...]:
    """A finding for each kind of leak; what was looked for and not found is said as well. None of one split."""
    if len(found.splits) < 2:
        return ()
    pictures = sum(split.pictures for split in found.splits.values())
    shared = [f"{one.seen} of {one.pictures} of {split}" for split, one in found.shared_splits.items()]
    return (
        _finding(
            "files equal byte for byte", found.duplicates, pictures,
            "Files are compared by a hash of their bytes.", {"files": [", ".join(one) for one in found.duplicates]},
        ),
        _finding(
            "pairs of pictures nearly the same", found.near_duplicates, pictures,
            "Pictures are compared by 256 bits of a perceptual hash; pairs that differ in few are confirmed by their "
            "fine structure.",
            {"first": [one.first for one in found.near_duplicates],
             "second": [one.second for one in found.near_duplicates],
             "bits that differ": [one.bits for one in found.near_duplicates]},
        ),
        _finding(
            "clusters in several splits", found.shared_clusters, pictures,
            "Clusters are those stated or inferred: " + (found.clustering.origin or "none are known") + "."
            + (f" Pictures of clusters that train has too: {', '.join(shared)}." if shared else ""),
            {"cluster": list(found.shared_clusters)},
        ),
    )  # fmt: skip


def _finding(what: str, found: tuple, pictures: int, method: str, series: dict[str, list]) -> Finding:
    some = len(found)
    return Finding(
        question="what is in two splits",
        claim=f"{some:,} {what} across splits: scores will be too good." if some else f"No {what} across splits.",
        metric=what,
        value=float(some),
        interval=None,
        n=pictures,
        unit="pictures",
        method=method,
        limits="Repeats that are cropped, turned or mirrored, and people whom no name or cluster tells, are not found.",
        series={name: column[:LISTED] for name, column in series.items()} if some else {},
    )
