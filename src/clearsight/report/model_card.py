"""The card as a Markdown model card with the front matter of the Hugging Face Hub, written by hand."""

import json
import re
from collections.abc import Sequence

from clearsight.quantities import counted, moment, number, score
from clearsight.report import annex_iv
from clearsight.report.folding import folded, heading, shared_limits
from clearsight.report.opening import opening
from clearsight.report.page import bill
from clearsight.report.series import Column, table
from clearsight.report.wording import (
    NOT_ASSESSED,
    QUESTIONS,
    VERDICTS,
    cells_of,
    cleaned,
    interval_of,
    name_of,
    sentence_case,
)
from clearsight.types import Card, Cost, Finding

# Hub names of our tasks: the value is the pipeline tag a reader filters by.
_PIPELINES = {
    "detection": "object-detection",
    "instance-segmentation": "image-segmentation",
    "classification": "image-classification",
    "semantic segmentation": "image-segmentation",
    "instance segmentation": "image-segmentation",
    "segmentation": "image-segmentation",
    "reconstruction": "image-to-image",
    "generation": "unconditional-image-generation",
    "super-resolution": "image-to-image",
    "colouring": "image-to-image",
    "denoising": "image-to-image",
}
_MARKS = re.compile(r"([\\`*_{}\[\]#|~$!@^])")
_MOST_ROWS = 30


