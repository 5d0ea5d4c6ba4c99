"""The verdict of a policy as Markdown for a person, and as JUnit XML for a continuous integration."""

import re
from xml.etree import ElementTree

from clearsight.acceptance.decision import Check, Gated
from clearsight.quantities import counted, significant
from clearsight.report.model_card import escaped
from clearsight.report.wording import VERDICTS

# Characters that XML 1.0 cannot hold.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def markdown(found: Gated) -> str:
    """A heading with the verdict, a table with a line for each threshold, and how it was judged."""
    cells = [
        ("what", "limit", "value", f"bounds ({found.confidence:.0%} each)", "n", "verdict", "why"),
        ("---", "---", "---:", "---", "---:", "---", "---"),
        *(tuple(map(escaped, _cells(check))) for check in found.checks),
    ]
    against = (
        f" Changes are to {escaped(found.against)}, on the same pictures; worse is positive." if found.against else ""
    )
    parts = [
        f"## Gate: {VERDICTS[found.verdict].lower()}",
        f"{escaped(found.title)} ({escaped(found.run)}): {tally(found)}.{against}",
        "\n".join(f"| {' | '.join(row)} |" for row in cells),
        method(found),
        *map(escaped, found.notes),
    ]
    return "\n\n".join(parts) + "\n"


def junit(found: Gated) -> bytes:
    """A test suite with a test case for each threshold; one of insufficient evidence is an error, not a failure."""
    counts = {kind: sum(check.verdict == kind for check in found.checks) for kind in ("fail", "insufficient")}
    numbers = {"tests": len(found.checks), "failures": counts["fail"], "errors": counts["insufficient"], "skipped": 0}
    about = {"name": "clearsight gate", **{name: str(value) for name, value in numbers.items()}}
    suites = ElementTree.Element("testsuites", about)
    suite = ElementTree.SubElement(suites, "testsuite", about)
    for check in found.checks:
        names = {"classname": _xml(found.run), "name": _xml(f"{title(check)} {check.limit}"), "time": "0"}
        case = ElementTree.SubElement(suite, "testcase", names)
        if check.verdict != "pass":
            kind = "failure" if check.verdict == "fail" else "error"
            said = ElementTree.SubElement(case, kind, {"type": check.verdict, "message": _xml(check.reason)})
            said.text = _xml(sentence(check))
    ElementTree.indent(suites)
    content: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def tally(found: Gated) -> str:
    """How many thresholds were kept, broken and undecided."""
    kinds = {"fail": "broken", "insufficient": "undecided", "pass": "kept"}
    counts = {kind: sum(check.verdict == kind for check in found.checks) for kind in kinds}
    return f"{counted(len(found.checks), 'thresholds')}: " + ", ".join(
        f"{count} {kinds[kind]}" for kind, count in counts.items() if count
    )


def method(found: Gated) -> str:
    """How the thresholds were judged, in a sentence."""
    return (
        f"A limit is broken where a one-sided test at {1 - found.confidence:.2g} says so after Holm's correction for "
        f"{counted(found.tested, 'tested thresholds')}, kept where one says that it is kept, and else undecided; other "
        "thresholds are decided as their line says."
    )


def title(check: Check) -> str:
    """What a check is about: its name where it has one, the metric, and the group."""
    said = check.metric + (f", {check.group}" if check.group else "")
    return f"{check.name}: {said}" if check.name else said


def sentence(check: Check) -> str:
    """A check in one line."""
    what, limit, value, bounds, n, _, why = _cells(check)
    between = f" [{bounds}]" if bounds else ""
    return f"{what} is {value}{between} on {n}; the limit is {limit}: {why}."


def _cells(check: Check) -> tuple[str, ...]:
    value = "not known" if check.value is None else significant(check.value)
    if check.before is not None:
        value += f" worse than {significant(check.before)}"
    bounds = "" if check.bounds is None else " to ".join(significant(end) for end in check.bounds)
    n = counted(check.n, check.unit)
    return title(check), check.limit, value, bounds, n, VERDICTS[check.verdict].lower(), check.reason


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
