"""``clearsight data --by``: from pictures and tables to the audit, its text, its JSON and its page."""

import csv
import io
import json
import subprocess
import sys

import numpy as np
import polars
import pytest
from PIL import Image

import clearsight as cs
from clearsight.data_audit.audit import DataAudit
from clearsight.printing.results import description
from clearsight.sources import DataError


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """400 small pictures as a table: dark where the group is b, which is rare and mostly of class yes."""
    rng, rows = np.random.default_rng(0), []
    for index in range(400):
        group = "b" if rng.random() < 0.2 else "a"
        answer = "yes" if rng.random() < (0.9 if group == "b" else 0.3) else "no"
        values = rng.integers(0, 60, (24, 24, 3)) + (20 if group == "b" else 150)
        file = io.BytesIO()
        Image.fromarray(values.astype(np.uint8)).save(file, "PNG")
        rows.append((file.getvalue(), answer, group, int(rng.integers(0, 90)), f"p{index // 2}"))
    place = tmp_path_factory.mktemp("people") / "people.parquet"
    names = ("image", "label", "group", "age", "patient")
    polars.DataFrame(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))).write_parquet(place)
    return place


def test_pictures_are_audited_by_groups_and_by_how_they_were_taken(people, tmp_path):
    found = cs.data(people, by=["group", "age"], reference="uniform", out=tmp_path / "page")
    audit = found.audit
    assert isinstance(audit, DataAudit) and (audit.rows, audit.clusters, audit.unit) == (400, 200, "pictures")
    cells = {cell.values: cell for cell in audit.representation.cells}
    assert cells["b",].expected == 0.5 and cells["b",].p < 0.001 and cells["b",].share < 0.3
    assert "10 to 19" in {value for (value,) in [one for one in cells if len(one) == 1]}
    assert audit.judged_on == "the val pictures" and cells["b",].judged < 60
    pairs = {(pair.first, pair.second): pair for pair in audit.associations.pairs}
    assert pairs["group", "class"].notable and pairs["group", "brightness (mean grey value)"].v > 0.5
    assert pairs["class", "brightness (mean grey value)"].kind == "label and capture"
    text = description(found)
    assert "what a model must beat" in text and "group = b" in text and "what goes together" in text
    assert max(len(block.splitlines()) for block in text.split("\n\n") if block.startswith("wh")) <= 8
    page = (tmp_path / "page" / "data.html").read_text()
    assert "Upright mark: what was expected" in page and page.count('class="expected"') >= 2 * 12
    assert "<script" not in page and page.count("<svg") > 6 and "Data report" in page
    assert audit.page.endswith("data.html")
    assert json.loads(json.dumps(found.as_dict(), default=str))["audit"]["associations"]["pairs"]


def test_without_a_question_only_the_balance_is_told(people):
    audit = cs.data(people).audit
    assert audit.representation.cells == () and audit.associations.pairs == () and audit.balances[0].answer == "no"


def test_a_table_of_labels_is_audited_by_patient(tmp_path):
    rng = np.random.default_rng(1)
    place = tmp_path / "labels.csv"
    with open(place, "w", newline="") as file:
        write = csv.writer(file)
        write.writerow(["Path", "Sex", "Age", "AP/PA", "Edema", "Fracture"])
        for patient in range(300):
            sex, age, sick = rng.choice(["F", "M"]), int(rng.integers(18, 90)), rng.random() < 0.5
            for view in range(int(rng.integers(1, 6))):
                projection = "AP" if sick else rng.choice(["AP", "PA"])
                state = rng.choice(["", "-1", "1" if sick else "0"], p=[0.3, 0.1, 0.6])
                path = f"x/patient{patient:05d}/v{view}.jpg"
                write.writerow([path, sex, age, projection, state, rng.choice(["0", "1"], p=[0.97, 0.03])])
    audit = cs.data(place, by=["Sex", "Age"]).audit
    assert audit.unit == "rows" and audit.clusters == 300
    edema = next(one for one in audit.balances if one.label == "Edema")
    assert edema.counts["blank"] > 100 and edema.counts["uncertain"] > 20 and sum(edema.counts.values()) == audit.rows
    pair = next(one for one in audit.associations.pairs if (one.first, one.second) == ("Edema", "AP/PA"))
    assert pair.notable and pair.clusters < 300
    assert all(one.p > 0.05 for one in audit.associations.pairs if one.first == "Sex")


def test_a_table_with_a_target_is_audited_on_its_test_rows(tmp_path):
    rng = np.random.default_rng(2)
    frame = polars.DataFrame(
        {"sex": rng.choice(["f", "m"], 600), "income": rng.normal(50, 12, 600), "y": rng.choice(["n", "y"], 600),
         "split": ["train"] * 500 + ["test"] * 100}
    )  # fmt: skip
    frame.write_csv(tmp_path / "t.csv")
    audit = cs.data(tmp_path / "t.csv", target="y", by=["sex", "income"]).audit
    assert audit.judged_on == "the test rows" and audit.balances[0].label == "y"
    cells = [cell for cell in audit.representation.cells if cell.attributes == ("sex",)]
    assert sum(cell.judged for cell in cells) == 100 and sum(cell.rows for cell in cells) == 600
    assert any(" to " in cell.values[0] for cell in audit.representation.cells if cell.attributes == ("income",))


def test_mistakes_are_one_message(people, tmp_path):
    with pytest.raises(DataError, match="no attribute 'grup'.*Did you mean group"):
        cs.data(people, by=["grup"])
    with pytest.raises(DataError, match=r"there is no reference nowhere\.csv"):
        cs.data(people, by=["group"], reference="nowhere.csv")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    with pytest.raises(ValueError, match="not empty"):
        cs.data(people, out=tmp_path / "full")


def test_the_audit_of_a_table_does_not_wait_for_what_only_pictures_need():
    code = "import sys, clearsight.verbs.data; print(*[m for m in ('torchvision', 'timm') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert found.returncode == 0 and not found.stdout.strip(), found.stdout + found.stderr
