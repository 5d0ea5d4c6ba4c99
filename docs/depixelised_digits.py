"""Draws docs/pictures/depixelised.png: digits of 4 x 4 px and what a generator imagines of them.

``python docs/depixelised_digits.py [PICTURE]`` trains a small ``vae`` on the embedded digits (scikit-learn's, enlarged
to 16 x 16 px) and restores held-out ones; a minute on one core, the same picture on every run.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from clearsight.depixelising.plan import Plan
from clearsight.depixelising.restoring import Restored, restored
from clearsight.depixelising.sheets import sheet
from clearsight.generators.vae import Vae, VaeConfig
from clearsight.ops.downscaling import downscaled
from clearsight.types import Batch

STEPS, BATCH = 1500, 64
TARGET = Path(__file__).parent / "pictures" / "depixelised.png"
SHOWN = 8  # held-out digits: one of each of the first so many classes
PLAN = Plan(factor=4, restarts=6, epsilon=1e-3, finish="none")


def digits() -> tuple[torch.Tensor, np.ndarray]:
    """All digits in [0, 1], 16 x 16 px, and which digit each is."""
    found = load_digits()
    small = torch.from_numpy(found.images / 16).float()[:, None]
    return F.interpolate(small, scale_factor=2, mode="bilinear").expand(-1, 3, -1, -1), found.target


def trained(images: torch.Tensor) -> Vae:
    """A small autoencoder of these pictures."""
    torch.manual_seed(0)
    network = Vae(VaeConfig(size=(16, 16), channels=1, latents=16, width=16), ())
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    for step in range(STEPS):
        some = images[torch.randint(len(images), (BATCH,))]
        batch = Batch(images=some, truths=[None] * BATCH, ids=[""] * BATCH, progress=step / STEPS)
        optimizer.zero_grad()
        torch.stack(list(network.losses(batch).values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 200.0)
        optimizer.step()
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * (1 - step / STEPS)
    return network.eval().requires_grad_(False)


def told(found: Restored) -> str:
    """How near the restorations came."""
    shape = found.pictures.shape
    return (
        f"{shape[0]} digits, {shape[1]} restorations each: mean PSNR made small again {found.psnr.mean():.1f} dB, "
        f"{int(found.matched.sum())} of {found.matched.numel()} within 30 dB"
    )


def main(target: Path) -> None:
    """Train, restore, draw."""
    images, labels = digits()
    held_out = len(images) * 2 // 3
    network = trained(images[:held_out])
    rows = [held_out + int(np.flatnonzero(labels[held_out:] == digit)[0]) for digit in range(SHOWN)]
    true = (255 * images[rows]).round().to(torch.uint8)
    small = (255 * downscaled(true.float() / 255, PLAN.factor)).round().to(torch.uint8)
    found = restored(network, small, PLAN)
    sheet(small, found, true).save(target)
    print(told(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
