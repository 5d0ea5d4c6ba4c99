"""What truncation does to minority groups: the mix of groups as the latents of a generator are scaled down.

Truncated pictures are more typical, and what is typical is the majority. The same noise is scaled for every truncation,
so the change is paired; a minority is a group below an even share of the training pictures.
"""

import numpy as np
from scipy import stats

from clearsight.audits.mixes import Mixes, how_well, limits_of_mix, mixes
from clearsight.audits.sentences import chance, joined
from clearsight.metrics.rates import holm
from clearsight.types import Finding, Request

NAMED = 4


def truncation(request: Request) -> tuple[Finding, ...]:
    """The shares of the groups at each truncation, and the change of the minorities' share.

    Nothing without several truncations, or where the mix of the first is not known.
    """
    several = [found for found in mixes(request) if len(found.pictures) > 1]
    known = [found for found in several if not found.too_weak and not found.unexplained(0)]
    return tuple(_refused(found) if _strange(found) else _finding(request, found) for found in known)


def _strange(found: Mixes) -> list[str]:
    """The truncations whose pictures look like no mix of real groups."""
    return [f"{scale:g}" for place, scale in enumerate(found.statistics.truncations) if found.unexplained(place)]


def _refused(found: Mixes) -> Finding:
    """What is said where truncated pictures are too unlike real ones."""
    attribute = found.statistics.attribute
    return Finding(
        question="whom it fails",
        claim=f"What truncation does to each {attribute} is not known: at {joined(_strange(found))} the pictures "
        "look to the classifier like no mix of the real groups. They are too unlike real pictures.",
        metric=f"change of the minority share of {attribute} by truncation",
        value=None,
        interval=None,
        n=found.pictures[-1],
        unit="generated pictures at each truncation",
        clusters=found.clusters,
        method="A corrected share lies below 0 by more than chance (Holm over the groups).",
        limits=limits_of_mix(found),
        group=attribute,
        verdict="insufficient",
    )


def _finding(request: Request, found: Mixes) -> Finding:
    statistics = found.statistics
    small = np.array(statistics.training_mix) < 1 / len(statistics.group_names)
    change, ends = _change(found, small, request.confidence)
    return Finding(
        question="whom it fails",
        claim=_claim(found, small, change, ends),
        metric=f"change of the minority share of {statistics.attribute} by truncation",
        value=change,
        interval=ends,
        n=found.pictures[-1],
        unit="generated pictures at each truncation",
        clusters=found.clusters,
        method=f"The same latents, scaled by {_scales(found)}; shares corrected for the errors of "
        f"the classifier ({how_well(found)}). {100 * request.confidence:g}% bootstrap intervals "
        f"({request.replicates} replicates of real and generated pictures); changes are paired by latent. P values are "
        "corrected for all groups (Holm).",
        limits=limits_of_mix(found),
        group=statistics.attribute,
        plot="curve" if len(statistics.group_names) <= 24 else None,
        series=_series(found),
        axes=("truncation", "share of the generated pictures"),
    )


def _change(found: Mixes, small: np.ndarray, confidence: float) -> tuple[float | None, tuple[float, float] | None]:
    """How the share of the small groups together changes from the first truncation to the last."""
    if not small.any():
        return None, None
    samples = (found.samples[:, -1] - found.samples[:, 0])[:, small].sum(1)
    known = samples[np.isfinite(samples)]
    value = float((found.values[-1] - found.values[0])[small].sum())
    tail = (1 - confidence) / 2
    low, high = np.quantile(known, [tail, 1 - tail]).tolist()
    return value, (min(low, value), max(high, value))


def _series(found: Mixes) -> dict[str, list]:
    rows: dict[str, list] = {"line": [], "x": [], "y": [], "low": [], "high": []}
    for group in found.groups:
        for place, scale in enumerate(found.statistics.truncations):
            ends = found.interval(place, group) or (None, None)
            cells = (found.statistics.group_names[group], scale, found.share(place, group), *ends)
            for column, cell in zip(rows, cells, strict=True):
                rows[column].append(cell)
    return rows


def _claim(found: Mixes, small: np.ndarray, change: float | None, ends: tuple[float, float] | None) -> str:
    statistics = found.statistics
    first, last = (f"{statistics.truncations[at]:g}" for at in (0, -1))
    names = [name for name, minority in zip(statistics.group_names, small, strict=True) if minority]
    before, after = (float(np.clip(found.values[at, small].sum(), 0, 1)) for at in (0, -1))
    if change is None or ends is None:
        start = f"No {statistics.attribute} is a minority in training."
    else:
        word = "falls" if ends[1] < 0 else "rises" if ends[0] > 0 else "does not change by more than chance"
        start = (
            f"From truncation {first} to {last} the share of the {statistics.attribute} minorities ({_listed(names)}) "
            f"{word}: {before:.1%} to {after:.1%}, a change of {100 * change:+.1f} points ({100 * ends[0]:+.1f} to "
            f"{100 * ends[1]:+.1f})."
        )
    changed = _changed(found)
    return f"{start} {changed}" if changed else start


def _changed(found: Mixes) -> str:
    """Which single groups change, the largest change first."""
    gaps, samples = found.values[-1] - found.values[0], found.samples[:, -1] - found.samples[:, 0]
    error = samples[np.isfinite(samples).all(1)].std(0, ddof=1)
    p = holm((2 * stats.norm.sf(np.abs(gaps) / np.maximum(error, 1e-12))).tolist())
    order = np.argsort(-np.abs(gaps), kind="stable").tolist()
    told = [
        f"{found.statistics.group_names[group]} {found.share(0, group):.1%} to {found.share(-1, group):.1%} "
        f"({chance(p[group])})"
        for group in order
        if p[group] < 1 - found.confidence and found.share(0, group) != found.share(-1, group)
    ]
    more = f", and {len(told) - NAMED} more" if len(told) > NAMED else ""
    return f"By more than chance change: {joined(told[:NAMED])}{more}." if told else ""


def _scales(found: Mixes) -> str:
    return joined([f"{scale:g}" for scale in found.statistics.truncations])


def _listed(names: list[str]) -> str:
    return joined(names) if len(names) <= NAMED else f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
