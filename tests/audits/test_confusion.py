"""What it takes for what: counts against plain counting, and nothing where a task has no classes."""

from dataclasses import replace

import numpy as np

from clearsight.audits.confusion import confusion
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.metrics.regression import RegressionStatistics
from clearsight.types import Evidence, Request

NAMES = ("ash", "beech", "cedar")


def evidence(statistics):
    return Evidence(
        task="x", statistics=statistics, ids=tuple(map(str, range(statistics.images))),
        clusters=np.arange(statistics.images),
    )  # fmt: skip


def answers(truth, said, classes=3):
    return ClassificationStatistics(
        class_names=NAMES[:classes], truth=np.array(truth), probabilities=np.eye(classes)[np.array(said)]
    )


def test_shares_are_those_of_each_true_class():
    truth, said = [0, 0, 0, 0, 1, 1, 2, 2, 2, 2], [0, 1, 1, 2, 1, 1, 2, 2, 2, 0]
    (finding,) = confusion(Request(evidence=evidence(answers(truth, said))))
    cells = {
        (a, b): (share, n)
        for a, b, share, n in zip(*(finding.series[name] for name in ("truth", "answer", "share", "n")), strict=True)
    }
    for row, name in enumerate(NAMES):
        own = [answer for true, answer in zip(truth, said, strict=True) if true == row]
        for column, other in enumerate(NAMES):
            assert cells[name, other] == (own.count(column) / len(own), own.count(column))
    assert finding.plot == "matrix" and finding.n == 10
    assert finding.claim.index("50% of ash are predicted as beech") < finding.claim.index("25% of ash are predicted as")


def test_it_counts_what_the_evidence_has_a_row_of():
    pictures = evidence(answers([0, 1], [0, 1]))
    rows = replace(pictures, about={"unit": "rows"})
    (of_pictures,), (of_rows,) = (confusion(Request(evidence=one)) for one in (pictures, rows))
    assert of_pictures.unit == "pictures" and of_pictures.method.startswith("Counts of pictures")
    assert of_rows.unit == "rows" and of_rows.method.startswith("Counts of rows")


def test_a_class_that_is_not_there_has_no_share():
    (finding,) = confusion(Request(evidence=evidence(answers([0, 1], [0, 1]))))
    shares = dict(
        zip(zip(finding.series["truth"], finding.series["answer"], strict=True), finding.series["share"], strict=True)
    )
    assert shares["cedar", "ash"] is None and shares["ash", "ash"] == 1
    assert finding.claim == "No class is predicted as another here."


def test_numbers_are_not_confused():
    numbers = RegressionStatistics(truth=np.arange(4.0), estimate=np.arange(4.0), target="x")
    assert confusion(Request(evidence=evidence(numbers))) == ()
