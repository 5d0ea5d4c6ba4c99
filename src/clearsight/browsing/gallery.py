"""The pictures of an evaluation in columns: which are asked for, in which order, and what is known of each.

Columns are arrays throughout, so that a choice among 100,000 pictures takes milliseconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from clearsight.browsing.answers import CAUSES, Answers, answers_of
from clearsight.browsing.asked import CHANGES, PER_PAGE, Asked, Range, check
from clearsight.browsing.kept import Kept
from clearsight.types import Evidence

KEPT = 32  # selections in memory


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """The values of one attribute: its words, and the place of each picture's word among them."""

    words: tuple[str, ...]
    codes: Int[np.ndarray, "images"]
    counts: Int[np.ndarray, "words"]

    @classmethod
    def of(cls, values: Sequence[str] | np.ndarray) -> "Column":
        """The column of some words."""
        words, codes, counts = np.unique(np.asarray(values, dtype=str), return_inverse=True, return_counts=True)
        return cls(words=tuple(words.tolist()), codes=codes.astype(np.int32), counts=counts)


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """One run's evaluation in columns: ``score`` of each picture (NaN where undefined), and whether all is right.

    ``what`` is what the score is, in words; ``right`` is None where answers have no classes.
    """

    run: str
    what: str
    score: Float[np.ndarray, "images"]
    answers: Answers
    right: Bool[np.ndarray, "images"] | None

    @classmethod
    def of(cls, run: str, evidence: Evidence) -> "Judged":
        """The columns of an evaluation."""
        what, score = evidence.statistics.each()
        answers = answers_of(evidence.statistics)
        right = None
        if len(answers.row):
            right = np.ones(len(evidence.ids), dtype=bool)
            right[answers.row[answers.wrong]] = False
        return cls(run=run, what=what, score=np.asarray(score, dtype=np.float64), answers=answers, right=right)


