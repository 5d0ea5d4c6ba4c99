"""From the points of a report's plots to the pictures behind them: an address for each row of a finding's series."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from clearsight.audits.attributes import TIMES
from clearsight.browsing.asked import Asked
from clearsight.browsing.gallery import Gallery
from clearsight.types import Card, Evidence, Finding

COLUMN = "pictures"
OVERALL = ("all", "overall")


def with_leads(card: Card, gallery: Gallery, evidence: Evidence) -> Card:
    """The card whose plots and tables lead to their pictures, where it is known which these are.

    Addresses are relative to the gallery's own: ``/?class=cat``.
    """
    return replace(card, findings=tuple(_with(finding, gallery, evidence) for finding in card.findings))


def _with(finding: Finding, gallery: Gallery, evidence: Evidence) -> Finding:
    found = [None if asked is None else f"/?{asked.query()}" for asked in leads(finding, gallery, evidence)]
    if not any(found):
        return finding
    return replace(finding, series={**finding.series, COLUMN: found})


def leads(finding: Finding, gallery: Gallery, evidence: Evidence) -> list[Asked | None]:
    """What to ask for at each row of a finding's series; None where the pictures behind it are not known."""
    series = finding.series
    if finding.plot == "matrix":
        pairs = zip(series["truth"], series["answer"], strict=True)
        return [Asked(truth=str(truth), answer=str(answer)) for truth, answer in pairs]
    if finding.plot == "reliability":
        return _of_bins(series, evidence)
    if finding.plot in ("intervals", "bars"):
        return [_of_label(str(label), finding, gallery) for label in series["label"]]
    return []


def _of_bins(series: Mapping[str, Sequence[Any]], evidence: Evidence) -> list[Asked | None]:
    """The range of confidence of each bin: the bins hold the sorted claims one after the other."""
    claims = evidence.statistics.confidences()
    if claims is None or sum(series["n"]) != len(claims.score):
        return [None] * len(series["confidence"])
    scores, ends = np.sort(claims.score), np.cumsum([int(n) for n in series["n"]])
    starts = ends - np.array([int(n) for n in series["n"]])
    return [
        Asked(confidence=(float(scores[start]), float(scores[end - 1])), sort="confidence")
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]


def _of_label(label: str, finding: Finding, gallery: Gallery) -> Asked | None:
    attribute = finding.group or ""
    group = _group(attribute.split(TIMES), label.split(TIMES), gallery)
    if group is not None:
        return Asked(group=group)
    if attribute in gallery.groups and label.split(" ")[0] in OVERALL:
        return Asked()
    if label in gallery.slices:
        return Asked(slice=label)
    if label in gallery.class_names:
        return Asked(class_=label)
    return Asked(cause=label) if label in gallery.causes else None


def _group(attributes: Sequence[str], words: Sequence[str], gallery: Gallery) -> tuple[tuple[str, str], ...] | None:
    """The group, or the intersection of groups, of these names; None where it is none."""
    if len(attributes) != len(words):
        return None
    known = all(
        attribute in gallery.groups and word in gallery.groups[attribute].words
        for attribute, word in zip(attributes, words, strict=True)
    )
    return tuple(zip(attributes, words, strict=True)) if known else None
