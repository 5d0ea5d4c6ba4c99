"""What an audit of data found, in sentences: for the terminal and for the page alike."""

from collections.abc import Sequence

from clearsight.audits.sentences import chance
from clearsight.data_audit.associations import Pair
from clearsight.data_audit.balance import Balance
from clearsight.data_audit.representation import GAP, HALF_WIDTH, POWER, RATE, CellOfGroups
from clearsight.quantities import count
from clearsight.sources.problems import shown

PRESENCE = ("absent", "present")
HALF = 0.5


def share(value: float) -> str:
    """A share in per cent, with one more digit below ten of them."""
    return f"{100 * value:.1f}%" if value >= 0.001 or value == 0 else f"{100 * value:.2g}%"


def limits(interval: tuple[float, float] | None) -> str:
    """An interval of a share, in brackets; "" where there is none."""
    return "" if interval is None else f" ({share(interval[0])} to {share(interval[1])})"


def beaten(one: Balance, unit: str) -> str:
    """What always giving one answer scores, and what it would take to avoid half of its errors."""
    half = f"{share(one.score_for(HALF))} avoids half of its errors."
    if one.trivial_blank_absent is not None:
        return (
            f"{shown(one.label, 60)}: always {one.answer} is right for {share(one.trivial)}{limits(one.interval)} of "
            f"the {count(one.known)} {unit} where it is known ({half[:-1]}); always absent for "
            f"{share(one.trivial_blank_absent)} of all {unit}, if blank means absent."
        )
    known = f"of {count(one.known)} {unit}, balanced accuracy {share(one.balanced)}"
    if tuple(one.counts) == PRESENCE:
        return (
            f"Pictures with {shown(one.label, 60)}: always answering {one.answer} is right for "
            f"{share(one.trivial)}{limits(one.interval)} {known}. {half}"
        )
    return (
        f"Always answering {shown(one.answer, 60)} is right for {share(one.trivial)}{limits(one.interval)} {known}. "
        f"An accuracy of {half}"
    )


def represented(cell: CellOfGroups) -> str:
    """A cell's share, beside what the reference expects."""
    said = f"{shown(cell.name, 120)}: {share(cell.share)}{limits(cell.interval)}"
    if cell.expected is None or cell.p is None:
        return said
    times = f", {cell.share / cell.expected:.2g} times as many" if cell.expected > 0 else ""
    return f"{said}, expected {share(cell.expected)}{times}, {chance(cell.p)}"


def rule_of_size(cells: Sequence[CellOfGroups], judged_on: str) -> str:
    """How many independent rows such cells need, and what for."""
    gaps = [cell.needed_for_gap for cell in cells if cell.needed_for_gap is not None]
    gap = (
        f"{count(max(gaps))} to find, in {100 * POWER:.0f} of 100 cases, that the rate is {100 * GAP:.0f} points below "
        f"the {100 * RATE:.0f}% of all others"
        if gaps
        else "and all others are too few to compare with"
    )
    return (
        f"Each needs {count(cells[0].needed_for_interval)} for an interval of {100 * HALF_WIDTH:.0f} points to either "
        f"side of a rate of {100 * RATE:.0f}%, {gap}. Counted on {judged_on}, clusters once."
    )


def together(pair: Pair) -> str:
    """How two columns go together: the two ends of a binary one, else the cell that stands out most."""
    strength = f"V {pair.v:.2f} ({pair.interval[0]:.2f} to {pair.interval[1]:.2f}), {chance(pair.p)}"
    if pair.others == PRESENCE and pair.kind == "group and label":
        rates = [(row[1] / sum(row), value) for row, value in zip(pair.counts, pair.values, strict=True)]
        high, low = max(rates), min(rates)
        return (
            f"{shown(pair.second, 60)} is present in {share(high[0])} where {shown(pair.first, 60)} is "
            f"{shown(high[1], 60)}, {share(low[0])} where it is {shown(low[1], 60)}: {strength}"
        )
    value, other = (shown(word, 60) for word in pair.most)
    return (
        f"{shown(pair.first, 60)} = {value} goes with {shown(pair.second, 60)} = {other}: {count(pair.most_rows)} "
        f"times, {count(pair.most_expected)} were they independent; {strength}"
    )


def rare(pair: Pair) -> str:
    """The combination that falls short most."""
    return (
        f"Rarest: {shown(pair.rarest[0], 60)} with {shown(pair.rarest[1], 60)}, {count(pair.rarest_rows)} instead of "
        f"{count(pair.rarest_expected)}."
    )
