"""What tests of several rooms share: a small Pascal VOC folder of coloured rectangles, and one run trained on it."""

import csv
import os
import sys
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

settings.register_profile("untimed", deadline=None)  # a busy machine is not a fault
settings.load_profile("untimed")

if "PYTEST_XDIST_WORKER" in os.environ:
    # As many processes as processors share the files of tests: one thread each, theirs and those of what they start.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Files of tests that train for long come first, so that no process is left with one of them at the end.
sys.path.insert(0, str(Path(__file__).parent))
pytest_plugins = ["pytester", "browsing"]  # the plugin of the gate runs pytest inside pytest; a browser for pages
FIRST = (
    "generation/test_chain.py", "test_every_task.py", "test_every_detector.py", "evaluation/test_judging.py",
    "test_chain.py", "exporting/test_export.py", "test_faults.py", "generation/test_extractors.py", "test_demo.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files; a process takes the next one when it is done with its last."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


COLOURS = {"brick": (200, 40, 40), "leaf": (40, 180, 60)}
# Runs that are compared bit by bit must agree on the precision, which is otherwise found by trying. Sixty steps are few
# for Muon.
SETTINGS = {
    "size_px": 64, "width": 16, "backbone": "regnetx_002", "batch_size": 8, "precision": "float32",
    "optimizer": "adamw",
}  # fmt: skip


def write_rectangles(folder: Path, train: int = 40, val: int = 70, side: int = 64, seed: int = 0) -> Path:
    """A Pascal VOC folder: one to three rectangles a picture, red bricks and green leaves, and ``attributes.csv``."""
    random = np.random.default_rng(seed)
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    rows, splits = [], {"train": [], "val": []}
    for number in range(train + val):
        id = f"scene{number:03d}"
        splits["train" if number < train else "val"].append(id)
        pixels = random.integers(200, 256, (side, side, 3), dtype=np.uint8)
        objects = ""
        for label in random.choice(list(COLOURS), random.integers(1, 4)).tolist():
            width, height = random.integers(12, side // 2, 2).tolist()
            left, top = int(random.integers(0, side - width)), int(random.integers(0, side - height))
            pixels[top : top + height, left : left + width] = COLOURS[label]
            objects += (
                f"<object><name>{escape(label)}</name><bndbox><xmin>{left + 1}</xmin><ymin>{top + 1}</ymin>"
                f"<xmax>{left + width}</xmax><ymax>{top + height}</ymax></bndbox></object>"
            )
        Image.fromarray(pixels).save(folder / "JPEGImages" / f"{id}.png")
        (folder / "Annotations" / f"{id}.xml").write_text(
            f"<annotation><filename>{id}.png</filename><size><width>{side}</width><height>{side}</height>"
            f"<depth>3</depth></size>{objects}</annotation>"
        )
        rows.append({"id": id, "light": ("day", "night")[number % 2], "cluster": f"camera{number % 12}"})
    for split, ids in splits.items():
        (folder / "ImageSets" / "Main" / f"{split}.txt").write_text("".join(f"{id}\n" for id in ids))
    with open(folder / "attributes.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["id", "light", "cluster"])
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory):
    """No test writes into the cache of the person who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLEARSIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def write_voc():
    """The writer of such a folder, for tests that need their own."""
    return write_rectangles


@pytest.fixture(scope="session")
def rectangles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder; tests must not change it."""
    return write_rectangles(tmp_path_factory.mktemp("data") / "rectangles")


@pytest.fixture(scope="session")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each of two classes, of small pictures with faint stripes across or upright; not to be changed."""
    random, folder = np.random.default_rng(0), tmp_path_factory.mktemp("data") / "stripes"
    for name, turned in (("across", False), ("upright", True)):
        (folder / name).mkdir(parents=True)
        for number in range(80):
            wave = 12 * np.sin(np.arange(12) + random.uniform(0, 6))[:, None] * np.ones(12)
            pixels = random.normal(128, 30, (12, 12)) + (wave.T if turned else wave)
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def tiny_run(rectangles: Path, tmp_path_factory: pytest.TempPathFactory):
    """A run trained on the rectangles for a few seconds: good enough to find most of them. Tests must not change it."""
    import clearsight as cs

    return cs.train(
        "yolo", rectangles, epochs=12, by=["light"], out=tmp_path_factory.mktemp("runs") / "tiny",
        settings=SETTINGS, responsible="A. Person", quiet=True,
    )  # fmt: skip
