"""Which pictures are not independent: names, times and bytes propose, pictures confirm, nothing is over-inferred."""

import io
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from clearsight import sources
from clearsight.sources import DataError, Record
from clearsight.sources.clusters import copies, inference, likeness, names
from clearsight.sources.clusters.links import Links
from clearsight.sources.samples.hashes import thumbnail
from clearsight.types import Boxes, Label

DATA = os.environ.get("CLEARSIGHT_DATA", "")
NOTHING = Boxes.of(torch.zeros((0, 4)), torch.zeros(0, dtype=torch.long))


def scene(seed, size=(48, 64), coarse=6):
    """A picture with structure of its own."""
    small = np.random.default_rng(seed).integers(0, 256, (coarse, coarse, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize(size[::-1], Image.Resampling.BICUBIC))


def frames(seed, count, own=0.25):
    """Frames of a video: one scene, and a share of each frame's own that moves slowly."""
    base, random = scene(seed).astype(float), np.random.default_rng([seed, 1])
    drift = np.zeros_like(base)
    for index in range(count):
        drift = 0.8 * drift + 0.6 * scene(random.integers(1 << 30)).astype(float)
        yield np.clip((1 - own) * base + own * drift, 0, 255).astype(np.uint8), index


def record(id, pixels, truth=NOTHING, cluster="", **more):
    picture = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
    digest = str(hash(pixels.tobytes()))
    return Record(
        id=id, picture=lambda: picture, size=pixels.shape[:2], truth=truth, cluster=cluster, digest=digest, **more
    )


def nothing(record):
    return frozenset()


def classes(record):
    return frozenset({record.truth.index}) if isinstance(record.truth, Label) else frozenset()


def inferred(records, choice="auto", shown=nothing, class_names=()):
    found, about = inference.clustered(records, choice, shown, class_names)
    return [one.cluster for one in found], about


def videos(count=3, each=40):
    return [
        record(f"{video:04d}TP_{1000 + 7 * index:06d}", pixels)
        for video in range(count)
        for pixels, index in frames(video, each)
    ]


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("id", "stem"),
    [
        ("0016E5_07959", ("0016E5", 7959)),
        ("patient12-003", ("patient12", 3)),
        ("0001TP_f006690", ("0001TP", 6690)),
        ("aachen_000000_000019_leftImg8bit", ("aachen_000000", 19)),
        ("0016E5_07959_jpg.rf.0a1b2c", ("0016E5", 7959)),
        ("drives/monday/000123", ("drives/monday", 123)),
        ("drives/monday/frame_123", ("drives/monday", 123)),
        ("000000000009", None),
        ("portrait", None),
    ],
)
def test_stem_and_number(id, stem):
    assert names.parted(id) == stem


def test_plain_words_state_groups_without_a_look():
    ids = [f"patient{n // 3}-{n % 3:03d}" for n in range(30)] + [f"chest/patient{n:05d}/study1/view1" for n in (7, 8)]
    found = names.proposal(ids, [frozenset()] * len(ids))
    assert sorted(map(len, found.stated.values())) == [3] * 10 and not found.stems


@pytest.mark.parametrize("word", ["video", "person", "scene"])
def test_a_word_that_numbers_every_picture_states_nothing(word):
    ids = [f"{word}_{n:03d}" for n in range(30)]
    assert not names.proposal(ids, [frozenset()] * 30).stated


# --- what is inferred -------------------------------------------------------------------------------------------------


def test_frames_of_several_videos():
    found, about = inferred(videos())
    assert Counter(found) == {"0000TP": 40, "0001TP": 40, "0002TP": 40}
    assert (about.clusters, about.pictures, about.origin) == (3, 120, "inferred from file names")
    assert about.example[0].endswith("TP") and about.example[1].startswith(about.example[0])


def test_stems_that_the_pictures_do_not_confirm_are_nothing():
    """Two laboratories' prefixes before pictures that have nothing to do with one another."""
    found, about = inferred([record(f"{'abc'[n % 3]}x_{n:04d}", scene(n)) for n in range(120)])
    assert set(found) == {""} and about.origin == ""


def test_one_stem_over_everything_is_no_cluster():
    found, _ = inferred([record(f"BloodImage_{n:05d}", scene(n)) for n in range(120)])
    assert set(found) == {""}


