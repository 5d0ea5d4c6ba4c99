"""A mask for every object from COCO and YOLO outlines, against pycocotools and a slow rasteriser; and what is wrong."""

import json
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco

from clearsight import sources
from clearsight.ops import instance_masks, polygons
from clearsight.sources import DataError, cached, records_of
from clearsight.sources.formats.digits import DigitScenes
from clearsight.sources.samples import outlines
from clearsight.sources.samples.outlines import DrawnInstances
from clearsight.types import Boxes, ClassMap, Instances

HEIGHT, WIDTH = 40, 60
SQUARE = [[5.0, 5, 25, 5, 25, 35, 5, 35]]
BOW_TIE = [[5, 5, 25, 35, 25, 5, 5, 35]]
# Of pycocotools, not ours.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SAID_ONCE = {"id": 1, "image_id": 1, "category_id": 3, "bbox": [5, 5, 20, 30]}


def _coco(folder, annotations, size=(HEIGHT, WIDTH), said=True):
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size[::-1]).save(folder / "a.png")
    image = {"id": 1, "file_name": "a.png"} | ({"height": size[0], "width": size[1]} if said else {})
    categories = [{"id": 3, "name": "cat"}, {"id": 8, "name": "dog"}]
    content = {"images": [image], "categories": categories, "annotations": [{**SAID_ONCE, **a} for a in annotations]}
    (folder / "annotations" / "instances_train.json").write_text(json.dumps(content))
    return folder


def _read(folder, **options):
    return sources.read(folder, held_out=0.0, **{"wanted": (Instances,), **options})


def _truth(source):
    return records_of(source.split("train"))[0].answer()


def _inside(parts, height=HEIGHT, width=WIDTH):
    """The slow rasteriser: a pixel's centre is inside one of the polygons (even-odd)."""
    mask = np.zeros((height, width), dtype=bool)
    for part in parts:
        corners = np.array(part, dtype=float).reshape(-1, 2).tolist()
        for row in range(height):
            for column in range(width):
                x, y, odd = column + 0.5, row + 0.5, False
                for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
                    if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
                        odd = not odd
                mask[row, column] |= odd
    return mask


def _blob(seed, share=0.5):
    mask = np.random.default_rng(seed).random((HEIGHT, WIDTH)) < share
    mask[:, : 3 + seed] = mask[:4] = mask[:, 50:] = False
    return mask


def _plain(mask):
    flat = mask.T.reshape(-1)
    runs = np.diff([0, *(np.flatnonzero(np.diff(flat)) + 1), flat.size]).tolist()
    return [0, *runs] if flat[0] else runs


def test_coco_polygons_and_run_lengths(tmp_path):
    blob, crowd = _blob(0), _blob(3)
    crowd[:, 0] = True
    text = coco.encode(np.asfortranarray(crowd.astype(np.uint8)))["counts"].decode()
    two = [[5, 5, 24.7, 6.1, 22, 33.3], [30.2, 8, 41, 8, 36, 20.9, 33, 15]]
    source = _read(
        _coco(
            tmp_path,
            [
                {"segmentation": two, "bbox": [5, 5, 36, 28.3], "area": 123.0},
                {"segmentation": {"size": [HEIGHT, WIDTH], "counts": _plain(blob)}, "category_id": 8}
                | {"bbox": [0, 0, 60, 40]},
                {"segmentation": {"size": [HEIGHT, WIDTH], "counts": text}, "iscrowd": 1, "bbox": [0, 0, 60, 40]},
            ],
        )
    )
    truth = _truth(source)
    assert source.truth is Instances and type(truth) is Instances and source.class_names == ("cat", "dog")
    assert truth.labels.tolist() == [0, 1, 0] and truth.ignored.tolist() == [False, False, True]
    decoded = coco.decode({"size": [HEIGHT, WIDTH], "counts": text.encode()}).astype(bool)
    expected = np.stack([_inside(two), blob, decoded])
    np.testing.assert_array_equal(instance_masks.bitmaps(truth.masks).numpy(), expected)
    # The area said, else that of the mask.
    assert truth.areas.tolist() == [123.0, blob.sum(), coco.area({"size": [HEIGHT, WIDTH], "counts": text.encode()})]
    torch.testing.assert_close(truth.xyxy[0], torch.tensor([5, 5, 41, 33.3]))
    boxes = sources.read(tmp_path, held_out=0.0)
    assert boxes.truth is Boxes and boxes.fingerprint != source.fingerprint


