"""Evidence of masks from a predictor to a file and back, and every audit on it."""

import dataclasses

import numpy as np
import pytest
import torch
from coco_masks import SIZE, random_pictures

from clearsight.audits.calibration import calibration
from clearsight.audits.errors import errors
from clearsight.audits.groups import groups
from clearsight.audits.scores import scores
from clearsight.evaluation import evaluator
from clearsight.files.tree import load_tree, save_tree
from clearsight.metrics.instance_segmentation import METRICS, InstanceStatistics
from clearsight.tasks import InstanceSegmentation
from clearsight.types import Request, Sample


class Pictures:
    """A data set of masks whose pictures are grey."""

    name, split, class_names, fingerprint, symmetries = "masks", "val", ("cell", "disc", "other"), "none", frozenset()

    def __init__(self, truths):
        self.truths = truths

    def __len__(self):
        return len(self.truths)

    def __getitem__(self, index):
        image = torch.full((3, *SIZE), 114, dtype=torch.uint8)
        return Sample(
            id=str(index), image=image, truth=self.truths[index], groups={"place": "ab"[index % 2]}, cluster=str(index)
        )


@pytest.fixture(scope="module")
def evidence():
    found, true, *_ = random_pictures(5, 70, most=4)
    answers = iter(found)
    return evaluator.evaluate(
        lambda images: (next(answers) for _ in images), InstanceSegmentation(), Pictures(true), threshold=0.2
    )


def test_it_is_counted_in_parts_as_in_one_go(evidence):
    found, true, *_ = random_pictures(5, 70, most=4)
    whole = InstanceSegmentation().statistics(found, true, evidence.statistics.class_names, threshold=0.2)
    ones = np.ones((1, 70))
    for metric in METRICS:
        assert metric.compute(evidence.statistics, ones) == pytest.approx(metric.compute(whole, ones), nan_ok=True)


def test_it_is_kept_and_read_again(evidence, tmp_path):
    kept = {field.name: getattr(evidence.statistics, field.name) for field in dataclasses.fields(evidence.statistics)}
    save_tree(tmp_path / "evidence.safetensors", kept)
    again = InstanceStatistics(**load_tree(tmp_path / "evidence.safetensors"))
    ones = np.ones((1, 70))
    for metric in METRICS:
        assert metric.compute(again, ones) == pytest.approx(metric.compute(evidence.statistics, ones), nan_ok=True)


def test_every_audit_speaks(evidence):
    request = Request(evidence=evidence, replicates=20)
    found = [*scores(request), *calibration(request), *groups(request), *errors(request)]
    named = {finding.metric for finding in found}
    assert {"mask AP", "boundary IoU", "box AP"} <= named and "mask AP at equal density" in named
    assert {finding.question for finding in found} >= {"what it does", "whom it fails", "when to trust it"}
    assert any("mask" in finding.claim for finding in found)
