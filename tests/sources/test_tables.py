"""Tables read and checked: layouts, kinds of columns, every bad input with its one message, and leaking columns."""

import csv
import io

import numpy as np
import polars
import pytest

from clearsight.sources.checks.leaks import alone
from clearsight.sources.problems import DataError
from clearsight.sources.tables.columns import Cells, Column
from clearsight.sources.tables.files import _are_even
from clearsight.sources.tables.table import looks_like_table, read_rows, read_table

ROWS = [("a" if i % 2 else "b", i % 7 + 0.5, 10 * i) for i in range(30)]


def write(folder, lines=None, name="t.csv", separator=",", mark="", header="colour,size,price"):
    lines = [",".join(map(str, row)) for row in ROWS] if lines is None else lines
    text = "\n".join([header, *lines]) + "\n"
    (folder / name).write_bytes(mark.encode() + text.replace(",", separator).encode())
    return folder / name


@pytest.mark.parametrize(("separator", "mark"), [(",", ""), (";", "\ufeff"), ("\t", "\ufeff")])
def test_separators_and_marks_make_no_difference(tmp_path, separator, mark):
    found = read_table(write(tmp_path, separator=separator, mark=mark), "price")
    assert [(c.name, c.kind, c.levels) for c in found.columns] == [
        ("colour", "category", ("a", "b")), ("size", "number", ())]  # fmt: skip
    assert found.truth.tolist() == [10.0 * i for i in range(30)] and found.task == "regression"
    assert found.inputs[1].tolist() == [0.0, 1.5] and set(found.groups) == {"colour"}
    polars.DataFrame(ROWS, schema=["colour", "size", "price"], orient="row").write_parquet(tmp_path / "t.parquet")
    assert (read_table(tmp_path / "t.parquet", "price").inputs == found.inputs).all()


def test_decimal_commas_between_semicolons(tmp_path):
    (tmp_path / "t.csv").write_text("size;price\n" + "".join(f"{i},5;{i * 2}\n" for i in range(20)))
    assert read_table(tmp_path / "t.csv", "price").inputs[3, 0] == 3.5


def test_sets_of_scikit_learn_need_no_file():
    found = read_table("sklearn:iris")
    assert found.class_names == ("setosa", "versicolor", "virginica") and found.inputs.shape == (150, 4)
    with pytest.raises(DataError, match="Choose one of: iris"):
        read_table("sklearn:fish")


def lines(change):
    made = [",".join(map(str, row)) for row in ROWS]
    return change(made) or made


def replaced(row, text):
    return lambda made: made.__setitem__(row, text)


