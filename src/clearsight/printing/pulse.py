"""Restorations of small pictures, as text for a terminal and as plain values."""

import math
import textwrap
from pathlib import Path
from typing import Any

from clearsight.audits.sentences import times
from clearsight.files.credentials import said
from clearsight.printing.results import plain as plain_values
from clearsight.quantities import counted
from clearsight.report.opening import MUST_NOT_IDENTIFY, opening
from clearsight.verbs.pulse import Pulsed

WIDTH, NAMED = 88, 5
FOLLOWED = {
    "weights": "the generator was tuned for each of these pictures, so they are less what it holds to be likely",
    "projection": "the nearest pictures that agree were taken, which no generator made",
}


def plain(found: Pulsed) -> dict[str, Any]:
    """What was restored and, of an audit, what was found, as JSON values."""
    content = {
        **found.about,
        "inputs": len(found.names),
        "unmatched": list(found.unmatched),
        "left out": list(found.skipped),
        "restored": list(found.rows),
        "files": [str(path) for path in found.files],
    }
    if found.card is not None:
        content |= {"opening": opening(found.findings), "findings": plain_values(found.findings)}
    return content


def pulsed(found: Pulsed, run: str) -> str:
    """That it is imagined, how near it came, how many could not be matched, and where it is."""
    if found.card is not None:
        claims = [finding.claim for finding in found.findings if finding.series or finding.value is not None]
        refused = [finding.claim for finding in found.findings if finding.verdict == "insufficient"]
        parts = [opening(found.findings), *claims, *(one for one in refused if one not in claims)]
        parts.append(f"Report: {Path(run) / 'report.html'}")
    else:
        parts = [MUST_NOT_IDENTIFY, _how_near(found)]
    if found.files:
        folder = found.files[0].parent
        parts.append(
            f"{folder}: {counted(len(found.rows), 'pictures')}, {found.files[-2].name}, {found.files[-1].name}"
        )
        parts.append(said())
    return "\n\n".join(textwrap.fill(part, WIDTH, break_on_hyphens=False) for part in parts)


def _how_near(found: Pulsed) -> str:
    """How many were matched, and by what."""
    about, rows = found.about, found.rows
    wanted = f"{-10 * math.log10(about['epsilon']):.0f} dB"
    near = [row for row in rows if row["matched"]]
    mean = sum(row["psnr_db"] for row in rows) / len(rows)
    text = (
        f"{counted(len(found.names), 'pictures')} restored {about['factor']} times larger, each "
        f"{times(about['restarts'])}: {len(near)} of {len(rows)} restorations, made small again, are within {wanted} "
        f"of what was given (mean {mean:.1f} dB)."
    )
    followed = sum(row["how"] != "search" for row in rows)
    if followed:
        text += f" For {followed} of them the search found none so near: {FOLLOWED[about['finish']]}."
    if found.unmatched:
        named = ", ".join(found.unmatched[:NAMED]) + (" and others" if len(found.unmatched) > NAMED else "")
        text += (
            f" Of {counted(len(found.unmatched), 'pictures')} none came so near: {named}. The generator makes nothing "
            "that looks so when it is small. More --restarts or --steps may find it; --finish weights or projection "
            "agrees with it at the price of the generator's own judgement."
        )
    return text
