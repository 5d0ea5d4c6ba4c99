"""Draws small landscapes with their label maps, learns to make pictures from the maps, and shows both.

    python docs/label_maps.py [MINUTES]

Writes docs/pictures/label-maps.png: a label map of a held-out landscape, four pictures made from it, and the drawn one,
in each row. The landscapes are drawn here, so the picture is free of anybody's rights.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

import clearsight as cs
from clearsight.drawing import class_map_picture
from clearsight.generation.sheets import grid, png

NAMES = ("sky", "hill", "meadow", "house", "roof", "tree", "lake")
SIZE = (64, 96)  # height, width
SEASONS = {  # the colour of each class
    "summer": "78b4f0 5a8c5a 6eaa46 e1cdaf aa4632 286e2d 3c6eaa",
    "autumn": "afb9cd 8c7850 a58c46 cdbeaa 783c32 b45f23 505f78",
    "winter": "cdd2dc bec8d2 ebeef2 beaa96 e1e4eb 555f5f 96afbe",
    "dusk": "eb966e 55415f 464650 785f64 502832 232d32 be786e",
}
GRAIN = (3, 9, 14, 4, 8, 22, 6)  # of each class, in levels of 256
TRAINING, HELD_OUT, SHOWN, EACH = 200, 40, 6, 4
TARGET = Path(__file__).parent / "pictures" / "label-maps.png"


def landscape(random: np.random.Generator) -> Image.Image:
    """A label map: hills under the sky, and in the meadow before them houses, trees, and sometimes a lake."""
    height, width = SIZE
    labels = np.zeros(SIZE, dtype=np.uint8)
    columns = np.arange(width)
    waves = sum(random.uniform(1, 5) * np.sin(columns / random.uniform(6, 22) + random.uniform(0, 6)) for _ in range(3))
    horizon = random.uniform(24, 34)
    labels[np.arange(height)[:, None] > horizon - 6 + waves] = 1
    labels[np.arange(height)[:, None] > horizon + 5 + waves / 3] = 2
    picture = Image.fromarray(labels)
    draw = ImageDraw.Draw(picture)
    if random.random() < 0.5:
        left, top = random.uniform(0, 60), random.uniform(46, 54)
        draw.ellipse((left, top, left + random.uniform(25, 45), top + random.uniform(7, 12)), fill=6)
    for _ in range(random.integers(0, 3)):
        left, top, side = random.uniform(2, 74), random.uniform(30, 44), random.uniform(10, 17)
        draw.rectangle((left, top, left + side, top + side * 0.7), fill=3)
        draw.polygon(((left - 2, top), (left + side / 2, top - side * 0.6), (left + side + 2, top)), fill=4)
    for _ in range(random.integers(1, 6)):
        left, foot, tall = random.uniform(0, 90), random.uniform(40, 62), random.uniform(10, 22)
        draw.polygon(((left, foot), (left + tall * 0.25, foot - tall), (left + tall * 0.5, foot)), fill=5)
    return picture


def drawn(labels: Image.Image, random: np.random.Generator) -> Image.Image:
    """A picture of a map in one of four seasons: grainy areas, light from above, darker at their lower edges."""
    ids = np.asarray(labels)
    season = list(SEASONS.values())[random.integers(len(SEASONS))].split()
    colours = np.array([list(bytes.fromhex(colour)) for colour in season], dtype=np.float64)[ids]
    grain = random.normal(0, 1, ids.shape)
    soft = (grain + np.roll(grain, 1, 0) + np.roll(grain, 1, 1)) / np.sqrt(3)
    light = 1.08 - 0.22 * np.linspace(0, 1, ids.shape[0])[:, None]
    edge = (np.roll(ids, -1, 0) != ids) & (ids > 2)
    pixels = colours * light[..., None] + (soft * np.array(GRAIN)[ids])[..., None] - 35 * edge[..., None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def written(folder: Path) -> Path:
    """A data set of landscapes beside their label maps."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True)
    (folder / "classes.txt").write_text("\n".join(NAMES), encoding="utf-8")
    for split, count in (("train", TRAINING), ("val", HELD_OUT)):
        for kind in ("images", "masks"):
            (folder / split / kind).mkdir(parents=True)
        for number in range(count):
            labels = landscape(random)
            labels.save(folder / split / "masks" / f"{number:04d}.png")
            drawn(labels, random).save(folder / split / "images" / f"{number:04d}.png")
    return folder


def main() -> None:
    """Draw, train, make, show."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    with tempfile.TemporaryDirectory() as place:
        data = written(Path(place) / "landscapes")
        run = cs.train("synthesis", data, minutes=minutes, out=Path(place) / "run", cluster="none")
        files = sorted((data / "val" / "masks").iterdir())[:SHOWN]
        made = cs.sample(run, made_from=files, count=EACH)
        rows = []
        for number, file in enumerate(files):
            label = class_map_picture(torch.from_numpy(np.array(Image.open(file))), len(NAMES)).convert("RGB")
            true = Image.open(data / "val" / "images" / file.name)
            beside = [torch.from_numpy(np.array(one)).permute(2, 0, 1) for one in (label, true)]
            rows += [beside[0], *made.pictures[number * EACH : (number + 1) * EACH], beside[1]]
        sheet = grid(torch.stack(rows), EACH + 2)
        sheet = sheet.resize((sheet.width * 2, sheet.height * 2), Image.Resampling.NEAREST)
        TARGET.write_bytes(png(sheet, made.about))
        scores = {one.metric: [one.value, one.interval] for one in run.read_card().findings if one.value is not None}
        print(json.dumps({"minutes": minutes, "scores": scores}))


if __name__ == "__main__":
    main()