@dataclass(kw_only=True, eq=False)
class Gallery:
    """The pictures of one evaluation, as one run or two judged them.

    ``slices`` are the confirmed slices by name; ``doubt`` is how strongly the labels of each picture are doubted (NaN
    where none is), and ``decided`` the pictures with a decision about them.
    """

    ids: Sequence[str]
    class_names: tuple[str, ...]
    judged: tuple[Judged, ...]
    groups: Mapping[str, Column]
    clusters: Int[np.ndarray, "images"]
    slices: Mapping[str, Bool[np.ndarray, "images"]] = field(default_factory=dict)
    doubt: Float[np.ndarray, "images"] | None = None
    decided: set[int] = field(default_factory=set)
    _kept: Kept[np.ndarray] = field(default_factory=lambda: Kept(KEPT), repr=False)

    @classmethod
    def of(cls, named: Sequence[tuple[str, Evidence]], **more: object) -> "Gallery":
        """The gallery of the evaluations of the same pictures by one run or several, by name."""
        first = named[0][1]
        names = tuple(getattr(first.statistics, "class_names", ()))
        return cls(
            ids=first.ids,
            class_names=names,
            judged=tuple(Judged.of(name, evidence) for name, evidence in named),
            groups={name: Column.of(values) for name, values in first.groups.items()},
            clusters=first.clusters,
            **more,  # type: ignore[arg-type]
        )

    @property
    def images(self) -> int:
        """How many pictures there are."""
        return len(self.ids)

    def chosen(self, asked: Asked) -> Int[np.ndarray, "k"]:
        """The rows of the pictures asked for, in the order asked for; raises ValueError for a name that is unknown."""
        if asked.doubt:  # what is open changes with every decision
            return self._found(asked)
        return self._kept.of(asked.query(page=1), lambda: self._found(asked))

    def _found(self, asked: Asked) -> Int[np.ndarray, "k"]:
        within, answers = self._within(asked)
        return self._ordered(np.flatnonzero(within), answers, asked)

    def page(self, asked: Asked) -> tuple[Int[np.ndarray, "k"], int, int]:
        """The rows of the page asked for, the last if it is beyond; how many rows there are in all; and its number."""
        rows = self.chosen(asked)
        number = min(asked.page, max(1, -(-len(rows) // PER_PAGE)))
        return rows[(number - 1) * PER_PAGE : number * PER_PAGE], len(rows), number

    def _within(self, asked: Asked) -> tuple[Bool[np.ndarray, "images"], Bool[np.ndarray, "k"] | None]:
        """Which pictures are asked for, and the answers that are, where any are."""
        first = self.judged[0]
        within = np.ones(self.images, dtype=bool)
        for attribute, word in asked.group:
            check("attribute", attribute, list(self.groups))
            column = self.groups[attribute]
            check(f"group of {attribute}", word or "''", column.words)
            within &= column.codes == column.words.index(word)
        if asked.score is not None:
            within &= _between(first.score, asked.score)
        if asked.cluster:
            within &= self._in_cluster(asked.cluster)
        if asked.slice:
            check("slice", asked.slice, list(self.slices))
            within &= self.slices[asked.slice]
        if asked.name:
            wanted = asked.name.casefold()
            within &= np.fromiter((wanted in id.casefold() for id in self.ids), dtype=bool, count=self.images)
        if asked.change:
            within &= self._changed(asked.change)
        if asked.doubt:
            known = self.doubt is not None
            within &= np.isfinite(self.doubt) if known else np.zeros(self.images, dtype=bool)  # type: ignore[arg-type]
            done = np.zeros(self.images, dtype=bool)
            done[list(self.decided)] = True
            within &= done if asked.doubt == "decided" else ~done
        answers = self._answers(asked)
        if answers is not None:
            there = np.zeros(self.images, dtype=bool)
            there[first.answers.row[answers]] = True
            within &= there
        return within, answers

    def _in_cluster(self, word: str) -> Bool[np.ndarray, "images"]:
        most = int(self.clusters.max(initial=-1))
        if not (word.isascii() and word.isdigit() and int(word[:12]) <= most):
            raise ValueError(f"there is no cluster {word[:40]!r} here. Expected a number from 0 to {most}.")
        return self.clusters == int(word)

    def _answers(self, asked: Asked) -> Bool[np.ndarray, "k"] | None:
        if not asked.of_answers:
            return None
        mine = self.judged[0].answers
        found = np.ones(len(mine.row), dtype=bool)
        for what, word in (("class", asked.class_), ("class", asked.truth), ("class", asked.answer)):
            check(what, word, self.class_names)
        if asked.class_:
            index = self.class_names.index(asked.class_)
            found &= (mine.truth == index) | (mine.answer == index)
        if asked.truth:
            found &= mine.truth == self.class_names.index(asked.truth)
        if asked.answer:
            found &= mine.answer == self.class_names.index(asked.answer)
        if asked.cause:
            check("cause of error", asked.cause, (*self.causes, "any error"))
            found &= mine.wrong if asked.cause == "any error" else mine.cause == CAUSES.index(asked.cause)
        if asked.confidence is not None:
            found &= _between(mine.confidence, asked.confidence)
        return found

    @cached_property
    def causes(self) -> dict[str, int]:
        """The causes that occur, and in how many pictures."""
        mine = self.judged[0].answers
        pairs = np.unique(mine.cause.astype(np.int64) * self.images + mine.row) // max(1, self.images)
        return {CAUSES[cause]: int(n) for cause, n in enumerate(np.bincount(pairs, minlength=len(CAUSES))) if n}

    @cached_property
    def changes(self) -> dict[str, int]:
        """How two runs differ, and in how many pictures; empty for one run, and for answers without classes."""
        if len(self.judged) < 2 or any(one.right is None for one in self.judged):
            return {}
        return {word: int(self._changed(word).sum()) for word in CHANGES}

    def _changed(self, word: str) -> Bool[np.ndarray, "images"]:
        if len(self.judged) < 2 or self.judged[0].right is None or self.judged[1].right is None:
            raise ValueError(f"{word!r} compares the answers of two runs. Open two: clearsight browse RUN RUN.")
        one, other = self.judged[0].right, self.judged[1].right
        return {"fixed": ~one & other, "broken": one & ~other, "both right": one & other, "both wrong": ~one & ~other}[
            word
        ]

    @property
    def difference(self) -> Float[np.ndarray, "images"]:
        """The score of the second run minus that of the first, for each picture."""
        if len(self.judged) < 2:
            raise ValueError("a difference needs two runs. Open two: clearsight browse RUN RUN.")
        return self.judged[1].score - self.judged[0].score

    def _ordered(
        self, rows: Int[np.ndarray, "k"], answers: Bool[np.ndarray, "n"] | None, asked: Asked
    ) -> Int[np.ndarray, "k"]:
        """The rows, the worst first unless asked otherwise: unlike numbers, undefined ones always come last."""
        sort = asked.sort or ("doubt" if asked.doubt and self.doubt is not None else "score")
        if sort == "name":
            ids = np.array([self.ids[row] for row in rows.tolist()], dtype=object)
            order = sorted(range(len(rows)), key=ids.__getitem__, reverse=asked.order == "down")
            return rows[np.array(order, dtype=np.int64)]
        values = self._values(sort, answers)[rows]
        falling = (asked.order or ("down" if sort in ("confidence", "doubt") else "up")) == "down"
        return rows[np.argsort(-values if falling else values, kind="stable")]

    def _values(self, sort: str, answers: Bool[np.ndarray, "n"] | None) -> Float[np.ndarray, "images"]:
        if sort == "score":
            return self.judged[0].score
        if sort == "difference":
            return self.difference
        if sort == "doubt":
            return np.full(self.images, np.nan) if self.doubt is None else self.doubt
        mine = self.judged[0].answers
        told = np.isfinite(mine.confidence) if answers is None else answers & np.isfinite(mine.confidence)
        best = np.full(self.images, -np.inf)
        np.maximum.at(best, mine.row[told], mine.confidence[told].astype(np.float64))
        return np.where(np.isinf(best), np.nan, best)


def _between(values: Float[np.ndarray, "n"], ends: Range) -> Bool[np.ndarray, "n"]:
    """Which are in a range, its ends among them as they are written: with six figures."""
    slack = 1e-6
    with np.errstate(invalid="ignore"):
        return (values >= ends[0] - slack * abs(ends[0]) - 1e-12) & (values <= ends[1] + slack * abs(ends[1]) + 1e-12)
