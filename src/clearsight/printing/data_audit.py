"""The audit of some data for a terminal: the most important of each part, the rest by ``--json`` or ``--out``."""

from clearsight.data_audit import sentences
from clearsight.data_audit.audit import DataAudit
from clearsight.data_audit.page import different
from clearsight.data_audit.representation import CellOfGroups
from clearsight.quantities import count
from clearsight.sources.problems import shown

FIRST, NAMED = 5, 6


def audited(found: DataAudit) -> list[str]:
    """A block of text for each part that has something to say."""
    blocks = [
        _block("what a model must beat", [sentences.beaten(one, found.unit) for one in found.balances]),
        *_who(found),
        *_together(found),
    ]
    blocks += [f"note: {note}." for note in found.notes]
    if found.page:
        blocks.append(f"Page: {found.page}")
    return [block for block in blocks if block]


def _block(title: str, lines: list[str]) -> str:
    if not lines:
        return ""
    first = lines[:FIRST]
    if len(lines) > FIRST:
        first.append(f"and {len(lines) - FIRST} more (see --json or --out).")
    return f"{title}:\n" + "\n".join(f"  {line}" for line in first)


def _who(found: DataAudit) -> list[str]:
    who = found.representation
    if not who.cells:
        return []
    off = different(found)
    blocks = []
    if who.tests and off:
        title = f"who is in the data, beside {who.reference}: {len(off)} of {who.tests} shares differ beyond chance"
        blocks.append(_block(title, [sentences.represented(cell) for cell in off]))
    elif who.tests:
        blocks.append(f"who is in the data, beside {who.reference}: no share differs beyond chance.")
    else:
        single = sorted((cell for cell in who.cells if len(cell.attributes) == 1), key=lambda cell: cell.share)
        title = "who is in the data, the rarest groups (declare what you expect with --reference)"
        blocks.append(_block(title, [sentences.represented(cell) for cell in single]))
    small = sorted((cell for cell in who.cells if cell.too_small), key=lambda cell: (len(cell.attributes), cell.judged))
    return [*blocks, _small(found, small)] if small else blocks


def _small(found: DataAudit, small: list[CellOfGroups]) -> str:
    named = [f"{shown(cell.name, 80)} ({count(cell.judged)})" for cell in small[:NAMED]]
    more = f", and {len(small) - NAMED} more" if len(small) > NAMED else ""
    return (
        f"too small to judge, {len(small)} of {count(len(found.representation.cells))} groups and intersections:\n"
        f"  {'; '.join(named)}{more}.\n  {sentences.rule_of_size(small, found.judged_on)}"
    )


def _together(found: DataAudit) -> list[str]:
    pairs = found.associations.pairs
    if not pairs:
        return []
    notable = [pair for pair in pairs if pair.notable]
    if not notable:
        return [f"what goes together: nothing by more than chance and Cramér's V 0.1, of {len(pairs)} pairs."]
    title = f"what goes together, {len(notable)} of {len(pairs)} pairs (a model may take one for the other)"
    return [_block(title, [f"{sentences.together(pair)}. {sentences.rare(pair)}" for pair in notable])]