def test_masks_are_drawn_when_asked_for_and_stay_compact(tmp_path):
    source = _read(_coco(tmp_path, [{"segmentation": SQUARE}] * 3))
    record = records_of(source.split("train"))[0]
    assert isinstance(record.truth, DrawnInstances) and len(record.boxes()) == 3
    again = pickle.loads(pickle.dumps(record))
    assert again.truth.digest == record.truth.digest and torch.equal(
        again.answer().masks.runs, _truth(source).masks.runs
    )
    assert len(pickle.dumps(record.truth)) < 4000
    aligned = _truth(source.aligned(("dog", "horse", "cat")))
    assert aligned.labels.tolist() == [2, 2, 2] and torch.equal(aligned.masks.runs, _truth(source).masks.runs)


def test_fingerprints_follow_outlines_classes_and_boxes(tmp_path):
    base = {"segmentation": SQUARE, "area": 9.0}
    moved = {"segmentation": [[6.0, *SQUARE[0][1:]]], "area": 9.0}
    variants = [base, moved, {**base, "category_id": 8}, {**base, "iscrowd": 1}, {**base, "area": 8.0}]
    found = [_read(_coco(tmp_path, [one])).fingerprint for one in variants]
    assert len(set(found)) == len(found) and _read(_coco(tmp_path, [base])).fingerprint == found[0]


