"""The parts of the audit of data: against counting by hand, by planted faults, and by simulation with fixed seeds."""

import io
from dataclasses import replace

import numpy as np
import polars
import pytest
from PIL import Image

from clearsight.data_audit.associations import associations
from clearsight.data_audit.balance import balances, skill
from clearsight.data_audit.conditions import conditions_of, quarters
from clearsight.data_audit.representation import representation
from clearsight.data_audit.rows import AuditedRows, Coded, coded, is_of_capture
from clearsight.sources import DataError
from clearsight.sources.checks.capture import capture, jpeg_quality
from clearsight.sources.samples.pictures import EmbeddedPicture
from clearsight.sources.samples.records import Record
from clearsight.sources.tables.bins import round_bins


def column(values: str, code: np.ndarray) -> Coded:
    return Coded(values=tuple(values.split()), code=np.asarray(code, dtype=np.int64))


def rows_of(count: int, **parts: object) -> AuditedRows:
    whole = AuditedRows(
        name="some", unit="rows", rows=count, attributes={}, conditions={}, labels={}, kind="one class", states={},
        cluster=None, judged=np.ones(count, dtype=bool),
    )  # fmt: skip
    return replace(whole, **parts)  # type: ignore[arg-type]


def test_numbers_get_bins_with_round_limits() -> None:
    ages = np.array([0, 7, 10, 19, 20, 64, 89, 110, np.nan, *range(1, 90)])
    names, code = round_bins(ages)
    assert names == ("0 to 9", "10 to 19", "20 to 29", "30 to 39", "40 to 49", "50 to 59", "60 to 69", "70 to 79",
                     "80 and over")  # fmt: skip
    assert [names[place] if place >= 0 else None for place in code[:9]] == [
        "0 to 9", "0 to 9", "10 to 19", "10 to 19", "20 to 29", "60 to 69", "80 and over", "80 and over", None,
    ]  # fmt: skip
    names, code = round_bins(np.linspace(0, 0.999, 400))
    assert names[:2] == ("0.0 to 0.1", "0.1 to 0.2") and len(names) == 10 and np.ptp(np.bincount(code)) <= 1
    assert round_bins(np.array([np.nan]))[0] == () and round_bins(np.full(30, 5.0))[0] == ("5",)


def test_columns_are_coded_as_they_are_spelled() -> None:
    found = coded(polars.Series(["b", " a", "", "unknown", None, "b"]))
    assert found.values == ("a", "b") and found.code.tolist() == [1, 0, -1, -1, -1, 1]
    assert coded(["10", "9", "under 9", "2"]).values == ("under 9", "2", "9", "10")
    assert coded([str(age) for age in range(100)]).values[0] == "0 to 9"
    assert coded([f"p{age}" for age in range(100)]).values[0] == "p0"
    assert coded(polars.Series([1.0, 2.0, None])).values == ("1", "2")
    assert all(map(is_of_capture, ("AP/PA", "Frontal/Lateral", "view", "camera model", "hospital_id")))
    assert not any(map(is_of_capture, ("sex", "review", "race", "age")))


def test_the_states_of_a_label_are_counted_apart() -> None:
    """100 rows: 2 present, 30 absent, 8 uncertain, 60 blank."""
    code = np.repeat([1, 0, -1], [2, 30, 68])
    states = {"Edema": {"present": 2, "absent": 30, "uncertain": 8, "blank": 60}}
    (one,) = balances(
        rows_of(100, labels={"Edema": column("absent present", code)}, states=states, kind="several labels")
    )
    assert one.counts == states["Edema"] and one.known == 32 and one.answer == "absent"
    assert one.trivial == 30 / 32 and one.trivial_blank_absent == 0.9
    assert one.balanced == 0.5 and one.f1 == pytest.approx(2 * (2 / 32) * 1 / (2 / 32 + 1)) and one.imbalance == 15
    assert skill(one.trivial, one.trivial) == 0 and skill(1.0, one.trivial) == 1
    assert skill(one.score_for(0.5), one.trivial) == pytest.approx(0.5)


def test_cells_that_no_row_is_in_are_there_and_unknown_rows_are_not() -> None:
    sex, race = column("f m", [0] * 60 + [1] * 35 + [-1] * 5), column("a b", [0] * 90 + [1] * 10)
    found = representation(rows_of(100, attributes={"sex": sex, "race": race}), "uniform")
    cells = {cell.values: cell for cell in found.cells}
    assert len(found.cells) == 2 + 2 + 4 and found.tests == 8 and found.unknown == {"sex": 5, "race": 0}
    assert cells["f",].share == pytest.approx(60 / 95) and cells["f",].expected == 0.5
    assert cells["f", "b"].rows == 0 and cells["f", "b"].expected == 0.25 and cells["f", "b"].p < 1e-6
    assert cells["m", "b"].rows == 5 and cells["m", "b"].too_small and not cells["f", "a"].too_small
    assert representation(rows_of(100, attributes={"sex": sex}), None).cells[0].p is None


def test_a_group_of_the_reference_that_the_data_lack_is_named(tmp_path) -> None:
    table = tmp_path / "census.csv"
    table.write_text("sex,count\nf,50\nm,45\nother,5\n")
    rows = rows_of(400, attributes={"sex": column("f m", [0, 1] * 200)})
    lacking = representation(rows, table).cells[-1]
    assert lacking.values == ("other",) and lacking.rows == 0 and lacking.expected == 0.05
    assert lacking.p is not None and lacking.p < 0.001 and lacking.interval is not None and lacking.interval[1] < 0.02
    table.write_text("race,count\na,50\n")
    with pytest.raises(DataError, match="none of the attributes to compare"):
        representation(rows, table)


