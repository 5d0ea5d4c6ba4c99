import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from clearsight.inference.predictor import Predictor
from clearsight.inference.tiles import TileDetections, TiledPredictor, merged, reduced, tiles
from clearsight.ops import instance_masks
from clearsight.types import Detections, InstanceDetections, Training

GREY = 114


class Blobs(nn.Module):
    """Finds every connected patch of bright pixels; class 0 is red, class 1 green; the score grows with its area."""

    tasks, config_type, training_defaults, strides = ("detection",), dict, Training(), (32,)

    def __init__(self, masks=False):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.masks = masks
        self.seen = []

    def forward(self, images):
        return images * self.scale

    def predict(self, images):
        self.seen.append(tuple(images.shape))
        return [self.found(image.numpy()) for image in images]

    def found(self, image):
        rows = []
        for label in (0, 1):
            patches, count = ndimage.label(image[label] > 0.75)
            for number, at in enumerate(ndimage.find_objects(patches), 1):
                rows.append((at, label, patches == number))
        boxes = [[at[1].start, at[0].start, at[1].stop, at[0].stop] for at, _, _ in rows]
        areas = torch.tensor([float(mask.sum()) for _, _, mask in rows])
        parts = dict(
            xyxy=torch.tensor(boxes).float().reshape(-1, 4),
            scores=areas / (areas + 100),
            labels=torch.tensor([label for _, label, _ in rows], dtype=torch.long),
        )
        if not self.masks:
            return Detections(**parts)
        bitmaps = torch.from_numpy(np.array([mask for _, _, mask in rows]).reshape(-1, *image.shape[1:]))
        return InstanceDetections(**parts, masks=instance_masks.of_bitmaps(bitmaps))


def scene(size, seed=0, most=20, holes=False):
    """A grey picture with patches of two colours that do not touch: the picture, boxes and classes."""
    random, image = np.random.default_rng(seed), np.full((3, *size), 60, np.uint8)
    taken = np.zeros(size, bool)
    truths = []
    for _ in range(400):
        height, width = random.integers(4, most + 1, 2)
        top, left = random.integers(0, size[0] - height), random.integers(0, size[1] - width)
        if taken[max(0, top - 4) : top + height + 4, max(0, left - 4) : left + width + 4].any():
            continue
        taken[top : top + height, left : left + width] = True
        label = int(random.integers(0, 2))
        image[label, top : top + height, left : left + width] = 255
        truths.append((left, top, left + width, top + height, label))
    return torch.from_numpy(image), sorted(map(tuple, np.array(truths).tolist()))


def rows(found):
    return sorted(
        (*map(int, box), label) for box, label in zip(found.xyxy.round().tolist(), found.labels.tolist(), strict=True)
    )


@pytest.mark.parametrize("size", [(200, 330), (96, 400), (300, 64), (97, 97)])
@pytest.mark.parametrize("masks", [False, True])
def test_objects_smaller_than_the_overlap_are_found_once_and_whole(size, masks):
    image, truths = scene(size, seed=sum(size))
    (found,) = TiledPredictor(Blobs(masks), 96, window_px=96, batch=3)([image])
    assert rows(found) == truths and len(truths) > 5
    assert bool((found.scores.diff() <= 0).all())
    if masks:
        assert found.masks.size == size
        for box, bitmap in zip(found.xyxy.long().tolist(), instance_masks.bitmaps(found.masks), strict=True):
            x1, y1, x2, y2 = box
            assert bool(bitmap[y1:y2, x1:x2].all()) and int(bitmap.sum()) == (x2 - x1) * (y2 - y1)


def test_a_picture_that_fits_is_seen_as_ever_and_order_is_kept():
    pictures = [scene((60, 90))[0], scene((200, 200))[0], scene((96, 96), seed=3)[0]]
    tiled, plain = TiledPredictor(Blobs(), 96, window_px=96), Predictor(Blobs(), 96)
    found = list(tiled(iter(pictures)))
    assert rows(found[0]) == rows(next(plain([pictures[0]]))) and rows(found[2]) == rows(next(plain([pictures[2]])))
    assert len(found) == 3


@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("box", [(40, 30, 160, 60), (70, 20, 100, 190), (60, 50, 150, 150)])
def test_an_object_that_no_tile_holds_is_still_one(box, masks):
    """Wider than any window: the coarse look finds it, or its parts are joined."""
    image = torch.full((3, 200, 200), 60, dtype=torch.uint8)
    x1, y1, x2, y2 = box
    image[1, y1:y2, x1:x2] = 255
    (found,) = TiledPredictor(Blobs(masks), 96, window_px=96)([image])
    assert len(found) == 1 and found.labels.tolist() == [1]
    assert (found.xyxy[0] - torch.tensor(box)).abs().max() <= 4
    if masks:
        bitmap = instance_masks.bitmaps(found.masks)[0]
        true = image[1] == 255
        assert (bitmap & true).sum() / (bitmap | true).sum() > 0.9