@pytest.mark.parametrize("stem", ["frame", "IMG", "crossing"])
def test_of_one_numbered_series_only_neighbours_that_are_alike(stem):
    """Three videos of 60 frames numbered through, then 60 pictures of anything."""
    pixels = [frame for video in range(3) for frame, _ in frames(video, 60)] + [scene(1000 + n) for n in range(60)]
    found, about = inferred([record(f"{stem}_{n:04d}", one) for n, one in enumerate(pixels)])
    for video in range(3):
        inside = Counter(found[60 * video + 5 : 60 * video + 55])
        assert inside.most_common(1)[0][1] >= 45, inside
    assert not (set(found[:55]) & set(found[65:115])) - {""}
    assert sum(one != "" for one in found[185:]) <= 8
    assert about.origin == "inferred from file names"


@pytest.mark.parametrize(
    "name", ["{word}_{n:03d}", "{word}/{n:04d}", "{word}/IMG_{n:04d}", "{index}_{n:04d}", "train/{word}_{n}"]
)
def test_names_of_classes_and_splits_are_no_clusters(name):
    """Pictures of a class are alike, and named after it: that makes them no video."""
    words = ("cat", "dog", "bird")
    records = [
        record(name.format(word=words[index], index=index, n=n), pixels, Label(index=index))
        for index in range(3)
        for pixels, n in frames(index, 40)
    ]
    found, _ = inferred(records, shown=classes, class_names=words)
    assert set(found) == {""}
    found, _ = inferred([record(f"train_{n:03d}", pixels) for n, (pixels, _) in enumerate(frames(5, 60))])
    assert set(found) == {""}


