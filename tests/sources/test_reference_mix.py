"""The reference a user declares: shares per cell that add up to 1, or an error that says how to mend the table."""

import re
from pathlib import Path

import pytest

from clearsight.sources import DataError
from clearsight.sources.tables.reference_mix import read_reference_mix

VALUES = {"sex": ("female", "male", "unknown"), "race": ("asian", "black", "white")}


def written(folder: Path, text: str) -> Path:
    path = folder / "census.csv"
    path.write_text(text)
    return path


def test_uniform_is_the_same_share_for_every_cell_but_the_unknown() -> None:
    mix = read_reference_mix("uniform", VALUES)
    assert len(mix.shares) == 6
    assert set(mix.shares.values()) == {1 / 6}
    assert mix.of(["race"]).shares == pytest.approx({("asian",): 1 / 3, ("black",): 1 / 3, ("white",): 1 / 3})
    assert mix.origin == "uniform"


def test_counts_become_shares_and_cells_that_are_not_there_are_expected_never(tmp_path: Path) -> None:
    rows = "race,sex,count\nasian,male,10\nblack,female,30\nwhite,male,60\n"
    mix = read_reference_mix(written(tmp_path, rows), VALUES)
    assert mix.attributes == ("race", "sex")
    assert mix.shares == {("asian", "male"): 0.1, ("black", "female"): 0.3, ("white", "male"): 0.6}
    assert mix.of(["sex"]).shares == pytest.approx({("male",): 0.7, ("female",): 0.3})
    assert mix.of(["sex", "race"]).shares[("female", "black")] == 0.3
    assert mix.origin == "census.csv"


def test_a_table_may_leave_an_attribute_out_and_expect_a_value_that_the_data_lack(tmp_path: Path) -> None:
    mix = read_reference_mix(written(tmp_path, "sex,share\nfemale,0.5\nmale,0.49\nother,0.02\n"), VALUES)
    assert mix.covers(["sex"]) and not mix.covers(["sex", "race"])
    assert sum(mix.shares.values()) == pytest.approx(1.0, abs=1e-12)
    with pytest.raises(KeyError):
        mix.of(["race"])


def test_whole_numbers_are_values_as_the_data_spell_them(tmp_path: Path) -> None:
    mix = read_reference_mix(written(tmp_path, "view,share\n1,0.25\n2,0.75\n"), {"view": ("1", "2")})
    assert mix.shares == {("1",): 0.25, ("2",): 0.75}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sex,share\nfemale,0.5\nmale,0.4\n", "add up to 0.9. Expected 1"),
        ("sex,share\nfemale,50\nmale,50\n", "name the column count"),
        ("sex,share\nfemale,0.5\nfemale,0.5\nmale,0\n", "gives 1 cells more than once"),
        ("sex,share\nwomen,0.5\nmale,0.5\n", "does not say how many are expected where sex is female"),
        ("gender,share\nfemale,0.5\nmale,0.5\n", "none of the attributes to compare"),
        ("sexx,share\nfemale,0.5\nmale,0.5\n", "Did you mean sex?"),
        ("sex,weight\nfemale,0.5\nmale,0.5\n", "no column share or count"),
        ("sex,share,count\nfemale,0.5,1\nmale,0.5,1\n", "both a column share and a column count"),
        ("share\n1\n", "no column of an attribute"),
        ("sex,share\nfemale,half\nmale,-1\n", "no amount in 2 rows (row 1: 'half', row 2: '-1')"),
        ("sex,count\nfemale,0\nmale,0\n", "all rows"),
        ("sex,share\n,0.5\nmale,0.5\n", "names no value of sex in 1 rows (row 1)"),
    ],
)
def test_faults_are_said_with_the_way_out(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError, match=re.escape(said)):
        read_reference_mix(written(tmp_path, text), VALUES)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match=r"there is no reference nowhere\.csv.*uniform"):
        read_reference_mix("nowhere.csv", VALUES)
