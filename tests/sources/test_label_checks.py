"""Pictures alike in two splits, classes with few examples, object sizes: against slow counting and real pictures."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clearsight import sources
from clearsight.sources import records_of
from clearsight.sources.checks.box_sizes import box_sizes
from clearsight.sources.checks.few_examples import few_examples
from clearsight.sources.checks.near_duplicates import NEAR, _close, near_duplicates
from clearsight.sources.samples.records import Record

REAL = os.environ.get("CLEARSIGHT_DATA")


def scene(seed, side=160):
    """Blurred noise: a picture with structure at every scale."""
    rng = np.random.default_rng(seed)
    layers = [
        np.asarray(Image.fromarray(rng.integers(0, 256, (n, n), dtype=np.uint8)).resize((side, side)), float)
        for n in (3, 8, 20)
    ]
    return Image.fromarray(np.mean(layers, axis=0).astype(np.uint8)).convert("RGB")


def record(path, split):
    return Record(id=Path(path).stem, picture=Path(path), size=None, truth=None, split=split)


def test_the_same_picture_smaller_brighter_and_of_less_quality_is_found(tmp_path):
    kinds = {
        "small": lambda image: image.resize((70, 70)),
        "bright": lambda image: image.point(lambda value: min(255, int(value * 1.1))),
        "poor": lambda image: image,
    }
    train, val = [], []
    for seed in range(12):
        scene(seed).save(tmp_path / f"train{seed}.png")
        train.append(record(tmp_path / f"train{seed}.png", "train"))
    for seed, (name, change) in enumerate(kinds.items()):
        change(scene(seed)).save(tmp_path / f"{name}.jpg", quality=30)
        val.append(record(tmp_path / f"{name}.jpg", "val"))
    scene(99).save(tmp_path / "other.png")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    Image.new("RGB", (50, 50), "grey").save(tmp_path / "flat.png")
    Image.new("RGB", (50, 50), "grey").save(tmp_path / "flat2.png")
    val += [record(tmp_path / name, "val") for name in ("other.png", "broken.jpg", "flat.png")]
    train.append(record(tmp_path / "flat2.png", "train"))
    seen = []
    found = near_duplicates({"train": train, "val": val}, watch=lambda done, total: seen.append((done, total)))
    assert {(pair.first, pair.second) for pair in found} == {
        (f"train: train{seed}", f"val: {name}") for seed, name in enumerate(kinds)
    }
    assert [pair.bits for pair in found] == sorted(pair.bits for pair in found) and seen[-1] == (19, 19)
    assert near_duplicates({"train": train}) == () and near_duplicates({}) == ()


def test_pairs_are_those_of_slow_counting():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, (90, 4), dtype=np.uint64)
    for index in range(0, 60, 2):
        hashes[index + 1] = hashes[index]
        for place in rng.choice(256, int(rng.integers(0, 60)), replace=False):
            hashes[index + 1, place // 64] ^= np.uint64(1) << np.uint64(place % 64)
    split, known = rng.integers(0, 3, 90), rng.random(90) < 0.95
    slow = set()
    for a in range(90):
        for b in range(90):
            bits = sum((int(x) ^ int(y)).bit_count() for x, y in zip(hashes[a], hashes[b], strict=True))
            if split[a] < split[b] and known[a] and known[b] and bits <= NEAR:
                slow.add((a, b, bits))
    assert set(_close(hashes, split, known, NEAR)) == slow and len(slow) > 3


@pytest.mark.skipif(REAL is None, reason="needs CLEARSIGHT_DATA")
def test_no_false_alarm_on_blood_films():
    source = sources.read(Path(REAL) / "bccd")
    found = near_duplicates({split: records_of(dataset) for split, dataset in source.splits.items()})
    # The only pair: one field of view, focused twice.
    assert all({pair.first[-5:], pair.second[-5:]} == {"00037", "00038"} for pair in found)


def test_few_examples_and_their_interval():
    found = few_examples({"train": {"a": 29, "b": 30, "c": 0}, "val": {"a": 10}})
    assert [(one.split, one.name, one.examples) for one in found] == [("val", "a", 10), ("train", "a", 29)]
    # Wilson's interval of 8 of 10, from its textbook.
    assert (found[0].low, found[0].high) == pytest.approx((0.490, 0.943), abs=1e-3)
    assert "49% to 94%" in found[0].said and "only 29 to learn from" in found[1].said


def test_object_sizes_at_the_input():
    sides, longer = np.array([10.0, 20, 40, 80]), np.array([832.0] * 4)
    found = box_sizes(sides, longer, 416)
    assert found.below == {"8": 0.25, "16": 0.5, "32": 0.75} and found.median_px == 15
    # 10 px of 832 are 16 px at 832 x 16 / 10 = 1331 px, rounded up to the next multiple of 32.
    assert found.mended_px == 1344 and "--set size_px=1344" in found.advice
    assert box_sizes(sides, longer, 1344).advice == "" and box_sizes(sides, longer, 1344).mended_px is None
    assert "tiles" in box_sizes(np.array([2.0]), np.array([832.0])).advice
    assert box_sizes(np.zeros(0), np.zeros(0)) is None


def test_one_small_object_in_twenty_needs_no_advice():
    sides = np.array([1.0] + [100.0] * 19)
    assert box_sizes(sides, np.full(20, 416.0)).advice == ""
    assert box_sizes(np.append(sides, 1.0), np.full(21, 416.0)).advice
