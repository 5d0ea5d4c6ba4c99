"""What the pages show, in plain values: the filters with their counts, tiles, and everything about one picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from clearsight import drawing
from clearsight.browsing.answers import CAUSES, CORRECT, MISSED, Answers
from clearsight.browsing.asked import PER_PAGE, Asked
from clearsight.browsing.gallery import Gallery
from clearsight.browsing.opening import Browsed
from clearsight.drawing import shown
from clearsight.evaluation.close_ups import match_picture
from clearsight.ops.error_causes import Cause
from clearsight.quantities import significant
from clearsight.types import Boxes, ClassMap, Detections, Label, Labels, State, Truth, Value

ALL_IN_WORDS = 4  # answers of a picture that a tile names one by one


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One value of a filter: its word, how many pictures have it, and whether it is asked for."""

    value: str
    count: int | None
    chosen: bool


@dataclass(frozen=True, kw_only=True)
class Filter:
    """One filter of the form: its field, what it is called, and what can be chosen."""

    field: str
    title: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A filter that is on, and the address without it."""

    words: str
    without: str


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One picture of a page: where it leads, what it is called, what was said, and how it went."""

    row: int
    address: str
    name: str
    words: str
    state: str
    score: str


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A box over a picture: its corners in pixels, what is written at it, and what it is."""

    x: float
    y: float
    width: float
    height: float
    words: str
    kind: str


def filters(gallery: Gallery, asked: Asked) -> list[Filter]:
    """Every filter that these pictures have."""
    found = []
    causes = {"any error": _any_error(gallery), **gallery.causes}
    if gallery.causes:
        found.append(_filter("cause", "Answer or cause of error", causes, asked.cause))
    if gallery.class_names:
        found.append(_filter("class", "Class", dict.fromkeys(gallery.class_names), asked.class_))
    chosen = dict(asked.group)
    for name, column in gallery.groups.items():
        counts = {f"{name}:{word}": int(n) for word, n in zip(column.words, column.counts.tolist(), strict=True)}
        own = f"{name}:{chosen[name]}" if name in chosen else ""
        found.append(_filter("group", name, counts, own))
    if gallery.slices:
        counts = {name: int(rows.sum()) for name, rows in gallery.slices.items()}
        found.append(_filter("slice", "Slice", counts, asked.slice))
    if gallery.changes:
        found.append(
            _filter("change", f"{gallery.judged[0].run} → {gallery.judged[1].run}", gallery.changes, asked.change)
        )
    if gallery.doubt is not None:
        there = np.isfinite(gallery.doubt)
        done = sum(bool(there[row]) for row in gallery.decided)
        counts = {"open": int(there.sum()) - done, "decided": done}
        found.append(_filter("doubt", "Doubted labels", counts, asked.doubt))
    return found


def _filter(field: str, title: str, counts: Mapping[str, int | None], own: str) -> Filter:
    choices = tuple(Choice(value=word, count=count, chosen=word == own) for word, count in counts.items())
    return Filter(field=field, title=title, choices=choices)


def _any_error(gallery: Gallery) -> int | None:
    right = gallery.judged[0].right
    return None if right is None else int((~right).sum())


def chips(asked: Asked) -> list[Chip]:
    """The filters that are on."""
    words = {
        "class_": "class {}", "truth": "true class {}", "answer": "predicted {}", "cause": "{}",
        "cluster": "cluster {}", "slice": "{}", "change": "{}", "doubt": "doubts: {}", "name": "name: {}",
    }  # fmt: skip
    found = [
        Chip(words=text.format(getattr(asked, field)), without=f"/?{asked.query(**{field: '', 'page': 1})}")
        for field, text in words.items()
        if getattr(asked, field)
    ]
    for field in ("confidence", "score"):
        ends = getattr(asked, field)
        if ends is not None:
            said = f"{field} {significant(ends[0])} to {significant(ends[1])}" if np.isfinite(ends).all() else field
            found.append(Chip(words=said, without=f"/?{asked.query(**{field: None, 'page': 1})}"))
    for attribute, word in asked.group:
        left = tuple(pair for pair in asked.group if pair != (attribute, word))
        found.append(Chip(words=f"{attribute}: {word}", without=f"/?{asked.query(group=left, page=1)}"))
    return found


def tiles(gallery: Gallery, rows: Sequence[int], asked: Asked) -> list[Tile]:
    """The pictures of a page."""
    judged = gallery.judged[0]
    found = []
    for row in rows:
        state = "" if judged.right is None else "right" if judged.right[row] else "wrong"
        if len(gallery.judged) > 1 and judged.right is not None and gallery.judged[1].right is not None:
            state = f"{state} {'right' if gallery.judged[1].right[row] else 'wrong'}-then"
        query = asked.query(page=1)
        found.append(
            Tile(
                row=row,
                address=f"/pictures/{row}" + (f"?{query}" if query else ""),
                name=gallery.ids[row],
                words=in_words(judged.answers.of(row), gallery.class_names),
                state=state,
                score="" if not np.isfinite(judged.score[row]) else significant(float(judged.score[row]), 2),
            )
        )
    return found


def in_words(answers: Answers, names: Sequence[str]) -> str:
    """What was said of a picture in a line: each answer, or how many of which kind where they are many."""
    if len(answers.row) > ALL_IN_WORDS or (len(answers.row) > 1 and CAUSES.index(CORRECT) in answers.cause.tolist()):
        counts = np.bincount(answers.cause, minlength=len(CAUSES))
        return " · ".join(f"{n} {CAUSES[cause]}" for cause, n in enumerate(counts.tolist()) if n)
    return " · ".join(one for one, _ in each_in_words(answers, names))


def each_in_words(answers: Answers, names: Sequence[str]) -> list[tuple[str, str]]:
    """Each answer about a picture in words, with its cause."""
    found = []
    columns = (answers.truth, answers.answer, answers.cause, answers.confidence)
    for truth, answer, cause, confidence in zip(*(column.tolist() for column in columns), strict=True):
        sure = "" if np.isnan(confidence) else f" {confidence:.2f}"
        word = CAUSES[cause]
        if word == CORRECT:
            said = f"{shown(names[answer])}{sure}"
        elif word == MISSED:
            said = f"{shown(names[truth])} missed"
        elif truth >= 0 and truth != answer:
            said = f"{shown(names[truth])} → {shown(names[answer])}{sure}"
        else:
            said = f"{shown(names[answer])}{sure}"
        found.append((said, word))
    return found


def outlines(browsed: Browsed, row: int, run: int) -> list[Outline]:
    """The true boxes of a picture and those of a run, each marked by whether it is right; none where it has none."""
    truth, found = browsed.pictures.sample(row).truth, browsed.pictures.shown(row, run)
    names = browsed.runs[run].config.class_names
    result = []
    if isinstance(truth, Boxes):
        judged = truth.select(~truth.ignored)
        result += [
            outline_of(box, shown(names[label]), "truth")
            for box, label in zip(judged.xyxy.tolist(), judged.labels.tolist(), strict=True)
        ]
    if isinstance(found, Detections) and isinstance(truth, Boxes):
        matched = match_picture(found, truth, len(names))
        pairs = zip(
            matched.found.xyxy.tolist(), matched.found.labels.tolist(), matched.found.scores.tolist(), matched.cause,
            strict=True,
        )  # fmt: skip
        result += [
            outline_of(box, f"{shown(names[label])} {score:.2f}", "right" if cause == Cause.NONE else "wrong")
            for box, label, score, cause in pairs
        ]
    return result


def outline_of(box: Sequence[float], words: str, kind: str) -> Outline:
    """A box as a page draws it."""
    x1, y1, x2, y2 = (round(float(side), 1) for side in box)
    return Outline(x=x1, y=y1, width=round(x2 - x1, 1), height=round(y2 - y1, 1), words=words, kind=kind)


def truth_in_words(truth: Truth, names: Sequence[str]) -> str:
    """The ground truth of a picture in a line."""
    if isinstance(truth, Label | Value):
        return drawing.truth_in_words(truth, names)
    if isinstance(truth, Labels):
        unsure = (truth.states == State.UNCERTAIN).nonzero().flatten().tolist()
        said = drawing.truth_in_words(truth, names)
        return said + (f"; uncertain: {', '.join(shown(names[label]) for label in unsure)}" if unsure else "")
    if isinstance(truth, Boxes):
        counts = torch.bincount(truth.labels, minlength=len(names)).tolist()
        return ", ".join(f"{shown(names[label])} ({n})" for label, n in enumerate(counts) if n) or "no objects"
    if isinstance(truth, ClassMap):
        there = [label for label in truth.labels.unique().tolist() if label < len(names)]
        return ", ".join(shown(names[label]) for label in there)
    return ""


def pages(asked: Asked, count: int, number: int) -> list[tuple[str, str]]:
    """The pages around this one, by name and address; the address is empty for this one."""
    last = max(1, -(-count // PER_PAGE))
    near = sorted({1, last, *range(max(1, number - 2), min(last, number + 2) + 1)})
    found: list[tuple[str, str]] = []
    for before, one in zip([0, *near], near, strict=False):
        if one > before + 1:
            found.append(("…", ""))
        found.append((f"{one:,}", "" if one == number else f"/?{replace(asked, page=one).query()}"))
    return found
