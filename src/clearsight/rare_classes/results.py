"""The result of an experiment: the numbers, the verdict in words, and the page that shows them."""

import datetime
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from clearsight import report
from clearsight.files.records import to_json
from clearsight.generation.sheets import grid, png
from clearsight.generation.sifting import Sifted
from clearsight.rare_classes.arms import Arm
from clearsight.rare_classes.folder import Folder
from clearsight.rare_classes.verdict import (
    ACCURACY,
    BALANCED,
    PRECISION,
    RECALL,
    REPLICATES,
    ArmScores,
    Gain,
    Judgement,
    Verdict,
)
from clearsight.types import Card, Cost, Example, Finding, Question

SHOWN, PAIRS = 64, 24
QUESTIONS: tuple[Question, ...] = ("what it does", "when to trust it", "what it cost")
LIMITS = (
    "It holds for this one generator, this classifier and this budget: a generator trained again might make other "
    "pictures. Recall alone rises for whatever answers the class more often, so read precision and balanced accuracy "
    "beside it."
)


@dataclass(frozen=True, kw_only=True)
class CopiesRemoved:
    """How many pictures were made for all seeds, and how many of these copied a training or a held-out picture."""

    made: int
    of_training: int
    of_held_out: int

    def __str__(self) -> str:
        removed = self.of_training + self.of_held_out
        return (
            f"Of {self.made} generated pictures {removed} were removed before use: {self.of_training} copied a "
            f"training picture, {self.of_held_out} a held-out one."
        )


@dataclass(frozen=True, kw_only=True)
class Augmented:
    """Whether generated pictures of a class helped, beside each alternative.

    ``ratio`` and ``rival`` are the ratio at which their gain is surest, and the alternative hardest to beat there;
    ``confidence`` is that of the interval of each gain. ``counts`` are pictures: trained on and judged by, all and of
    the class, and how many clusters the judged ones are of.
    """

    data: str
    class_name: str
    split: str
    generator: str
    classifier: str
    seeds: int
    steps: int
    ratios: tuple[float, ...]
    counts: dict[str, int]
    copies: CopiesRemoved
    verdict: Verdict
    claim: str
    ratio: float
    rival: str
    confidence: float
    arms: tuple[ArmScores, ...]
    gains: tuple[Gain, ...]
    notes: tuple[str, ...]
    cost: Cost
    folder: str
    page: str


def claim_of(found: Judgement, class_name: str, counts: dict[str, int], seeds: int) -> str:
    """The verdict in plain sentences, with what it cost elsewhere."""
    gain = found.gain(RECALL)
    on = f"{counts['held out of the class']} held-out pictures of it and {seeds} seeds"
    if gain.interval is None:
        return f"No evidence of help: the recall of {class_name} has no interval on {on}."
    low, high = gain.interval
    if found.verdict == "helps":
        said = (
            f"Generated pictures help to recognise {class_name}: at 1:{found.ratio:g} its recall is {gain.value:.3f} "
            f"[{low:.3f}, {high:.3f}] above that with {found.rival}, the alternative hardest to beat, on {on}."
        )
    else:
        said = (
            f"No evidence that generated pictures help to recognise {class_name}: where the gain is surest, at "
            f"1:{found.ratio:g}, the difference in recall to {found.rival} is {gain.value:+.3f} "
            f"[{low:+.3f}, {high:+.3f}] on {on}. The interval reaches {(high - low) / 2:.3f} to either side, so a gain "
            "smaller than that would not have been seen."
        )
    return f"{said} {_price(found)}"


def _price(found: Judgement) -> str:
    """What else changed against the rival."""
    parts = []
    for name in (PRECISION, BALANCED, ACCURACY):
        gain = found.gain(name)
        ends = "" if gain.interval is None else f" [{gain.interval[0]:+.3f}, {gain.interval[1]:+.3f}]"
        parts.append(f"{name} {gain.value:+.3f}{ends}")
    return f"Beside it: {', '.join(parts)}."


