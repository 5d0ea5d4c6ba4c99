"""Discs and bars of 16 px: a rare class whose training pictures show little of what it can look like."""

import numpy as np
import pytest
import torch
from PIL import Image

from clearsight.loading.data import gather
from clearsight.rare_classes import experiment

SIDE, RARE = 16, 10


def disc(random, low=4.0, high=12.0):
    return _drawn(random, low, high, lambda rows, columns: rows**2 + columns**2 < 9)


def bar(random, low=4.0, high=12.0):
    return _drawn(random, low, high, lambda rows, columns: (np.abs(columns) < 1.5) & (np.abs(rows) < 5))


def _drawn(random, low, high, shape):
    rows, columns = np.mgrid[:SIDE, :SIDE]
    top, left = random.uniform(low, high, 2)
    pixels = shape(rows - top, columns - left) * random.uniform(150, 230) + random.uniform(0, 25, (SIDE, SIDE))
    return pixels.astype(np.uint8)


@pytest.fixture(scope="session")
def fresh_discs():
    """New discs anywhere, as a perfect generator would make them: from a number and a seed, ``n 3 h w``."""

    def make(count, seed):
        random = np.random.default_rng(1000 + seed)
        return torch.from_numpy(np.stack([disc(random) for _ in range(count)]))[:, None].expand(-1, 3, -1, -1).clone()

    return make


@pytest.fixture(scope="session")
def shapes(tmp_path_factory):
    """Many bars anywhere, and ten discs in one corner; held-out discs are anywhere."""
    folder, random = tmp_path_factory.mktemp("shapes"), np.random.default_rng(0)
    for split, kinds in {"train": {"bar": 140, "disc": RARE}, "test": {"bar": 90, "disc": 60}}.items():
        for kind, count in kinds.items():
            place = folder / split / kind
            place.mkdir(parents=True)
            for number in range(count):
                corner = (4.0, 6.0) if (split, kind) == ("train", "disc") else (4.0, 12.0)
                pixels = (disc if kind == "disc" else bar)(random, *corner)
                Image.fromarray(pixels).save(place / f"{split}-{kind}-{number}.png")
    return folder


@pytest.fixture(scope="session")
def gathered(shapes):
    return gather(str(shapes), SIDE, held_out=0.0)


@pytest.fixture(scope="session")
def material(gathered):
    return experiment.material_of(gathered, (SIDE, SIDE), "disc")