BAD = {
    "no target": ({}, dict(target=None), "no target column was given for t.csv. It has: colour, size, price.*--target"),
    "unknown target": ({}, dict(target="pric"), "no column 'pric'. Did you mean price"),
    "words among numbers": (dict(lines=lines(replaced(3, "a,big,30"))), {}, "text in a number column.*row 4: 'big'"),
    "words in the target": (dict(lines=lines(replaced(3, "a,1,dear"))), {}, "row 4: 'dear'"),
    "infinite": (dict(lines=lines(replaced(3, "a,inf,30"))), {}, "infinite numbers"),
    "constant target": (dict(lines=[f"a,{i},5" for i in range(20)]), {}, "is '5' in all 20 rows"),
    "one class": (dict(lines=[f"a,{i},yes" for i in range(20)]), {}, "is 'yes' in all 20 rows"),
    "an id as classes": (dict(lines=[f"a,{i},x{i}" for i in range(20)]), {}, "20 different values in 20 rows"),
    "many numbers as classes": ({}, dict(wanted="classification"), "to be classes.*Use linear"),
    "a class of one row": (dict(lines=[f"a,{i},{'yx'[i > 0]}" for i in range(20)]), {}, "single row: y"),
    "words for a number": (dict(lines=[f"a,1,{'yx'[i % 2]}" for i in range(20)]), dict(wanted="regression"), "logist"),
    "few rows": (dict(lines=[f"a,{i},{i}" for i in range(5)]), {}, "5 rows .* are too few"),
    "double names": (dict(header="price,size,price"), {}, "more than one column named price"),
    "nameless": (dict(header="price,,size"), {}, "without a name"),
    "ragged": (dict(lines=lines(replaced(3, "a,1"))), {}, "line 5: 2 cells"),
    "no rows": (dict(lines=[]), {}, "no rows"),
    "empty target": (dict(lines=[f"a,{i}," for i in range(20)]), {}, "is empty in every row"),
    "nothing to learn from": (dict(lines=[f"a,1,{i * i}" for i in range(20)]), {}, "no input column"),
    "unknown attribute": ({}, dict(by=["colr"]), "no column 'colr'. Did you mean colour"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_error(tmp_path, case):
    content, choices, message = BAD[case]
    with pytest.raises(DataError, match="(?s)" + message):
        read_table(write(tmp_path, **content), **{"target": "price", **choices})


def test_files_that_are_no_tables(tmp_path):
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "latin.csv").write_bytes("größe,y\n1,2\n".encode("latin-1"))
    for name, message in {"empty.csv": "is empty", "broken.parquet": "cannot be read", "latin.csv": "UTF-8",
                          "none.csv": "there is no table"}.items():  # fmt: skip
        with pytest.raises(DataError, match=message):
            read_table(tmp_path / name, "y")


def test_what_is_left_out_is_said(tmp_path):
    rows = [f"{i},a,n{i},{i % 5 or ''},{i if i > 2 else ''}" for i in range(30)]
    found = read_table(write(tmp_path, rows, header="number,same,name,size,price"), "price")
    assert [column.name for column in found.columns] == ["size"] and len(found) == 27
    said = " / ".join(found.problems)
    for part in ("3 of 30 rows have no price", "same is a in every row", "name has 27 different", "number only counts"):
        assert part in said
    assert np.isnan(found.inputs[:, 0]).sum() == 5 and found.ids[0] == "4"


def test_stray_words_can_be_skipped_and_are_listed(tmp_path):
    path = write(tmp_path, lines(replaced(3, "a,big,30")))
    found = read_table(path, "price", skip_bad=True)
    assert np.isnan(found.inputs[3, 1]) and "left out" in found.problems[0]


def test_reserved_columns_are_no_inputs(tmp_path):
    rows = [f"r{i},p{i // 3},{'test' if i > 20 else 'train'},{i * 7 % 11},{i}" for i in range(30)]
    found = read_table(write(tmp_path, rows, header="id,cluster,split,size,price"), "price", by=["size"])
    assert [column.name for column in found.columns] == ["size"] and found.ids[4] == "r4"
    assert found.clusters[0] == found.clusters[2] != found.clusters[3] and (found.split == "test").sum() == 9
    assert len(set(found.groups["size"])) == 3


def test_rows_to_predict_need_the_columns_only(tmp_path):
    found = read_table(write(tmp_path), "price")
    rows = write(tmp_path, ["1.5,b", "9,never"], "new.csv", header="size,colour")
    assert read_rows(rows, found.columns)[1].tolist() == [[1.0, 1.5], [2.0, 9.0]]
    with pytest.raises(DataError, match="no column 'colour'. Did you mean color"):
        read_rows(write(tmp_path, ["1,b"], "bad.csv", header="size,color"), found.columns)


def test_tables_are_told_from_lists_of_pictures(tmp_path):
    assert looks_like_table("sklearn:iris") and looks_like_table(write(tmp_path)) and not looks_like_table(tmp_path)
    assert not looks_like_table(write(tmp_path, ["x/1.png,cat"], "p.csv", header="picture,label"))
    polars.DataFrame({"image": [b"123"], "label": [1]}).write_parquet(tmp_path / "p.parquet")
    assert not looks_like_table(tmp_path / "p.parquet")


def test_a_column_that_tells_the_answer_is_named(tmp_path):
    random = np.random.default_rng(0)
    rows = [f"{random.normal()},{3 * p + random.normal(0, 0.01)},{p}" for p in random.normal(0, 5, 200)]
    found = alone(read_table(write(tmp_path, rows, header="noise,tax,price"), "price"))
    assert found[0].column == "tax" and found[0].leaks and not found[1].leaks
    rows = [f"{random.normal()},{'xy'[k]},{['no', 'yes'][k]}" for k in random.integers(0, 2, 100)]
    found = alone(read_table(write(tmp_path, rows, header="noise,code,answer"), "answer"))
    assert found[0].column == "code" and found[0].leaks and not found[1].leaks


@pytest.mark.parametrize(
    ("content", "even"),
    [("a,b\n1,2\n", True), ("a,b\n1,2", True), ("a,b\r\n1,2\r\n", True), ("a,b\n\n1,2\n\n", True), ("a,b\n1\n", False),
     ("a,b\n1,2,3\n", False), ("a,b\n1,2\n,\n", True), ('a,b\n"1,2",3\n', False), ("a,b\r1,2\r", False),
     ("a,b\n1,2\n3", False), ("a,b\n  \n1,2\n", False)],
)  # fmt: skip
def test_a_table_is_called_even_only_where_every_line_surely_is(content, even):
    """What is not sure is read line by line, which takes long for a million rows and decides alone what is wrong."""
    assert _are_even(content.encode(), ",", 2) is even
    if even:
        read = [row for row in csv.reader(io.StringIO(content, newline="")) if row]
        assert all(len(row) == 2 for row in read)


def test_codes_of_levels_are_their_places():
    column = Column(name="colour", kind="category", levels=("red", "green"))
    words = ["green", "", "blue", "red", "nan"]
    codes = column.codes(Cells(kind="category", numbers=np.zeros(0), words=words))
    assert codes.dtype == np.float64 and np.array_equal(codes, [1, np.nan, 2, 0, 2], equal_nan=True)
