"""The picture cache: what it holds, and what it survives."""

import os
import pickle
import resource
import signal
import subprocess
import sys
import time
import warnings

import pytest
import torch

from clearsight import sources
from clearsight.sources import DataError, cached
from clearsight.sources.samples import cache, cache_folder
from clearsight.types import Dataset


@pytest.fixture
def data(tmp_path, writers, item):
    items = [item(f"p{i}", (40 + i, 60), (("cat", 5, 6, 25, 30),)) for i in range(6)]
    return writers.write("voc", tmp_path / "set", items)


def train(folder, **choices):
    return sources.read(folder, held_out=0.0, **choices).split("train")


def entries(folder):
    return sorted(path.name for path in (folder / "pictures").iterdir() if path.is_dir())


def test_pictures_and_boxes_are_resized_together(data):
    dataset = train(data)
    calls = []
    small = cached(dataset, 30, lambda done, total: calls.append((done, total)))
    assert isinstance(small, Dataset) and len(small) == 6
    assert calls == [(i, 6) for i in range(1, 7)]
    for index, sample in enumerate(small):
        height, width = dataset[index].size
        assert sample.size == (round(height * 30 / width), 30)
        expected = torch.tensor([5, 6, 25, 30]) * torch.tensor([0.5, sample.size[0] / height] * 2)
        torch.testing.assert_close(sample.truth.xyxy[0], expected)
        torch.testing.assert_close(sample.truth.areas[0], (expected[2] - expected[0]) * (expected[3] - expected[1]))
        assert torch.equal(sample.image, dataset.records[index].decode(30))
        assert small.scale(index) == (sample.size[0] / height, 0.5)
    assert small.fingerprint == dataset.fingerprint


def test_the_second_time_nothing_is_decoded(data):
    dataset = train(data)
    first = cached(dataset, 30)
    for record in dataset.records:
        record.picture.unlink()
    again = cached(dataset, 30)
    assert all(torch.equal(a.image, b.image) for a, b in zip(first, again, strict=True))


