import torch
from hypothesis import given
from hypothesis import strategies as st

from clearsight.ops import boxes as box_ops

corner = st.integers(0, 40)
box = st.tuples(corner, corner, st.integers(1, 40), st.integers(1, 40)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


def painted(a, b):
    """Intersection and union counted pixel by pixel."""
    both = [torch.zeros(81, 81, dtype=torch.bool) for _ in range(2)]
    for canvas, (x1, y1, x2, y2) in zip(both, (a, b), strict=True):
        canvas[y1:y2, x1:x2] = True
    return int((both[0] & both[1]).sum()), int((both[0] | both[1]).sum())


@given(box, box)
def test_iou_counts_pixels(a, b):
    shared, union = painted(a, b)
    found = box_ops.iou(torch.tensor(a).float(), torch.tensor(b).float())
    assert abs(float(found) - shared / union) < 1e-5


@given(box, box)
def test_generalized_iou_by_its_definition(a, b):
    shared, union = painted(a, b)
    hull = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    found = box_ops.generalized_iou(torch.tensor(a).float(), torch.tensor(b).float())
    assert abs(float(found) - (shared / union - (hull - union) / hull)) < 1e-5


def test_boxes_from_distances_and_back():
    points = torch.tensor([[10.0, 20.0], [5.0, 5.0]])
    found = box_ops.from_distances(points, torch.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 5.0, 5.0, 5.0]]))
    assert found.tolist() == [[9.0, 18.0, 13.0, 24.0], [0.0, 0.0, 10.0, 10.0]]


def test_suppression_keeps_one_of_each_heap_and_never_mixes_classes():
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 10], [50, 50, 60, 60]])
    kept = box_ops.keep_best(boxes, torch.tensor([0.9, 0.8, 0.7, 0.6]), torch.tensor([0, 0, 1, 0]), 0.5, 10)
    assert kept.tolist() == [0, 2, 3]
    assert box_ops.keep_best(
        boxes, torch.tensor([0.9, 0.8, 0.7, 0.6]), torch.tensor([0, 0, 1, 0]), 0.5, 1
    ).tolist() == [0]


def test_clip_cuts_to_the_picture():
    assert box_ops.clip(torch.tensor([[-5.0, -5.0, 50.0, 60.0]]), (30, 40)).tolist() == [[0.0, 0.0, 40.0, 30.0]]


def test_dropped_boxes_vote_on_where_the_kept_one_lies_but_others_do_not():
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 10], [50, 50, 60, 60]])
    scores, labels = torch.tensor([0.8, 0.4, 0.9, 0.6]), torch.tensor([0, 0, 1, 0])
    found = box_ops.voted(boxes, scores, labels, torch.tensor([0, 3]), 0.7)
    by_hand = (0.64 * boxes[0] + 0.16 * boxes[1]) / 0.8
    assert torch.allclose(found, torch.stack([by_hand, boxes[3]]))
    assert torch.allclose(box_ops.voted(boxes, scores, labels, torch.tensor([0]), 0.95)[0], boxes[0])