BAD = {
    "object without an outline (object 2 is a box alone": {},
    "outline of under 3 points (annotation 2: a polygon of 4": {"segmentation": [[1, 2, 3, 4]]},
    "outline of under 3 points (object 2: 2 different": {"segmentation": [[5, 5, 20, 5, 5, 5, 20, 5]]},
    "outline that crosses itself (object 2": {"segmentation": BOW_TIE},
    "outline that crosses itself (object 2:": {"segmentation": SQUARE + BOW_TIE},
    "outline outside the picture (object 2: by 40 px": {"segmentation": [[5, 5, 100, 5, 100, 30]]},
    "mask of no pixel (object 2": {"segmentation": [[5.6, 5.6, 5.9, 5.6, 5.9, 25.9, 5.6, 25.9]]},
    "mask of no pixel (object 2)": {"segmentation": {"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH]}},
    "run lengths of another size than the picture (annotation 2: run lengths of 61 x 40": {
        "segmentation": {"size": [HEIGHT, WIDTH + 1], "counts": [5, HEIGHT * (WIDTH + 1) - 5]}
    },
    "run lengths of another size than the picture (annotation 2: run lengths of 12 pixels": {
        "segmentation": {"size": [HEIGHT, WIDTH], "counts": [5, 7]}
    },
    "unreadable outline (annotation 2: a polygon of 7": {"segmentation": [[1, 2, 3, 4, 5, 6, 7]]},
    "unreadable outline (annotation 2: neither": {"segmentation": "polygon"},
    "unreadable outline (annotation 2: run lengths of a picture of 99999": {
        "segmentation": {"size": [99999, 99999], "counts": [99999**2]}
    },
}


@pytest.mark.parametrize("message", BAD)
@pytest.mark.parametrize("kind", [Instances, ClassMap])
def test_each_bad_outline_is_one_clear_problem(message, kind, tmp_path):
    said = "99999" not in message
    folder = _coco(tmp_path, [{"segmentation": SQUARE}, BAD[message]], said=said)
    with pytest.raises(DataError) as error:
        _read(folder, wanted=(kind,))
    assert message in str(error.value) and "has 1 problem:" in str(error.value)
    source = _read(folder, wanted=(kind,), skip_bad=True)
    assert [line for line in source.problems if line.startswith("left out") and message in line]
    truth = _truth(source)
    if kind is ClassMap:
        assert (truth.labels[5:35, 5:25] != 0).all()
        return
    # Its pixels are not known: the box is neither missed nor false.
    assert truth.ignored.tolist() == [False, True]
    assert instance_masks.bitmaps(truth.masks)[1].nonzero().min(0).values.tolist() == [5, 5]
    assert instance_masks.areas(truth.masks)[1] == 20 * 30


def test_run_lengths_where_the_file_does_not_say_the_size(tmp_path):
    mask = _blob(1)
    segmentation = {"size": [WIDTH, HEIGHT], "counts": _plain(mask.T)}
    with pytest.raises(DataError, match=r"another size than the picture \(object 1: 40 x 60 px for 60 x 40"):
        _read(_coco(tmp_path, [{"segmentation": segmentation}], said=False))


def test_faulty_boxes_are_treated_as_without_masks(tmp_path):
    rows = [{"segmentation": SQUARE, "bbox": [5, 5, 0, 9]}, {"segmentation": SQUARE, "category_id": 8}]
    with pytest.raises(DataError, match="box of no or negative size"):
        _read(_coco(tmp_path, rows))
    truth = _truth(_read(tmp_path, skip_bad=True))
    assert truth.labels.tolist() == [1]
    np.testing.assert_array_equal(instance_masks.bitmaps(truth.masks)[0], _inside(SQUARE))


def test_what_hangs_over_by_a_pixel_is_cut_silently(tmp_path):
    outline = [[-1, 10, 61.5, 10, 61.5, 41, -1, 41]]
    truth = _truth(_read(_coco(tmp_path, [{"segmentation": outline, "bbox": [-1, 10, 62.5, 31]}])))
    assert truth.masks.windows.tolist() == [[0, 10, 60, 40]] and truth.xyxy.tolist() == [[0, 10, 60, 40]]


@given(
    st.lists(st.tuples(st.integers(-8, 70), st.integers(-8, 50)), min_size=3, max_size=9, unique=True),
    st.sampled_from([1, 4]),
)
@settings(max_examples=60)
def test_any_polygon_has_the_pixels_of_the_slow_rasteriser(points, parts):
    corners = np.array(points) * 0.9 + 0.03
    crop, (x, y) = outlines.of_polygons([corners.astype(np.float32)] * parts, (HEIGHT, WIDTH))
    whole = np.zeros((HEIGHT, WIDTH), dtype=bool)
    whole[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
    np.testing.assert_array_equal(whole, _inside([corners.astype(np.float32).reshape(-1)]))


@given(st.integers(0, 40), st.sampled_from([0.0, 0.01, 0.3, 0.9, 1.0]), st.integers(1, 9), st.integers(1, 9))
@settings(max_examples=80)
def test_any_run_lengths_give_their_mask_within_its_columns(seed, share, height, width):
    mask = np.random.default_rng(seed).random((height, width)) < share
    crop, (x, y) = outlines.of_runs(np.array(_plain(mask), dtype=np.int32), (height, width))
    whole = np.zeros((height, width), dtype=bool)
    whole[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
    np.testing.assert_array_equal(whole, mask)


# --- crossings ----------------------------------------------------------------------------------------------------


def _crossings_slowly(corners):
    """Pairs of sides that cross properly, each pair on its own, in whole numbers."""

    def turn(a, b, c):
        value = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        return (value > 0) - (value < 0)

    sides = list(zip(corners, corners[1:] + corners[:1], strict=True))
    return {
        (i, j)
        for i, (a, b) in enumerate(sides)
        for j, (c, d) in enumerate(sides[:])
        if i < j and turn(a, b, c) * turn(a, b, d) < 0 and turn(c, d, a) * turn(c, d, b) < 0
    }


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=3, max_size=10, unique=True))
@settings(max_examples=300)
def test_crossings_are_those_of_every_pair_of_sides(corners):
    slow = _crossings_slowly(corners)
    # As few sides every two are looked at; as many, only those near each other.
    for few in (64, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(polygons, "ALL_PAIRS_UP_TO", few)
            found = polygons.crossing(np.array(corners, dtype=float), area=-1, share=-1)
        assert (found in slow) if slow else found is None


@pytest.mark.parametrize(
    ("corners", "crosses"),
    [
        ([(0, 0), (20, 0), (20, 20), (0, 20)], False),
        ([(0, 0), (20, 20), (20, 0), (0, 20)], True),
        # Duplicates, a spike walked to and fro, a corner on another side, and a slip of the hand.
        ([(0, 0), (0, 0), (20, 0), (20, 20), (20, 20), (0, 20), (0, 0)], False),
        ([(0, 0), (20, 0), (20, 20), (10, 20), (10, 30), (10, 20), (0, 20)], False),
        ([(0, 0), (20, 0), (20, 20), (10, 0), (0, 20)], False),
        ([(0, 0), (20, 0), (20, 20), (9, 20), (11, 21), (11, 20.5), (9, 20.5), (0, 20)], False),
        # Two squares joined by a bridge, as many exports write them; and a hole within a square.
        ([(0, 0), (9, 0), (9, 9), (30, 9), (39, 9), (39, 0), (30, 0), (30, 9), (9, 9), (0, 9)], False),
        ([(0, 0), (30, 0), (30, 30), (0, 30), (0, 0), (9, 9), (9, 20), (20, 20), (20, 9), (9, 9)], False),
        # A bridge to a bow tie.
        ([(0, 0), (9, 0), (9, 9), (30, 9), (39, 0), (39, 9), (30, 0), (30, 9), (9, 9), (0, 9)], True),
    ],
)
def test_what_crosses_itself(corners, crosses):
    polygon = np.array(corners, dtype=float)
    assert polygons.crosses_itself(polygon) is crosses
    assert polygons.crosses_itself(polygon[::-1]) is crosses
    # Far from the origin, and begun elsewhere.
    assert polygons.crosses_itself(np.roll(polygon, 3, axis=0) + 5000.25) is crosses


def test_long_outlines_are_looked_through_in_parts(monkeypatch):
    angle = np.linspace(0, 2 * np.pi, 700, endpoint=False)
    radius = 300 + 40 * np.sin(9 * angle)
    simple = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    crossed = simple.copy()
    crossed[350:500] = crossed[350:500][::-1]
    for pairs in (2**20, 50):
        monkeypatch.setattr(polygons, "PAIRS_AT_ONCE", pairs)
        assert not polygons.crosses_itself(simple) and polygons.crosses_itself(crossed)


def test_loops_fill_what_the_whole_fills():
    corners = np.array([(0, 0), (30, 0), (30, 30), (0, 30), (0, 0), (9, 9), (9, 20), (20, 20), (20, 9), (9, 9)], float)
    assert [len(loop) for loop in polygons.loops(corners)] == [4, 4]


# --- YOLO, digits, the cache ----------------------------------------------------------------------------------------


def test_yolo_polygons(tmp_path, writers, item):
    folder = writers.write("yolo", tmp_path, [item("a"), item("b")])
    label = folder / "labels" / "train" / "a.txt"
    label.write_text("0 0.25 0.25 0.75 0.25 0.5 0.75\n")
    (folder / "labels" / "train" / "b.txt").write_text("")
    source = _read(folder)
    truth = _truth(source)
    corners = [15, 10, 45, 10, 30, 30]
    np.testing.assert_array_equal(instance_masks.bitmaps(truth.masks)[0], _inside([corners]))
    assert truth.xyxy.tolist() == [[15, 10, 45, 30]] and truth.areas.tolist() == [300]
    assert len(source.split("train")[1].truth) == 0
    faults = {
        "0 0.5 0.5 0.2 0.2": "a.txt: object without an outline",
        "0 0.1 0.1 0.5 0.7 0.5 0.1 0.1 0.7": "a.txt: outline that crosses itself",
        "0 0.1 0.1 0.5 0.7 1.2 0.1": "outside the picture",
        "0 0.1 0.1 0.5 0.7 0.1 0.1": "outline of under 3 points",
        "0 0.1 0.1 0.5 0.7 0.1": "line of the wrong length",
    }
    for line, message in faults.items():
        label.write_text(line + "\n")
        with pytest.raises(DataError, match=message):
            _read(folder)


def test_digits_give_the_visible_pixels_of_each_digit():
    source = sources.read("digits", wanted=(Instances,))
    scenes = source.split("val")
    assert source.truth is Instances and isinstance(scenes, DigitScenes)
    for index in (0, 7):
        truth, scene = scenes[index].truth, scenes.scene(index)
        assert torch.equal(instance_masks.bitmaps(truth.masks), scene.masks)
        assert torch.equal(truth.areas, instance_masks.areas(truth.masks).float())
        assert truth.masks.runs.numel() * 4 < scene.masks.numel() / 4
    plain = sources.read("digits")
    assert plain.truth is Boxes and type(plain.split("val")[0].truth) is Boxes
    assert torch.equal(plain.split("val")[0].truth.xyxy, scenes[0].truth.xyxy)
    assert plain.fingerprint != source.fingerprint == sources.read("digits", wanted=(Instances,)).fingerprint


def test_masks_are_scaled_with_the_cached_pictures(tmp_path, cache_folder):
    source = _read(_coco(tmp_path, [{"segmentation": SQUARE}, {"segmentation": [[30, 0, 60, 0, 60, 20]]}]))
    small = cached(source.split("train"), 30)
    truth = small.truth(0)
    assert type(truth) is Instances and truth.masks.size == (20, 30) and small[0].image.shape == (3, 20, 30)
    halves = [[value / 2 for value in part] for part in (SQUARE[0], [30, 0, 60, 0, 60, 20])]
    expected = np.stack([_inside([part], 20, 30) for part in halves])
    assert (instance_masks.bitmaps(truth.masks).numpy() != expected).sum() <= 12
    torch.testing.assert_close(truth.xyxy[0], torch.tensor([2.5, 2.5, 12.5, 17.5]))
    assert small.stack().shape == (1, 3, 20, 30)
    whole = cached(source.split("train"), 60).truth(0)
    assert torch.equal(whole.masks.runs, _truth(source).masks.runs)


def test_descriptions_count_the_masks(tmp_path):
    _coco(tmp_path, [{"segmentation": SQUARE}, {"segmentation": SQUARE, "category_id": 8}])
    about = sources.describe(_read(tmp_path))
    split = about.splits["train"]
    assert (split.masks, split.objects, about.kind) == (2, 2, "a mask for every object")
    assert split.objects_per_class == {"cat": 1, "dog": 1} == split.pictures_per_class
    assert sources.describe(sources.read(tmp_path, held_out=0.0)).splits["train"].masks == 0


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)
NUMBERS = st.one_of(st.floats(-9, 70), st.integers(-5, 70), st.sampled_from([1e300, -1e29, 2**62, float("nan")]))
SEGMENTATIONS = st.one_of(
    JSON,
    st.lists(st.lists(NUMBERS, max_size=14), max_size=3),
    st.lists(st.lists(st.integers(0, 60), min_size=6, max_size=6), min_size=1, max_size=2),
    st.fixed_dictionaries(
        {
            "size": st.one_of(st.just([HEIGHT, WIDTH]), JSON, st.lists(st.integers(-1, 2**40), max_size=3)),
            "counts": st.one_of(
                st.lists(st.integers(-1, 2400), max_size=5), st.text(max_size=9), st.just([7, 2393]), JSON
            ),
        }
    ),
)


@given(segmentations=st.lists(SEGMENTATIONS, min_size=1, max_size=3), kind=st.sampled_from([Instances, ClassMap]))
@settings(max_examples=120)
def test_any_segmentation_is_read_or_one_clear_error(segmentations, kind):
    with tempfile.TemporaryDirectory() as folder:
        _coco(Path(folder), [{"segmentation": one} for one in segmentations])
        for skip_bad in (False, True):
            try:
                truth = _truth(_read(Path(folder), wanted=(kind,), skip_bad=skip_bad))
            except DataError as error:
                assert len(str(error)) > 20 and not skip_bad
                continue
            if kind is Instances:
                assert len(truth.masks) == len(truth) == len(segmentations)
                assert (instance_masks.areas(truth.masks) > 0).all()
            else:
                assert truth.labels.shape == (HEIGHT, WIDTH)