def markdown(card: Card) -> str:
    """The model card of a card: front matter, then the six sections with every number, its n, interval and method.

    At the end stands where the items of Annex IV of the EU AI Act are in it, and which are missing.
    """
    card = cleaned(card)
    first = opening(card.findings)
    parts = [_front_matter(card), f"> **{escaped(first)}**" if first else "", f"# {escaped(card.title)}"]
    parts += [f"> **Warning:** {escaped(text)}" for text in card.warnings]
    parts.append(escaped(card.summary))
    if card.facts:
        parts.append(
            _bullets([f"**{escaped(sentence_case(name))}:** {escaped(text)}" for name, text in card.facts.items()])
        )
    if card.notes:
        parts += ["## Read this first", _bullets([escaped(note) for note in card.notes])]
    for question in QUESTIONS:
        mine = [finding for finding in card.findings if finding.question == question]
        parts.append(f"## {sentence_case(question)}")
        if not mine and not (question == "what it cost" and card.cost):
            parts.append(escaped(NOT_ASSESSED[question]))
        if question == "what it cost" and card.cost:
            parts.append(_bullets([f"**{name}:** {escaped(text)}" for name, text in bill(card.cost).rows]))
        for places in folded(mine):
            together = [mine[place] for place in places]
            parts += _finding(together[0]) if len(together) == 1 else _together(together)
    parts += _answers(card)
    parts += ["## EU AI Act, Annex IV: what is where", annex_iv.INTRODUCTION, "\n".join(annex_iv.rows(card, escaped))]
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: nothing in it is markup, a link, HTML or the start of a list."""
    text = " ".join(text.split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _MARKS.sub(r"\\\1", text)
    text = re.sub(r"(?i)\b(https?|ftp)(:)", r"\1\\\2", text)
    text = re.sub(r"(?i)\b(www)(\.)", r"\1\\\2", text)
    return re.sub(r"^([-+=]|\d+[.)](?=\s|$))", lambda start: start[0][:-1] + "\\" + start[0][-1], text)


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {text}" for text in lines)


def _finding(finding: Finding) -> list[str]:
    facts = [f"n = {counted(finding.n, finding.unit)}"]
    name = name_of(finding)
    if number(finding.value) is not None:
        facts.insert(0, f"{name}: {score(finding.value, finding.interval)}, interval {interval_of(finding)}")
    lines = [
        escaped("; ".join(facts)) + ".",
        f"Verdict: {VERDICTS[finding.verdict].lower()}.",
        f"Method: {escaped(finding.method)}",
        f"Does not show: {escaped(finding.limits)}",
    ]
    return [f"**{escaped(finding.claim)}**", _bullets(lines), _table(table(finding))]


def _together(findings: Sequence[Finding]) -> list[str]:
    """Findings of one method as one table, a heading above it, method and limits said once below it."""
    first, (limits, others) = findings[0], shared_limits(findings)
    verdict = [f"Verdict: {VERDICTS[first.verdict].lower()}."] if first.verdict != "none asked" else []
    lines = [["score", "value", "interval", "n", "what it says"], ["---", "---:", "---", "---", "---"]]
    for finding, own in zip(findings, others, strict=True):
        lines.append([escaped(cell) for cell in (*cells_of(finding), f"{finding.claim} {own}")])
    return [
        f"**{escaped(heading(findings))}**",
        "\n".join(f"| {' | '.join(cells)} |" for cells in lines),
        _bullets([*verdict, f"Method: {escaped(first.method)}", f"Does not show: {escaped(limits)}"]),
    ]


def _table(columns: tuple[Column, ...]) -> str:
    if not columns:
        return ""
    lines = [
        [escaped(column.heading) or " " for column in columns],
        ["---:" if column.numeric else "---" for column in columns],
        *([escaped(cell) or " " for cell in row] for row in zip(*(c.cells for c in columns), strict=True)),
    ]
    more = len(lines) - 2 - _MOST_ROWS
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in lines[: _MOST_ROWS + 2])
    return f"{text}\n\n{more} more rows are in report.html." if more > 0 else text


def _answers(card: Card) -> list[str]:
    parts = [_bullets([f"**Responsible:** {escaped(card.responsible or 'nobody has been named')}"])]
    if card.created:
        parts[0] += f"\n- **Written:** {escaped(moment(card.created))}"
    if card.untested:
        parts += ["What was not tested:", _bullets([escaped(item) for item in card.untested])]
    if card.provenance:
        parts.append("Where it came from:")
        parts.append(_bullets([f"{escaped(name)}: {escaped(value)}" for name, value in card.provenance.items()]))
    return parts


def _front_matter(card: Card) -> str:
    lines = ["---", "library_name: clearsight"]
    pipeline = _PIPELINES.get(card.task.casefold())
    if pipeline:
        lines.append(f"pipeline_tag: {pipeline}")
    lines += _licence(card)
    lines += ["tags:", "- clearsight", *([f"- {_quoted(card.task)}"] if card.task else [])]
    lines += _index(card, pipeline or _slug(card.task) or "other")
    if card.cost is not None:
        lines += _emissions(card.cost)
    return "\n".join([*lines, "---"])


def _licence(card: Card) -> list[str]:
    named = [value for name, value in card.facts.items() if name.casefold() in ("licence", "license")]
    if not named:
        return []
    known = named[0].strip().casefold()
    if re.fullmatch(r"[a-z][a-z0-9.-]*", known):
        return [f"license: {known}"]
    return ["license: other", f"license_name: {_quoted(named[0])}"]


def _index(card: Card, task: str) -> list[str]:
    scored = [f for f in card.findings if f.question == "what it does" and number(f.value) is not None]
    data = next((value for name, value in card.facts.items() if name.casefold() == "data"), "")
    if not scored or not data:
        return []
    lines = [
        "model-index:",
        f"- name: {_quoted(card.title)}",
        "  results:",
        "  - task:",
        f"      type: {_quoted(task)}",
    ]
    lines += [
        "    dataset:",
        f"      name: {_quoted(data)}",
        f"      type: {_quoted(_slug(data) or 'data')}",
        "    metrics:",
    ]
    for finding in scored:
        name = finding.metric + (f" ({finding.group})" if finding.group else "")
        lines += [f"    - type: {_quoted(_slug(finding.metric) or 'score')}", f"      value: {_value(finding)}"]
        lines += [f"      name: {_quoted(name)}"]
    return lines


def _value(finding: Finding) -> str:
    return repr(round(float(finding.value or 0.0), 6))


def _emissions(cost: Cost) -> list[str]:
    if cost.zone is None or cost.kg_co2e is None:
        return []
    return [
        "co2_eq_emissions:",
        f"  emissions: {float(f'{1000 * cost.kg_co2e[1]:.3g}')!r}",
        f"  source: {_quoted(f'clearsight, {cost.how}, grams, middle of {between_grams(cost)}')}",
        f"  geographical_location: {_quoted(cost.zone)}",
        f"  hardware_used: {_quoted(cost.device)}",
    ]


def between_grams(cost: Cost) -> str:
    """The range of the emissions in grams as plain text."""
    low, _, high = cost.kg_co2e or (0.0, 0.0, 0.0)
    return f"{1000 * low:.3g} to {1000 * high:.3g}"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:60]


def _quoted(text: str) -> str:
    """A YAML double-quoted scalar; control characters were made visible before, so JSON's quoting is YAML's."""
    return json.dumps(text, ensure_ascii=False)
