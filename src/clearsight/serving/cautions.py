"""The warnings of a report that apply to one picture, by what was answered on it and by what it is like.

Of the findings of a card three sorts can be told of a picture whose truth and groups nobody knows:

- a class that was answered, and that the model does clearly worse on: the interval of its score lies below that of all;
- a confusion: of the pictures of another class at least a fifth were given this answer;
- a group that the report found to be failed: the picture may be of it. Where the finding is about taking other classes
  for one, it applies where that one was answered; where it is about missing one, where it was not.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from clearsight.quantities import between, count, score
from clearsight.serving.served import Warned
from clearsight.types import Card, Finding

# Scores by class of which more is better; the names stand before " by class".
HIGHER_IS_BETTER = ("recall", "AP", "AP50", "mask AP", "IoU", "Dice", "AUROC", "average precision", "F1", "accuracy")
CONFUSED_FROM = 0.2
CONFUSED_PICTURES = 5
GROUPS_TOLD = 3
OF_CLASS = re.compile(r"false-(positive|negative) rate of (.+)$")


@dataclass(frozen=True, kw_only=True)
class Cautions:
    """What a card says of classes and groups, ready to be told of a picture."""

    by_class: dict[str, tuple[str, ...]] = field(default_factory=dict)
    groups: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, card: Card | None) -> "Cautions":
        """Those of a card; none of no card."""
        found: dict[str, list[str]] = {}
        groups = []
        for finding in () if card is None else card.findings:
            for name, text in (*_weak(finding), *_confused(finding)):
                found.setdefault(name, []).append(text)
            if finding.verdict == "fail" and finding.question == "whom it fails" and " = " in (finding.group or ""):
                groups.append((finding.metric, _of_group(finding)))
        return cls(by_class={name: tuple(texts) for name, texts in found.items()}, groups=tuple(groups))

    def on(self, answered: Collection[str]) -> tuple[Warned, ...]:
        """The warnings that apply where these classes were answered."""
        classes = [text for name in dict.fromkeys(answered) for text in self.by_class.get(name, ())]
        groups = [text for metric, text in self.groups if _applies(metric, answered)][:GROUPS_TOLD]
        return (
            *(Warned(kind="class", text=one) for one in classes),
            *(Warned(kind="group", text=one) for one in groups),
        )


def of_size(size: tuple[int, int], trained_px: Iterable[int] | None, seen_px: int) -> tuple[Warned, ...]:
    """That a picture is larger or smaller than all it was trained on, by more than a quarter; none where nobody knows.

    ``trained_px`` are the least and the most of the longer sides in training; ``seen_px`` is that at which the network
    sees every picture.
    """
    if trained_px is None:
        return ()
    (least, most), longer = trained_px, max(size)
    if least / 1.25 <= longer <= most * 1.25:
        return ()
    sides = f"{count(least)} px" if least == most else f"{count(least)} to {count(most)} px"
    effect = f"so what is in it looks {'smaller' if longer > most else 'larger and softer'} to it"
    text = (
        f"The picture is {count(size[1])} x {count(size[0])} px. The longer sides of the training pictures were "
        f"{sides}; the network sees every picture at {count(seen_px)} px, {effect}."
    )
    return (Warned(kind="size", text=text),)


def _weak(finding: Finding) -> Iterator[tuple[str, str]]:
    name = finding.metric.removesuffix(" by class")
    if not finding.metric.endswith(" by class") or name not in HIGHER_IS_BETTER or "label" not in finding.series:
        return
    columns = (finding.series[one] for one in ("label", "value", "low", "high", "n"))
    (_, whole, whole_low, whole_high, _), *classes = zip(*columns, strict=True)
    if whole is None or whole_low is None:
        return
    for label, value, low, high, n in classes:
        if value is not None and high is not None and high < whole_low:
            ends, all_ends = between((low, high)), between((whole_low, whole_high))
            yield (
                label,
                (
                    f"It is weaker at {label}: {name} {score(value, (low, high))} ({ends}) on {count(n)} "
                    f"{finding.unit}, against {score(whole, (whole_low, whole_high))} ({all_ends}) over all classes."
                ),
            )


def _confused(finding: Finding) -> Iterator[tuple[str, str]]:
    if finding.plot != "matrix":
        return
    rows = zip(*(finding.series[one] for one in ("truth", "answer", "share", "n")), strict=True)
    worst: dict[str, tuple[float, str, int]] = {}
    for truth, answer, share, n in rows:
        if truth != answer and share is not None and share >= CONFUSED_FROM and n >= CONFUSED_PICTURES:
            worst[answer] = max(worst.get(answer, (0.0, "", 0)), (share, truth, n))
    for answer, (share, truth, n) in worst.items():
        yield (
            answer,
            (
                f"It took {100 * share:.0f}% of {truth} for {answer} ({count(n)} of those it was judged on): "
                f"where it says {answer}, the truth may be {truth}."
            ),
        )


def _of_group(finding: Finding) -> str:
    return f"If {(finding.group or '').replace(' = ', ' is ')}: {finding.claim} Nobody told it whether that is so here."


def _applies(metric: str, answered: Collection[str]) -> bool:
    about = OF_CLASS.search(metric)
    if about is None:
        return True
    return (about[2] in answered) == (about[1] == "positive")
