"""Compressed tables read as their plain forms everywhere; damaged ones and bombs are one clear error."""

import gzip
import io

import polars
import pytest
from PIL import Image

from clearsight import sources
from clearsight.sources.problems import DataError
from clearsight.sources.tables import compressed
from clearsight.sources.tables.compressed import content_of, kind_of, stem_of
from clearsight.sources.tables.files import looks_like_table, read_frame
from clearsight.sources.tables.table import read_rows, read_table

zstandard = pytest.importorskip("zstandard")

TEXT = "colour,size,price\n" + "".join(f"{'ab'[i % 2]},{i % 7 + 0.5},{10 * i}\n" for i in range(60))
PACKERS = {".csv.gz": gzip.compress, ".csv.zst": zstandard.compress, ".CSV.GZ": gzip.compress}


@pytest.mark.parametrize("ending", PACKERS)
def test_a_compressed_table_is_the_table(tmp_path, ending):
    (tmp_path / "t.csv").write_text(TEXT)
    packed = tmp_path / f"t{ending}"
    packed.write_bytes(PACKERS[ending](TEXT.encode()))
    assert looks_like_table(packed) and read_frame(packed)[0].equals(read_frame(tmp_path / "t.csv")[0])
    plain, found = read_table(tmp_path / "t.csv", "price"), read_table(packed, "price")
    assert (found.inputs == plain.inputs).all() and found.fingerprint == plain.fingerprint
    assert (read_rows(packed, found.columns)[1] == plain.inputs).all()
    named = tmp_path / f"more{ending}"
    named.write_bytes(PACKERS[ending](("id,site\n" + "".join(f"{i + 1},{'xy'[i % 2]}\n" for i in range(60))).encode()))
    assert read_table(packed, "price", attributes=named).groups["site"].tolist() == list("xy" * 30)


def test_tabs_and_several_parts_are_read_too(tmp_path):
    (tmp_path / "t.tsv.gz").write_bytes(gzip.compress(TEXT.replace(",", "\t").encode()))
    assert read_table(tmp_path / "t.tsv.gz", "price").truth[:3].tolist() == [0.0, 10.0, 20.0]
    for ending, pack in ((".csv.gz", gzip.compress), (".csv.zst", zstandard.compress)):
        path = tmp_path / f"parts{ending}"
        path.write_bytes(pack(TEXT[:100].encode()) + pack(TEXT[100:].encode()))
        assert content_of(path).decode() == TEXT, "files joined with cat are joined tables"


def test_names_tell_what_is_a_table(tmp_path):
    names = {"a.csv": ".csv", "b.csv.gz": ".csv", "c.TSV.zst": ".tsv", "d.parquet": ".parquet", "e.gz": "",
             "f.parquet.gz": "", "g.tar.gz": "", "h.csv.bz2": "", "csv": ""}  # fmt: skip
    assert {name: kind_of(tmp_path / name) for name in names} == names
    assert [stem_of(tmp_path / name) for name in ("train.csv.gz", "a.b.tsv", "x.parquet")] == ["train", "a.b", "x"]


@pytest.mark.parametrize("ending", [".csv.gz", ".csv.zst"])
@pytest.mark.parametrize("fault", ["cut", "another format", "empty frame"])
def test_a_damaged_file_is_one_clear_error(tmp_path, ending, fault):
    packed = PACKERS[ending]((TEXT * 50).encode())
    contents = {"cut": packed[: len(packed) // 2], "another format": TEXT.encode(), "empty frame": packed[:3]}
    path = tmp_path / f"t{ending}"
    path.write_bytes(contents[fault])
    with pytest.raises(DataError, match=r"cannot be unpacked: .*Expected a whole file of (gzip|Zstandard)") as error:
        read_table(path, "price")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("ending", "pack"), [(".csv.gz", gzip.compress), (".csv.zst", zstandard.compress)])
def test_a_bomb_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch, ending, pack):
    monkeypatch.setattr(compressed, "UNPACKED_AT_MOST", 1_000_000)
    path = tmp_path / f"bomb{ending}"
    path.write_bytes(pack(b"a,b\n" + b"1,2\n" * 10_000_000))
    assert path.stat().st_size < 100_000
    with pytest.raises(DataError, match=r"unpacks to more than 1,000,000 bytes"):
        read_frame(path)
    assert max(len(part) for part, _ in zip(compressed._parts(path), range(5), strict=False)) <= 32 * 2**20


@pytest.mark.parametrize("ending", [".csv.gz", ".csv.zst"])
def test_tables_of_pictures_and_their_attributes_may_be_compressed(tmp_path, ending):
    pack = PACKERS[ending]
    (tmp_path / "images").mkdir()
    for row in range(6):
        buffer = io.BytesIO()
        Image.new("RGB", (8, 6), (row, 0, 0)).save(buffer, "png")
        (tmp_path / "images" / f"{row}.png").write_bytes(buffer.getvalue())
    rows = "".join(f"{row}.png,{'ab'[row % 2]}\n" for row in range(6))
    (tmp_path / f"train{ending}").write_bytes(pack(("file,label\n" + rows).encode()))
    beside = "".join(f"{row},{'xy'[row // 3]}\n" for row in range(6))
    (tmp_path / f"attributes{ending}").write_bytes(pack(("id,site\n" + beside).encode()))
    for place in (tmp_path, tmp_path / f"train{ending}"):
        source = sources.read(place, held_out=0.0, attributes=tmp_path / f"attributes{ending}")
        assert source.class_names == ("a", "b") and source.split("train")[4].groups == {"site": "y"}
    assert sources.read(tmp_path, held_out=0.0).split("train")[0].groups == {"site": "x"}
    polars.DataFrame({"id": ["0"], "site": ["x"]}).write_parquet(tmp_path / "attributes.parquet")
    with pytest.raises(DataError, match=rf"holds both attributes{ending} and attributes.parquet"):
        sources.read(tmp_path, held_out=0.0)
