"""What is promised about rows of a table: settled on rows that the kept model was not trained on, kept on new ones."""

import csv
import json

import numpy as np
import pytest

import clearsight as cs
from clearsight.loading import guarantees
from clearsight.printing import results as printing
from clearsight.tabular.training import audit_table, train_table

NEW = 1500


def write(path, rows, seed, split=True, number=False):
    """Two classes that overlap, or a number with noise, from two columns; every second row is held out."""
    rng = np.random.default_rng(seed)
    size, width = rng.uniform(0, 10, (2, rows))
    score = size - width + rng.normal(0, 1.5, rows)
    truth = score if number else np.where(score > 0, "large", "small")
    lines = ["id,size,width,site,grade" + (",split" if split else "")]
    for i in range(rows):
        held_out = f",{'test' if i % 2 else 'train'}" if split else ""
        lines.append(f"r{i},{size[i]},{width[i]},{'ab'[i // 2 % 2]},{truth[i]}{held_out}")
    path.write_text("\n".join(lines) + "\n")
    return path, truth


def trained(folder, model, **table):
    path, _ = write(folder / "t.csv", 500, 0, **table)
    settings = {"c_values": 2} if model == "logistic" else {}
    return train_table(model, path, target="grade", by=["site"], out=folder / "run", quiet=True, settings=settings)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("classes"), "logistic")


@pytest.fixture(scope="module")
def regressor(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("numbers"), "linear", number=True)


def test_rows_are_decided_at_the_error_that_was_promised(classifier, tmp_path):
    kept = guarantees.kept(classifier.config)
    assert {one.promise for one in kept} == {"decide alone", "prediction set"}
    assert {(one.unit, one.split) for one in kept} == {("rows", "test")} and kept[0].n == 250
    path, truth = write(tmp_path / "new.csv", NEW, 1, split=False)
    found = cs.predict(classifier, path, out=tmp_path / "out", policy=True, risk=0.05)
    rows = found.rows
    alone = np.array([row["decision"] == "decided" for row in rows])
    wrong = np.array([row["prediction"] for row in rows]) != truth
    assert 0.2 < alone.mean() < 0.98 and wrong.mean() > 0.08
    # The promise holds with probability 90%; twice its standard error here leaves room for the pictures judged.
    assert wrong[alone].mean() < 0.05 + 2 * np.sqrt(0.05 * 0.95 / alone.sum())
    inside = np.array([answer in row["prediction_set"] for row, answer in zip(rows, truth, strict=True)])
    assert inside.mean() > 0.95 - 4 * np.sqrt(0.05 * 0.95 / 250)
    assert all(("probability of" in row["reason"]) == (row["unfamiliar"] == []) or not alone[i]
               for i, row in enumerate(rows))  # fmt: skip
    with open(tmp_path / "out" / "predictions.csv", newline="") as file:
        assert [row["decision"] for row in csv.DictReader(file)] == [row["decision"] for row in rows]
    assert json.loads((tmp_path / "out" / "predictions.json").read_text())[0]["decision"] == rows[0]["decision"]
    said = printing.predicted(found)
    assert f"Decided: {alone.sum()} of 1500 rows; to a person: {NEW - alone.sum()}." in said.replace(",", "")
    assert "Promised: the mean error on the rows it decides alone is at most 5% with probability 90%" in said


def test_a_row_unlike_the_training_rows_goes_to_a_person(classifier, tmp_path):
    (tmp_path / "far.csv").write_text("size,width,site\n9.9,0.1,a\n99,0.1,a\n99,0.1,z\n")
    sure, far, both = cs.predict(classifier, tmp_path / "far.csv", policy=True, risk=0.2).rows
    assert sure["decision"] == "decided" and far["decision"] == both["decision"] == "to a person"
    assert far["reason"].startswith("size lies outside what was trained on")
    assert both["reason"].startswith("size and site lie outside")
    assert far["prediction_set"] == sure["prediction_set"] == ["large"]


def test_numbers_have_intervals_that_cover_new_rows(regressor, tmp_path):
    assert {one.promise for one in guarantees.kept(regressor.config)} == {"interval"}
    path, truth = write(tmp_path / "new.csv", NEW, 2, split=False, number=True)
    rows = cs.predict(regressor, path, policy=True, risk=0.1).rows
    covered = [row["interval_low"] <= value <= row["interval_high"] for row, value in zip(rows, truth, strict=True)]
    assert np.mean(covered) == pytest.approx(0.9, abs=4 * np.sqrt(0.1 * 0.9 / 250))
    assert {row["decision"] for row in rows} == {"to a person"}
    assert all("without a confidence" in row["reason"] for row in rows)


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_the_report_speaks_of_rows_and_again_after_an_audit(kind, request):
    run = request.getfixturevalue(kind)
    names = ("share it may decide alone", "coverage of prediction sets", "coverage of intervals")
    for card in (run.read_card(), audit_table(run)):
        told = [one for one in card.findings if one.metric.startswith(names)]
        assert len(told) == (4 if kind == "classifier" else 2), "each for all rows, and by site"
        for one in told:
            words = " ".join((one.claim, one.method, one.limits, *one.axes))
            assert "picture" not in words and "camera" not in words and "rows" in words
            assert "rows it was settled on, so it is optimistic" in words or "by group" in one.metric


def test_without_held_out_rows_nothing_is_promised(tmp_path):
    run = trained(tmp_path, "linear", split=False, number=True)
    assert guarantees.kept(run.config) == ()
    with pytest.raises(ValueError, match="settled in its training, which takes rows.*a column split in the table"):
        cs.predict(run, tmp_path / "t.csv", policy=True)


def test_an_error_that_nothing_was_settled_for_is_refused(classifier, tmp_path):
    path, _ = write(tmp_path / "new.csv", 4, 1, split=False)
    with pytest.raises(ValueError, match="no policy was settled for an error of 0.03"):
        cs.predict(classifier, path, policy=True, risk=0.03)
