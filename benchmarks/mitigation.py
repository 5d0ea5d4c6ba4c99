"""Mitigations where a classifier leans on the wrong thing: digits on backgrounds, faces, rare classes; as JSON.

python benchmarks/mitigation.py digits --epochs 12
python benchmarks/mitigation.py digits --epochs 12 --only last-layer,group-dro
python benchmarks/mitigation.py faces --data faces/train.parquet --minutes 4
python benchmarks/mitigation.py cifar10 --data cifar10/train.parquet --minutes 4 --only last-layer,reweighting
"""

import argparse
import csv
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars
from PIL import Image

from clearsight.files.records import to_json
from clearsight.settings import parse
from clearsight.verbs.mitigate import mitigate
from clearsight.verbs.train import train

SIDE_PX = 32
BACKGROUNDS = ("rows", "columns")
CORRELATED = 0.95
STRIPES, NOISE = 15, 12  # grey values
CLASSES = {"open": (1, 4, 7), "closed": (0, 6, 8)}
SPLITS = {"train": 0.5, "val": 0.25, "test": 0.25}
SMALL: dict[str, Any] = {"widths": "12,24,48", "batch_size": 50, "optimizer": "adamw", "precision": "float32"}
RARE_CLASSES, RARE_SHARE = ("cat", "dog"), 0.01


def main() -> None:
    """Train, mitigate, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("digits", "faces", "cifar10"))
    parser.add_argument("--data", help="the Parquet file of the faces, or of CIFAR-10")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--epochs", type=float)
    parser.add_argument("--only", default="last-layer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], help="field=value, as in `clearsight train`")
    parser.add_argument("--out", help="keep data and runs in this new folder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(asked.out or temporary)
        place, by, options = material(asked.what, asked.data, folder / "data", asked.seed)
        settings = {**options.pop("settings"), **parse(asked.set)}
        budget = {"epochs": asked.epochs, "minutes": asked.minutes}
        run = train("cnn", place, **options, **budget, settings=settings, seed=asked.seed, out=folder / "run")
        found = mitigate(run, by=by, only=asked.only.split(","), seed=asked.seed)
    print(json.dumps({"benchmark": f"mitigation, {asked.what}", **to_json(found)}, indent=2))


def material(what: str, data: str | None, folder: Path, seed: int) -> tuple[str, list[str], dict[str, Any]]:
    """Where the data are, the attributes to group by, and how they are trained on."""
    if what == "digits":
        write_digits_on_backgrounds(folder, seed)
        return str(folder), ["background"], {"settings": SMALL}
    assert data is not None, "--data is needed"
    if what == "faces":
        return data, ["race"], {"target": "gender", "settings": {"size_px": 64, "held_out": 0.5, "batch_size": 100}}
    write_thinned(Path(data), folder, seed)
    return str(folder), ["class"], {"settings": {}}


def write_digits_on_backgrounds(folder: Path, seed: int = 0, times: int = 4) -> Path:
    """Scikit-learn's digits in class folders, open (1, 4, 7) and closed (0, 6, 8), on two striped backgrounds.

    In the manner of Waterbirds (Sagawa et al. 2020): in "train" and "val" each digit is drawn so many times, 95% of the
    open ones on rows and of the closed ones on columns; in "test" each digit stands on both backgrounds once. No digit
    is in two splits, and the digit is the cluster.
    """
    from sklearn.datasets import load_digits

    digits, random = load_digits(), np.random.default_rng(seed)
    label_of = {number: label for label, numbers in enumerate(CLASSES.values()) for number in numbers}
    order = random.permutation(np.flatnonzero(np.isin(digits.target, list(label_of))))
    ends = np.cumsum([round(share * len(order)) for share in SPLITS.values()])
    rows = []
    for place, digit in enumerate(order.tolist()):
        split = next((name for name, end in zip(SPLITS, ends, strict=True) if place < end), "test")
        label = label_of[int(digits.target[digit])]
        usual = [label if random.random() < CORRELATED else 1 - label for _ in range(times)]
        for number, background in enumerate((0, 1) if split == "test" else usual):
            id = f"digit{digit:04d}-{number}"
            path = folder / split / list(CLASSES)[label] / f"{id}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(on_background(digits.images[digit], background, random)).save(path)
            rows.append({"id": id, "background": BACKGROUNDS[background], "cluster": f"digit{digit:04d}"})
    with open(folder / "attributes.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["id", "background", "cluster"])
        writer.writeheader()
        writer.writerows(rows)
    return folder


def on_background(digit: np.ndarray, background: int, random: np.random.Generator) -> np.ndarray:
    """A digit (8 x 8, 0 to 16) on stripes, with noise: ``32 32 3``, 0 to 255."""
    wave = STRIPES * np.sin(np.arange(SIDE_PX) * 2 * np.pi / 8 + random.uniform(0, 2 * np.pi))
    stripes = np.broadcast_to(wave[:, None] if background == 0 else wave[None], (SIDE_PX, SIDE_PX))
    large = np.kron(digit / 16, np.ones((3, 3)))
    top, left = random.integers(0, SIDE_PX - 24 + 1, 2)
    ink = np.zeros((SIDE_PX, SIDE_PX))
    ink[top : top + 24, left : left + 24] = large
    pixels = 100 + stripes + 120 * ink + random.normal(0, NOISE, (SIDE_PX, SIDE_PX))
    return np.repeat(np.clip(pixels, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def write_thinned(table: Path, folder: Path, seed: int) -> Path:
    """CIFAR-10 with half of its pictures held out, and cats and dogs thinned to 1% among the others."""
    frame = polars.read_parquet(table)
    random = np.random.default_rng(seed)
    labels = frame["label"].to_numpy()
    split = np.where(random.random(len(labels)) < 0.5, "val", "train")
    rare = np.isin(labels, RARE_CLASSES) & (split == "train") & (random.random(len(labels)) >= RARE_SHARE)
    folder.mkdir(parents=True)
    kept = frame.with_columns(polars.Series("split", split)).filter(polars.Series(~rare))
    kept.write_parquet(folder / "thinned.parquet")
    return folder


if __name__ == "__main__":
    main()
