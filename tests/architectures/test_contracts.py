"""What every network of the room keeps, whatever it answers: asked of all of them through the catalogue."""

import dataclasses

import pytest
import torch
from torch import nn

from clearsight import backbones, catalogue
from clearsight.inference.predictor import fold_norms
from clearsight.ops.instance_masks import of_bitmaps
from clearsight.types import (
    Batch,
    Boxes,
    ClassMap,
    ClassProbabilities,
    Detections,
    Estimate,
    InstanceDetections,
    Instances,
    Label,
    Labels,
    Model,
    Picture,
    Scores,
    Value,
)

NAMES = ("a", "b", "c")
TASKS = {task.name for task in catalogue.parts("tasks")}


def truth(task, height, width, seed):
    """A truth of a picture of that size, of the task's kind."""
    random = torch.Generator().manual_seed(seed)
    if task == "classification":
        return Label(index=seed % 3)
    if task == "tagging":
        return Labels(states=torch.tensor([seed % 2, (seed + 1) % 2, seed % 4], dtype=torch.int8))
    if task == "reconstruction":
        return None
    if task == "regression":
        return Value(value=100.0 + 10 * seed)
    if task == "segmentation":
        labels = torch.randint(3, (height, width), generator=random, dtype=torch.uint8)
        labels[0] = 255
        return ClassMap(labels=labels)
    boxes = Boxes.of(torch.tensor([[4.0, 4, 28, 20 + seed]]), torch.tensor([seed % 3]))
    if task == "detection":
        return boxes
    assert task == "instance-segmentation"
    bitmap = torch.zeros(1, height, width, dtype=torch.bool)
    bitmap[0, 4 : 20 + seed, 4:28] = True
    return Instances(**vars(boxes), masks=of_bitmaps(bitmap))


def built(part, task, config=None):
    """A small one of its kind, fitted to truths of the task."""
    kind = part.load()
    config = config or kind.config_type()
    if any(field.name == "backbone" for field in dataclasses.fields(config)):
        config = dataclasses.replace(config, backbone="regnetx_002")
        backbone = backbones.build("regnetx_002", strides=kind.strides)
    else:
        assert kind.strides == ()
        backbone = None
    if hasattr(config, "channels") and hasattr(config, "size"):  # of pictures of one size only
        config = dataclasses.replace(config, size=(8, 12), channels=3)
    config = kind.fitted(config, (truth(task, 64, 96, seed) for seed in range(6)), NAMES)
    torch.manual_seed(0)
    return kind(config, backbone, NAMES)


def batch(task, height=64, width=96, count=4):
    random = torch.Generator().manual_seed(1)
    truths = [truth(task, height, width, seed) for seed in range(count)]
    images = torch.rand(count, 3, height, width, generator=random)
    return Batch(images=images, truths=truths, ids=[str(k) for k in range(count)])


PARTS = catalogue.parts("architectures")
PAIRS = [(part, task) for part in PARTS for task in part.load().tasks]
each_answer = pytest.mark.parametrize(("part", "task"), PAIRS, ids=[f"{p.name}-{task}" for p, task in PAIRS])


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_it_is_a_model_of_tasks_that_there_are(part):
    kind = part.load()
    assert part.summary.endswith(".") and kind.tasks and set(kind.tasks) <= TASKS
    assert isinstance(built(part, kind.tasks[0]), Model)


@each_answer
def test_a_fitted_config_says_the_same_when_fitted_again(part, task):
    config = built(part, task).config
    again = part.load().fitted(config, [truth(task, 64, 96, seed) for seed in range(6)], NAMES)
    assert again == config


@each_answer
@pytest.mark.parametrize("low", [False, True], ids=["float32", "bfloat16"])
def test_losses_are_finite_float32_and_reach_every_weight(part, task, low):
    model = built(part, task).train()
    with torch.autocast("cpu", torch.bfloat16, enabled=low):
        losses = model.losses(batch(task, *(getattr(model.config, "size", ()) or (64, 96))))
    assert losses and all(value.ndim == 0 and value.dtype == torch.float32 for value in losses.values())
    assert all(torch.isfinite(value) for value in losses.values())
    sum(losses.values()).backward()
    without = [name for name, weight in model.named_parameters() if weight.requires_grad and weight.grad is None]
    assert not without
    broken = [n for n, w in model.named_parameters() if w.grad is not None and not torch.isfinite(w.grad).all()]
    assert not broken


KINDS = {
    "classification": Scores, "tagging": Scores, "regression": Estimate,
    "reconstruction": Picture,
    "segmentation": ClassProbabilities, "detection": Detections, "instance-segmentation": InstanceDetections,
}  # fmt: skip


@each_answer
@pytest.mark.parametrize("size", [(64, 96), (65, 99), (90, 47)], ids=str)
def test_every_picture_gets_its_prediction(part, task, size):
    model = built(part, task).eval()
    factor = getattr(model, "factor", 1)
    if getattr(model.config, "size", ()):
        size = tuple(side // factor for side in model.config.size)
    found = model.predict(torch.rand(2, 3, *size))
    assert len(found) == 2 and all(type(one) is KINDS[task] for one in found)
    for one in found:
        if isinstance(one, ClassProbabilities):
            assert one.probabilities.shape == (3, *size)
            assert torch.allclose(one.probabilities.sum(0), torch.ones(size), atol=1e-5)
        if isinstance(one, Picture):
            assert one.image.shape == (3, factor * size[0], factor * size[1]) and one.image.dtype == torch.float32
            assert float(one.image.min()) >= 0 and float(one.image.max()) <= 1
        if isinstance(one, Scores):
            assert one.probabilities.shape == (3,) and one.probabilities.dtype == torch.float32
            if task == "classification":
                assert torch.isclose(one.probabilities.sum(), torch.tensor(1.0))


def lively(network):
    """The network with weights and norms as after some steps."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.weight, 1, 0.1)
            nn.init.normal_(module.bias, 0, 0.1)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.01 * torch.randn_like(weight))
    return network.eval()


def flat(output):
    return [output] if isinstance(output, torch.Tensor) else [each for part in output for each in flat(part)]


@each_answer
def test_folding_its_norms_changes_no_answer(part, task):
    model = lively(built(part, task))
    images = torch.rand(2, 3, 96, 64)
    with torch.no_grad():
        folded = fold_norms(model, torch.rand(1, 3, 64, 64))
        for before, after in zip(flat(model(images)), flat(folded(images)), strict=True):
            assert torch.allclose(before, after, rtol=1e-4, atol=1e-4)

    def norms(network):
        return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())

    if norms(model) and any(isinstance(module, nn.Conv2d) for module in model.modules()):
        assert norms(folded) < norms(model)


@each_answer
def test_weights_saved_and_loaded_give_the_same_answers(part, task):
    model = lively(built(part, task))
    again = built(part, task)
    changed = zip(model.state_dict().values(), again.state_dict().values(), strict=True)
    assert not all(torch.equal(a, b) for a, b in changed)
    again.load_state_dict({name: value.clone() for name, value in model.state_dict().items()})
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        before, after = flat(model(images)), flat(again.eval()(images))
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