def look(region, *objects, coarse=False):
    """Objects are (x1, y1, x2, y2, score, class, cut)."""
    table = torch.tensor([one[:5] for one in objects]).float().reshape(-1, 5)
    found = Detections(
        xyxy=table[:, :4], scores=table[:, 4], labels=torch.tensor([one[5] for one in objects], dtype=torch.long)
    )
    return TileDetections(
        found=found, region=region, cut=torch.tensor([bool(one[6]) for one in objects], dtype=torch.bool), coarse=coarse
    )


def test_merging_by_hand():
    left, right = (0, 0, 100, 100), (70, 0, 170, 100)
    found = merged(
        [
            look(left, (80, 10, 100, 30, 0.9, 0, 1), (72, 50, 90, 70, 0.6, 1, 0), (72, 80, 90, 98, 0.6, 0, 0)),
            look(right, (80, 10, 120, 30, 0.7, 0, 0), (73, 50, 91, 70, 0.8, 1, 0), (72, 80, 90, 98, 0.7, 1, 0)),
        ],
        (100, 170),
    )
    assert rows(found) == [
        (72, 80, 90, 98, 0), (72, 80, 90, 98, 1),  # other classes are other objects
        (73, 50, 91, 70, 1),  # the better of two
        (80, 10, 120, 30, 0),  # the whole one, though the cut one scores more
    ]  # fmt: skip


def test_a_doubtful_whole_box_does_not_replace_a_certain_part():
    found = merged(
        [look((0, 0, 100, 100), (80, 10, 100, 30, 0.9, 0, 1)), look((70, 0, 170, 100), (80, 10, 120, 30, 0.1, 0, 0))],
        (100, 170),
    )
    assert rows(found) == [(80, 10, 100, 30, 0), (80, 10, 120, 30, 0)]


def test_boxes_of_one_look_are_never_merged_and_neighbours_that_only_meet_stay_two():
    found = merged(
        [
            look(
                (0, 0, 100, 100), (10, 10, 50, 50, 0.9, 0, 0), (12, 10, 50, 50, 0.8, 0, 0), (60, 5, 84, 20, 0.5, 0, 0)
            ),
            look((70, 0, 170, 100), (78, 5, 99, 20, 0.6, 0, 0)),
        ],
        (100, 170),
    )
    assert len(found) == 4


def test_parts_in_two_tiles_are_joined_and_a_part_inside_a_whole_goes():
    left, right = (0, 0, 100, 100), (70, 0, 170, 100)
    joined = merged([look(left, (20, 10, 100, 40, 0.6, 0, 1)), look(right, (70, 10, 150, 40, 0.8, 0, 1))], (100, 170))
    assert rows(joined) == [(20, 10, 150, 40, 0)] and float(joined.scores[0]) == pytest.approx(0.8)
    whole = look((0, 0, 170, 100), (20, 10, 150, 40, 0.7, 0, 0), coarse=True)
    found = merged([look(left, (40, 12, 100, 38, 0.6, 0, 1)), whole], (100, 170))
    assert rows(found) == [(20, 10, 150, 40, 0)]
    assert len(merged([look(left), look(right)], (100, 170))) == 0


def test_tiles_cover_and_overlap():
    regions = tiles((150, 500), 100, 0.5)
    seen = np.zeros((150, 500), int)
    for x1, y1, x2, y2 in regions:
        assert (x2 - x1, y2 - y1) == (100, 100) and min(x1, y1) >= 0 and x2 <= 500 and y2 <= 150
        seen[y1:y2, x1:x2] += 1
    assert seen.min() >= 1 and len(regions) == 2 * 9
    with pytest.raises(ValueError, match="from 0 to 0.8"):
        TiledPredictor(Blobs(), 96, window_px=96, overlap=1.0)
    with pytest.raises(ValueError, match="32 px or more"):
        TiledPredictor(Blobs(), 96, window_px=16)


def test_a_network_sees_no_more_than_tiles():
    model = TiledPredictor(Blobs(), 96, window_px=96, batch=2)
    list(model([torch.zeros(3, 1000, 700, dtype=torch.uint8)]))
    assert max(shape[0] * shape[2] * shape[3] for shape in model.model.seen) <= 2 * 96 * 96


def test_reducing_takes_the_mean_of_blocks():
    image = torch.randint(0, 256, (3, 2050, 1031), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    small = reduced(image, 4)
    assert small.shape == (3, 512, 257) and reduced(image, 1) is image
    block = image[:, 1600:1604, 44:48].float().mean((1, 2))
    assert (small[:, 400, 11].float() - block).abs().max() <= 0.5


def test_the_least_score_counts_before_tiles_are_merged():
    image, truths = scene((200, 200), seed=2)
    predictor = TiledPredictor(Blobs(), 96, window_px=96, least_score=0.5)
    (found,) = predictor([image])
    large = [t for t in truths if (t[2] - t[0]) * (t[3] - t[1]) >= 100]
    assert rows(found) == large and 0 < len(large) < len(truths)
