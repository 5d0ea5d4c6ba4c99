"""Consistency of a chat bot: a question restated, reordered and asked again, and questions that cannot be true."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clearsight.metrics.resample import Estimate, Resampling
from clearsight.probes import shares
from clearsight.probes.numbers import IMPOSSIBLE, read_answer
from clearsight.probes.probe import Judging, Probe, Row, Turn
from clearsight.probes.references import CALCULATORS
from clearsight.sources.problems import DataError
from clearsight.types import Evidence, Finding, Metric

FALSE = "false premise"
ROLES = ("original", "restated", "reordered", FALSE)
AGAIN = "asked again"
ASKS_FOR = (
    " Answer with one number alone. If what the question says cannot be true, answer with the word impossible instead."
)
CHANGED = shares.mean_of("changed answers", "the share of repeats with another answer than the original question")
WRONG = shares.mean_of("wrong answers", "the share of answers that are wrong")
BELIEVED = shares.mean_of("false premises accepted", "the share of impossible questions that are answered")
LIMITS = (
    "The last number of a reply is taken for its answer, and a reply without a number for no answer, which is wrong "
    "and never the same. Small sums from everyday life in English: nothing is said of other kinds of reasoning."
)


def _turns(rows: Sequence[Row]) -> tuple[Turn, ...]:
    """Every question once, then the original ones again."""
    first = [Turn(text=row["text"] + ASKS_FOR, row=at, phase=row["role"]) for at, row in enumerate(rows)]
    again = [Turn(text=turn.text, row=turn.row, phase=AGAIN) for turn in first if turn.phase == "original"]
    return (*first, *again)


def _judge(
    rows: Sequence[Row], turns: Sequence[Turn], replies: Sequence[str], judging: Judging
) -> tuple[Evidence, tuple[str, ...]]:
    answers = [read_answer(reply) for reply in replies]
    originals = {rows[turn.row]["family"]: one for turn, one in zip(turns, answers, strict=True) if _is_original(turn)}
    values: dict[str, list[float]] = {
        name: [] for name in ("changed answers", "wrong answers", "false premises accepted")
    }
    read = []
    for turn, answer in zip(turns, answers, strict=True):
        row, false = rows[turn.row], turn.phase == FALSE
        wrong = float(not _right(answer, row))
        first = originals.get(row["family"])
        repeat = not false and not _is_original(turn)
        values["changed answers"].append(float(answer is None or answer != first) if repeat else np.nan)
        values["wrong answers"].append(np.nan if false else wrong)
        values["false premises accepted"].append(wrong if false else np.nan)
        said = "no answer" if answer is None else answer if isinstance(answer, str) else f"{answer:g}"
        read.append(f"{said}, {'wrong' if wrong else 'right'}")
    families = [rows[turn.row]["family"] for turn in turns]
    kinds = {"kind": [turn.phase for turn in turns]}
    return shares.evidence_of("consistency", values, families, kinds, "replies"), tuple(read)


def _is_original(turn: Turn) -> bool:
    return turn.phase == "original"


def _right(answer: float | str | None, row: Row) -> bool:
    expected = read_answer(row["answer"])
    if expected is None or (expected == IMPOSSIBLE) != (row["role"] == FALSE):
        raise DataError(
            f"the answer to {row['text']!r} is {row['answer']!r}. Expected a number, or {IMPOSSIBLE} where the role is "
            f"{FALSE}. Correct the table."
        )
    if isinstance(answer, str) or isinstance(expected, str) or answer is None:
        return answer == expected
    return abs(answer - expected) < 1e-6


def _findings(evidence: Evidence, judging: Judging) -> tuple[Finding, ...]:
    weights = shares.drawn(evidence, judging)
    words = {
        CHANGED.name: "of its answers change when the same question is restated, reordered or asked again",
        WRONG.name: "of its answers are wrong",
        BELIEVED.name: "of the questions that cannot be true get an answer all the same",
    }
    kinds = {
        CHANGED.name: ("restated", "reordered", AGAIN),
        WRONG.name: ("original", "restated", "reordered", AGAIN),
        BELIEVED.name: (),
    }
    return tuple(
        _finding(metric, words[metric.name], kinds[metric.name], (evidence, weights, judging))
        for metric in (CHANGED, WRONG, BELIEVED)
    )


def _finding(metric: Metric, words: str, kinds: Sequence[str], given: tuple[Evidence, Resampling, Judging]) -> Finding:
    evidence, weights, judging = given
    whole = shares.share(metric, evidence, weights, judging)
    verdict = shares.verdict_of(whole.value, whole.interval, judging.tolerated)
    limit = shares.percent(judging.tolerated)
    after = {"fail": f", more than the {limit} tolerated.", "pass": f", within the {limit} tolerated."}
    named: list[tuple[str, Estimate, str | None]] = [("all", whole, None)]
    for kind in kinds:
        rows = evidence.groups["kind"] == kind
        named.append((kind, shares.share(metric, evidence, weights, judging, rows), None))
    return Finding(
        question="what it does",
        claim=f"{shares.percent(whole.value, whole.interval)} {words}"
        + after.get(verdict, f"; whether that is within {limit} cannot be told."),
        metric=metric.name,
        value=whole.value,
        interval=whole.interval,
        n=whole.images,
        unit=evidence.unit,
        clusters=whole.clusters,
        method=shares.method_of(judging, whole.clusters, "families of questions").strip(),
        limits=LIMITS,
        verdict=verdict,
        plot="intervals" if kinds else None,
        series=shares.plotted(named) if kinds else {},
        axes=(metric.meaning,),
    )


consistency = Probe(
    name="consistency",
    title="Consistency of a chat bot in small sums",
    asked={"what it does": "Whether the same question gets the same answer, a right one, and an impossible one none."},
    sample=Path(__file__).with_name("families.csv"),
    columns={"family": (), "role": ROLES, "text": (), "answer": ()},
    cluster="family",
    turns=_turns,
    judge=_judge,
    findings=_findings,
    references=CALCULATORS,
)
