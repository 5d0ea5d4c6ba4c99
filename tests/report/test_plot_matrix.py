"""The matrix: a cell for each pair in its row and column, as dark as its share."""

import xml.etree.ElementTree as ElementTree

import pytest

from clearsight.report.plots import plot, reading
from clearsight.report.series import table
from clearsight.types import Finding


def finding(names, shares):
    pairs = [(a, b) for a in names for b in names]
    return Finding(
        question="what it does", claim="A claim.", metric="confusion", value=None, interval=None, n=9, unit="pictures",
        method="m", limits="l", plot="matrix", axes=("true class", "answer"),
        series={
            "truth": [a for a, _ in pairs], "answer": [b for _, b in pairs], "share": shares,
            "n": [round(10 * (share or 0)) for share in shares],
        },
    )  # fmt: skip


@pytest.mark.parametrize("names", [("a", "b", "c"), tuple(f"a rather long name {k}" for k in range(12))])
def test_cells_stand_in_rows_of_truth_and_columns_of_answers(names):
    count = len(names)
    shares = [(row == column) * 0.64 + (row + 1 == column) * 0.36 for row in range(count) for column in range(count)]
    drawings = list(ElementTree.fromstring(f"<both>{plot(finding(names, shares), 'key')}</both>"))
    assert len(drawings) == 2
    for svg in drawings:
        cells = [one for one in svg.iter("rect") if one.get("fill-opacity") is not None]
        assert len(cells) == count**2
        across = sorted({float(cell.get("x")) for cell in cells})
        down = sorted({float(cell.get("y")) for cell in cells})
        assert len(across) == len(down) == count
        for cell, share in zip(cells, shares, strict=True):
            assert float(cell.get("fill-opacity")) == pytest.approx(share**0.5, abs=0.01)
        for index, cell in enumerate(cells):
            place = (down.index(float(cell.get("y"))), across.index(float(cell.get("x"))))
            assert place == divmod(index, count)
            right = "right" in cell.get("class")
            assert right == (place[0] == place[1])
        width, height = (float(word) for word in svg.get("viewBox").split()[2:])
        assert max(across) + float(cells[0].get("width")) <= width and max(down) < height


def test_a_class_nobody_saw_has_empty_cells_and_the_table_names_the_largest_confusions_first():
    shown = finding(("a", "b"), [0.9, 0.1, None, None])
    svg = list(ElementTree.fromstring(f"<both>{plot(shown, 'key')}</both>"))[0]
    assert len([one for one in svg.iter("rect") if one.get("fill-opacity") is not None]) == 2
    columns = {column.heading: column.cells for column in table(shown)}
    assert columns["true class"] == ("a", "a") and columns["answer"] == ("b", "a")
    assert "per cent" in reading(shown)
