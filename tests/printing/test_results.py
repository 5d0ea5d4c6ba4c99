"""Results as a terminal shows them: no row without a number, each class on a line of its own."""

import dataclasses

import numpy as np

from clearsight.comparison.paired import Comparison, Contender, Difference, Score
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.printing import results
from clearsight.types import Evidence
from clearsight.verbs.evaluate import metrics

NAMES = ("cat", "dog", "ant")


def evidence(names: tuple[str, ...] = NAMES, n: int = 90) -> Evidence:
    """A classifier that is right on all of the first class and on two thirds of the others."""
    truth = np.arange(n) % len(names)
    said = np.where((truth > 0) & (np.arange(n) // len(names) % 3 == 0), 0, truth)
    statistics = ClassificationStatistics(
        class_names=names, truth=truth, probabilities=np.eye(len(names))[said] * 0.8 + 0.2 / len(names), majority=0
    )
    return Evidence(task="classification", statistics=statistics, ids=tuple(map(str, range(n))), clusters=np.arange(n))


def test_each_class_has_a_line_and_no_row_is_empty() -> None:
    found = metrics(evidence())
    text = results.metrics(found)
    lines = text.splitlines()
    start = lines.index("recall by class:")
    rows = {line.split()[0]: line.split()[1] for line in lines[start + 2 : start + 5]}
    assert lines[start + 1].startswith("  all classes") and rows == {"cat": "1.000", "dog": "0.667", "ant": "0.667"}
    assert all("90 pictures" in line or "30 pictures" in line for line in lines[start + 1 : start + 5])
    assert not any(line.split()[-3:][:1] == ["-"] for line in lines), text
    assert len({len(line) for line in lines[1:]}) < len(lines), "columns are aligned"


def test_very_many_classes_end_with_how_many_there_are() -> None:
    text = results.metrics(metrics(evidence(tuple(f"c{i}" for i in range(60)), 600)))
    assert sum(line.startswith("  c") for line in text.splitlines()) == results.CLASSES_SHOWN - 1
    assert f"and {61 - results.CLASSES_SHOWN} more (see --json)" in text


def test_a_metric_that_no_run_has_is_no_row_of_a_comparison() -> None:
    nothing, known = Score(value=float("nan"), interval=None), Score(value=0.5, interval=(0.4, 0.6))
    runs = tuple(
        Contender(
            name=name, path=name, model="m", backbone="", scores={"AP": known, "AP small": nothing}, training_s=None,
            kwh=None,
        )
        for name in ("a", "b")
    )  # fmt: skip
    first = Difference(
        run="b", metric="AP", first=0.5, second=0.5, difference=0.0, interval=(-0.1, 0.1), p=1.0, n=9, clusters=9,
        higher_is_better=True, method="",
    )  # fmt: skip
    undefined = dataclasses.replace(first, metric="AP small", difference=float("nan"), interval=None)
    text = results.comparison(
        Comparison(
            evidence="val",
            unit="pictures",
            n=9,
            counted="9 pictures",
            runs=runs,
            differences=(first, undefined),
            claims=(),
        )
    )
    assert "AP small" not in text and "nan" not in text and text.count("0.500 [0.400, 0.600]") == 2