def test_images_are_views_without_warnings_and_writes_stay_here(data):
    dataset = train(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = cached(dataset, 30)
        image = first[0].image
        assert image.data_ptr() == first[0].image.data_ptr()
        before = image.clone()
        image.fill_(0)
    assert torch.equal(cached(dataset, 30)[0].image, before)


def test_another_process_maps_the_file_itself(data):
    small = cached(train(data), 30)
    sent = pickle.dumps(small)
    assert len(sent) < 20_000
    assert torch.equal(pickle.loads(sent)[5].image, small[5].image)


def test_composed_sets_are_cached_too():
    scenes = sources.read("digits").split("val")
    small = cached(scenes, 80)
    assert small[3].image.shape == (3, 80, 80)
    torch.testing.assert_close(small[3].truth.xyxy, scenes[3].truth.xyxy / 2)


def test_pictures_broken_inside_are_all_named_at_once(data, cache_folder):
    # The end is whole, so only decoding finds it.
    for name in ("p1", "p3"):
        path = data / "JPEGImages" / f"{name}.png"
        content = bytearray(path.read_bytes())
        content[80:120] = bytes(40)
        path.write_bytes(content)
    dataset = train(data)
    with pytest.raises(DataError) as caught:
        cached(dataset, 30)
    assert "p1.png" in str(caught.value) and "p3.png" in str(caught.value) and "2 problems" in str(caught.value)
    assert entries(cache_folder) == []
    small = cached(dataset, 30, skip_bad=True)
    assert [sample.id for sample in small] == ["p0", "p2", "p4", "p5"]
    assert len(small.problems) == 2 and "p1.png" in small.problems[0]
    assert small.fingerprint != dataset.fingerprint
    with pytest.raises(DataError):
        cached(dataset, 30)


def test_a_picture_changed_after_reading_is_refused(data, writers):
    dataset = train(data)
    writers.picture(data / "JPEGImages" / "other.png", (40, 60)).replace(data / "JPEGImages" / "p0.png")
    with pytest.raises(DataError, match="changed since"):
        cached(dataset, 30)


def test_a_damaged_entry_is_built_again(data, cache_folder):
    dataset = train(data)
    first = cached(dataset, 30)[0].image.clone()
    place = cache_folder / "pictures" / entries(cache_folder)[0]
    for damage in (lambda: os.truncate(place / "pixels.bin", 10), (place / "index.json").unlink):
        damage()
        assert torch.equal(cached(dataset, 30)[0].image, first)
    (place / "index.json").write_text("[]")
    assert torch.equal(cached(dataset, 30)[0].image, first)


def test_the_least_recently_used_set_makes_room(data, cache_folder, monkeypatch):
    dataset = train(data)
    cached(dataset, 40)
    kept = entries(cache_folder)
    cached(dataset, 41)
    for name in entries(cache_folder):
        age = 100 if name in kept else 200
        os.utime(cache_folder / "pictures" / name, (time.time() - age,) * 2)
    total = sum(entry.stat().st_size for entry in (cache_folder / "pictures").glob("*/*"))
    monkeypatch.setenv("CLEARSIGHT_CACHE_GB", str((total + 1000) / 1e9))
    cached(dataset, 39)
    assert kept[0] in entries(cache_folder) and len(entries(cache_folder)) == 2


def test_a_bound_too_small_or_senseless_is_an_error(data, monkeypatch):
    for value, words in (("0.00000001", "may hold"), ("lots", "number of gigabytes"), ("-1", "number of gigabytes")):
        monkeypatch.setenv("CLEARSIGHT_CACHE_GB", value)
        with pytest.raises(DataError, match=words):
            cached(train(data), 30)


def test_a_cache_folder_that_cannot_be_used(data, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CLEARSIGHT_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match="CLEARSIGHT_CACHE"):
        cached(train(data), 30)


def test_a_full_disk_is_one_error_and_leaves_nothing(data, cache_folder):
    dataset = train(data)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    try:
        with pytest.raises(DataError, match="disk of the cache is full"):
            cached(dataset, 60)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert entries(cache_folder) == []
    assert len(cached(dataset, 60)) == 6


def test_a_disk_known_to_be_too_small_is_not_filled(data, monkeypatch):
    monkeypatch.setattr(cache_folder.shutil, "disk_usage", lambda path: os.terminal_size((0, 0)) and Usage())
    with pytest.raises(DataError, match="disk of the cache is full"):
        cached(train(data), 30)


class Usage:
    free = 10


BUILDER = """
import sys, time
from clearsight import sources
dataset = sources.read(sys.argv[1], held_out=0.0).split("train")
def progress(done, total):
    print(done, flush=True)
    time.sleep(float(sys.argv[2]))
print("ready", flush=True)
small = sources.cached(dataset, 30, progress)
print("sum", sum(int(sample.image.sum()) for sample in small), flush=True)
"""


def builder(data, pause):
    return subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(data), str(pause)], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )


def test_two_builders_share_one_entry(data, cache_folder):
    both = [builder(data, 0.05) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0].split() for process in both]
    assert all(process.returncode == 0 for process in both)
    assert outputs[0][-1] == outputs[1][-1]
    assert sorted("6" in output[1:-2] for output in outputs) in ([False, True], [True, True])
    assert len(entries(cache_folder)) == 1
    total = sum(int(sample.image.sum()) for sample in cached(train(data), 30))
    assert total == int(outputs[0][-1])


def test_a_killed_builder_neither_blocks_nor_harms_the_next(data, cache_folder):
    process = builder(data, 30)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n" and process.stdout.readline() == "1\n"
    assert entries(cache_folder)[0].endswith(".building")
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    started = time.monotonic()
    small = cached(train(data), 30)
    assert time.monotonic() - started < 10
    assert len(small) == 6 and torch.equal(small[2].image, train(data).records[2].decode(30))
    assert len(entries(cache_folder)) == 1 and not entries(cache_folder)[0].endswith(".building")


def test_a_version_belongs_to_the_key(data, cache_folder, monkeypatch):
    cached(train(data), 30)
    monkeypatch.setattr(cache, "VERSION", cache.VERSION + 1)
    cached(train(data), 30)
    assert len(entries(cache_folder)) == 2