def write(result: Augmented, judgement: Judgement, pictures: list[Sifted], folder: Folder, fingerprint: str) -> None:
    """Write the results as JSON, the sheets of pictures, and the page."""
    about = {"generated": True, "run": Path(result.generator).name, "class": result.class_name}
    examples = [_sheet(folder, pictures, about, result)]
    copies = torch.cat([one.copies for one in pictures])
    if len(copies):
        folder.write("examples/copies.png", png(grid(copies[:PAIRS].flatten(0, 1), 8), about))
        caption = (
            f"{min(len(copies), PAIRS)} of the {len(copies)} that were removed: each generated picture, and right of "
            "it the real one it was taken for a copy of"
        )
        examples.append(Example(path="examples/copies.png", caption=caption, kind="copied"))
    card = Card(
        title=f"Generated pictures of {result.class_name} in {result.data}",
        task="rare class",
        summary=result.claim,
        findings=(*_gains(result, judgement), *_findings(result), _removed(result)),
        cost=result.cost,
        facts=_facts(result),
        provenance={"data fingerprint": fingerprint},
        examples=tuple(examples),
        notes=result.notes,
        untested=("another training of the generator", "other classifiers, budgets and data"),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    asked = {question: report.ASKED[question] for question in QUESTIONS}
    page = report.html(card, folder.path, asked, "Report of an experiment")
    folder.write("results.json", _json(result))
    folder.write("report.html", page.encode("utf-8"))


def _json(result: Augmented) -> bytes:
    return (json.dumps(to_json(result), indent=2, ensure_ascii=False) + "\n").encode("utf-8")


def _sheet(folder: Folder, pictures: list[Sifted], about: dict[str, object], result: Augmented) -> Example:
    """The first pictures that were added, from all seeds alike."""
    each = -(-SHOWN // len(pictures))
    images = torch.cat([one.images[:each] for one in pictures])[:SHOWN]
    folder.write("examples/generated.png", png(grid(images), about))
    caption = f"{len(images)} of the generated pictures that were added as {result.class_name}, not chosen"
    return Example(path="examples/generated.png", caption=caption, kind="made")


def _facts(result: Augmented) -> dict[str, str]:
    counts = result.counts
    return {
        "Generator": result.generator,
        "Classifier": f"{result.classifier}, {result.steps} steps for every method and seed",
        "Trained on": f"{counts['training']} pictures, {counts['training of the class']} of them {result.class_name}",
        "Judged on": f"{counts['held out']} pictures of the split {result.split}, "
        f"{counts['held out of the class']} of them {result.class_name}; no network was trained on them",
        "Seeds": str(result.seeds),
        "Ratios": ", ".join(f"1:{ratio:g}" for ratio in result.ratios),
    }


def _method(result: Augmented, confidence: float, paired: bool) -> str:
    kind = "paired over seeds and pictures" if paired else "over seeds and pictures"
    return (
        f"{confidence:.1%} interval {kind}: variance of a bootstrap over clusters of pictures ({REPLICATES} "
        f"replicates) plus that of {result.seeds} training seeds."
    )


def _findings(result: Augmented) -> list[Finding]:
    """For each metric what every method reaches."""
    counts = result.counts
    findings = []
    for name, whose in ((RECALL, f" of {result.class_name}"), (PRECISION, f" of {result.class_name}"), (BALANCED, ""),
                        (ACCURACY, "")):  # fmt: skip
        scores = [one.scores[name] for one in result.arms]
        best = [one.value for one in scores].index(max(one.value for one in scores))
        n = counts["held out of the class"] if name == RECALL else counts["held out"]
        label = [str(Arm(method=one.method, ratio=one.ratio)) for one in result.arms]
        findings.append(
            Finding(
                question="what it does",
                claim=f"{name[0].upper()}{name[1:]}{whose} is highest with {label[best]}: {scores[best].value:.3f}.",
                metric=f"{name}{whose}",
                value=scores[best].value,
                interval=scores[best].interval,
                n=n,
                unit="pictures",
                method=_method(result, 0.95, paired=False),
                limits=LIMITS,
                plot="intervals",
                series={
                    "label": label,
                    "value": [one.value for one in scores],
                    "low": [one.interval[0] if one.interval else None for one in scores],
                    "high": [one.interval[1] if one.interval else None for one in scores],
                    "n": [n] * len(scores),
                    "note": [""] * len(scores),
                },
            )
        )
    return findings


def _gains(result: Augmented, found: Judgement) -> list[Finding]:
    """The gain over each alternative at the ratio that does best, which the verdict is about."""
    findings = []
    for name in (RECALL, BALANCED):
        mine = [one for one in found.gains if one.ratio == found.ratio and one.metric == name]
        gain = found.gain(name)
        above = sum(one.interval is not None and one.interval[0] > 0 for one in mine)
        findings.append(
            Finding(
                question="what it does",
                claim=f"By {name}, generated pictures at 1:{found.ratio:g} are better than {above} of {len(mine)} "
                "alternatives with an interval above 0.",
                metric=f"{name}, minus that of {found.rival}",
                value=gain.value,
                interval=gain.interval,
                n=result.counts["held out of the class" if name == RECALL else "held out"],
                unit="pictures",
                method=_method(result, found.confidence, paired=True),
                limits=LIMITS,
                verdict=_asked(found) if name == RECALL else "none asked",
                plot="intervals",
                axes=(f"difference in {name}",),
                series={
                    "label": [one.against for one in mine],
                    "value": [one.value for one in mine],
                    "low": [one.interval[0] if one.interval else None for one in mine],
                    "high": [one.interval[1] if one.interval else None for one in mine],
                    "n": [None] * len(mine),
                    "note": [""] * len(mine),
                },
            )
        )
    return findings


def _asked(found: Judgement) -> Literal["pass", "insufficient"]:
    """The verdict as reports give it: no evidence of help is not evidence of none."""
    return "pass" if found.verdict == "helps" else "insufficient"


def _removed(result: Augmented) -> Finding:
    copies = result.copies
    removed = copies.of_training + copies.of_held_out
    return Finding(
        question="when to trust it",
        claim=str(copies),
        metric="copies removed",
        value=removed / max(1, copies.made),
        interval=None,
        n=copies.made,
        unit="generated pictures",
        method="A picture is removed where it is nearer to one real picture, relative to its other neighbours, than "
        "the nearest hundredth of real pictures of the other split.",
        limits="One in a hundred pictures that copy nothing is removed too. Parts of pictures, other colours and "
        "larger movements are not found.",
    )
