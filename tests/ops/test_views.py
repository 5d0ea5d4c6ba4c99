import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clearsight.ops import views
from clearsight.types import IGNORE, Boxes, ClassMap, ClassProbabilities, Detections, Sample


def sample(height=40, width=60, box=(10, 5, 30, 25)):
    image = torch.zeros(3, height, width, dtype=torch.uint8)
    image[:, box[1] : box[3], box[0] : box[2]] = 255
    return Sample(id="a", image=image, truth=Boxes.of(torch.tensor([box]), torch.tensor([0])))


def bright(image):
    """The bounding box of the bright pixels."""
    rows, columns = (image[0] > 127).nonzero(as_tuple=True)
    return [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]


@given(st.integers(30, 90), st.integers(30, 90), st.integers(-8, 8), st.integers(-8, 8))
def test_truth_follows_the_pixels(height, width, top, left):
    placement = views.Placement(size=(40, 60), placed=(height, width), top=top, left=left)
    placed = views.place(sample(), (64, 96), placement)
    assert placed.image.shape == (3, 64, 96)
    if len(placed.truth):
        assert torch.allclose(placed.truth.xyxy[0], torch.tensor(bright(placed.image)).float(), atol=1.01)


def test_mirroring_twice_is_nothing_and_once_moves_the_box_with_the_pixels():
    for way in ("horizontal", "vertical"):
        once = views.mirror(sample(), way)
        assert once.truth.xyxy[0].tolist() == bright(once.image)
        twice = views.mirror(once, way)
        assert torch.equal(twice.image, sample().image) and torch.equal(twice.truth.xyxy, sample().truth.xyxy)


def test_an_object_mostly_outside_is_ignored_and_one_wholly_outside_is_gone():
    slipped = views.place(sample(), (40, 60), views.Placement(size=(40, 60), placed=(40, 60), left=-26))
    assert slipped.truth.ignored.tolist() == [True] and slipped.truth.xyxy[0].tolist() == [0, 5, 4, 25]
    gone = views.place(sample(), (40, 60), views.Placement(size=(40, 60), placed=(40, 60), left=-31))
    assert len(gone.truth) == 0


def test_canvases_are_multiples_of_32_with_the_longer_side_as_asked():
    assert views.canvas_for((480, 640), 416) == (320, 416)
    assert views.canvas_for((640, 480), 416) == (416, 320)
    assert views.canvas_for((1, 4000), 416) == (32, 416)


@given(st.integers(20, 300), st.integers(20, 300))
def test_a_prediction_comes_back_to_the_pixels_it_was_made_of(height, width):
    box = torch.tensor([[0.1 * width, 0.2 * height, 0.7 * width, 0.9 * height]])
    placement = views.Placement(size=(height, width), placed=views.fitted((height, width), 128), top=3, left=7)
    ratio = torch.tensor([placement.placed[1] / width, placement.placed[0] / height] * 2)
    there = Detections(
        xyxy=box * ratio + torch.tensor([7.0, 3.0, 7.0, 3.0]),
        scores=torch.ones(1),
        labels=torch.zeros(1, dtype=torch.long),
    )
    assert torch.allclose(views.bring_back(there, placement).xyxy, box, atol=1e-2)


def striped(height=40, width=60):
    labels = torch.zeros(height, width, dtype=torch.uint8)
    labels[:, width // 2 :] = 1
    labels[: height // 4] = 2
    return ClassMap(labels=labels)


@given(st.integers(30, 90), st.integers(30, 90), st.integers(-20, 20), st.integers(-20, 20))
def test_a_class_map_follows_the_pixels_and_is_ignored_where_there_is_no_picture(height, width, top, left):
    truth = striped()
    image = torch.stack([(truth.labels == label) * 200 for label in range(3)]).to(torch.uint8)
    placement = views.Placement(size=(40, 60), placed=(height, width), top=top, left=left)
    view = views.place(Sample(id="a", image=image, truth=truth), (64, 96), placement)
    assert view.truth.labels.shape == (64, 96)
    rows, columns = torch.arange(64)[:, None], torch.arange(96)[None]
    inside = (rows >= top) & (rows < top + height) & (columns >= left) & (columns < left + width)
    assert bool((view.truth.labels[~inside] == IGNORE).all()) and not bool((view.truth.labels[inside] == IGNORE).any())
    for label in range(3):
        pure = inside & (view.image[label] == 200)  # away from borders, which the picture blends
        assert bool((view.truth.labels[pure] == label).all())


def test_a_class_map_is_mirrored_with_its_picture():
    for way, axis in (("horizontal", 1), ("vertical", 0)):
        mirrored = views.mirrored(striped(), (40, 60), way)
        assert torch.equal(mirrored.labels, striped().labels.flip(axis))


@given(st.integers(1, 200), st.integers(1, 200))
@settings(max_examples=30)
def test_strips_of_class_probabilities_are_the_whole_resized(height, width):
    probabilities = torch.rand(4, 33, 47, generator=torch.Generator().manual_seed(height)).softmax(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "STRIP_NUMBERS", 4 * width * 7)
        found = views.bring_back(
            ClassProbabilities(probabilities=probabilities), views.Placement(size=(height, width), placed=(33, 47))
        )
    whole = torch.nn.functional.interpolate(probabilities[None], size=(height, width), mode="bilinear")[0].max(0)
    assert torch.allclose(found.confidence, whole.values, atol=1e-5)
    assert float((found.labels == whole.indices).float().mean()) > 0.99
