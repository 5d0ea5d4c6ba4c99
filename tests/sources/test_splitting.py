"""The seeded split and the table of attributes."""

import math

import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearsight import sources
from clearsight.sources import DataError
from clearsight.sources.samples import splitting


@given(
    rows=st.lists(st.tuples(st.sampled_from(["", *"abcdefghij"]), st.frozensets(st.integers(0, 6))), max_size=60),
    share=st.floats(0.05, 0.6),
    seed=st.integers(0, 5),
)
@settings(max_examples=200)
def test_clusters_stay_whole_and_no_class_leaves_the_training_part(rows, share, seed):
    clusters, classes = [row[0] for row in rows], [row[1] for row in rows]
    out = splitting.held_out(clusters, classes, share, seed)
    assert out == splitting.held_out(clusters, classes, share, seed)
    for name in set(clusters) - {""}:
        assert len({held for held, cluster in zip(out, clusters, strict=True) if cluster == name}) == 1
    trained = {label for held, labels in zip(out, classes, strict=True) if not held for label in labels}
    assert trained == {label for labels in classes for label in labels}
    assert not rows or not all(out)


@pytest.mark.parametrize("seed", range(5))
def test_the_share_is_kept_and_classes_are_in_proportion(seed):
    classes = [frozenset({0} if i % 2 else {0, 1} if i % 10 else {0, 2}) for i in range(200)]
    out = splitting.held_out([""] * 200, classes, 0.2, seed)
    assert sum(out) == 40
    for label in (1, 2):
        held = sum(label in labels for labels, is_out in zip(classes, out, strict=True) if is_out)
        assert held == pytest.approx(0.2 * sum(label in labels for labels in classes), abs=1.01)


def test_another_seed_is_another_split():
    splits = {tuple(splitting.held_out([""] * 50, [frozenset({0})] * 50, 0.2, seed)) for seed in range(4)}
    assert len(splits) == 4


def test_one_cluster_cannot_be_split():
    assert not any(splitting.held_out(["a"] * 10, [frozenset({0})] * 10, 0.2, 0))


def table(folder, text, name="attributes.csv"):
    (folder / name).write_text(text, encoding="utf-8-sig")


def test_attributes_and_clusters_come_from_the_table(tmp_path, writers, item):
    folder = writers.write("voc", tmp_path, [item(f"{i:03d}") for i in range(10)])
    lines = [f"{i:03d}{'.png' if i % 2 else ''},{'f' if i % 2 else ''},p{i // 2}" for i in range(9)]
    table(folder, "id,sex,cluster\n" + "\n".join(lines))
    source = sources.read(folder)
    samples = {sample.id: sample for split in source.splits.values() for sample in split}
    assert samples["003"].groups == {"sex": "f"} and samples["003"].cluster == "p1"
    assert samples["004"].groups == {"sex": "unknown"} and samples["009"].groups == {"sex": "unknown"}
    assert samples["009"].cluster == ""
    assert any("1 pictures are not in the table" in line for line in source.problems)
    clusters = [{sample.cluster for sample in split} - {""} for split in source.splits.values()]
    assert not clusters[0] & clusters[1]


def test_parquet_and_a_named_table(tmp_path, writers, item):
    folder = writers.write("voc", tmp_path / "set", [item("1"), item("2")])
    polars.DataFrame({"id": [1, 2], "age": [30, None]}).write_parquet(tmp_path / "people.parquet")
    source = sources.read(folder, attributes=tmp_path / "people.parquet", held_out=0.0)
    assert [sample.groups for sample in source.split("train")] == [{"age": "30"}, {"age": "unknown"}]
    with pytest.raises(DataError, match="no table"):
        sources.read(folder, attributes=tmp_path / "gone.csv")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id,sex\na,f\nz1,f\nz2,m", "2 ids of .* name no picture:\n  z1\n  z2"),
        ("id,sex\na,f\na.png,m", "more than once"),
        ("name,sex\na,f", "Expected one named id"),
        ("id,sex,sex\na,f,m", "a name of its own"),
        ("", "cannot be read as a table"),
        ("id,sex\na,f,extra,cells\n", "cannot be read as a table"),
        ("id,sex\n" + "\n".join(f"s{i},f" for i in range(15)), "... and 5 more"),
    ],
)
def test_bad_tables(text, expected, tmp_path, writers, item):
    folder = writers.write("voc", tmp_path, [item("a")])
    table(folder, text)
    with pytest.raises(DataError, match=expected):
        sources.read(folder)


def test_wrong_encoding_and_broken_parquet(tmp_path, writers, item):
    folder = writers.write("voc", tmp_path, [item("a")])
    (folder / "attributes.csv").write_bytes("id,größe\na,ü".encode("latin-1"))
    with pytest.raises(DataError, match="cannot be read as a table"):
        sources.read(folder)
    (folder / "attributes.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="holds both"):
        sources.read(folder)
    (folder / "attributes.csv").unlink()
    with pytest.raises(DataError, match="cannot be read as a table"):
        sources.read(folder)


def test_an_id_of_two_splits_is_ambiguous_in_the_table(tmp_path, writers, item):
    folder = writers.write("yolo", tmp_path, [item("a"), item("a", split="val"), item("b")])
    table(folder, "id,sex\na,f")
    with pytest.raises(DataError, match="fit several pictures"):
        sources.read(folder)
    table(folder, "id,sex\ntrain/a,f\nval/a,m\nb,m")
    groups = [sample.groups["sex"] for split in sources.read(folder).splits.values() for sample in split]
    assert sorted(groups) == ["f", "m", "m"]


def test_share_rounds_to_the_nearest(tmp_path, writers, item):
    folder = writers.write("yolo", tmp_path, [item(f"p{i}") for i in range(7)])
    source = sources.read(folder, held_out=0.3)
    assert len(source.split("val")) == math.floor(0.3 * 7 + 0.5)
    assert sources.read(folder, held_out=0.3).fingerprint == source.fingerprint
    assert list(sources.read(folder, held_out=0.0).splits) == ["train"]
