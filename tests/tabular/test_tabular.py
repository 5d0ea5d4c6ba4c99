"""A table from training to report: what is written, what is said, and what is refused."""

import csv
import json

import numpy as np
import pytest

from clearsight.metrics.regression import RegressionStatistics
from clearsight.run import Run
from clearsight.tabular.prediction import predict_table
from clearsight.tabular.training import audit_table, evaluate_table, train_table
from clearsight.verbs.evaluate import notes


def write(path, rows=120, seed=0, split=False, header="id,kind,size,width,price"):
    random = np.random.default_rng(seed)
    lines = [header + (",split" if split else "")]
    for i in range(rows):
        kind, size, width = "xyz"[i % 3], random.uniform(1, 9), random.uniform(1, 9)
        price = size**2 + 5 * (i % 3) + random.normal(0, 2)
        lines.append(f"r{i},{kind},{size},{width},{price}" + (f",{'test' if i % 3 == 0 else 'train'}" if split else ""))
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    table = write(folder / "t.csv")
    run = train_table("polynomial", table, target="price", by=["kind"], zone="FRA", out=folder / "run", quiet=True,
                      settings={"max_degree": 3}, responsible="A. Person")  # fmt: skip
    return table, run


def test_the_run_holds_everything(trained):
    _, run = trained
    config, card = Run.open(run.path).config, run.read_card()
    assert config.state == "finished" and config.task == "regression" and card.responsible == "A. Person"
    assert card.summary.startswith("A polynomial model of degree 2 that predicts price from kind, size, width")
    assert (run.path / "report.html").is_file() and (run.path / "model.skops").is_file()
    assert not any(path.suffix in (".pkl", ".pickle", ".joblib") for path in run.path.rglob("*"))
    found = run.read_evidence("cross-validation", RegressionStatistics).statistics
    r2 = 1 - ((found.truth - found.estimate) ** 2).sum() / ((found.truth - found.truth.mean()) ** 2).sum()
    headline = next(one for one in card.findings if one.metric == "R2")
    assert headline.value == pytest.approx(r2) and r2 > 0.95 and headline.interval[0] < r2 < headline.interval[1]
    assert {one.plot for one in card.findings} >= {"intervals", "curve", "bars"}
    assert any("cross-validation" in note for note in card.notes) and card.cost.kg_co2e


def test_test_rows_are_judged_apart(tmp_path):
    run = train_table("ridge", write(tmp_path / "t.csv", split=True), target="price", out=tmp_path / "run", quiet=True)
    evidence = run.read_evidence("test", RegressionStatistics)
    assert evidence.ids == tuple(f"r{i}" for i in range(0, 120, 3))
    assert len(run.read_evidence("cross-validation", RegressionStatistics).ids) == 80
    assert any(one.metric == "R2, cross-validated" for one in run.read_card().findings)


def test_its_own_rows_are_judged_as_they_were(trained, tmp_path):
    table, run = trained
    before = run.read_evidence("cross-validation", RegressionStatistics).statistics.estimate
    assert (evaluate_table(run, table).statistics.estimate == before).all()
    other = evaluate_table(run, write(tmp_path / "new.csv", 40, seed=5))
    assert other.about["split"] == "all" and len(other.ids) == 40
    card = audit_table(run, by=["size"])
    assert any(one.group == "size" for one in card.findings) and any(one.plot == "curve" for one in card.findings)


def test_tables_of_one_name_keep_their_evidence_apart(trained, tmp_path):
    _, run = trained
    found = [evaluate_table(run, write(tmp_path / name / "same.csv", 40, seed=6 + i)) for i, name in enumerate("ab")]
    apart = f"same-csv-all-{found[1].about['fingerprint'][:8]}"
    kept = [run.read_evidence(name, RegressionStatistics).statistics for name in ("same-csv-all", apart)]
    assert all((one.statistics.truth == two.truth).all() for one, two in zip(found, kept, strict=True))
    assert not (kept[0].truth == kept[1].truth).all()


def test_predictions_name_what_is_unfamiliar(trained, tmp_path):
    _, run = trained
    (tmp_path / "new.csv").write_text("size,width,kind\n3,3,x\n99,3,never\n")
    found = predict_table(run, [tmp_path / "new.csv"], tmp_path / "out")
    assert found.rows[0]["prediction"] == pytest.approx(9, abs=3) and found.rows[0]["unfamiliar"] == []
    assert found.rows[1]["unfamiliar"] == ["kind", "size"]
    assert json.loads((tmp_path / "out/predictions.json").read_text())[1]["id"] == "2"
    with open(tmp_path / "out/predictions.csv", newline="") as file:
        assert [float(row["prediction"]) for row in csv.DictReader(file)] == [row["prediction"] for row in found.rows]
    with pytest.raises(ValueError, match="is not empty"):
        predict_table(run, [tmp_path / "new.csv"], tmp_path / "out")
    (tmp_path / "bad.csv").write_text("size,kind\n3,x\n")
    with pytest.raises(ValueError, match="no column 'width'"):
        predict_table(run, [tmp_path / "bad.csv"])