def test_no_false_alarm_beside_the_true_mix(tmp_path) -> None:
    """Families of 24 clusters of up to 6 people alike: at most 5% of sets name any of 11 cells."""
    rng, alarms = np.random.default_rng(3), []
    share = {"f": 0.55, "m": 0.45}, {"a": 0.6, "b": 0.3, "c": 0.1}
    table = tmp_path / "mix.csv"
    lines = [f"{one},{two},{p * q}" for one, p in share[0].items() for two, q in share[1].items()]
    table.write_text("\n".join(["sex,race,share", *lines]))
    for _ in range(150):
        cluster = np.repeat(np.arange(240), rng.integers(1, 7, 240))
        race = rng.choice(3, 240, p=list(share[1].values()))[cluster]
        sex = rng.choice(2, len(cluster), p=list(share[0].values()))
        rows = rows_of(
            len(cluster), cluster=cluster, attributes={"sex": column("f m", sex), "race": column("a b c", race)}
        )
        alarms.append(any(cell.p <= 0.05 for cell in representation(rows, table).cells))
    assert np.mean(alarms) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / len(alarms))


def test_no_false_alarm_where_nothing_goes_together() -> None:
    """Three attributes, two labels and a condition, patients of up to 6 rows alike: 13 pairs, at most 5% of sets."""
    rng, alarms = np.random.default_rng(4), []
    for _ in range(120):
        cluster = np.repeat(np.arange(250), rng.integers(1, 7, 250))
        patients = {name: rng.choice(2, 250, p=[0.7, 0.3])[cluster] for name in "abcd"}
        label = np.where(rng.random(len(cluster)) < 0.5, patients["d"], rng.choice(2, len(cluster), p=[0.7, 0.3]))
        rows = rows_of(
            len(cluster), cluster=cluster,
            attributes={name: column("x y", patients[name]) for name in "abc"},
            labels={"l": column("absent present", label), "k": column("absent present", patients["d"])},
            conditions={"view": column("ap pa", rng.choice(2, len(cluster)))},
        )  # fmt: skip
        found = associations(rows)
        assert len(found.pairs) == 3 * 2 + 3 + 2 and not found.untested
        alarms.append(any(pair.p <= 0.05 for pair in found.pairs))
    assert np.mean(alarms) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / len(alarms))


def test_a_planted_association_is_found_with_its_rarest_cell() -> None:
    """Blond hair and sex as in a public set of portraits: 24% of women, 2% of men."""
    rng = np.random.default_rng(5)
    sex = rng.choice(2, 4000, p=[0.58, 0.42])
    blond = (rng.random(4000) < np.where(sex == 0, 0.24, 0.02)).astype(int)
    rare = np.where(np.arange(4000) < 12, 2, sex)
    rows = rows_of(
        4000, attributes={"sex": column("f m other", rare)}, labels={"blond": column("absent present", blond)}
    )
    (pair,) = associations(rows).pairs
    assert pair.notable and pair.interval[0] < pair.v < pair.interval[1] and 0.25 < pair.v < 0.36
    assert pair.rarest == ("m", "present") and pair.most == ("f", "present") and pair.left_out == ("sex = other",)
    assert pair.rarest_rows == int(((rare == 1) & (blond == 1)).sum()) == pair.counts[1][1]
    few = associations(rows_of(8, attributes={"sex": column("f m", [0, 1] * 4)}, labels={"l": column("n y", [0] * 8)}))
    assert few.pairs == () and few.untested == ("sex and l",)


def jpeg(values: np.ndarray, **how: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(file, "JPEG", **how)
    return file.getvalue()


def test_the_quality_of_a_jpeg_is_read_from_its_tables() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3))
    for quality in (5, 30, 49, 50, 75, 90, 95, 100):
        assert jpeg_quality(Image.open(io.BytesIO(jpeg(noise, quality=quality)))) == pytest.approx(quality, abs=1)
    assert np.isnan(jpeg_quality(Image.new("RGB", (4, 4))))


def test_how_a_picture_was_taken_is_measured() -> None:
    exif = Image.Exif()
    exif[271], exif[272] = "Maker", "One"
    even = np.full((100, 200, 3), 80)
    stripes = even + 60 * (np.arange(200) % 2)[None, :, None]
    seen = []
    for values, how in ((even, {"exif": exif}), (stripes, {}), (even + 60, {})):
        data = jpeg(values, quality=90, **how)
        seen.append(capture(Record(id="a", picture=EmbeddedPicture(data=data, name="a"), size=None, truth=None)))
    dark, sharp, bright = seen
    assert dark is not None and sharp is not None and bright is not None
    assert (dark.width_px, dark.height_px, dark.camera, bright.camera) == (200, 100, "Maker One", "")
    assert dark.brightness == pytest.approx(80, abs=1) and bright.brightness == pytest.approx(140, abs=1)
    assert sharp.contrast == pytest.approx(30, abs=3) and sharp.sharpness > 1000 > dark.sharpness and dark.contrast < 1
    broken = Record(id="b", picture=EmbeddedPicture(data=b"no picture", name="b"), size=None, truth=None)
    assert capture(broken) is None
    # Only what differs is a condition.
    assert set(conditions_of([dark, bright, None])) == {"brightness (mean grey value)"}


def test_quarters_hold_a_quarter_each_and_few_values_stay() -> None:
    found = quarters(np.append(np.arange(1000.0), np.nan))
    assert np.bincount(found.code[:-1]).tolist() == [250] * 4 and found.code[-1] == -1
    assert quarters(np.array([90.0, 75.0, 90.0])).values == ("75", "90")
    tied = quarters(np.array([0.0] * 90 + list(range(1, 11))))
    assert len(tied.values) == len(np.unique(tied.code))
