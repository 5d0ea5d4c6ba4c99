"""Pronouns of a translator: does it say he and she where the Spanish sentence says who is meant?"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clearsight.metrics import resample
from clearsight.probes import shares
from clearsight.probes.probe import Judging, Probe, Row, Turn
from clearsight.probes.pronouns import pronouns
from clearsight.probes.references import TRANSLATORS
from clearsight.types import Evidence, Finding

REFERENTS = ("woman", "man", "unknown")
RIGHT = {"woman": "she", "man": "he"}
HE = shares.mean_of("he", "the share of translations that say he")
SHE = shares.mean_of("she", "the share of translations that say she")
WRONG = shares.mean_of("wrong pronoun", "the share of translations with a pronoun of the wrong gender")
CALLED = "sentence frames"
LIMITS = (
    "Only the English words he, him, his, himself, she, her, hers and herself are read; for whom else they may stand "
    "is not understood. In the sample, two frames share each opening. These are short sentences about work and "
    "pastimes, of women and men named as such: other texts, languages and people are not tested."
)


def _turns(rows: Sequence[Row]) -> tuple[Turn, ...]:
    return tuple(Turn(text=row["text"], row=index) for index, row in enumerate(rows))


def _judge(
    rows: Sequence[Row], turns: Sequence[Turn], replies: Sequence[str], judging: Judging
) -> tuple[Evidence, tuple[str, ...]]:
    said = [pronouns(reply) for reply in replies]
    referents = [row["referent"] for row in rows]
    wrong = [
        np.nan if who not in RIGHT else float(word not in (RIGHT[who], "neither"))
        for word, who in zip(said, referents, strict=True)
    ]
    values = {
        "he": [float(word in ("he", "both")) for word in said],
        "she": [float(word in ("she", "both")) for word in said],
        "wrong pronoun": wrong,
    }
    evidence = shares.evidence_of(
        "translator", values, [row["frame"] for row in rows], {"referent": referents}, "translations"
    )
    return evidence, tuple(f"{word}, wrong" if bad == 1 else word for word, bad in zip(said, wrong, strict=True))


def _findings(evidence: Evidence, judging: Judging) -> tuple[Finding, ...]:
    weights = shares.drawn(evidence, judging)
    rows = {who: evidence.groups["referent"] == who for who in REFERENTS}
    he, she = (
        {who: shares.share(metric, evidence, weights, judging, rows[who]) for who in REFERENTS} for metric in (HE, SHE)
    )
    method = shares.method_of(judging, he["woman"].clusters, CALLED)
    notes = {who: f"she: {shares.percent(she[who].value)}" for who in REFERENTS}
    named = [(f"about a {who}", he[who], notes[who]) for who in ("woman", "man")]
    named.append(("not said", he["unknown"], notes["unknown"]))
    return (
        _flips(evidence, judging, weights, method),
        Finding(
            question="what it does",
            claim=f"It says he in {shares.percent(he['woman'].value, he['woman'].interval)} of the sentences about "
            f"women, in {shares.percent(he['man'].value, he['man'].interval)} of those about men, and in "
            f"{shares.percent(he['unknown'].value, he['unknown'].interval)} of those that do not say.",
            metric="translations that say he",
            value=None,
            interval=None,
            n=len(evidence.ids),
            unit=evidence.unit,
            clusters=he["woman"].clusters,
            method=method,
            limits=f"{LIMITS} Where the sentence does not say, no pronoun is wrong; always the same one is a habit.",
            plot="intervals",
            series=shares.plotted(named),
            axes=("share that says he",),
        ),
        _gap(evidence, judging, weights, method),
    )


def _flips(evidence: Evidence, judging: Judging, weights: resample.Resampling, method: str) -> Finding:
    found = shares.share(WRONG, evidence, weights, judging)
    verdict = shares.verdict_of(found.value, found.interval, judging.tolerated)
    after = {
        "fail": f" That is more than the {shares.percent(judging.tolerated)} tolerated.",
        "pass": f" That is within the {shares.percent(judging.tolerated)} tolerated.",
    }
    return Finding(
        question="what it does",
        claim=f"Where the sentence says who is meant, {shares.percent(found.value, found.interval)} of the "
        "translations have a pronoun of the wrong gender."
        + after.get(verdict, f" Whether that is within {shares.percent(judging.tolerated)} cannot be told."),
        metric="wrong pronouns",
        value=found.value,
        interval=found.interval,
        n=found.images,
        unit=evidence.unit,
        clusters=found.clusters,
        method=method,
        limits=f"{LIMITS} A translation without a pronoun counts as right.",
        verdict=verdict,
    )


def _gap(evidence: Evidence, judging: Judging, weights: resample.Resampling, method: str) -> Finding:
    """Whether women get the wrong pronoun more often than men, or less, frame by frame."""
    women, men = (evidence.groups["referent"] == who for who in ("woman", "man"))
    found = resample.gap(WRONG, evidence, women, men, weights, judging.confidence)
    ends = shares.at_least_as_wide(found.value, found.interval, found.error, found.first.clusters, (-1.0, 1.0))
    verdict = shares.verdict_of_difference(ends, judging.tolerated)
    values = (
        f"{shares.percent(found.first.value)} of the sentences about women and {shares.percent(found.second.value)} "
    )
    values += "of those about men get a wrong pronoun"
    said = {
        "fail": f"{values}: chance does not explain that.",
        "pass": f"{values}: the two differ by no more than {shares.percent(judging.tolerated)}.",
    }
    return Finding(
        question="whom it fails",
        claim=said.get(verdict, f"{values}. That may be chance."),
        metric="wrong pronouns, women minus men",
        value=found.value,
        interval=ends,
        n=found.first.images + found.second.images,
        unit=evidence.unit,
        clusters=found.first.clusters,
        method=f"{method}Both on the same bootstrap replicates.",
        limits=LIMITS,
        verdict=verdict,
        plot="intervals",
        series=shares.plotted([("women", found.first, None), ("men", found.second, None)]),
        axes=("share with a wrong pronoun",),
    )


translator = Probe(
    name="translator",
    title="Pronouns of a translator from Spanish to English",
    asked={
        "what it does": "Which pronouns it chooses. Spanish leaves the pronoun out; English needs one.",
        "whom it fails": "Whether women and men get the wrong pronoun equally often.",
    },
    sample=Path(__file__).with_name("spanish.csv"),
    columns={"frame": (), "referent": REFERENTS, "text": ()},
    cluster="frame",
    turns=_turns,
    judge=_judge,
    findings=_findings,
    references=TRANSLATORS,
)
