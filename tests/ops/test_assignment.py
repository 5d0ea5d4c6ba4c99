import torch

from clearsight.ops.assignment import task_aligned

POINTS = torch.stack(torch.meshgrid(torch.arange(4.0, 80, 8), torch.arange(4.0, 80, 8), indexing="xy"), -1).reshape(
    -1, 2
)


def assign(truths, labels, boxes=None, scores=None, classes=2, **options):
    truths = torch.tensor(truths).reshape(1, -1, 4)
    if boxes is None:
        boxes = torch.cat([POINTS - 10, POINTS + 10], 1)[None]
    if scores is None:
        scores = torch.full((1, len(POINTS), classes), 0.3)
    return task_aligned(scores, boxes, POINTS, truths, torch.tensor(labels).reshape(1, -1), **options)


def test_only_cells_inside_answer_and_at_most_so_many():
    found = assign([[10.0, 10, 50, 50]], [1], topk=5)
    inside = ((POINTS > 10) & (POINTS < 50)).all(1)
    assert 0 < int(found.positive.sum()) <= 5
    assert inside[found.positive[0]].all()


def test_the_best_cell_of_an_object_is_worth_its_iou():
    boxes = torch.cat([POINTS - 1, POINTS + 1], 1)[None].clone()
    boxes[0, 33] = torch.tensor([10.0, 10, 50, 40])  # three quarters of the object
    found = assign([[10.0, 10, 50, 50]], [0], boxes=boxes)
    assert found.quality[0].argmax() == 33
    assert abs(float(found.quality[0, 33]) - 0.75) < 1e-3


def test_a_cell_between_two_objects_answers_for_the_one_it_overlaps_more():
    boxes = torch.cat([POINTS - 1, POINTS + 1], 1)[None].clone()
    cell = 4 * 10 + 4
    boxes[0, cell] = torch.tensor([20.0, 20, 60, 60])
    found = assign([[0.0, 0, 60, 60], [20.0, 20, 60, 60]], [0, 1], boxes=boxes)
    assert found.positive[0, cell] and int(found.truth[0, cell]) == 1


def test_an_object_smaller_than_a_cell_still_gets_one():
    found = assign([[9.0, 9, 11, 11]], [0])
    assert int(found.positive.sum()) == 1


def test_padding_gives_no_positives():
    assert not assign([[0.0, 0, 0, 0]], [0]).positive.any()


def test_a_confident_cell_beats_an_equal_box_with_a_low_score():
    boxes = torch.cat([POINTS - 1, POINTS + 1], 1)[None].clone()
    boxes[0, 22] = boxes[0, 23] = torch.tensor([10.0, 10, 50, 50])
    scores = torch.full((1, len(POINTS), 2), 0.1)
    scores[0, 23, 0] = 0.9
    found = assign([[10.0, 10, 50, 50]], [0], boxes=boxes, scores=scores, topk=1)
    assert found.positive[0].nonzero().tolist() == [[23]]
