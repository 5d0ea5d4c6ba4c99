"""Trains two models of colours on digits whose colour is known, and draws what they give: ``python docs/colouring.py``.

Writes docs/pictures/colouring.png; a few minutes on one core. The digits are scikit-learn's. Even digits have a
colour each; an odd one has one of two opposite colours, and nothing in the grey picture says which.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from sklearn.datasets import load_digits

import clearsight as cs
from clearsight.ops.lab import grey_of, rgb_of

TARGET = Path(__file__).parent / "pictures" / "colouring.png"
SIDE, HELD_OUT, CHROMA = 32, 300, 45.0
SCALE, GAP, MARGIN = 2, 6, 150


def drawn(random: np.random.Generator) -> tuple[torch.Tensor, np.ndarray]:
    """All digits in colour on light paper, 32 px, and which they are."""
    digits = load_digits()
    ink = torch.from_numpy(digits.images).float()[:, None] / 16
    ink = F.interpolate(ink, size=(SIDE, SIDE), mode="bicubic", align_corners=False).clamp(0, 1)
    numbers = digits.target
    hue = np.radians(36.0 * numbers + 180.0 * (numbers % 2) * random.integers(0, 2, len(numbers)))
    ab = torch.from_numpy(np.stack([np.cos(hue), np.sin(hue)], 1)).float()[:, :, None, None] * CHROMA
    return rgb_of(torch.cat([92 - 36 * ink, ab * ink], 1)), numbers


def main() -> None:
    """Train both, colour held-out digits, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=float, default=10)
    epochs = parser.parse_args().epochs
    images, numbers = drawn(np.random.default_rng(0))
    held_out = [int(np.flatnonzero(numbers[-HELD_OUT:] == number)[0]) - HELD_OUT for number in range(10)]
    rows = {"given": grey_of(images[held_out])}
    with tempfile.TemporaryDirectory() as folder:
        for number, image in enumerate(images[:-HELD_OUT]):
            path = Path(folder) / "digits" / f"{number:04d}.png"
            path.parent.mkdir(exist_ok=True)
            as_picture(image).save(path)
        for row, answer in (("regression", "regression"), ("classes", "classes")):
            settings = {"answer": answer, "flips": "none"}
            out = Path(folder) / answer
            run = cs.train("colour", path.parent, epochs=epochs, out=out, settings=settings, quiet=True)
            files = []
            for number, image in enumerate(rows["given"]):
                files.append(Path(folder) / f"{answer}-{number}.png")
                as_picture(image).save(files[-1])
            rows[row] = torch.stack([one.image for one in cs.predict(run, files).predictions])
    rows["original"] = images[held_out]
    TARGET.parent.mkdir(exist_ok=True)
    sheet(rows).save(TARGET, optimize=True)


def sheet(rows: dict[str, torch.Tensor]) -> Image.Image:
    """A row of pictures for each name, the name before it."""
    step = SIDE * SCALE + GAP
    whole = Image.new("RGB", (MARGIN + 10 * step, len(rows) * step), "white")
    draw = ImageDraw.Draw(whole)
    for place, (name, images) in enumerate(rows.items()):
        draw.text((8, place * step + step // 2 - 12), name, fill="black", font_size=20)
        for number, image in enumerate(images):
            large = as_picture(image).resize((SIDE * SCALE, SIDE * SCALE), Image.Resampling.NEAREST)
            whole.paste(large, (MARGIN + number * step, place * step))
    return whole


def as_picture(image: torch.Tensor) -> Image.Image:
    """A tensor in [0, 1] as a picture."""
    return Image.fromarray((image * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy())


if __name__ == "__main__":
    main()