def test_classes_have_probabilities(tmp_path):
    run = train_table("logistic", "sklearn:wine", out=tmp_path / "run", quiet=True, settings={"c_values": 3})
    headline = next(one for one in run.read_card().findings if one.metric == "accuracy")
    assert headline.value > 0.93 and run.config.task == "classification"


def test_a_leak_is_named_and_left_out_when_asked(tmp_path):
    lines = write(tmp_path / "t.csv").read_text().splitlines()
    leaked = [lines[0] + ",tax"] + [f"{line},{float(line.split(',')[-1]) * 0.2}" for line in lines[1:]]
    (tmp_path / "t.csv").write_text("\n".join(leaked) + "\n")
    choices = dict(target="price", quiet=True)
    run = train_table("linear", tmp_path / "t.csv", out=tmp_path / "one", **choices)
    assert any("tax alone" in one.claim and "is it known" in one.claim for one in run.read_card().findings)
    run = train_table("linear", tmp_path / "t.csv", out=tmp_path / "two", settings={"ignore": "tax"}, **choices)
    assert not any("tax" in one.claim for one in run.read_card().findings)
    predict_table(run, [write(tmp_path / "new.csv", 5)])


@pytest.mark.parametrize(
    ("model", "choices", "message"),
    [
        ("lineer", {}, "Did you mean linear"),
        ("logistic", {}, "too many to be classes"),
        ("linear", {"target": "kind"}, "Use logistic or mlp"),
        ("ridge", {"settings": {"strength": 3}}, "Did you mean regularisation_values"),
        ("ridge", {"zone": "Atlantis"}, "Atlantis"),
        ("ridge", {"by": ["knd"]}, "Did you mean kind"),
    ],
)
def test_mistakes_leave_no_run_behind(tmp_path, model, choices, message):
    with pytest.raises(ValueError, match=message):
        train_table(
            model, write(tmp_path / "t.csv"), out=tmp_path / "run", quiet=True, **{"target": "price", **choices}
        )
    assert not (tmp_path / "run").exists()


def test_a_damaged_model_is_one_clear_error(trained, tmp_path):
    table, run = trained
    kept = (run.path / "model.skops").read_bytes()
    try:
        (run.path / "model.skops").write_bytes(kept[:100])
        with pytest.raises(ValueError, match="model.skops is damaged"):
            predict_table(run, [table])
    finally:
        (run.path / "model.skops").write_bytes(kept)


def test_kept_scores_are_said_to_be_kept(trained, tmp_path):
    table, run = trained
    (said,) = notes(evaluate_table(run, table))
    assert said.startswith("t.csv is the table that run was trained on.") and "by cross-validation" in said
    assert notes(evaluate_table(run, write(tmp_path / "new.csv", rows=20, seed=3))) == ()
    own = train_table("ridge", write(tmp_path / "t.csv", split=True), target="price", out=tmp_path / "run", quiet=True)
    assert "on its split test" in notes(evaluate_table(own, tmp_path / "t.csv"))[0]


def test_a_picture_is_no_table_and_one_row_is_enough(trained, tmp_path):
    table, run = trained
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(ValueError, match="predicts price from the rows of a table, and .*photo.jpg is a picture"):
        predict_table(run, tmp_path / "photo.jpg")
    with pytest.raises(ValueError, match="is a folder"):
        predict_table(run, tmp_path)
    (tmp_path / "bytes.dat").write_bytes(b"a,b\n\xff\xfe,1\n")
    with pytest.raises(ValueError, match="is no text in UTF-8") as caught:
        predict_table(run, tmp_path / "bytes.dat")
    assert "codec" not in str(caught.value)
    lines = table.read_text().splitlines()
    (tmp_path / "header.csv").write_text(lines[0] + "\n")
    with pytest.raises(ValueError, match="no rows. Expected one line for each row") as caught:
        predict_table(run, tmp_path / "header.csv")
    assert "ten" not in str(caught.value)
    (tmp_path / "one.csv").write_text("\n".join(lines[:2]) + "\n")
    assert len(predict_table(run, tmp_path / "one.csv").rows) == 1
