"""What an experiment with generated pictures found, as text for a terminal and as plain values for JSON."""

from typing import Any

from clearsight.files.records import to_json
from clearsight.printing.columns import table
from clearsight.rare_classes.arms import Arm
from clearsight.rare_classes.results import Augmented
from clearsight.rare_classes.verdict import ACCURACY, BALANCED, PRECISION, RECALL, Score

SHOWN = (RECALL, PRECISION, BALANCED, ACCURACY)


def plain(found: Augmented) -> Any:
    """The result as JSON values."""
    return to_json(found)


def augmented(found: Augmented) -> str:
    """The verdict, what every method reaches, and the gains that it stands on."""
    rows: list[tuple[str, ...]] = [("method, real:added", *SHOWN)]
    for arm in found.arms:
        rows.append((str(Arm(method=arm.method, ratio=arm.ratio)), *(_said(arm.scores[name]) for name in SHOWN)))
    gains: list[tuple[str, ...]] = [
        ("recall with generated pictures, minus that of", *(f"at 1:{ratio:g}" for ratio in found.ratios))
    ]
    mine = [one for one in found.gains if one.metric == RECALL]
    for other in dict.fromkeys(one.against for one in mine):
        cells = [next(one for one in mine if (one.ratio, one.against) == (r, other)) for r in found.ratios]
        gains.append((other, *(_signed(one.value, one.interval) for one in cells)))
    counts = found.counts
    return "\n".join(
        [
            found.claim,
            "",
            table(rows),
            f"95% intervals over {found.seeds} seeds and {counts['held out']} pictures of the split {found.split}, "
            f"{counts['held out of the class']} of them {found.class_name}. Recall and precision are those of "
            f"{found.class_name}.",
            "",
            table(gains),
            f"{found.confidence:.1%} intervals, paired. Generated pictures help where a whole column is above 0.",
            "",
            str(found.copies),
            f"Page: {found.page}",
        ]
    )


def _said(score: Score) -> str:
    ends = "" if score.interval is None else f" [{score.interval[0]:.3f}, {score.interval[1]:.3f}]"
    return f"{score.value:.3f}{ends}"


def _signed(value: float, interval: tuple[float, float] | None) -> str:
    return f"{value:+.3f}" + ("" if interval is None else f" [{interval[0]:+.3f}, {interval[1]:+.3f}]")
