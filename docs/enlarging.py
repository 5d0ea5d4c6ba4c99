"""Draws the pictures of the guide to super-resolution from the embedded handwritten digits.

    python docs/enlarging.py [EPOCHS]

Cuts the digits out of the embedded scenes, 16 x 16 px each, learns to enlarge them from 4 x 4 px with both networks (30
epochs each unless said), and writes docs/pictures/invented-digits.png: of eight held-out digits what was given, what
super-resolution makes of it, seven pictures that pixel-recursive draws from it, where these differ, and the truth.
Prints the figures of the reports.
"""

import sys
import tempfile
from pathlib import Path

import torch

import clearsight as cs
from clearsight import sources
from clearsight.drawing import in_bytes
from clearsight.generation.drawn_sheets import drawn, repeated, spread_map
from clearsight.generation.sheets import grid, png
from clearsight.loading import trained
from clearsight.loading.posing import posed
from clearsight.recipes.crops import object_crops

SIDE, FACTOR, SHOWN, DRAWS = 16, 4, 8, 7
TARGET = Path(__file__).parent / "pictures" / "invented-digits.png"
SETTINGS = {"size": f"{SIDE},{SIDE}", "size_px": SIDE, "factor": FACTOR, "flips": "none"}
SMALL = {"width": 32, "depth": 4, "conditioning_width": 32, "conditioning_depth": 2, "batch_size": 32}


def main(epochs: float) -> None:
    """Cut, train twice, draw."""
    with tempfile.TemporaryDirectory() as place:
        data = Path(place) / "digits"
        object_crops(sources.read("digits").split("train"), data, most_per_class=300, size_px=SIDE)
        runs = {
            model: cs.train(model, data, epochs=epochs, out=Path(place) / model, settings={**SETTINGS, **own})
            for model, own in (("super-resolution", {"patch_px": SIDE}), ("pixel-recursive", SMALL))
        }
        for model, run in runs.items():
            print(model)
            for finding in run.read_card().findings:
                if finding.question == "what it does" or finding.metric.startswith("wrong"):
                    print(f"- {finding.claim}")
        held_out = posed(sources.read(str(data)), runs["pixel-recursive"].config).split("val")
        step = len(held_out) // SHOWN
        samples = [held_out[step * number] for number in range(SHOWN)]
        given = torch.stack([sample.image for sample in samples])
        true = torch.stack([in_bytes(sample.truth) for sample in samples])
        with_detail = torch.stack([in_bytes(one) for one in trained.predictor(runs["super-resolution"])(given)])
        network = trained.load(runs["pixel-recursive"])
    draws = drawn(network, given, 16)
    columns = [repeated(given, FACTOR), with_detail, *draws[:, :DRAWS].unbind(1), spread_map(draws), true]
    sheet = grid(torch.stack(columns, 1).flatten(0, 1), len(columns))
    TARGET.write_bytes(png(sheet, {"generated": True, "data": "embedded digits", "epochs": epochs}))
    print(f"wrote {TARGET}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0)
