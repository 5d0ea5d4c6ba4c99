"""Tables of labels without their pictures: every state counted, groups and clusters, and that nothing was looked at."""

import csv
import gzip
import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

import clearsight as cs
from clearsight.printing.results import description
from clearsight.sources import DataError, Description
from clearsight.sources.checks.describe_labels import LabelsDescription
from clearsight.sources.checks.describe_table import TableDescription

LABELS = ("Edema", "Fracture", "Support Devices")


@pytest.fixture
def rows():
    """Rows as of a public set of chest radiographs: paths that name the patient, blanks, -1 for uncertain."""
    random = np.random.default_rng(0)
    made = []
    for i in range(400):
        states = random.choice(["", "1.0", "0.0", "-1.0"], len(LABELS), p=[0.5, 0.3, 0.15, 0.05])
        path = f"Chest/train/patient{i // 4:05d}/study1/view{i % 4}.jpg"
        made.append([path, "MF"[i // 4 % 2], str(20 + i % 60), *states])
    return made


def write(path, rows, header=("Path", "Sex", "Age", *LABELS)):
    with gzip.open(path, "wt", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def counted(rows, column):
    words = Counter(row[column] for row in rows)
    return {"present": words["1.0"], "absent": words["0.0"], "uncertain": words["-1.0"], "blank": words[""]}


def test_states_groups_and_clusters_are_counted(tmp_path, rows):
    found = cs.data(write(tmp_path / "labels.csv.gz", rows), target="Edema")
    assert isinstance(found, LabelsDescription) and found.rows == 400
    assert found.labels == {"Edema": counted(rows, 3)} and min(found.labels["Edema"].values()) > 5
    assert found.groups == {"Sex": {"M": 200, "F": 200}}
    assert (found.clusters, found.clusters_by) == (100, "Path")
    assert "none that the column Path names is there" in found.pictures and "patient00000" in found.pictures
    assert found.problems == ("columns with too many values to be groups: Age (60 values)",
                              "2 more columns of labels, for --target: Fracture, Support Devices")  # fmt: skip
    text = description(found)
    assert all(str(count) in text for count in found.labels["Edema"].values()) and "No picture was looked at" in text
    assert json.loads(json.dumps(found.as_dict()))["clusters"] == 100


def test_without_a_target_every_column_of_states_is_a_label(tmp_path, rows):
    found = cs.data(write(tmp_path / "labels.csv.gz", rows))
    assert found.labels == {name: counted(rows, column) for column, name in enumerate(LABELS, 3)}


def test_labels_without_paths(tmp_path, rows):
    """Label columns and a patient alone: several targets, or one that holds -1, are labels; another is a table's."""
    table = write(tmp_path / "l.csv.gz", [[str(i // 4), *row[1:]] for i, row in enumerate(rows)],
                  ("patient", "Sex", "Age", *LABELS))  # fmt: skip
    for target, names in (("Edema,Fracture", ("Edema", "Fracture")), ("Edema", ("Edema",))):
        found = cs.data(table, target=target)
        assert tuple(found.labels) == names and found.labels["Edema"] == counted(rows, 3)
        assert (found.clusters, found.clusters_by) == (100, "patient") and "names none" in found.pictures
    assert isinstance(cs.data(table, target="Age"), TableDescription)


def test_pictures_that_are_there_are_described_as_ever(tmp_path, rows):
    for row in rows[:12]:
        place = tmp_path / row[0]
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(place)
    table = write(tmp_path / "some.csv.gz", rows[:12])
    assert isinstance(cs.data(table, target="Edema,Fracture"), Description)
    place.unlink()
    with pytest.raises(DataError, match=r"(?s)1 problem.*view3"):
        cs.data(table, target="Edema,Fracture")


def test_classes_and_numbers_of_absent_pictures(tmp_path):
    made = [[f"p/{i}.png", "cat" if i % 3 else "dog", str(i / 7)] for i in range(60)]
    table = write(tmp_path / "t.csv.gz", made, ("file", "label", "weight"))
    assert cs.data(table).classes == {"label": {"cat": 40, "dog": 20}}
    weights = cs.data(table, target="weight").numbers["weight"]
    assert weights == pytest.approx({"least": 0, "median": 59 / 14, "mean": 59 / 14, "most": 59 / 7})
    assert "every row alone" in description(cs.data(table))


def test_what_is_no_label_is_named_by_its_row(tmp_path, rows):
    rows[7][4] = "maybe"
    with pytest.raises(DataError, match=r"Fracture of .* is no label in 1 rows \(row 8: 'maybe'\). Expected 1"):
        cs.data(write(tmp_path / "labels.csv.gz", rows), target="Edema,Fracture")
    with pytest.raises(DataError, match=r"no column 'Edma'.*Did you mean Edema"):
        cs.data(write(tmp_path / "labels.csv.gz", rows), target="Edma")