def test_within_one_class_only_what_is_alike_for_another_reason():
    """Two numberings per class, of pictures that share their class's look and nothing else."""
    looks = [scene(label).astype(int) for label in range(2)]
    records = [
        record(
            f"{'abcd'[2 * label + n % 2]}q_{n:03d}",
            ((looks[label] + scene([label, n])) // 2).astype(np.uint8),
            Label(index=label),
        )
        for label in range(2)
        for n in range(60)
    ]
    found, _ = inferred(records, shown=classes)
    assert set(found) == {""}


def test_plain_numbers_are_nothing():
    found, _ = inferred([record(f"{13 * n:012d}", pixels) for n, (pixels, _) in enumerate(frames(0, 60))])
    assert set(found) == {""}


def test_small_pictures_of_digits_do_not_chain():
    from sklearn.datasets import load_digits

    images = (load_digits().images * (255 / 16)).astype(np.uint8)[:600]
    grey = [np.asarray(Image.fromarray(one).resize((28, 28), Image.Resampling.BICUBIC)) for one in images]
    records = [record(f"{n:05d}", np.repeat(one[..., None], 3, 2)) for n, one in enumerate(grey)]
    sizes = Counter(one for one in inference.together(records, "auto") if one)
    assert sum(sizes.values()) < 30 and max(sizes.values(), default=0) < 10, sizes


def test_what_is_given_is_taken_as_it_is():
    records = videos(2, 20)
    given = [Record(**{**vars(one), "cluster": "x" if n < 3 else ""}) for n, one in enumerate(records)]
    found, about = inferred(given)
    assert found == ["x"] * 3 + [""] * 37 and about.stated
    found, about = inferred(records, "none")
    assert set(found) == {""} and about.origin == ""


def test_files_equal_byte_for_byte_are_one_cluster():
    records = [record(f"{'ab'[n % 2]}{n:03d}x", scene(n // 2)) for n in range(20)]
    found, about = inferred(records)
    assert sorted(Counter(found).values()) == [2] * 10 and about.origin == "inferred from identical files"


# --- camera and time --------------------------------------------------------------------------------------------------


def photograph(path, pixels, second, camera="Acme"):
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = camera
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = (
        f"2026:05:01 {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    )
    Image.fromarray(pixels).save(path, exif=exif, quality=90)


def test_bursts_of_one_camera(tmp_path):
    """Bursts of three within seconds; other pictures as close in time that show other things; another camera."""
    for word in ("cat", "dog"):
        (tmp_path / word).mkdir()
    names = {}
    for n in range(60):
        path = tmp_path / ("cat", "dog")[n % 2] / f"{os.urandom(4).hex()}x.jpg"
        burst, within = divmod(n, 3)
        pixels = scene(n) if burst >= 15 else np.clip(scene(burst).astype(int) + 3 * within, 0, 255).astype(np.uint8)
        photograph(path, pixels, 100 * burst + 2 * within, f"camera {burst % 2}")
        names[path.stem] = burst
    source = sources.read(tmp_path, held_out=0)
    records = source.split("train").records
    assert all(one.captured is not None and one.captured[0].startswith("camera") for one in records)
    groups = {}
    for one in records:
        if one.cluster:
            groups.setdefault(one.cluster, []).append(names[one.id.rpartition("/")[2]])
    assert source.clustering.origin == "inferred from camera and time"
    assert all(len(set(mine)) == 1 for mine in groups.values())
    assert sum(len(mine) == 3 and mine[0] < 15 for mine in groups.values()) == 15


def test_broken_times_are_no_problem(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "yesterday"
    for word in ("cat", "dog"):
        (tmp_path / word).mkdir()
        Image.fromarray(scene(len(word))).save(tmp_path / word / "a.jpg", exif=exif)
        Image.fromarray(scene(7 + ord(word[0]))).save(tmp_path / word / "b.png")
    assert all(one.captured is None for one in sources.read(tmp_path, held_out=0).split("train").records)


# --- a split of our own -----------------------------------------------------------------------------------------------


def altered(pixels, how):
    image = Image.fromarray(pixels)
    width, height = image.size
    if how == "re-encoded":
        file = io.BytesIO()
        image.save(file, "JPEG", quality=40)
        return np.asarray(Image.open(file))
    if how == "resized":
        return np.asarray(image.resize((width // 2, height // 2), Image.Resampling.BILINEAR))
    if how == "brightened":
        return np.clip(pixels.astype(float) * 1.15 + 8, 0, 255).astype(np.uint8)
    if how == "cropped":
        return np.asarray(image.crop((width // 50, height // 50, width, height)))
    return pixels


HOW = ("byte for byte", "re-encoded", "resized", "brightened", "cropped")


@pytest.mark.parametrize("how", HOW)
def test_our_own_split_keeps_copies_on_one_side(how, tmp_path, writers, item):
    """200 pictures in VOC's layout, one class, no split named, with twenty pairs of copies."""
    ids = [f"{n:06d}" for n in range(200)]
    folder = writers.write("voc", tmp_path, [item(id, size=(96, 128)) for id in ids])
    for split in (folder / "ImageSets/Main").iterdir():
        split.unlink()
    for n, id in enumerate(ids):
        pixels = scene(n % 180, (96, 128), 12)
        pixels = altered(pixels, how) if n >= 180 else pixels
        Image.fromarray(pixels).save(folder / f"JPEGImages/{id}.png")
        place = folder / f"Annotations/{id}.xml"
        place.write_text(writers.xml(item(id, size=pixels.shape[:2])), encoding="utf-8")
    source = sources.read(folder)
    side = {one.id: split for split, mine in source.splits.items() for one in mine.records}
    apart = [n for n in range(180, 200) if side[f"{n:06d}"] != side[f"{n - 180:06d}"]]
    assert not apart
    assert len(source.split("val")) == pytest.approx(40, abs=3)
    before = sources.read(folder, cluster="none")
    side = {one.id: split for split, mine in before.splits.items() for one in mine.records}
    assert [n for n in range(180, 200) if side[f"{n:06d}"] != side[f"{n - 180:06d}"]], "the fault is there without it"


def test_pictures_without_structure_and_one_sort_of_picture_are_not_chained():
    flat = [record(f"{n:03d}", np.full((40, 40, 3), n, np.uint8)) for n in range(40)]
    assert copies.near(flat) == []
    base = scene(0, coarse=12).astype(int)
    alike = [record(f"{n:03d}", np.clip(base + n, 0, 255).astype(np.uint8)) for n in range(60)]
    sizes = Counter(one for one in inference.together(alike, "auto") if one)
    assert max(sizes.values(), default=0) <= 12, "60 of 60 pictures of one sort are no copies of one picture"
    assert copies.near(alike[:2] + [record(f"o{n}", scene(n + 1, coarse=12)) for n in range(30)]) == [(0, 1)]


def test_splits_of_ours_keep_inferred_clusters_whole():
    records = videos(6, 20)
    found, _ = inference.clustered(records, "auto", nothing)
    assert inference.together(found, "auto") == [one.cluster for one in found]


# --- the choice -------------------------------------------------------------------------------------------------------


def drive(folder, writers, item, videos=("0001TP", "0016E5"), each=30):
    """A layout whose splits share the second video."""
    items, pictures = [], {}
    for v, video in enumerate(videos):
        for pixels, n in frames(v, each):
            id = f"{video}_{7 * n:05d}"
            items.append(item(id, size=(48, 64), split="val" if v == len(videos) - 1 and n % 3 == 0 else "train"))
            pictures[id] = pixels
    writers.write("voc", folder, items)
    for id, pixels in pictures.items():
        Image.fromarray(pixels).save(folder / f"JPEGImages/{id}.png")
    return folder


def test_the_choice_and_its_fingerprint(tmp_path, writers, item):
    folder = drive(tmp_path, writers, item)
    auto, none = sources.read(folder), sources.read(folder, cluster="none")
    assert auto.fingerprint == none.fingerprint, "what is inferred says nothing new of the data"
    assert {one.cluster for one in auto.split("val").records} == {"0016E5"}
    assert {one.cluster for one in none.split("val").records} == {""}
    rows = "\n".join(f"{one.id},{one.id[-1]},v" for split in none.splits.values() for one in split.records)
    (folder / "attributes.csv").write_text("id,digit,sex\n" + rows)
    named = sources.read(folder, cluster="digit")
    assert all(one.cluster == one.id[-1] and set(one.groups) == {"sex"} for one in named.split("val").records)
    assert named.clustering.origin == "stated in the column digit" and named.fingerprint != auto.fingerprint
    with pytest.raises(DataError, match="no attribute digits.*Did you mean digit"):
        sources.read(folder, cluster="digits")


def test_splitting_anew_by_whole_clusters(tmp_path, writers, item):
    folder = drive(tmp_path, writers, item, [f"00{n}TP" for n in range(6)], 10)
    shared = sources.describe(sources.read(folder))
    assert shared.shared_splits["val"].pictures == shared.shared_splits["val"].seen == 4
    assert shared.shared_splits["val"].left_out == 0 and shared.shared_clusters == ("005TP",)
    anew = sources.read(folder, resplit=True)
    assert not sources.describe(anew).shared_splits and len(anew.split("val")) == 10
    assert any("splits were not kept" in line for line in anew.problems)


def test_no_pixel_is_read_where_names_say_nothing_and_nothing_is_split(tmp_path, writers, item, monkeypatch):
    folder = writers.write("voc", tmp_path, [item(f"{n:06d}", split=("train", "val")[n % 2]) for n in range(20)])

    def fail(*_):
        raise AssertionError("a picture was read")

    monkeypatch.setattr(likeness, "thumbnail", fail)
    monkeypatch.setattr(copies, "looked", fail)
    assert sources.read(folder).clustering.clusters == 0


def test_links():
    links = Links(6)
    links.join([0, 2], "a")
    links.join([4, 2], "b")
    links.join([1], "c")
    assert links.groups() == {0: [0, 2, 4]} and links.signs() == {0: ("a", "b")}


def test_thumbnails_are_close_to_the_whole_picture():
    pixels = scene(3, (200, 320))
    small = np.asarray(thumbnail(record("a", pixels), 8, "RGB").resize((8, 8), Image.Resampling.BOX), dtype=float)
    whole = pixels.reshape(8, 25, 8, 40, 3).mean((1, 3))
    assert np.abs(small - whole).max() <= 1


# --- real data --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not DATA, reason="CLEARSIGHT_DATA is not set")
@pytest.mark.parametrize("name", ["camvid", "bccd", "coco-mini/object_detection", "faces/train.parquet"])
def test_real_data(name):
    """CamVid gives its videos; the others do not collapse."""
    source = sources.read(Path(DATA) / name, skip_bad=True, target="gender" if "faces" in name else None)
    sizes = Counter(one.cluster for mine in source.splits.values() for one in mine.records if one.cluster)
    if name == "camvid":
        assert sizes == {"0016E5": 305, "0006R0": 101, "0001TP": 62}
        return
    assert sum(sizes.values()) <= 0.05 * sum(map(len, source.splits.values())), sizes.most_common(5)
