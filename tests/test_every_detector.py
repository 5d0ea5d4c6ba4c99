"""The family of detectors from files to report, with small networks, on one set of pictures with instance masks."""

import json

import numpy as np
import pytest
from PIL import Image

import clearsight as cs
from clearsight.run import Run

SIDE = 64
SMALL = {
    "rcnn": {"warp_px": 32, "regions_per_step": 16, "max_regions": 40},
    "yolo-v1": {"grid_size": 4, "width": 32, "hidden_units": 32},
    "faster-rcnn": {"width": 32, "hidden_units": 32, "anchor_shapes": 2},
    "mask-rcnn": {"width": 32, "hidden_units": 32, "anchor_shapes": 2, "mask_depth": 1},
}


@pytest.fixture(scope="module")
def blocks(tmp_path_factory):
    """Bright and dark blocks on noise: pictures, one PNG of instance ids each, and the class of every id."""
    folder, random = tmp_path_factory.mktemp("data") / "blocks", np.random.default_rng(0)
    for index in range(32):
        split = "train" if index < 24 else "val"
        image, ids = random.integers(90, 130, (SIDE, SIDE, 3)), np.zeros((SIDE, SIDE), dtype=np.uint8)
        for number, bright in enumerate((True, False), 1):
            top, left = random.integers(2, 24), random.integers(2, 24) + 30 * (number - 1)
            height, width = random.integers(14, 36), random.integers(12, 30)
            rows, columns = slice(top, top + height), slice(left, min(left + width, SIDE))
            image[rows, columns] = 230 if bright else 20
            ids[rows, columns] = number
        for kind, pixels in (("images", image.astype(np.uint8)), ("instances", ids)):
            place = folder / split / kind
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(place / f"{index:02}.png")
    return folder


@pytest.fixture(scope="module")
def family(blocks, tmp_path_factory):
    """A run of each detector, trained for seconds."""
    place = tmp_path_factory.mktemp("runs")
    return {
        name: cs.train(
            name, blocks, epochs=12, out=place / name, quiet=True,
            settings={
                "backbone": "regnetx_002", "size_px": SIDE, "batch_size": 4, "precision": "float32", "zoom": "1,1",
                "small_share": 0, **settings,
            },
        )
        for name, settings in SMALL.items()
    }  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_a_detector_goes_all_the_way(name, family, blocks, tmp_path):
    run = Run.open(family[name].path)
    card = run.read_card()
    assert card.task == ("instance-segmentation" if name == "mask-rcnn" else "detection") and card.examples
    assert any(finding.question == "what breaks it" for finding in card.findings), "errors have causes"
    evidence = cs.evaluate(run, blocks, split="val")
    assert len(evidence.ids) == 8 and evidence.statistics.metrics()[0].name.endswith("AP")
    found = cs.predict(run, blocks / "val" / "images", out=tmp_path / "found", min_score=0.0)
    rows = json.loads((tmp_path / "found" / "predictions.json").read_text())
    assert len(rows) == sum(len(one) for one in found.predictions) > 0
    assert all(0 <= row["score"] <= 1 and min(row["bbox"]) >= 0 for row in rows)
    if name == "mask-rcnn":
        assert all(row["segmentation"]["size"] == [SIDE, SIDE] for row in rows)
        assert len(list((tmp_path / "found" / "masks").glob("*.png"))) == 8


def test_the_family_is_compared_in_one_command(family, tmp_path):
    runs = [run.path for run in family.values()]
    found = cs.compare(*runs[:3], out=tmp_path / "family.html", speed=False)
    assert [one.name for one in found.runs] == list(SMALL)[:3] and len(found.claims) == 2
    assert "falls behind on" in (tmp_path / "family.html").read_text("utf-8")


def test_masks_and_boxes_are_compared_by_what_both_know(family):
    found = cs.compare(family["faster-rcnn"], family["mask-rcnn"], speed=False)
    assert {"recall at the deployed threshold"} <= set(found.runs[0].scores)
