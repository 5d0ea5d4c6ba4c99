"""A gallery of 100,000 pictures: how long its pages take, and how much memory the server.

    python benchmarks/browsing.py [--images 100000] [--keep FOLDER]

Makes a data set of small pictures, a class folder each, and a run of a classifier with an invented evaluation. It is
browsed with `clearsight browse`, in a process of its own; pages are asked for over HTTP, one after the other, each with
another filter: the median and the largest time. Memory is the largest resident size of the server, after it made 2,300
thumbnails.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
from PIL import Image

from clearsight import sources
from clearsight.metrics.classification import ClassificationStatistics
from clearsight.run import Run
from clearsight.sources import records_of
from clearsight.types import Evidence

CLASSES = 10
SIDE_PX = 64
PAGES = {
    "first page": ["/"] + [f"/?page={number}" for number in range(2, 12)],
    "filtered by cause and class": [f"/?cause=any+error&class=class{k}" for k in range(CLASSES)],
    "filtered by group": [f"/?group=light:{word}&cause=any+error" for word in ("day", "night")],
    "filtered by name": [f"/?name={k}77" for k in range(10)],
    "sorted by confidence": [f"/?sort=confidence&class=class{k}&page=20" for k in range(CLASSES)],
    "sorted by name": [f"/?sort=name&truth=class{k}" for k in range(5)],
    "doubted labels": [f"/?doubt=open&page={k}" for k in range(1, 6)],
}


def data_of(folder: Path, images: int) -> Path:
    """A folder of a class each, every picture another."""
    random = np.random.default_rng(0)
    for number in range(images):
        if number < CLASSES:
            (folder / f"class{number}").mkdir(parents=True, exist_ok=True)
        pixels = np.repeat(np.repeat(random.integers(0, 256, (8, 8, 3), np.uint8), 8, 0), 8, 1)
        pixels[0, 0] = [number % 256, number // 256 % 256, number // 65536]
        Image.fromarray(pixels).save(folder / f"class{number % CLASSES}" / f"{number:06d}.jpg", quality=90)
    return folder


def run_of(folder: Path, data: Path) -> Run:
    """A run without weights whose evaluation of all pictures is invented, with two groups and 5% of labels mixed up."""
    run = Run.create(folder, "cnn", str(data))
    source = sources.read(data, held_out=0.0)
    records = records_of(source.split("train"))
    settings = {"training": {"size_px": SIDE_PX, "held_out": 0.0}, "model": {}, "attributes": None, "skip_bad": False}
    run.change(task="classification", class_names=source.class_names, state="finished", settings=settings)
    random = np.random.default_rng(1)
    truth = np.array([record.truth.index for record in records])
    real = np.where(random.random(len(truth)) < 0.05, random.integers(0, CLASSES, len(truth)), truth)
    scores = np.eye(CLASSES)[real] * 0.5 + random.dirichlet(np.ones(CLASSES), len(truth)) * 0.5
    evidence = Evidence(
        task="classification",
        statistics=ClassificationStatistics(
            class_names=source.class_names, truth=truth, probabilities=scores.astype(np.float32)
        ),
        ids=tuple(record.id for record in records),
        clusters=np.arange(len(records)) // 5,
        groups={"light": np.array(["day", "night"])[random.integers(0, 2, len(truth))]},
        about={"data": data.name, "split": "train", "fingerprint": source.split("train").fingerprint, "run": run.name},
    )
    run.write_evidence("data-train", evidence)
    return run


def asked(address: str) -> tuple[float, bytes]:
    """How long an answer takes, in seconds, and the answer."""
    start = time.perf_counter()
    with urllib.request.urlopen(address) as answer:
        content = answer.read()
    return time.perf_counter() - start, content


def measured(run: Path) -> dict[str, object]:
    """Start the command, and ask for its pages."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "clearsight.cli", "browse", str(run), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    said = server.stdout.readline()
    address = said.split()[2].rstrip("/")
    found: dict[str, object] = {"ready after, s": round(time.perf_counter() - start, 1)}
    for name, places in PAGES.items():
        times = sorted(asked(address + place)[0] for place in places)
        found[f"{name}, ms"] = [round(1000 * times[len(times) // 2], 1), round(1000 * times[-1], 1)]
    shown = re.findall(r'src="(/thumbnails/[^"]*)"', asked(f"{address}/?page=500")[1].decode())
    start = time.perf_counter()
    for place in shown:
        asked(address + place)
    found[f"{len(shown)} thumbnails one after the other, ms"] = round(1000 * (time.perf_counter() - start))
    for number in range(2, 40):  # what is kept in memory grows
        for place in re.findall(r'src="(/thumbnails/[^"]*)"', asked(f"{address}/?page={number}")[1].decode()):
            asked(address + place)
    server.terminate()
    server.wait()
    found["largest resident memory, MB"] = round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3)
    return found


def main() -> None:
    """Make the data where they are not there, browse them, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="make the data in this folder, or take those that are there")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = chosen.keep or Path(folder)
        if not (place / "run").exists():
            data_of(place / "data", chosen.images)
            run_of(place / "run", place / "data")
        print(json.dumps({"pictures": chosen.images, **measured(place / "run")}, indent=1))


if __name__ == "__main__":
    main()
